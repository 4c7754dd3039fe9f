// Which instruction sets Highway compiles kernels for; before any header of Highway.
#pragma once

// Vectors are kept in arrays, which needs their size at compile time.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3)
