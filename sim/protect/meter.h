// Right predictions under any effects: what measures are compared by.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/packed_network.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::protect {

class Meter {
 public:
  /// `data` outlives it. Throws InputError for a network that sim/fast does not compute, and for no
  /// image.
  Meter(const Network& network, const DataSet& data, int threads);

  const Network& network() const { return packed_.network(); }
  const DataSet& data() const { return data_; }
  int64_t images() const { return data_.size(); }
  /// Images that are predicted right without faults.
  int64_t error_free() const { return error_free_; }
  /// Images that are predicted right under each of `faults`, [faults]. Does not depend on threads.
  std::vector<int64_t> correct(std::vector<Effects> faults);
  /// Percentage points below error_free(); negative above.
  double points_lost(int64_t correct) const;
  /// Pairs of a fault and an image that were computed.
  int64_t fault_images() const { return fault_images_; }

 private:
  fast::PackedNetwork packed_;
  const DataSet& data_;
  int threads_;
  int64_t error_free_ = 0;
  int64_t fault_images_ = 0;
};

}  // namespace stuckat::protect
