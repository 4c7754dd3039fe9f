// How wide sums may be. Everything that makes or reads a network refuses by this.
#pragma once

#include <cstdint>
#include <string>

namespace stuckat {

/// Sums are held in 32 bits, and so is the threshold below the least one: "" where those from
/// `least` to `greatest` fit, else "sums from -34359738368 to 34359738368, which take 37 bits".
std::string too_wide(int64_t least, int64_t greatest);

/// What is expected instead.
inline constexpr const char* narrow_sums = "at most 32 bits: fewer inputs, or of fewer bits";

}  // namespace stuckat
