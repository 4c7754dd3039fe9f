// Max-pool: keeps the greatest value so far of every pixel of one output row, or, after a sliding
// window, of one word of one pixel. Padding takes no part.
#pragma once

#include <cstdint>
#include <vector>

#include "models/common/stuck_bits.h"
#include "models/dataflow/pooled_taps.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

class MaxPool {
 public:
  /// Words of `lanes` channels, which divide layer.input.channels: rows of the image where windows
  /// do not overlap, or (windows) one window of one word after the other.
  MaxPool(const Layer& layer, int lanes, bool windows);

  int words_per_pixel() const { return words_per_pixel_; }
  /// Breaks the pool, before the first word: bit `bit` of the running maxima of output column
  /// `column`, word `word`; the outcome of lane `lane`'s comparison (not with 1-bit codes, which
  /// are ORed); bit `bit` of every output word.
  void stick_cell(int column, int word, int bit, bool one);
  void stick_comparator(int lane, bool one);
  void stick_output(int bit, bool one);

  /// Transients: what the running maximum holds at the beginning of `cycle`, the comparison in it,
  /// the word that is given in it.
  void flip_cell(int column, int word, int bit, int64_t cycle);
  void flip_comparator(int lane, int64_t cycle) { flips_.push_back({comparator, 0, lane, cycle}); }
  void flip_output(int bit, int64_t cycle) { flips_.push_back({output, 0, bit, cycle}); }
  /// A step starts in `cycle`. Before its write() or read().
  void settle(int64_t cycle) {
    if (!flips_.empty()) settle_flips(cycle);
  }

  void begin_image();
  /// The next word of the image, raster order. Pixels that no window covers are dropped.
  void write(const uint64_t* word);
  /// The next word of the output row that is complete; its place starts anew.
  void read(uint64_t* word);

 private:
  void merge(uint64_t* best, const uint64_t* word) const;

  PooledTaps taps_;
  NumberFormat format_;
  int lanes_;
  int words_per_pixel_;
  int limbs_;
  std::vector<uint64_t> best_;  // [places][limbs]
  std::vector<char> empty_;     // [places]
  std::vector<uint64_t> keep_;  // as best_
  std::vector<uint64_t> set_;
  std::vector<uint64_t> output_keep_;  // [limbs]
  std::vector<uint64_t> output_set_;
  std::vector<StuckBits> comparators_;  // [lanes], bit 0
  enum Place : uint8_t { cell, comparator, output };
  struct Flip {
    Place place;
    int at;   // of a cell, in best_
    int bit;  // or lane
    int64_t cycle;
  };
  void settle_flips(int64_t cycle);
  std::vector<Flip> flips_;  // those to come, and those of the step
  int64_t cycle_ = 0;        // of the step, if there are flips
  int read_ = 0;             // words of the output row that were read
};

}  // namespace stuckat::dataflow
