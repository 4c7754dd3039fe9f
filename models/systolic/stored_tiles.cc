#include "models/systolic/stored_tiles.h"

#include "models/memory/bit_field.h"

namespace stuckat::systolic {
namespace {

/// Where everything of a tile lies, in bits from its first byte: weight(bit, index) and
/// threshold(bit, index), by their index in the layer.
template <typename Weight, typename Threshold>
void walk(const WeightTile& tile, const Layer& layer, Weight weight, Threshold threshold) {
  const auto whole_bytes = [](int64_t bits) { return (bits + 7) / 8 * 8; };
  const int bits = layer.weight_format.bits;
  int64_t word = 0;
  for (int column = tile.first_column; column < tile.first_column + tile.columns; ++column) {
    for (int row = 0; row < tile.rows; ++row) {
      weight(word + int64_t{row} * bits,
             static_cast<size_t>(tile.first_row + row) * static_cast<size_t>(layer.columns()) +
                 static_cast<size_t>(column));
    }
    word += whole_bytes(int64_t{tile.rows} * bits);
  }
  if (!tile.thresholds) return;
  const int per_row = layer.thresholds_per_row();
  for (int i = 0; i < tile.rows * per_row; ++i) {
    threshold(word + int64_t{i} * layer.threshold_bits(),
              static_cast<size_t>(tile.first_row * per_row + i));
  }
}

/// Puts a tile into bytes that are 0 so far, from `first` on.
void store_tile(const WeightTile& tile, const Layer& layer, int64_t first,
                std::vector<uint8_t>& bytes) {
  walk(
      tile, layer,
      [&](int64_t bit, size_t index) {
        memory::put_field(bytes, first * 8 + bit, layer.weight_format.bits,
                          layer.weight_format.code(layer.weights[index]));
      },
      [&](int64_t bit, size_t index) {
        memory::put_field(bytes, first * 8 + bit, layer.threshold_bits(),
                          static_cast<uint32_t>(layer.thresholds[index]));
      });
}

}  // namespace

std::vector<uint8_t> stored_tiles(const SystolicAccelerator& accelerator, const Network& network) {
  const Plan plan = make_plan(accelerator, network);
  std::vector<uint8_t> bytes(static_cast<size_t>(plan.weight_bytes()));
  for (const LayerPlan& of_layer : plan.layers) {
    for (const WeightTile& tile : of_layer.weights) {
      store_tile(tile, network.layer(of_layer.layer), tile.offset, bytes);
    }
  }
  return bytes;
}

void load_tile(const WeightTile& tile, const std::vector<uint8_t>& bytes, Layer& layer) {
  const int unused_bits = 32 - layer.threshold_bits();
  walk(
      tile, layer,
      [&](int64_t bit, size_t index) {
        const uint32_t code = memory::get_field(bytes, bit, layer.weight_format.bits);
        layer.weights[index] = static_cast<int8_t>(layer.weight_format.value(code));
      },
      [&](int64_t bit, size_t index) {
        const uint32_t raw = memory::get_field(bytes, bit, layer.threshold_bits()) << unused_bits;
        layer.thresholds[index] =
            static_cast<int32_t>(raw) >> unused_bits;  // the sign is the field's highest bit
      });
}

Layer loaded_layer(const LayerPlan& plan, const Layer& layer, const memory::StuckBytes& memory) {
  Layer loaded = layer;
  if (memory.is_healthy()) return loaded;
  for (const WeightTile& tile : plan.weights) {
    std::vector<uint8_t> bytes(static_cast<size_t>(tile.bytes));
    store_tile(tile, layer, 0, bytes);
    memory.read(tile.offset, bytes);
    load_tile(tile, bytes, loaded);
  }
  return loaded;
}

}  // namespace stuckat::systolic
