// Random numbers by position: a function of the seed and of what is drawn, never of the order in
// which it is drawn. That is what makes a run the same on any number of threads, and after resume.
#pragma once

#include <cstdint>

namespace stuckat::trainer {

/// SplitMix64's finalizer (Steele, Lea and Flood, 2014).
inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// What numbers are drawn for, so that no two uses share a sequence.
enum class Purpose : uint64_t {
  weights = 1,
  order,
  augmentation,
  injection,
  injected_layer,
  chip,
  direction
};

/// One sequence of random numbers; draw(i) is its i-th.
class Sequence {
 public:
  Sequence(uint64_t seed, Purpose purpose, uint64_t a = 0, uint64_t b = 0)
      : key_(mix(mix(mix(mix(seed + 1) + static_cast<uint64_t>(purpose)) + a) + b)) {}

  uint64_t draw(uint64_t i) const { return mix(key_ + (i + 1) * 0x9e3779b97f4a7c15u); }
  /// Uniform in [0, 1), 53 bits.
  double uniform(uint64_t i) const { return static_cast<double>(draw(i) >> 11) * 0x1p-53; }
  /// Uniform in 0 .. count-1.
  int below(uint64_t i, int count) const {
    return static_cast<int>(uniform(i) * static_cast<double>(count));
  }

 private:
  uint64_t key_;
};

}  // namespace stuckat::trainer
