// Run-time choice of the instruction set, for functions that the compiler vectorises.
#pragma once

// No fused multiply-add is used anywhere in the trainer (-ffp-contract=off), so that every
// instruction set computes the same bytes.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STUCKAT_MULTIVERSION __attribute__((target_clones("default", "avx2")))
#else
#define STUCKAT_MULTIVERSION
#endif
#if defined(__GNUC__)
#define STUCKAT_INLINE inline __attribute__((always_inline))
#else
#define STUCKAT_INLINE inline
#endif
