// The version of stuckat; CMakeLists.txt reads it from here.
#pragma once

namespace stuckat {

inline constexpr const char* tool_version = "0.1.0";

}  // namespace stuckat
