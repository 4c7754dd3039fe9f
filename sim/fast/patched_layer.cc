#include "sim/fast/patched_layer.h"

#include <algorithm>
#include <cstdlib>

namespace stuckat::fast {
namespace {

/// The nearest weight that the digits hold.
int held(const DenseWeights& dense, int weight) {
  if (dense.plus_minus) return weight < 0 ? -1 : 1;
  const int largest = (1 << dense.digits) - 1;
  return std::clamp(weight, -largest, largest);
}

}  // namespace

PatchedLayer::PatchedLayer(const Layer& of, const PackedLayer& layer, bool wide)
    : of_(&of), layer_(layer) {
  if (wide) layer_.dense = dense_weights(layer, of.weight_format.bits, false);
  layer_.columns = {};
  layer_.wide_columns = {};
  layer_.bit_columns = {};
}

bool PatchedLayer::holds(const Layer& of, const SpecialRow& row) {
  return row.operators.empty() &&
         (!of.is_xnor() ||
          std::all_of(row.weights.begin(), row.weights.end(),
                      [](const ParameterChange& c) { return std::abs(c.value) == 1; }));
}

int64_t PatchedLayer::count_excesses(const PackedLayer& layer, const SpecialRow& row) {
  return std::count_if(row.weights.begin(), row.weights.end(), [&](const ParameterChange& change) {
    return held(layer.dense, change.value) != change.value;
  });
}

void PatchedLayer::patch(const SpecialRow& row) {
  const int8_t* weights = of_->weight_row(row.row);
  int change = 0;  // of the sum of the row's weights
  for (const auto& [column, weight] : row.weights) {
    set_weight(row.row, column, weight);
    change += weight - weights[column];
  }
  set_thresholds(row, base_change(*of_, change));
}

void PatchedLayer::set_thresholds(const SpecialRow& row, int change) {
  const size_t stride = static_cast<size_t>(layer_.rows_padded);
  const auto set = [&](int t, auto&& margin) {
    const size_t at = static_cast<size_t>(t) * stride + static_cast<size_t>(row.row);
    margins_.emplace_back(at, layer_.base_margin[at]);
    layer_.base_margin[at] = margin(layer_.base_margin[at]);
  };
  if (row.thresholds.empty() && change % layer_.unit == 0) {
    if (change == 0) return;
    for (int t = 0; t < layer_.thresholds; ++t) {
      set(t, [&](int32_t margin) { return margin + change / layer_.unit; });
    }
    return;
  }
  std::vector<int32_t> thresholds(of_->threshold_row(row.row),
                                  of_->threshold_row(row.row) + layer_.thresholds);
  for (const auto& [index, threshold] : row.thresholds) {
    thresholds[static_cast<size_t>(index)] = threshold;
  }
  std::sort(thresholds.begin(), thresholds.end());
  const int base = layer_.base[static_cast<size_t>(row.row)] + change;
  for (int t = 0; t < layer_.thresholds; ++t) {
    set(t, [&](int32_t) { return margin_of(layer_, base, thresholds[static_cast<size_t>(t)]); });
  }
}

void PatchedLayer::set_weight(int row, int column, int weight) {
  const DenseWeights& dense = layer_.dense;
  const ColumnBit place = column_bit(layer_, column);
  const uint64_t bit = uint64_t{1} << place.bit;
  const auto set = [&](size_t at, bool one) {
    uint64_t& word = layer_.dense.words[at];
    words_.emplace_back(at, word);
    word = one ? word | bit : word & ~bit;
  };
  const int stored = held(dense, weight);
  for (int digit = 0; digit < dense.digits; ++digit) {
    const size_t at = dense.word_of(row, digit, place.word);
    set(at, stored > 0);
    if (!dense.plus_minus) set(at + dense_block_rows, (std::abs(stored) >> digit & 1) != 0);
  }
  if (stored != weight) excesses_.push_back({row, place, weight - stored});
}

void PatchedLayer::restore() {
  // Backwards: a word that several weights share was right before the first of them.
  for (auto at = words_.rbegin(); at != words_.rend(); ++at) {
    layer_.dense.words[at->first] = at->second;
  }
  for (const auto& [at, margin] : margins_) layer_.base_margin[at] = margin;
  words_.clear();
  margins_.clear();
  excesses_.clear();
}

}  // namespace stuckat::fast
