#include "models/loopback/stored_tiles.h"

#include "models/loopback/placement.h"
#include "models/memory/bit_field.h"

namespace stuckat::loopback {
namespace {

/// Where everything of a tile lies, counted in bits from its first byte: weight(bit, row, column)
/// and threshold(bit, row, index) for each one that is not padding.
template <typename Weight, typename Threshold>
void walk(const LayerPlan& plan, const WeightTile& tile, const ArrayUse& use, int simd,
          const Layer& layer, Weight weight, Threshold threshold) {
  const auto whole_bytes = [](int64_t bits) { return (bits + 7) / 8 * 8; };
  const int bits = layer.weight_format.bits;
  int64_t word = 0;
  for (int fold = tile.first_fold; fold < tile.first_fold + tile.folds; ++fold) {
    const auto [first, last] = plan.rows_of(fold);
    for (int column = 0; column < plan.synapse_fold * simd; column += simd) {
      for (int row = first; row < last; ++row) {
        for (int lane = 0; lane < simd && column + lane < layer.columns(); ++lane) {
          weight(word + (int64_t{row - first} * simd + lane) * bits, row, column + lane);
        }
      }
      word += whole_bytes(int64_t{plan.rows_per_fold} * simd * bits);
    }
    const int per_row = layer.thresholds_per_row();
    for (int row = first; row < last; ++row) {
      for (int i = 0; i < per_row; ++i) {
        threshold(word + (int64_t{row - first} * per_row + i) * use.threshold_bits, row, i);
      }
    }
    word += whole_bytes(int64_t{plan.rows_per_fold} * per_row * use.threshold_bits);
  }
}

size_t weight_index(const Layer& layer, int row, int column) {
  return static_cast<size_t>(row) * static_cast<size_t>(layer.columns()) +
         static_cast<size_t>(column);
}
size_t threshold_index(const Layer& layer, int row, int index) {
  return static_cast<size_t>(row * layer.thresholds_per_row() + index);
}

}  // namespace

std::vector<uint8_t> stored_tiles(const LoopbackAccelerator& accelerator, const Network& network) {
  const LoopbackPlan plan = make_plan(accelerator, network);
  const auto uses = place(accelerator, network).arrays.front().uses;
  std::vector<uint8_t> bytes(static_cast<size_t>(plan.weight_bytes()));
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const Layer& layer = network.layers[static_cast<size_t>(plan.layers[l].layer)];
    for (const WeightTile& tile : plan.layers[l].tiles) {
      walk(
          plan.layers[l], tile, uses[l], static_cast<int>(accelerator.simd), layer,
          [&](int64_t bit, int row, int column) {
            memory::put_field(
                bytes, tile.offset * 8 + bit, layer.weight_format.bits,
                layer.weight_format.code(layer.weights[weight_index(layer, row, column)]));
          },
          [&](int64_t bit, int row, int index) {
            memory::put_field(
                bytes, tile.offset * 8 + bit, uses[l].threshold_bits,
                static_cast<uint32_t>(layer.thresholds[threshold_index(layer, row, index)]));
          });
    }
  }
  return bytes;
}

void load_tile(const LayerPlan& plan, const WeightTile& tile, const ArrayUse& use, int simd,
               const std::vector<uint8_t>& bytes, Layer& layer) {
  const int unused_bits = 32 - use.threshold_bits;
  walk(
      plan, tile, use, simd, layer,
      [&](int64_t bit, int row, int column) {
        const uint32_t code = memory::get_field(bytes, bit, layer.weight_format.bits);
        layer.weights[weight_index(layer, row, column)] =
            static_cast<int8_t>(layer.weight_format.value(code));
      },
      [&](int64_t bit, int row, int index) {
        const uint32_t raw = memory::get_field(bytes, bit, use.threshold_bits) << unused_bits;
        layer.thresholds[threshold_index(layer, row, index)] =
            static_cast<int32_t>(raw) >> unused_bits;  // the sign is the field's highest bit
      });
}

}  // namespace stuckat::loopback
