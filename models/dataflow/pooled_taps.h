// Where the words that come to a pool belong: to which of the output words that it works on.
#pragma once

#include <cstdint>

#include "workloads/network.h"

namespace stuckat::dataflow {

/// Or padded: then a sliding window before the pool emits windows one by one.
inline bool overlapping(const Layer& pool) {
  return pool.kernel != pool.stride || pool.padding != Padding(0);
}

/// A pool that takes rows of the image works on the output pixels of a row at once, word by word;
/// one that takes windows on one word of one of them.
class PooledTaps {
 public:
  /// m = words_per_pixel words of channels; without windows the layer's do not overlap.
  PooledTaps(const Layer& pool, int words_per_pixel, bool windows)
      : kernel_(pool.kernel),
        stride_(pool.stride),
        padding_(pool.padding),
        input_(pool.input),
        output_(pool.output),
        words_(words_per_pixel),
        windows_(windows) {}

  int places() const { return windows_ ? 1 : output_.width * words_; }
  /// The place of the next word of an image; -1: no window covers it, or it is padding.
  int next() { return windows_ ? next_of_window() : next_of_row(); }
  /// The word of a pixel in the place of a complete window; windows: of the last next().
  int word_of(int place) const { return windows_ ? complete_word_ : place % words_; }
  void begin_image() { x_ = y_ = word_ = pixel_ = 0; }

 private:
  int next_of_row() {
    const int column = x_ / kernel_.width;
    const int place = column < output_.width ? column * words_ + word_ : -1;
    if (++word_ < words_) return place;
    word_ = 0;
    if (++x_ == input_.width) x_ = 0;
    return place;
  }
  /// (x_, y_): the position in the window.
  int next_of_window() {
    const int y = pixel_ / output_.width * stride_.height - padding_.top + y_;
    const int x = pixel_ % output_.width * stride_.width - padding_.left + x_;
    complete_word_ = word_;
    if (++x_ == kernel_.width) {
      x_ = 0;
      if (++y_ == kernel_.height) {
        y_ = 0;
        if (++word_ == words_) {
          word_ = 0;
          ++pixel_;
        }
      }
    }
    return input_.holds(y, x) ? 0 : -1;
  }

  Extent kernel_, stride_;
  Padding padding_;
  Shape input_, output_;
  int words_;
  bool windows_;
  int x_ = 0, y_ = 0, word_ = 0, pixel_ = 0;
  int complete_word_ = 0;
};

}  // namespace stuckat::dataflow
