// Stands for all parts that come before a stream: sends the words of a history, and has its states.
#pragma once

#include "models/dataflow/stream_history.h"
#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

class PlayedPart : public TimedPart {
 public:
  PlayedPart(const StreamHistory& history, int64_t words_per_image, TimedFifo* out,
             const int64_t* images, const int64_t* admitted)
      : TimedPart(nullptr, out, images, admitted),
        history_(history),
        words_per_image_(words_per_image) {}

  StepStatus advance() override;
  void append_position(int64_t image, std::vector<int64_t>& position) const override;
  void each_time(const std::function<void(int64_t&)>& of) override { of(clock_); }
  void skip(int64_t images, int64_t steps, int64_t blocked) override;

 private:
  const StreamHistory& history_;
  int64_t words_per_image_;
  int64_t skipped_ = 0;  // words that passed unseen, among those before next_
};

}  // namespace stuckat::dataflow
