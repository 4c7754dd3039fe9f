// Random draws that are the same with every standard library: the engine is fixed by the C++
// standard, its distributions are not, so these are our own.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace stuckat {

class Draws {
 public:
  explicit Draws(uint64_t seed) : random_(seed) {}

  /// Uniform in (0, 1], 53 bits.
  double uniform() { return static_cast<double>((random_() >> 11) + 1) * 0x1.0p-53; }
  /// Uniform in 0 .. count-1; count >= 1. No modulo bias.
  int64_t below(int64_t count);
  template <typename T>
  const T& one_of(const std::vector<T>& values) {
    return values[static_cast<size_t>(below(static_cast<int64_t>(values.size())))];
  }
  /// Events of a Poisson process of rate 1 in a time of `mean`. Takes time proportional to it.
  int64_t poisson(double mean);
  /// Gamma with mean `shape` and scale 1; shape > 0 (Marsaglia and Tsang 2000, "A simple method for
  /// generating gamma variables").
  double gamma(double shape);
  /// Failures before the next success of trials with probability 0 < p <= 1, as a floating number:
  /// it may exceed every integer.
  double gap(double p);
  /// visit(i) for each of 0 .. count-1 that a trial with probability p hits, ascending; visit may
  /// draw too. Takes time proportional to the hits: gaps in a Bernoulli sequence are geometric.
  template <class Visit>
  void for_hits(double p, int64_t count, const Visit& visit) {
    for (int64_t i = -1; p > 0;) {
      const double failures = gap(p);
      if (failures >= static_cast<double>(count - i - 1)) return;
      i += 1 + static_cast<int64_t>(failures);
      visit(i);
    }
  }

 private:
  double normal();

  std::mt19937_64 random_;
};

/// Seed of chip number `chip` of a lot: chips are independent of each other and of how many are
/// drawn (the finalizer of SplitMix64, Steele et al. 2014, over both numbers).
uint64_t chip_seed(uint64_t seed, int64_t chip);

}  // namespace stuckat
