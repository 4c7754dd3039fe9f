#include "models/dataflow/sliding_window.h"

#include <algorithm>
#include <cstdlib>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {
namespace {

/// On to the next of `count`; false after the last, and the first follows.
bool further(int& index, int count) {
  if (++index == count) index = 0;
  return index > 0;
}

}  // namespace

int64_t WindowShape::cycles_per_image() const {
  return words_loaded_first() +
         out_height * std::max(words_written_per_row(), words_read_per_row());
}

WindowShape window_shape(const Layer& layer, int simd, WindowVersion version) {
  const Shape padded = padded_shape(layer);
  return {layer.kernel,
          layer.stride,
          padded.height,
          padded.width,
          layer.output.height,
          layer.output.width,
          layer.input.channels / simd,
          version,
          is_pool(layer) || layer.groups > 1};
}

WindowVersion window_version(const Layer& layer, const LayerParams& params) {
  const WindowVersion version = params.parts.sliding_window;
  return version == WindowVersion::rtl && layer.kernel == Extent(1) ? WindowVersion::parallel
                                                                    : version;
}

int64_t WindowShape::ring_words() const {
  const int64_t window =
      (kernel.height - 1) * words_per_row() + int64_t{kernel.width} * words_per_pixel;
  const int64_t size = int64_t{kernel.height} * kernel.width;
  const int64_t columns = std::max<int64_t>(0, stride.width - 1 - size);
  const int64_t rows = std::max<int64_t>(0, int64_t{stride.height - 1} * width - size);
  return window + (columns + rows) * words_per_pixel;
}

bool WindowShape::fits_ring() const {
  const int64_t m = words_per_pixel;
  const int64_t window = (kernel.height - 1) * words_per_row() + kernel.width * m;
  const int64_t covered = kernel.width + int64_t{out_width - 1} * stride.width;
  const int64_t skipped = width % covered;
  const int64_t to_window = -window + stride.width * m + 1;
  const int64_t to_row =
      -window + (skipped + kernel.width) * m + (stride.height - 1) * words_per_row() + 1;
  const int covered_rows = kernel.height + (out_height - 1) * stride.height;
  // The end of an image is told by its last element, as the generator computes it.
  const bool ends = skipped == width - covered && height % covered_rows == height - covered_rows;
  return ends && std::abs(to_window) <= ring_words() && std::abs(to_row) <= ring_words();
}

SlidingWindow::SlidingWindow(const WindowShape& shape, int limbs)
    : shape_(shape),
      limbs_(limbs),
      rows_(row_slots(shape)),
      cells_(static_cast<size_t>(rows_ * shape.words_per_row()) * static_cast<size_t>(limbs)) {}

void SlidingWindow::begin_image() {
  written_ = 0;
  oy_ = ox_ = ky_ = kx_ = word_ = 0;
}

void SlidingWindow::stick(int slot, int column, int word, int bit, bool one) {
  if (keep_.empty()) {
    keep_.assign(cells_.size(), ~uint64_t{0});
    set_.assign(cells_.size(), 0);
  }
  const int64_t cell = cell_of(slot, column, word);
  stick_word_bit(keep_.data() + cell * limbs_, set_.data() + cell * limbs_, bit, one);
}

void SlidingWindow::flip(int slot, int column, int word, int bit, int64_t cycle) {
  flips_.push_back({cell_of(slot, column, word), bit, cycle});
}

void SlidingWindow::settle_flips(int64_t cycle) {
  std::erase_if(flips_, [&](const Flip& flip) {
    if (flip.cycle > cycle) return false;
    uint64_t* cell = cells_.data() + flip.cell * limbs_;
    flip_word_bit(cell, flip.bit);
    if (!keep_.empty()) {
      const int64_t at = flip.cell * limbs_;
      read_word(cell, keep_.data() + at, set_.data() + at, limbs_);
    }
    return true;
  });
}

void SlidingWindow::write(const uint64_t* word) {
  const int64_t at = written_ * limbs_;
  std::copy_n(word, limbs_, cells_.data() + at);
  if (!keep_.empty()) {
    read_word(cells_.data() + at, keep_.data() + at, set_.data() + at, limbs_);
  }
  if (++written_ == rows_ * shape_.words_per_row()) written_ = 0;
}

void SlidingWindow::read(uint64_t* word) {
  const int64_t row = (oy_ * shape_.stride.height + ky_) % rows_;
  const int64_t column = ox_ * shape_.stride.width + kx_;
  const int64_t cell = row * shape_.words_per_row() + column * shape_.words_per_pixel + word_;
  std::copy_n(cells_.data() + cell * limbs_, limbs_, word);
  if (!shape_.by_channels && further(word_, shape_.words_per_pixel)) return;
  if (further(kx_, shape_.kernel.width) || further(ky_, shape_.kernel.height)) return;
  if (shape_.by_channels && further(word_, shape_.words_per_pixel)) return;
  if (!further(ox_, shape_.out_width)) ++oy_;
}

}  // namespace stuckat::dataflow
