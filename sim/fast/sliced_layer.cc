#include "sim/fast/sliced_layer.h"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace stuckat::fast {
namespace {

constexpr size_t patch_entries = 256;  // in a list, for entries of patches
constexpr size_t group = 16;  // of entries that are counted together, some beyond a list's end

}  // namespace

SlicedTensor::SlicedTensor(const TensorLayout& layout, int bits_of_row, int always_set)
    : channels(layout.shape.channels),
      height(layout.shape.height),
      width(layout.shape.width),
      pitch(bits_of_row),
      always(always_set),
      planes(layout.planes - always_set) {
  const int used = (height * pitch + 63) / 64;
  words = (used + vector_words - 1) / vector_words * vector_words;
}

AlignedVector<uint64_t> SlicedTensor::pixels() const {
  AlignedVector<uint64_t> mask(static_cast<size_t>(words), 0);
  for (int y = 0; y < height; ++y) {
    const int bit = y * pitch;
    mask[static_cast<size_t>(bit / 64)] |= ((uint64_t{1} << width) - 1) << bit % 64;
  }
  return mask;
}

bool SlicedLayer::fits(const PackedLayer& layer) {
  return layer.path == LayerPath::matrix && !layer.accumulator_output && layer.stride == 1 &&
         layer.padding == 0 && layer.kernel_height > 1 && layer.input.height > 1;
}

SlicedLayer::SlicedLayer(const Layer& of, const PackedLayer& layer, const TensorLayout& layout,
                         const SlicedTensor& input, const SlicedTensor& output)
    : layer_(&layer),
      input_(input),
      output_(output),
      reference_(layout.reference_level),
      margins_(layer.base_margin.begin(), layer.base_margin.end()) {
  const auto columns = static_cast<size_t>(of.columns());
  const auto rows = static_cast<size_t>(layer.rows);
  size_t longest = 0;
  for (size_t row = 0; row < rows; ++row) {
    size_t up = 0, down = 0;
    int32_t sum = 0;
    for (size_t column = 0; column < columns; ++column) {
      const int w = of.weight_row(static_cast<int>(row))[column];
      (w > 0 ? up : down) += static_cast<size_t>(std::abs(w));
      sum += w;
    }
    longest = std::max({longest, up, down});
    weight_sums_.push_back(sum);
    right_magnitudes_.push_back(static_cast<int32_t>(up + down));
  }
  const auto planes = static_cast<size_t>(input.planes);
  capacity_ = longest * planes + patch_entries + group;
  const int64_t largest =
      int64_t{input.planes} * *std::max_element(right_magnitudes_.begin(), right_magnitudes_.end());
  const bool named = shifted_words() / SlicedTensor::vector_words < 65'536 && capacity_ < 65'536;
  constexpr int64_t for_patches = 64;
  for (const int bits : {12, 14}) {
    if (bits_ == 0 && named && largest + for_patches < int64_t{1} << (bits - 2)) bits_ = bits;
  }
  if (bits_ == 0) return;
  for (int column = 0; column < of.columns(); ++column) {
    const int position = column / input_.channels;
    for (int k = 0; k < input_.planes; ++k) {
      const size_t at = shifted_begin(column % input_.channels, k) +
                        static_cast<size_t>(position * output_.words);
      column_entries_.push_back(static_cast<uint16_t>(at / SlicedTensor::vector_words));
    }
  }
  entries_.assign(rows * 2 * capacity_, 0);
  counts_.assign(rows * 2, 0);
  places_.assign(rows * columns, 0);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const int w = of.weight_row(static_cast<int>(row))[column];
      if (w == 0) continue;
      places_[row * columns + column] = static_cast<uint16_t>(counts_[row * 2 + (w > 0 ? 1 : 0)]);
      append(static_cast<int>(row), static_cast<int>(column), w);
    }
  }
  right_counts_ = counts_;
  for (const int32_t count : counts_) counted_ += count;
}

size_t SlicedLayer::shifted_words() const { return shifted_begin(input_.channels, 0); }

/// A weight's entries, from index `at` of its list on.
void SlicedLayer::write(int row, int column, int weight, int at) {
  const auto list = static_cast<size_t>(row * 2 + (weight > 0 ? 1 : 0));
  uint16_t* to = entries_.data() + list * capacity_ + at;
  const uint16_t* entries = column_entries_.data() + static_cast<ptrdiff_t>(column) * input_.planes;
  for (int i = std::abs(weight); i > 0; --i, to += input_.planes) {
    std::copy_n(entries, input_.planes, to);
  }
}

void SlicedLayer::append(int row, int column, int weight) {
  int32_t& count = counts_[static_cast<size_t>(row * 2 + (weight > 0 ? 1 : 0))];
  write(row, column, weight, count);
  count += input_.planes * std::abs(weight);
}

bool SlicedLayer::holds(const LayerPatch& patch) const {
  std::map<int, std::pair<int64_t, int32_t>> rows;  // entries appended, sum of |weight|
  for (const LayerPatch::Weight& w : patch.weights) {
    auto& [appended, magnitude] = rows[w.row];
    appended += std::abs(w.after);
    magnitude += std::abs(w.after) - std::abs(w.before);
  }
  return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
    const auto& [appended, magnitude] = row.second;
    return appended * input_.planes <= static_cast<int64_t>(patch_entries) &&
           (right_magnitudes_[static_cast<size_t>(row.first)] + magnitude) * input_.planes <=
               most();
  });
}

void SlicedLayer::patch(const LayerPatch& patch) {
  const auto columns = static_cast<size_t>(layer_->kernel_height * layer_->window_row_columns());
  for (const LayerPatch::Weight& w : patch.weights) {
    const auto row = static_cast<size_t>(w.row);
    if (w.before != 0) {
      const size_t list = row * 2 + (w.before > 0 ? 1 : 0);
      const size_t at = places_[row * columns + static_cast<size_t>(w.column)];
      std::fill_n(entries_.data() + list * capacity_ + at, input_.planes * std::abs(w.before),
                  uint16_t{0});
    }
    if (w.after != 0) append(w.row, w.column, w.after);
    weight_sums_[row] += w.after - w.before;
  }
  for (const LayerPatch::Margin& m : patch.margins) {
    margins_[static_cast<size_t>(m.threshold * layer_->rows_padded + m.row)] = m.value;
  }
}

void SlicedLayer::restore(const LayerPatch& patch) {
  const auto columns = static_cast<size_t>(layer_->kernel_height * layer_->window_row_columns());
  for (const LayerPatch::Weight& w : patch.weights) {
    const auto row = static_cast<size_t>(w.row);
    for (const size_t list : {row * 2, row * 2 + 1}) {
      if (counts_[list] == right_counts_[list]) continue;
      uint16_t* entries = entries_.data() + list * capacity_;
      std::fill(entries + right_counts_[list], entries + counts_[list], uint16_t{0});
      counts_[list] = right_counts_[list];
    }
    if (w.before != 0) {
      write(w.row, w.column, w.before, places_[row * columns + static_cast<size_t>(w.column)]);
    }
    weight_sums_[row] += w.before - w.after;
  }
  for (const LayerPatch::Margin& m : patch.margins) {
    const auto at = static_cast<size_t>(m.threshold * layer_->rows_padded + m.row);
    margins_[at] = layer_->base_margin[at];
  }
}

}  // namespace stuckat::fast
