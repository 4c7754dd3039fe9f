#include "models/dataflow/played_part.h"

namespace stuckat::dataflow {

StepStatus PlayedPart::advance() {
  while (image_ < *admitted_) {
    // Images that were skipped count too: their words are among the steps.
    const auto& end = history_.images[static_cast<size_t>(image_ + skipped_ / words_per_image_)];
    for (; next_ < end.words; ++next_) {
      int64_t time = history_.pushes.cycle_of(next_);
      if (!out_->has_room() || !push(time, time)) return StepStatus::needs_output;
    }
    clock_ = end.clock;
    ++image_;
  }
  return StepStatus::needs_input;
}

void PlayedPart::append_position(int64_t /*image*/, std::vector<int64_t>& position) const {
  const int64_t skipped = skipped_ / words_per_image_;
  position.push_back(history_.images[static_cast<size_t>(image_ + skipped - 1)].state);
}

void PlayedPart::skip(int64_t /*images*/, int64_t steps, int64_t blocked) {
  skipped_ += steps;
  next_ += steps;
  blocked_ += blocked;
}

}  // namespace stuckat::dataflow
