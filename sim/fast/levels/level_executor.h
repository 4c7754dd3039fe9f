// The fault-free pass of one image through a network of levels, and what it leaves for its faults.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/levels/level_network.h"

namespace stuckat::fast {

/// One per thread. Equal to reference::run, tensor by tensor.
class LevelExecutor {
 public:
  explicit LevelExecutor(const LevelNetwork& network);

  void run(const Tensor& image);

  const LevelNetwork& network() const { return network_; }
  /// All values of the last tensor, in its order.
  const std::vector<int32_t>& result() const { return result_; }
  Tensor tensor(int tensor) const;
  /// A tensor that is not of sums.
  const AlignedVector<uint8_t>& levels(int tensor) const {
    return levels_[static_cast<size_t>(tensor)];
  }
  /// [output pixels][slots] of a layer with weights.
  const AlignedVector<int32_t>& sums(int layer) const { return sums_[static_cast<size_t>(layer)]; }

 private:
  void run_layer(int index);

  const LevelNetwork& network_;
  std::vector<AlignedVector<uint8_t>> levels_;  // [tensor]
  std::vector<AlignedVector<int32_t>> sums_;    // [layer], of others used for all
  std::vector<int32_t> result_;
};

}  // namespace stuckat::fast
