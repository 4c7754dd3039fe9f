// Whether this is built with AddressSanitizer, which costs a factor of several, takes the stacks of
// SystemC's threads for the main one when an exception passes, and has locks that do not survive a
// fork.
#pragma once

namespace stuckat {

#if defined(__SANITIZE_ADDRESS__)  // g++
inline constexpr bool sanitized = true;
#elif defined(__has_feature)  // clang
inline constexpr bool sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace stuckat
