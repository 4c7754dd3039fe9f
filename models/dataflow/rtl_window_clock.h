// When FINN's sliding-window unit in RTL does what (finn-rtllib/swg, default style): words are
// taken into a ring of BUF while words of windows are fetched from it and written, each after the
// other by a register. A step is a fetch.
//
//   r(e) >= r(e-1)+1, word visible, f(j*)+1   j*: the first fetch after which element e-BUF is no
//                                             longer needed, by the next fetch or the next window
//   r(0) >= w(last)+1, r(last)+1              of the image before: images do not overlap
//   f(j) >= f(j-1)+1, w(j-1), r(elem(j))+1
//   w(j) >= f(j)+1, slot free
#pragma once

#include "models/dataflow/rtl_clock.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::dataflow {

class RtlWindowClock : public RtlClock {
 public:
  explicit RtlWindowClock(const WindowShape& shape);

  /// The next fetch needs a word that was not read; after the last: some of the image are left.
  bool reads() const { return read_ <= needed_; }
  bool image_done() const { return window_ == windows_ && !writing_ && !reads(); }
  void begin_image();

  /// The next word of the image, visible from that cycle on. Returns when it is taken.
  int64_t read(int64_t visible);
  /// The next word of the windows is fetched.
  void work();
  int64_t earliest_write() const { return last_fetch_ + 1; }
  void write(int64_t cycle) {
    last_write_ = cycle;
    writing_ = false;
  }

  /// The element that was read last; the one that was fetched last, and when.
  int64_t last_element() const { return read_ - 1; }
  int64_t last_fetched() const { return fetched_; }
  int64_t last_fetch() const { return last_fetch_; }
  void idle_until(int64_t cycle) { last_read_ = std::max(last_read_, cycle - 1); }
  /// The cycle after all that was done.
  int64_t next_step_cycle() const { return last_fetch_ + 1; }
  int64_t cycle() const { return std::max({last_read_, last_fetch_, last_write_}) + 1; }

  void append_position(std::vector<int64_t>& position) const;
  template <typename Function>
  void each_time(const Function& of) {
    of(last_read_);
    of(last_fetch_);
    of(last_write_);
    for (int64_t e = std::max(read_, ring_); e < allowed_; ++e) of(allow(e));
  }

 private:
  /// Elements before that one may take the place of what the last fetch was the last to need.
  void allow_until(int64_t element) {
    const int64_t end = std::min(element, words_);
    for (; allowed_ < end; ++allowed_) allow(allowed_) = last_fetch_ + 1;
  }
  int64_t& allow(int64_t element) { return allow_[static_cast<uint64_t>(element) & mask_]; }
  int64_t first_of_next_window() const;
  void next_window();

  WindowShape shape_;
  int64_t ring_, words_;         // of the buffer, of an image
  std::vector<int64_t> offset_;  // [word of a window] element, from the first of the window
  int64_t windows_;              // by channels: of one word of channels each
  std::vector<int64_t> allow_;   // [element & mask_] the earliest cycle in which it may be taken
  uint64_t mask_;

  int64_t window_ = 0;  // of the next fetch
  int ox_ = 0, oy_ = 0, channel_word_ = 0;
  int64_t first_ = 0, next_first_ = 0;  // elements of the window and of the one after it
  size_t word_ = 0;                     // of the window
  int64_t read_ = 0;                    // elements
  int64_t needed_ = 0;   // the element of the next fetch; after the last, that of the image
  int64_t fetched_ = 0;  // the element that was fetched last
  int64_t allowed_ = 0;  // elements before it may be taken, in known cycles

  int64_t last_read_ = -1, last_fetch_ = -1, last_write_ = -1;
};

// Once for each word of a run.
inline int64_t RtlWindowClock::read(int64_t visible) {
  int64_t time = later(last_read_ + 1, visible);
  if (read_ >= ring_) time = later(time, allow(read_));
  ++read_;
  return last_read_ = time;
}

inline void RtlWindowClock::work() {
  // What an earlier fetch needed was there before.
  const int64_t free = last_fetch_ + 1;
  const int64_t ready = read_ == needed_ + 1 ? later(free, last_read_ + 1) : free;
  last_fetch_ = later(ready, last_write_);
  count_step(last_fetch_, last_fetch_ - ready);
  fetched_ = needed_;
  writing_ = true;
  if (++word_ < offset_.size()) {
    needed_ = first_ + offset_[word_];
    allow_until(ring_ + std::min(needed_, next_first_));
  } else {
    next_window();
  }
}

}  // namespace stuckat::dataflow
