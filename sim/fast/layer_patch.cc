#include "sim/fast/layer_patch.h"

#include <algorithm>
#include <cstdlib>

#include "sim/fast/break_even.h"
#include "sim/fast/fault_program.h"

namespace stuckat::fast {
namespace {

/// Comparators of a row whose sum of weights changes by `change`.
void patch_margins(const Layer& of, const PackedLayer& layer, const SpecialRow& row, int change,
                   std::vector<LayerPatch::Margin>& margins) {
  if (layer.accumulator_output) return;
  const int of_base = base_change(of, change);
  if (row.thresholds.empty() && of_base % layer.unit == 0) {
    if (of_base == 0) return;
    for (int t = 0; t < layer.thresholds; ++t) {
      const auto at = static_cast<size_t>(t * layer.rows_padded + row.row);
      margins.push_back({row.row, t, layer.base_margin[at] + of_base / layer.unit});
    }
    return;
  }
  std::vector<int32_t> thresholds(of.threshold_row(row.row),
                                  of.threshold_row(row.row) + layer.thresholds);
  for (const auto& [index, threshold] : row.thresholds) {
    thresholds[static_cast<size_t>(index)] = threshold;
  }
  std::sort(thresholds.begin(), thresholds.end());
  const int base = layer.base[static_cast<size_t>(row.row)] + of_base;
  for (int t = 0; t < layer.thresholds; ++t) {
    margins.push_back({row.row, t, margin_of(layer, base, thresholds[static_cast<size_t>(t)])});
  }
}

}  // namespace

int held_weight(const DenseWeights& dense, int weight) {
  if (dense.plus_minus) return weight < 0 ? -1 : 1;
  const int largest = (1 << dense.digits) - 1;
  return std::clamp(weight, -largest, largest);
}

bool is_patch(const Layer& of, const SpecialRow& row) {
  return row.operators.empty() &&
         (!of.is_xnor() ||
          std::all_of(row.weights.begin(), row.weights.end(),
                      [](const ParameterChange& c) { return std::abs(c.value) == 1; }));
}

LayerPatch patch_of(const Layer& of, const PackedLayer& layer, const TensorLayout& input,
                    const std::vector<SpecialRow>& rows) {
  LayerPatch patch;
  for (const SpecialRow& row : rows) {
    const int8_t* weights = of.weight_row(row.row);
    int change = 0;  // of the sum of the row's weights
    for (const auto& [column, weight] : row.weights) {
      patch.weights.push_back({row.row, column, weights[column], static_cast<int8_t>(weight)});
      change += weight - weights[column];
    }
    patch_margins(of, layer, row, change, patch.margins);
  }
  patch.weights.shrink_to_fit();
  patch.margins.shrink_to_fit();
  if (layer.accumulator_output) return patch;
  patch.excesses = static_cast<int>(std::count_if(
      patch.weights.begin(), patch.weights.end(),
      [&](const LayerPatch::Weight& w) { return held_weight(layer.dense, w.after) != w.after; }));
  patch.wide = wide_is_cheapest(layer, input, of, patch.excesses);
  patch.recomputes =
      !rows.empty() && dense_is_cheapest_for_rows(layer, input, static_cast<int64_t>(rows.size()));
  return patch;
}

}  // namespace stuckat::fast
