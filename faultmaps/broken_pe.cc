#include "faultmaps/broken_pe.h"

#include <algorithm>
#include <cassert>

#include "faultmaps/placement.h"

namespace stuckat {

namespace {

/// Operands of one lane, as values; columns beyond the layer's hold padding.
struct Operands {
  int32_t weight;
  int32_t input;
};

Operands operands_at(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                     const int32_t* window, int column) {
  Operands result{padded_weight(layer, column), window[column]};
  if (column < layer.columns()) result.weight = weights[column];
  for (const auto& patch : pe.padded_weights) {
    if (patch.row == row && patch.column == column) result.weight = patch.value;
  }
  const NumberFormat& format = layer.weight_format;
  for (const auto& flip : pe.weight_flips) {
    if (flip.row != row || flip.column != column) continue;
    result.weight = format.value(format.code(result.weight) ^ flip.bits);
  }
  return result;
}

uint32_t flips_of(const std::vector<BrokenPe::LaneFlip>& flips, int step, int lane) {
  uint32_t bits = 0;
  for (const auto& f : flips) bits ^= f.step == step && f.lane == lane ? f.bits : 0;
  return bits;
}

}  // namespace

void merge(BrokenPe& into, const BrokenPe& from) {
  assert(into.simd == from.simd && into.padded_columns == from.padded_columns);
  into.accumulator = into.accumulator.then(from.accumulator);
  merge(into.inputs, from.inputs);
  merge(into.products, from.products);
  for (const auto& p : from.padded_weights) into.padded_weights.push_back(p);
  for (const auto& c : from.comparators) into.comparators.push_back(c);
  const auto by_index = [](const auto& a, const auto& b) { return a.index < b.index; };
  std::stable_sort(into.comparators.begin(), into.comparators.end(), by_index);
  merge(into.weight_flips, from.weight_flips);
  merge(into.accumulator_flips, from.accumulator_flips);
  merge(into.input_flips, from.input_flips);
  merge(into.product_flips, from.product_flips);
  merge(into.threshold_flips, from.threshold_flips);
  merge(into.comparator_flips, from.comparator_flips);
  into.side_register = into.side_register.then(from.side_register);
  into.output_register = into.output_register.then(from.output_register);
  if (into.chain.rows > 0) merge(into.chain, from.chain);
}

int32_t broken_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                          const int32_t* window) {
  if (pe.chain.rows > 0) return chain_accumulate(layer, pe, row, weights, window);
  const bool xnor = layer.is_xnor();
  const int width = layer.product_bits();
  int32_t accumulator = 0;
  for (int step = 0; step < pe.padded_columns; step += pe.simd) {
    accumulator = pe.at_step(step / pe.simd, accumulator, xnor);
    int32_t sum = 0;
    for (int lane = 0; lane < pe.simd; ++lane) {
      const Operands o = operands_at(layer, pe, row, weights, window, step + lane);
      const NumberFormat& format = layer.input_format;
      const uint32_t code = format.code(o.input) ^ flips_of(pe.input_flips, step / pe.simd, lane);
      const int32_t input = format.value(mask_of(pe.inputs, lane).apply(code));
      const auto product = static_cast<uint32_t>(xnor ? o.weight == input : o.weight * input);
      const uint32_t read = mask_of(pe.products, lane)
                                .apply(product ^ flips_of(pe.product_flips, step / pe.simd, lane));
      sum += read_register(read, width, xnor);
    }
    accumulator = pe.stored(static_cast<uint32_t>(accumulator) + static_cast<uint32_t>(sum), xnor);
  }
  return pe.result(accumulator, xnor);
}

int32_t broken_threshold(const Layer& layer, const BrokenPe& pe, int row, const int32_t* thresholds,
                         int32_t accumulator) {
  if (layer.accumulator_output) return accumulator;
  const int count = layer.thresholds_per_row();
  int below = 0;
  if (pe.threshold_flips.empty() && pe.comparator_flips.empty() && pe.comparators.empty()) {
    for (int i = 0; i < count; ++i) below += thresholds[i] < accumulator ? 1 : 0;
    return layer.output_format.level(below);
  }
  for (int i = 0; i < count; ++i) {
    auto threshold = static_cast<uint32_t>(thresholds[i]);
    for (const auto& f : pe.threshold_flips) {
      if (f.row == row && f.index == i) threshold ^= f.bits;
    }
    bool out = static_cast<int32_t>(threshold) < accumulator;
    for (const int index : pe.comparator_flips) out = out != (index == i);
    for (const auto& c : pe.comparators) {
      if (c.index == i) out = c.one;
    }
    below += out ? 1 : 0;
  }
  return layer.output_format.level(below);
}

int32_t plain_accumulate(const Layer& layer, const int8_t* weights, const int32_t* window,
                         int columns, int accumulator_bits) {
  const bool xnor = layer.is_xnor();
  int32_t sum = 0;
  for (int c = 0; c < columns; ++c) {
    const int32_t weight = c < layer.columns() ? weights[c] : padded_weight(layer, c);
    sum += xnor ? weight == window[c] : weight * window[c];
  }
  return read_register(static_cast<uint32_t>(sum), accumulator_bits, xnor);
}

}  // namespace stuckat
