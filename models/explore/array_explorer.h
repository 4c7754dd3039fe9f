// The designs of a family whose accelerators are arrays with a shape: each shape that was asked
// for, with all that is varied, at each clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/explore/explorer.h"

namespace stuckat::explore {

/// Description: a value; Family: an Accelerator made of one, with description().
template <class Family, class Description>
class ArrayExplorer : public Explorer {
 public:
  int64_t seeds() const override { return std::ssize(arrays_); }
  std::vector<DesignPoint> from_seed(int64_t seed, Findings&) override {
    return with_all(arrays_[static_cast<size_t>(seed)]);
  }
  std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings&) override {
    return with_all(dynamic_cast<const Family&>(*accelerator).description());
  }
  TimingCounts timings() const override { return {timed_, 0, 0}; }

 protected:
  /// The clock is 200 MHz unless there are others.
  ArrayExplorer(const SweepValues& values, const Network& network)
      : network_(network), clocks_(clocks_mhz(values)) {
    constexpr double clock_without = 200;
    if (clocks_.empty()) clocks_ = {clock_without};
  }
  void add(Description array) { arrays_.push_back(std::move(array)); }
  const Network& network() const { return network_; }

  /// What is varied, of one array.
  virtual std::vector<Description> variants(const Description& array) const = 0;
  virtual DesignTiming timing(const Description& array) const = 0;
  /// Of its off-chip memory; 0: none.
  virtual int64_t bytes_per_cycle(const Description& array) const = 0;

 private:
  std::vector<DesignPoint> with_all(const Description& array) {
    std::vector<DesignPoint> points;
    for (const Description& variant : variants(array)) {
      const auto accelerator = std::make_shared<Family>(variant);
      const DesignTiming time = timing(variant);
      ++timed_;
      for (const double clock : clocks_) {
        Design design = design_of(*accelerator, network_, time, clock);
        design.bytes_per_cycle = bytes_per_cycle(variant);
        points.push_back({std::move(design), accelerator});
      }
    }
    return points;
  }

  const Network& network_;
  std::vector<double> clocks_;
  std::vector<Description> arrays_;
  int64_t timed_ = 0;
};

}  // namespace stuckat::explore
