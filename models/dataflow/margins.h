// How clearly each decision of a part was taken: a step starts at the latest of several times, and
// which of them it is decides how the step moves from image to image. timed_chain.h says what for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace stuckat::dataflow {

class Margins {
 public:
  static constexpr int64_t forever = std::numeric_limits<int64_t>::max();

  void reserve(size_t decisions) { margins_.reserve(decisions); }
  /// The next decision of the image: by how much the first of two times is the later one.
  void note(int64_t margin) {
    if (next_ == margins_.size()) return add(margin);
    int64_t& before = margins_[next_++];
    if (before != margin) compare(before, margin);
    before = margin;
  }
  /// An image ends. For how many more images, each moving on as this one did against the one
  /// before, are all decisions surely as in this one? Not for one if they differ already.
  int64_t end_image() {
    if (next_ != margins_.size()) alike_ = 0;
    margins_.resize(next_);
    next_ = 0;
    return std::exchange(alike_, forever);
  }

 private:
  void add(int64_t margin) {
    margins_.push_back(margin);
    next_ = margins_.size();
    alike_ = 0;
  }
  void compare(int64_t before, int64_t margin) {
    const int64_t moved = margin - before;
    const bool turned = (before < 0 && margin > 0) || (before > 0 && margin < 0);
    const bool approaches = margin == 0 || (margin < 0) == (moved > 0);
    if (turned)
      alike_ = 0;
    else if (approaches)
      alike_ = std::min(alike_, margin / -moved);
  }

  std::vector<int64_t> margins_;  // of the last image, in their order
  size_t next_ = 0;
  int64_t alike_ = forever;
};

}  // namespace stuckat::dataflow
