#include "tests/perf/machine_peak.h"

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "sim/fast/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/perf/machine_peak.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stuckat::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int chains = 8;  // independent sums

/// Returns bit products done; `result` keeps the compiler from dropping them.
double count_bits(int64_t rounds, uint64_t* result) {
  const hn::CappedTag<uint64_t, 8> d;
  hn::Vec<decltype(d)> sum[chains];
  hn::Vec<decltype(d)> weight[chains];
  for (int i = 0; i < chains; ++i) {
    sum[i] = hn::Zero(d);
    weight[i] = hn::Set(d, *result + static_cast<uint64_t>(i));
  }
  for (int64_t r = 0; r < rounds; ++r) {
    const auto input = hn::Set(d, static_cast<uint64_t>(r));
    for (int i = 0; i < chains; ++i) {
      sum[i] = hn::Add(sum[i], hn::PopulationCount(hn::And(weight[i], input)));
    }
  }
  for (int i = 1; i < chains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *result = hn::GetLane(sum[0]);
  return static_cast<double>(rounds) * chains * 64 * static_cast<double>(hn::Lanes(d));
}

/// The same for 8-bit additions of 4 KiB in memory.
double add_bytes(int64_t rounds, uint64_t* result) {
  const hn::CappedTag<int8_t, 64> d;
  constexpr size_t bytes = 4096;
  HWY_ALIGN static int8_t column[bytes] = {};
  std::fill(column, column + bytes, static_cast<int8_t>(*result));
  const int8_t* volatile source = column;  // or every round would be known to add the same
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sum[chains];
  for (auto& s : sum) s = hn::Zero(d);
  for (int64_t r = 0; r < rounds; ++r) {
    const int8_t* from = source;
    for (size_t at = 0; at + chains * lanes <= bytes; at += chains * lanes) {
      for (int i = 0; i < chains; ++i) {
        sum[i] = hn::Add(sum[i], hn::Load(d, from + at + static_cast<size_t>(i) * lanes));
      }
    }
  }
  for (int i = 1; i < chains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *result = static_cast<uint64_t>(hn::GetLane(sum[0]));
  return static_cast<double>(rounds) * static_cast<double>(bytes);
}

}  // namespace stuckat::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::bench {
namespace {

HWY_EXPORT(count_bits);
HWY_EXPORT(add_bytes);

double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

template <typename Work>
double best_rate(Work&& work) {
  double best = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const double begin = processor_seconds();
    const double done = work();
    best = std::max(best, done / (processor_seconds() - begin));
  }
  return best;
}

}  // namespace

MachinePeak measure_peak() {
  uint64_t result = 1;
  MachinePeak peak;
  peak.bit_products = best_rate([&] { return HWY_DYNAMIC_DISPATCH(count_bits)(4000000, &result); });
  peak.additions = best_rate([&] { return HWY_DYNAMIC_DISPATCH(add_bytes)(400000, &result); });
  return peak;
}

}  // namespace stuckat::bench
#endif  // HWY_ONCE
