// What a flip in a given cycle of a run finds the array doing.
#pragma once

#include "faultmaps/timeline.h"
#include "models/loopback/timing.h"

namespace stuckat::loopback {

class LoopbackTimeline : public Timeline {
 public:
  /// Of a run of `images` images. Throws InputError as make_plan() does.
  LoopbackTimeline(const LoopbackAccelerator& accelerator, const Network& network, int image_count);

  int64_t images() const override { return images_; }
  int64_t cycles() const override { return cycles_; }
  std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const override;
  std::optional<BufferedImage> buffered(int64_t cycle) const override;

 private:
  int64_t images_;
  int64_t cycles_ = 0;
  LoopbackPlan plan_;
  TileStarts starts_;
  std::vector<int64_t> loaded_;  // [image] the first cycle in which it is in its buffer
  std::vector<int64_t> done_;    // [image] the first cycle in which its result is
  int write_cycles_;
};

}  // namespace stuckat::loopback
