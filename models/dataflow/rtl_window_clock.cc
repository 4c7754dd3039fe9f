#include "models/dataflow/rtl_window_clock.h"

#include <bit>
#include <limits>

namespace stuckat::dataflow {

RtlWindowClock::RtlWindowClock(const WindowShape& shape)
    : shape_(shape),
      ring_(shape.ring_words()),
      words_(shape.words_per_image()),
      windows_(int64_t{shape.out_height} * shape.out_width *
               (shape.by_channels ? shape.words_per_pixel : 1)),
      // Of the next row of windows all may be taken that the ring holds, and what lies between.
      allow_(std::bit_ceil(static_cast<uint64_t>(ring_ + shape.words_read_per_row()) + 1)),
      mask_(allow_.size() - 1) {
  const int words = shape.by_channels ? 1 : shape.words_per_pixel;
  for (int ky = 0; ky < shape.kernel.height; ++ky) {
    for (int kx = 0; kx < shape.kernel.width; ++kx) {
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
  allowed_ = std::min(ring_, words_);
  next_first_ = first_of_next_window();
}

int64_t RtlWindowClock::first_of_next_window() const {
  const int64_t m = shape_.words_per_pixel;
  if (window_ + 1 == windows_) return std::numeric_limits<int64_t>::max();  // there is none
  if (shape_.by_channels && channel_word_ + 1 < m) return first_ + 1;
  if (ox_ + 1 < shape_.out_width) return first_ - channel_word_ + shape_.stride.width * m;
  return (oy_ + 1) * shape_.stride.height * shape_.words_per_row();
}

void RtlWindowClock::next_window() {
  word_ = 0;
  if (++window_ == windows_) {
    needed_ = words_ - 1;
    return allow_until(words_);
  }
  if (!shape_.by_channels || ++channel_word_ == shape_.words_per_pixel) {
    channel_word_ = 0;
    if (++ox_ == shape_.out_width) {
      ox_ = 0;
      ++oy_;
    }
  }
  needed_ = first_ = next_first_;
  allow_until(ring_ + first_);
  next_first_ = first_of_next_window();
}

void RtlWindowClock::append_position(std::vector<int64_t>& position) const {
  position.insert(position.end(),
                  {window_, static_cast<int64_t>(word_), read_, allowed_, writing_ ? 1 : 0});
}

}  // namespace stuckat::dataflow
