#include "sim/fast/patched_layer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "sim/fast/dense_layer.h"

namespace stuckat::fast {

PatchedLayer::PatchedLayer(const PackedLayer& layer, int digits) : layer_(layer) {
  layer_.columns = {};
  layer_.wide_columns = {};
  layer_.bit_columns = {};
  const DenseWeights& from = layer.dense;
  if (digits <= from.digits) return;
  DenseWeights& to = layer_.dense;
  to.digits = digits;
  to.words.assign(
      from.words.size() / static_cast<size_t>(from.digits) * static_cast<size_t>(digits), 0);
  // Digits beyond those of the layer are 0; signs stand beside each.
  for (int row = 0; row < layer.rows_padded; ++row) {
    for (int digit = 0; digit < digits; ++digit) {
      for (int word = 0; word < from.column_words; ++word) {
        const size_t at = to.word_of(row, digit, word);
        const size_t was = from.word_of(row, std::min(digit, from.digits - 1), word);
        to.words[at] = from.words[was];
        if (digit < from.digits) {
          to.words[at + dense_block_rows] = from.words[was + dense_block_rows];
        }
      }
    }
  }
}

bool PatchedLayer::holds(const PackedLayer& layer, const SpecialRow& row) {
  const DenseWeights& dense = layer.dense;
  return row.operators.empty() &&
         std::all_of(row.weights.begin(), row.weights.end(), [&](const ParameterChange& change) {
           const int size = std::abs(change.value);
           return dense.plus_minus ? size == 1 : size < 2 << dense.digits;
         });
}

int PatchedLayer::digits_for(const PackedLayer& layer, const SpecialRow& row) {
  int digits = layer.dense.digits;
  for (const ParameterChange& change : row.weights) {
    digits = std::max(
        digits, static_cast<int>(std::bit_width(static_cast<unsigned>(std::abs(change.value)))));
  }
  return digits;
}

void PatchedLayer::patch(const Layer& of, const SpecialRow& row) {
  const int8_t* weights = of.weight_row(row.row);
  int change = 0;  // of the sum of the row's weights
  for (const auto& [column, weight] : row.weights) {
    set_weight(row.row, column, weight);
    change += weight - weights[column];
  }
  std::vector<int32_t> thresholds(of.threshold_row(row.row),
                                  of.threshold_row(row.row) + of.thresholds_per_row());
  for (const auto& [index, threshold] : row.thresholds) {
    thresholds[static_cast<size_t>(index)] = threshold;
  }
  const int base = layer_.base[static_cast<size_t>(row.row)] + base_change(of, change);
  std::sort(thresholds.begin(), thresholds.end());
  for (size_t t = 0; t < thresholds.size(); ++t) {
    const size_t at = t * static_cast<size_t>(layer_.rows_padded) + static_cast<size_t>(row.row);
    margins_.emplace_back(at, layer_.base_margin[at]);
    layer_.base_margin[at] = margin_of(layer_, base, thresholds[t]);
  }
}

void PatchedLayer::set_weight(int row, int column, int weight) {
  const DenseWeights& dense = layer_.dense;
  const int channels = layer_.input.channels;
  const int words = (channels + rows_per_word - 1) / rows_per_word;
  const int channel = column % channels;
  const int column_word = column / channels * words + channel / rows_per_word;
  const uint64_t bit = uint64_t{1} << (channel % rows_per_word);
  const auto set = [&](size_t at, bool one) {
    uint64_t& word = layer_.dense.words[at];
    words_.emplace_back(at, word);
    word = one ? word | bit : word & ~bit;
  };
  for (int digit = 0; digit < dense.digits; ++digit) {
    const size_t at = dense.word_of(row, digit, column_word);
    set(at, weight > 0);
    if (!dense.plus_minus) set(at + dense_block_rows, (std::abs(weight) >> digit & 1) != 0);
  }
}

void PatchedLayer::restore() {
  // Backwards: a word that several weights share was right before the first of them.
  for (auto at = words_.rbegin(); at != words_.rend(); ++at) {
    layer_.dense.words[at->first] = at->second;
  }
  for (const auto& [at, margin] : margins_) layer_.base_margin[at] = margin;
  words_.clear();
  margins_.clear();
}

}  // namespace stuckat::fast
