// Retraining a deployed network on a broken chip, by images: an epoch as the smallest amount would
// make savings an artefact of rounding.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "trainer/fixed_faults.h"
#include "trainer/fleet/damage.h"
#include "trainer/fleet/retrain_options.h"
#include "trainer/images.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"
#include "trainer/step.h"
#include "workloads/dataset.h"

namespace stuckat::trainer {

/// One run: the same options give the same networks, on any number of threads.
class Retraining {
 public:
  /// Keeps references to `images` and `workers`.
  Retraining(const Model& start, const DataSet& images, const RetrainOptions& options,
             Damage damage, Workers& workers);

  /// Goes on until `images` have been seen, rounded up to whole batches; false if go_on(images seen
  /// so far) said so, which is asked after every batch. Throws InputError if the loss diverges.
  bool run_to(int64_t images, const std::function<bool(int64_t)>& go_on = {});
  int64_t images() const { return seen_; }

  const Model& model() const { return model_; }
  /// As it would be deployed: weights that the damage prunes are 0.
  Network network() const;

 private:
  void step(const std::vector<int>& labels);
  void break_parts();
  void start_epoch();

  const RetrainOptions options_;
  const Damage damage_;
  Workers& workers_;
  InputImages images_;
  Model model_;
  Adam adam_;
  TrainingStep step_;
  int batch_;
  std::vector<int16_t> input_;
  std::vector<int> order_;  // of this epoch
  std::unique_ptr<ImageBatches> batches_;
  int64_t epoch_ = -1;
  size_t next_ = 0;  // in order_
  int64_t seen_ = 0;
  int level_ = -1;  // of the introduction that broken_ is for
  std::unique_ptr<FixedFaults> broken_;
};

}  // namespace stuckat::trainer
