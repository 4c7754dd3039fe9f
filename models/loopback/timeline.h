// What a flip in a given cycle of a run finds the array doing.
#pragma once

#include "faultmaps/timeline.h"
#include "models/loopback/timing.h"

namespace stuckat::loopback {

class LoopbackTimeline : public Timeline {
 public:
  /// Of a run of `images` images. Throws InputError as make_plan() does.
  LoopbackTimeline(const LoopbackAccelerator& accelerator, const Network& network, int image_count);

  std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const override;
  /// There are no streams.
  std::optional<int64_t> word_in(const std::string&, int, int64_t) const override { return {}; }

 private:
  LoopbackPlan plan_;
  TileStarts starts_;
};

}  // namespace stuckat::loopback
