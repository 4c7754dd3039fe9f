// What an integer network predicts, fast: the trainer's evaluation mode.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/step_input.h"
#include "trainer/workers.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::trainer {

class PredictorPasses {
 public:
  virtual ~PredictorPasses() = default;
  virtual std::vector<int32_t> logits(StepInput input, int samples, int64_t image_index) = 0;
};

/// Runs an integer network on blocks of images; every value of the result is that of
/// reference::run(), with effects that of the faulty reference. As with steps (step.h) there are
/// two kinds of passes; those through graphs refuse effects that change arithmetic, operands, pools
/// and logits.
class Predictor {
 public:
  Predictor(const Network& network, const Effects& effects, Workers& workers);

  /// input: block tensor of `samples` images (product.h), the first one being number image_index
  /// of the run. Returns accumulators, or levels if the result has thresholds: [sample][class].
  std::vector<int32_t> logits(StepInput input, int samples, int64_t image_index = 0) {
    return passes_->logits(input, samples, image_index);
  }

 private:
  std::unique_ptr<PredictorPasses> passes_;
};

/// visit(logits) for some images after the others, in their order: see Predictor::logits(). Throws
/// InputError if the images do not fit.
void for_each_logits(const Network& network, const DataSet& data, Workers& workers,
                     const Effects& effects,
                     const std::function<void(const std::vector<int32_t>& logits)>& visit);

/// Predicted class of every image. Throws InputError if the images do not fit.
std::vector<int> predict(const Network& network, const DataSet& data, Workers& workers,
                         const Effects& effects = {});

/// Share of images that are predicted right, 0 .. 1.
double accuracy(const Network& network, const DataSet& data, Workers& workers,
                const Effects& effects = {});

}  // namespace stuckat::trainer
