// Streaming max-pool: keeps the greatest value so far of every pixel of one output row.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace stuckat::dataflow {

class MaxPool {
 public:
  /// Words of `lanes` channels; lanes divides layer.input.channels, kernel == stride.
  MaxPool(const Layer& layer, int lanes);

  int words_per_pixel() const { return words_per_pixel_; }
  void begin_image();
  /// The next word of the image, raster order. Pixels that no window covers are dropped.
  void write(const uint64_t* word);
  /// The next word of the output row that is complete; its place starts anew.
  void read(uint64_t* word);

 private:
  void merge(uint64_t* best, const uint64_t* word) const;

  int kernel_;
  int width_;
  int out_width_;
  NumberFormat format_;
  int lanes_;
  int words_per_pixel_;
  int limbs_;
  std::vector<uint64_t> best_;  // [out_width][words_per_pixel][limbs]
  std::vector<char> empty_;     // [out_width * words_per_pixel]
  int x_ = 0, word_ = 0;        // position of the next word in its input row
  int read_ = 0;                // words of the output row that were read
};

}  // namespace stuckat::dataflow
