// Which product a systolic array is busy with in a given cycle of a run.
#pragma once

#include "faultmaps/timeline.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {

class SystolicTimeline final : public Timeline {
 public:
  SystolicTimeline(Plan plan, int64_t images) : plan_(std::move(plan)), images_(images) {}

  int64_t images() const override { return images_; }
  int64_t cycles() const override { return images_ * plan_.image_cycles; }
  std::optional<ArrayStep> next_step(const std::string&, int64_t) const override { return {}; }
  std::optional<SystolicProduct> systolic_product(const std::string& array,
                                                  int64_t cycle) const override;

 private:
  Plan plan_;
  int64_t images_;
};

}  // namespace stuckat::systolic
