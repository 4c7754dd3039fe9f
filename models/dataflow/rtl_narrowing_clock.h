// When FINN's width converter in RTL does what where its output is narrower (finn-rtllib/dwc): a
// shift register, then two output registers, of which the second stops the shifting while the first
// is not read. A step is a narrow word that leaves the shift register.
//
//   shift  s(i) >= s(i-1)+1, w(i-2)+1; first of a wide word: a+1
//   take   a    >= s of the last narrow word of the wide one before; unless in that very cycle, in
//               one in which nothing stops the shifting
//   write  w(i) >= s(i)+1, w(i-1)+1, slot free
#pragma once

#include "models/dataflow/rtl_clock.h"

namespace stuckat::dataflow {

struct RtlNarrowingShape {
  int64_t ratio = 2;       ///< narrow words in a wide one
  int64_t wide_words = 1;  ///< per image

  int64_t words_read_per_image() const { return wide_words; }
  int64_t words_written_per_image() const { return wide_words * ratio; }
  int64_t steps_per_image() const { return words_written_per_image(); }

  bool operator==(const RtlNarrowingShape&) const = default;
};

class RtlNarrowingClock : public RtlClock {
 public:
  explicit RtlNarrowingClock(const RtlNarrowingShape& shape) : shape_(shape) {}

  bool reads() const { return piece_ == 0 && !writing_ && !image_done(); }
  bool image_done() const { return word_ == shape_.wide_words && !writing_; }
  void begin_image() { word_ = 0; }

  /// A wide word, visible from that cycle on. Returns when it is taken.
  int64_t read(int64_t visible) {
    int64_t taken = later(visible, last_shift_);
    if (behind(taken, last_shift_)) taken = later(taken, write_before_ + 1);
    shift(taken + 1);
    return taken;
  }
  void work() { shift(last_shift_ + 1); }
  int64_t earliest_write() const { return std::max(last_shift_, last_write_) + 1; }
  void write(int64_t cycle) {
    later(last_shift_, last_write_);
    write_before_ = last_write_;
    last_write_ = cycle;
    writing_ = false;
  }
  int64_t next_step_cycle() const { return last_shift_ + 1; }
  int64_t cycle() const { return last_shift_ + 1; }
  void idle_until(int64_t cycle) { last_shift_ = std::max(last_shift_, cycle - 1); }

  void append_position(std::vector<int64_t>& position) const {
    position.insert(position.end(), {word_, piece_, writing_ ? 1 : 0});
  }
  template <typename Function>
  void each_time(const Function& of) {
    of(last_shift_);
    of(last_write_);
    of(write_before_);
  }

 private:
  void shift(int64_t earliest) {
    last_shift_ = later(earliest, write_before_ + 1);
    count_step(last_shift_, last_shift_ - earliest);
    writing_ = true;
    if (++piece_ < shape_.ratio) return;
    piece_ = 0;
    ++word_;
  }

  RtlNarrowingShape shape_;
  int64_t word_ = 0;   // wide, of the image
  int64_t piece_ = 0;  // narrow, of the wide one
  int64_t last_shift_ = -1, last_write_ = -1, write_before_ = -1;
};

}  // namespace stuckat::dataflow
