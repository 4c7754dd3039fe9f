#include "sim/fast/row_calculator.h"

#include <algorithm>

#include "faultmaps/placement.h"
#include "workloads/reference.h"

namespace stuckat::fast {
namespace {

/// Compilers make multiply-add instructions of this loop.
int32_t dot(const int16_t* a, const int16_t* b, int count) {
  int32_t sum = 0;
  for (int i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

bool is_level(NumberFormat format, int value) {
  return format.kind == FormatKind::binary
             ? value == 1 || value == -1
             : value >= format.min_value() && value <= format.max_level();
}

bool hits(const OperatorFault& fault, int pixel) {
  return fault.pixels.empty() ||
         std::binary_search(fault.pixels.begin(), fault.pixels.end(), pixel);
}

/// Padded columns after those of the layer, up to `columns` in all.
void pad(const Layer& layer, int columns, std::vector<int16_t>& weights) {
  for (auto column = static_cast<int>(weights.size()); column < columns; ++column) {
    weights.push_back(static_cast<int16_t>(padded_weight(layer, column)));
  }
}

}  // namespace

RowCalculator::RowCalculator(const Layer& layer, const SpecialRow& row, const Effects& effects,
                             int64_t image_index, int columns, int accumulator_bits)
    : layer_(layer),
      row_(row),
      read_weights_(layer.weight_row(row.row), layer.weight_row(row.row) + layer.columns()),
      thresholds_(layer.threshold_row(row.row),
                  layer.threshold_row(row.row) + layer.thresholds_per_row()),
      accumulator_bits_(accumulator_bits) {
  for (const auto& [column, weight] : row.weights) {
    read_weights_[static_cast<size_t>(column)] = static_cast<int8_t>(weight);
  }
  for (const auto& [index, threshold] : row.thresholds) {
    thresholds_[static_cast<size_t>(index)] = threshold;
  }
  weights_.assign(read_weights_.begin(), read_weights_.end());
  pad(layer, columns, weights_);
  for (const int index : row.operators) {
    const OperatorFault& fault = effects.operators[static_cast<size_t>(index)];
    const BrokenPe& pe = fault.pe;
    if (!fault.images.contains(image_index)) continue;
    Operator broken{&fault, weights_, {}, true};
    const size_t of_layer = read_weights_.size();
    pad(layer, pe.padded_columns, broken.weights);
    for (const auto& patch : pe.padded_weights) {
      const auto column = static_cast<size_t>(patch.column);
      if (patch.row != row.row || column < of_layer || column >= broken.weights.size()) continue;
      broken.weights[column] = static_cast<int16_t>(patch.value);
    }
    for (const auto& flip : pe.weight_flips) {
      if (flip.row != row.row) continue;
      int16_t& weight = broken.weights[static_cast<size_t>(flip.column)];
      weight = static_cast<int16_t>(
          layer.weight_format.value(layer.weight_format.code(weight) ^ flip.bits));
    }
    broken.is_plain = pe.input_flips.empty() && pe.product_flips.empty() &&
                      pe.padded_columns >= layer.columns() && pe.padded_columns % pe.simd == 0 &&
                      std::all_of(broken.weights.begin(), broken.weights.end(),
                                  [&](int16_t w) { return is_level(layer.weight_format, w); });
    if (pe.chain.rows > 0) {
      broken.is_plain = false;
      broken.pieces = pieces_of(pe, layer.columns());
      operators_.push_back(std::move(broken));
      continue;
    }
    for (int lane = 0; lane < pe.simd; ++lane) {
      const Lane masks{lane, mask_of(pe.inputs, lane), mask_of(pe.products, lane)};
      if (!masks.input.is_identity() || !masks.product.is_identity()) {
        broken.lanes.push_back(masks);
      }
    }
    operators_.push_back(std::move(broken));
  }
}

int RowCalculator::window_size(const Layer& layer, const std::vector<SpecialRow>& rows,
                               const Effects& effects) {
  int size = layer.columns();
  for (const SpecialRow& row : rows) {
    for (const int index : row.operators) {
      size = std::max(size, effects.operators[static_cast<size_t>(index)].pe.padded_columns);
    }
  }
  return size;
}

int32_t RowCalculator::value(int pixel, const int16_t* window) const {
  for (auto at = operators_.rbegin(); at != operators_.rend(); ++at) {
    if (!hits(*at->fault, pixel)) continue;
    return broken_threshold(layer_, at->fault->pe, row_.row, thresholds_.data(),
                            accumulator(*at, window));
  }
  return reference::threshold(layer_, thresholds_.data(), plain_accumulator(window));
}

int32_t RowCalculator::plain_accumulator(const int16_t* window) const {
  const auto columns = static_cast<int>(weights_.size());
  const int32_t sum = dot(weights_.data(), window, columns);
  const bool xnor = layer_.is_xnor();
  return read_register(static_cast<uint32_t>(xnor ? (sum + columns) / 2 : sum), accumulator_bits_,
                       xnor);
}

std::vector<RowCalculator::Piece> RowCalculator::pieces_of(const BrokenPe& pe, int columns) {
  const BrokenChain& chain = pe.chain;
  const bool flips = !chain.inputs_at.empty() || !chain.weights_at.empty() ||
                     !chain.sum_flips.empty() || !pe.product_flips.empty() ||
                     !pe.accumulator_flips.empty();
  if (flips) return {};
  std::vector<Piece> lanes(static_cast<size_t>(chain.rows));
  const auto put = [&](const std::vector<LaneMask>& masks, CodeMask Piece::*member) {
    for (const auto& [lane, mask] : masks) {
      if (lane >= chain.rows || mask.is_identity()) continue;
      lanes[static_cast<size_t>(lane)].is_broken = true;
      lanes[static_cast<size_t>(lane)].*member = mask;
    }
  };
  put(chain.sums, &Piece::sum);
  put(chain.weights, &Piece::weight);
  put(pe.inputs, &Piece::input);
  put(pe.products, &Piece::product);
  // Sums that nothing reads on the way need not be told apart: all wrap alike.
  const bool one_tile = pe.accumulator.is_identity() && chain.sum_bits == 32 &&
                        chain.sums.empty() && chain.lost_tiles.empty();
  std::vector<Piece> pieces;
  int tile = 0;
  for (int begin = 0; begin < columns; begin += chain.segment) {
    for (int within = 0; within < chain.segment; within += chain.rows, ++tile) {
      const int count = std::min(chain.rows, chain.segment - within);
      for (int lane = 0; lane < count; ++lane) {
        Piece piece = lanes[static_cast<size_t>(lane)];
        piece.first = begin + within + lane;
        piece.count = 1;
        const bool joins = !piece.is_broken && !pieces.empty() && !pieces.back().is_broken &&
                           !pieces.back().ends_tile;
        if (joins)
          ++pieces.back().count;
        else
          pieces.push_back(piece);
      }
      if (one_tile) continue;
      pieces.back().ends_tile = true;
      pieces.back().is_lost = std::find(chain.lost_tiles.begin(), chain.lost_tiles.end(), tile) !=
                              chain.lost_tiles.end();
    }
  }
  pieces.back().ends_tile = true;
  return pieces;
}

/// As chain_accumulate(), piece by piece.
int32_t RowCalculator::chain_accumulator(const Operator& broken, const int16_t* window) const {
  const BrokenPe& pe = broken.fault->pe;
  const NumberFormat& of_input = layer_.input_format;
  const NumberFormat& of_weight = layer_.weight_format;
  const int product_bits = layer_.signed_product_bits();
  const int bits = pe.chain.sum_bits;
  int32_t accumulator = pe.stored(0, false);
  uint32_t sum = 0;
  for (const Piece& piece : broken.pieces) {
    const int16_t* weights = broken.weights.data() + piece.first;
    const int16_t* inputs = window + piece.first;
    if (!piece.is_broken) {
      sum += static_cast<uint32_t>(dot(weights, inputs, piece.count));
    } else {
      const auto held = static_cast<uint32_t>(read_register(sum, bits, false));
      const int32_t weight = piece.weight.is_identity()
                                 ? *weights
                                 : of_weight.value(piece.weight.apply(of_weight.code(*weights)));
      const int32_t input = of_input.value(piece.input.apply(of_input.code(*inputs)));
      const uint32_t product = piece.product.apply(static_cast<uint32_t>(weight * input));
      sum = piece.sum.apply(held) +
            static_cast<uint32_t>(read_register(product, product_bits, false));
    }
    if (!piece.ends_tile) continue;
    if (!piece.is_lost) {
      accumulator = pe.stored(static_cast<uint32_t>(accumulator) +
                                  static_cast<uint32_t>(read_register(sum, bits, false)),
                              false);
    }
    sum = 0;
  }
  const uint32_t left = pe.chain.result.apply(static_cast<uint32_t>(accumulator));
  return popcount_of_sum(layer_, read_register(left, pe.accumulator_bits, false));
}

int32_t RowCalculator::accumulator(const Operator& broken, const int16_t* window) const {
  const BrokenPe& pe = broken.fault->pe;
  if (!broken.pieces.empty()) return chain_accumulator(broken, window);
  if (!broken.is_plain) {
    const std::vector<int32_t> values(window, window + pe.padded_columns);
    return broken_accumulate(layer_, pe, row_.row, read_weights_.data(), values.data());
  }
  const bool xnor = layer_.is_xnor();
  const NumberFormat format = layer_.input_format;
  const int width = layer_.product_bits();
  int32_t accumulator = 0;
  for (int step = 0; step < pe.padded_columns; step += pe.simd) {
    accumulator = pe.at_step(step / pe.simd, accumulator, xnor);
    const int16_t* weights = broken.weights.data() + step;
    const int16_t* inputs = window + step;
    int32_t sum = dot(weights, inputs, pe.simd);
    if (xnor) sum = (sum + pe.simd) / 2;
    for (const Lane& l : broken.lanes) {
      const int32_t weight = weights[l.lane];
      const int32_t right = inputs[l.lane];
      const int32_t input = format.value(l.input.apply(format.code(right)));
      if (xnor) {
        const uint32_t match = l.product.apply(weight == input ? 1 : 0) & 1u;
        sum += static_cast<int32_t>(match) - (weight == right ? 1 : 0);
      } else {
        const uint32_t product = l.product.apply(static_cast<uint32_t>(weight * input));
        sum += read_register(product, width, false) - weight * right;
      }
    }
    accumulator = pe.stored(static_cast<uint32_t>(accumulator) + static_cast<uint32_t>(sum), xnor);
  }
  return pe.result(accumulator, xnor);
}

}  // namespace stuckat::fast
