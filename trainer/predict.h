// What an integer network predicts, fast: the trainer's evaluation mode.
#pragma once

#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/forward.h"
#include "trainer/layer_faults.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// Runs an integer network on blocks of images; every logit is that of reference::run(), with
/// effects that of the faulty reference.
class Predictor {
 public:
  Predictor(const Network& network, const Effects& effects, Workers& workers);

  /// input: block tensor of `samples` images (product.h), the first one being number image_index
  /// of the run. Returns accumulators [sample][class].
  std::vector<int32_t> logits(const int8_t* input, int samples, int64_t image_index = 0);

 private:
  Network network_;
  Workers& workers_;
  std::vector<LayerFaults> faults_;                    // [tensor]
  std::vector<std::unique_ptr<ForwardLayer>> layers_;  // null for a pool
  std::vector<Steps> steps_;                           // [layer]
  std::vector<std::vector<int32_t>> thresholds_;       // [layer], patched, on accumulators
  std::vector<std::vector<int32_t>> sign_;             // [layer][row], all +1
  std::vector<std::vector<int8_t>> weights_;           // [layer], patched
  std::vector<Buffer<int8_t>> values_;                 // [tensor]
};

/// Predicted class of every image. Throws InputError if the images do not fit.
std::vector<int> predict(const Network& network, const DataSet& data, Workers& workers,
                         const Effects& effects = {});

/// Share of images that are predicted right, 0 .. 1.
double accuracy(const Network& network, const DataSet& data, Workers& workers,
                const Effects& effects = {});

}  // namespace stuckat::trainer
