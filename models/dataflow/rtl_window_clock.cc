#include "models/dataflow/rtl_window_clock.h"

#include <bit>
#include <limits>

namespace stuckat::dataflow {

RtlWindowClock::RtlWindowClock(const WindowShape& shape)
    : shape_(shape),
      windows_(int64_t{shape.out_height} * shape.out_width *
               (shape.by_channels ? shape.words_per_pixel : 1)),
      // Of the next row of windows all may be taken that the ring holds, and what lies between.
      allow_(std::bit_ceil(static_cast<uint64_t>(shape.ring_words() + shape.words_read_per_row()) +
                           1)),
      mask_(allow_.size() - 1) {
  const int words = shape.by_channels ? 1 : shape.words_per_pixel;
  for (int ky = 0; ky < shape.kernel; ++ky) {
    for (int kx = 0; kx < shape.kernel; ++kx) {
      for (int word = 0; word < words; ++word) {
        offset_.push_back(ky * shape.words_per_row() + kx * shape.words_per_pixel + word);
      }
    }
  }
  begin_image();
}

void RtlWindowClock::begin_image() {
  last_read_ = std::max(last_read_, last_write_);
  window_ = 0;
  ox_ = oy_ = channel_word_ = 0;
  word_ = 0;
  first_ = read_ = needed_ = 0;
  allowed_ = std::min(shape_.ring_words(), shape_.words_per_image());
  next_first_ = first_of_next_window();
}

int64_t RtlWindowClock::first_of_next_window() const {
  const int64_t m = shape_.words_per_pixel;
  if (window_ + 1 == windows_) return std::numeric_limits<int64_t>::max();  // there is none
  if (shape_.by_channels && channel_word_ + 1 < m) return first_ + 1;
  if (ox_ + 1 < shape_.out_width) return first_ - channel_word_ + shape_.stride * m;
  return (oy_ + 1) * shape_.stride * shape_.words_per_row();
}

int64_t RtlWindowClock::read(int64_t visible) {
  int64_t time = later(last_read_ + 1, visible);
  if (read_ >= shape_.ring_words()) time = later(time, allow(read_));
  ++read_;
  return last_read_ = time;
}

/// Elements before that one may take the place of what the last fetch was the last to need.
void RtlWindowClock::allow_until(int64_t element) {
  const int64_t end = std::min(element, shape_.words_per_image());
  for (; allowed_ < end; ++allowed_) allow(allowed_) = last_fetch_ + 1;
}

void RtlWindowClock::work() {
  // What an earlier fetch needed was there before.
  const int64_t free = last_fetch_ + 1;
  const int64_t ready = read_ == needed_ + 1 ? later(free, last_read_ + 1) : free;
  last_fetch_ = later(ready, last_write_);
  count_step(last_fetch_, last_fetch_ - ready);
  fetched_ = needed_;
  writing_ = true;
  if (++word_ < offset_.size()) {
    needed_ = first_ + offset_[word_];
    allow_until(shape_.ring_words() + std::min(needed_, next_first_));
  } else {
    next_window();
  }
}

void RtlWindowClock::next_window() {
  word_ = 0;
  if (++window_ == windows_) {
    needed_ = shape_.words_per_image() - 1;
    return allow_until(shape_.words_per_image());
  }
  if (!shape_.by_channels || ++channel_word_ == shape_.words_per_pixel) {
    channel_word_ = 0;
    if (++ox_ == shape_.out_width) {
      ox_ = 0;
      ++oy_;
    }
  }
  needed_ = first_ = next_first_;
  allow_until(shape_.ring_words() + first_);
  next_first_ = first_of_next_window();
}

void RtlWindowClock::append_position(std::vector<int64_t>& position) const {
  position.insert(position.end(),
                  {window_, static_cast<int64_t>(word_), read_, allowed_, writing_ ? 1 : 0});
}

}  // namespace stuckat::dataflow
