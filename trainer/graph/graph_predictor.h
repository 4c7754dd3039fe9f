// The integer network of predict.h where it is no chain of few bits: by multiplication, exactly.
#pragma once

#include <memory>
#include <vector>

#include "trainer/buffer.h"
#include "trainer/graph/levels.h"
#include "trainer/graph/operation.h"
#include "trainer/layer_faults.h"
#include "trainer/predict.h"

namespace stuckat::trainer {

class GraphPredictor : public PredictorPasses {
 public:
  /// Throws InputError for effects on anything but weights, thresholds and values.
  GraphPredictor(const Network& network, const Effects& effects, Workers& workers);

  std::vector<int32_t> logits(StepInput input, int samples, int64_t image_index) override;
  /// Of the last images: values of tensor t, which the network must have as levels.
  const int16_t* values(int tensor) const { return values_[static_cast<size_t>(tensor)].data(); }

 private:
  Network network_;
  Workers& workers_;
  std::vector<LayerFaults> faults_;  // [tensor]
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<std::unique_ptr<Levels>> levels_;  // [layer], null for what passes values on
  std::vector<Buffer<int16_t>> values_;          // [tensor]
  Buffer<int32_t> sums_;
};

}  // namespace stuckat::trainer
