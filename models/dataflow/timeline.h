// What a flip in a given cycle of a run finds the arrays and the streams doing.
#pragma once

#include "faultmaps/timeline.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

class DataflowTimeline : public Timeline {
 public:
  /// Of a run of `image_count` images. Throws InputError as validate() does.
  DataflowTimeline(const DataflowAccelerator& accelerator, const Network& network,
                   int64_t image_count);

  std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const override;
  std::optional<int64_t> word_in(const std::string& stream, int slot, int64_t cycle) const override;

 private:
  struct Folds {
    std::string array;
    int synapse = 1;
    int neuron = 1;
  };
  DataflowSchedule schedule_;
  std::vector<Folds> folds_;
};

}  // namespace stuckat::dataflow
