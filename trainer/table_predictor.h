// The integer network of predict.h where it is a chain of few bits: by table look-up.
#pragma once

#include <memory>
#include <vector>

#include "trainer/forward.h"
#include "trainer/layer_faults.h"
#include "trainer/predict.h"

namespace stuckat::trainer {

class TablePredictor : public PredictorPasses {
 public:
  TablePredictor(const Network& network, const Effects& effects, Workers& workers);

  std::vector<int32_t> logits(StepInput input, int samples, int64_t image_index) override;

 private:
  Network network_;
  Workers& workers_;
  std::vector<LayerFaults> faults_;                    // [tensor]
  std::vector<std::unique_ptr<ForwardLayer>> layers_;  // null for a pool
  std::vector<MultiThreshold> steps_;                           // [layer]
  std::vector<std::vector<int32_t>> thresholds_;       // [layer], patched, on accumulators
  std::vector<std::vector<int32_t>> sign_;             // [layer][row], all +1
  std::vector<std::vector<int8_t>> weights_;           // [layer], patched
  std::vector<Buffer<int8_t>> values_;                 // [tensor]
};

}  // namespace stuckat::trainer
