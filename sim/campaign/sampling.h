// Statistical fault injection: how many faults to draw, which, and what they say about the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "sim/campaign/limits.h"

namespace stuckat::campaign {

/// Faults to draw so that a proportion is known to within +-margin at this confidence (Leveugle et
/// al. 2009, eq. 4): n = N / (1 + e^2 (N-1) / (t^2 p(1-p))) with p = 0.5, t the two-sided normal
/// quantile of the confidence; rounded up, at most N. margin and confidence within (0, 1).
int64_t sample_size(int64_t population, double margin, double confidence);

/// t with P(|Z| <= t) = confidence for a standard normal Z.
double two_sided_quantile(double confidence);

/// sample_size() of every stratum, drawn without repetition, in the order of the set: the margin
/// holds for each stratum, and all the more for the whole. The same seed draws the same faults on
/// every machine. Throws InputError for options out of range and for a set that is a sample.
FaultSet sample(const FaultSet& faults, const Sampling& options);

/// The mean over strata of these weights (they add up to 1), with the interval put together from
/// theirs (MOVER, Zou and Donner 2008): low = value - sqrt(sum w^2 (value_h - low_h)^2).
Estimate combine(const std::vector<Estimate>& strata, const std::vector<double>& weights);

}  // namespace stuckat::campaign
