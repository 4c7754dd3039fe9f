// The fault-free pass of one image through a packed network, in buffers that are used again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sim/fast/change_list.h"
#include "sim/fast/dense_layer.h"
#include "sim/fast/golden_state.h"
#include "sim/fast/packed_network.h"
#include "workloads/network.h"

namespace stuckat::fast {

class LevelExecutor;

/// One per thread. Equal to reference::run, tensor by tensor.
class Executor {
 public:
  explicit Executor(const PackedNetwork& network);
  ~Executor();

  /// image.shape must be the network's input.
  void run(const Tensor& image);

  /// All values of the last tensor, in its order; the prediction is the index of the greatest.
  std::span<const int32_t> logits() const;
  int prediction() const { return prediction_; }
  /// Of the last run; see WorkCount.
  int64_t bit_products() const { return bit_products_; }
  Tensor tensor(int tensor) const;
  std::vector<Tensor> tensors() const;

  const PackedNetwork& network() const { return network_; }
  /// Of a network on bit planes; of one of levels, levels(), else tensors().
  const GoldenState& state() const { return state_; }
  const LevelExecutor* levels() const { return levels_.get(); }

 private:
  void run_layer(int index);

  const PackedNetwork& network_;
  GoldenState state_;
  std::vector<ChangeList> lists_;   // [layer] with logits: its input against the padding value
  std::vector<DigitImage> digits_;  // [layer] of LayerPath::matrix with thresholds: its input
  AlignedVector<int32_t> sums_;
  int prediction_ = 0;
  int64_t bit_products_ = 0;
  std::unique_ptr<LevelExecutor> levels_;  // all of it, if the network is held as levels
  std::vector<Tensor> tensors_;            // or as it is
};

/// Image `index` of a run, in values of the network's input format. Called by several threads.
using ImageSource = std::function<Tensor(int64_t index)>;

struct Evaluation {
  std::vector<uint16_t> predictions;  ///< [images]
  std::vector<int32_t> logits;        ///< [images][values of the last tensor]
};

/// Images first .. first+count-1 on `threads` threads. The result does not depend on `threads`.
Evaluation evaluate(const PackedNetwork& network, const ImageSource& image, int64_t first,
                    int64_t count, int threads);

}  // namespace stuckat::fast
