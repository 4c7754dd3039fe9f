// LevelPass: one broken PE of a column of a systolic array, from what it changes in healthy sums.
#include <algorithm>
#include <numeric>

#include "sim/fast/broken_lane.h"
#include "sim/fast/levels/level_layers.h"
#include "sim/fast/levels/level_pass.h"

namespace stuckat::fast {
namespace {

/// Columns of a layer that lie one after the other in its bordered input, with their weights.
struct Piece {
  size_t offset;  // of the first level, from the window's corner
  const int8_t* weights;
  int count;
};

/// A tile with the broken lane.
struct LaneTile {
  size_t offset;  // of its operand's level
  int32_t weight;
  std::vector<Piece> before;  // columns that are added before it
  int32_t constant = 0;       // of their sum, whatever the levels are
};

class LaneTiles {
 public:
  LaneTiles(const Layer& layer, const LevelLayer& packed, const LevelTensor& input)
      : layer_(layer), packed_(packed), input_(input) {}

  std::vector<LaneTile> of_row(int row, const BrokenChain& chain, const BrokenLane& lane) const {
    const int8_t* weights = layer_.weight_row(row);
    std::vector<LaneTile> tiles;
    for_each_tile(chain, lane.lane, layer_.columns(), [&](int first, int column) {
      LaneTile tile{offset_of(column), weights[column], {}};
      for (int c = first; c < column && !lane.sum.is_identity();) {
        const int count = std::min(column - c, packed_.run_bytes - c % packed_.run_bytes);
        tile.before.push_back({offset_of(c), weights + c, count});
        tile.constant += input_.lowest * std::accumulate(weights + c, weights + c + count, 0);
        c += count;
      }
      tiles.push_back(std::move(tile));
    });
    return tiles;
  }

 private:
  size_t offset_of(int column) const {
    const auto run = static_cast<size_t>(column / packed_.run_bytes);
    return static_cast<size_t>(packed_.runs[run]) * static_cast<size_t>(layer_.input.channels) +
           static_cast<size_t>(column % packed_.run_bytes);
  }

  const Layer& layer_;
  const LevelLayer& packed_;
  const LevelTensor& input_;
};

int32_t dot(const int8_t* weights, const uint8_t* levels, int count) {
  int32_t sum = 0;
  for (int i = 0; i < count; ++i) sum += weights[i] * levels[i];
  return sum;
}

}  // namespace

/// Each row of the step is computed by one broken lane at every pixel, and nothing else is wrong.
bool LevelPass::lanes_only(const TensorStep& step, const Effects& effects) {
  if (!step.windows.empty() || !step.operands.empty()) return false;
  int last = -1;
  return std::all_of(step.rows.begin(), step.rows.end(), [&](const SpecialRow& row) {
    if (!row.weights.empty() || !row.thresholds.empty() || row.operators.size() != 1) return false;
    const int index = row.operators.front();
    if (index == last) return true;
    last = index;
    const OperatorFault& fault = effects.operators[static_cast<size_t>(index)];
    return fault.pixels.empty() && broken_lane(fault.pe).has_value();
  });
}

/// The tensor holds what healthy PEs make of the layer's inputs as they are.
void LevelPass::apply_lanes(int index, const TensorStep& step, const Effects& effects,
                            int64_t image_index) {
  const Layer& layer = network_.network().layer(index);
  const LevelLayer& packed = network_.layer(index);
  const LevelTensor& input = network_.tensor(layer.inputs.front());
  const auto channels = static_cast<size_t>(layer.input.channels);
  const LaneTiles tiles_of(layer, packed, input);
  const auto pixels = static_cast<size_t>(packed.output.pixels());
  summed_block_ = -1;
  std::vector<uint32_t> changes(pixels);
  std::vector<uint32_t> table(static_cast<size_t>(input.levels));
  for (const SpecialRow& row : step.rows) {
    const OperatorFault& fault = effects.operators[static_cast<size_t>(row.operators.front())];
    if (!fault.images.contains(image_index)) continue;
    const BrokenLane lane = *broken_lane(fault.pe);
    const uint8_t* image = levels_[static_cast<size_t>(layer.inputs.front())].data() +
                           layer.group_of(row.row) * layer.group_channels();
    const auto window = [&](size_t pixel) {
      return image + size_t{packed.corners[pixel]} * channels;
    };
    std::fill(changes.begin(), changes.end(), 0);
    for (const LaneTile& tile : tiles_of.of_row(row.row, fault.pe.chain, lane)) {
      const auto change_of = [&](int level) {
        return lane.product_change(layer, tile.weight, input.value(level));
      };
      if (lane.multiplies_wrongly() && pixels >= table.size()) {
        for (size_t l = 0; l < table.size(); ++l) table[l] = change_of(static_cast<int>(l));
        for (size_t p = 0; p < pixels; ++p) changes[p] += table[window(p)[tile.offset]];
      } else if (lane.multiplies_wrongly()) {
        for (size_t p = 0; p < pixels; ++p) changes[p] += change_of(window(p)[tile.offset]);
      }
      for (size_t p = 0; p < pixels && !lane.sum.is_identity(); ++p) {
        int32_t levels = 0;
        for (const Piece& piece : tile.before) {
          levels += dot(piece.weights, window(p) + piece.offset, piece.count);
        }
        const auto held = static_cast<uint32_t>(tile.constant + input.scale * levels);
        changes[p] += lane.sum.apply(held) - held;
      }
    }
    if (std::all_of(changes.begin(), changes.end(), [](uint32_t c) { return c == 0; })) continue;

    const auto slot = static_cast<size_t>(packed.slot_of[static_cast<size_t>(row.row)]);
    const int32_t* sums = sums_of_block(index, static_cast<int>(slot) / block_rows);
    std::vector<int32_t> thresholds(layer.threshold_row(row.row),
                                    layer.threshold_row(row.row) + layer.thresholds_per_row());
    std::sort(thresholds.begin(), thresholds.end());
    for (size_t p = 0; p < pixels; ++p) {
      if (changes[p] == 0) continue;
      int32_t right =
          packed.base[slot] + packed.unit * sums[p * static_cast<size_t>(packed.slots) + slot];
      if (layer.is_xnor()) right = 2 * right - layer.columns();
      int32_t value =
          popcount_of_sum(layer, static_cast<int32_t>(static_cast<uint32_t>(right) + changes[p]));
      if (!layer.accumulator_output) {
        const auto below = std::lower_bound(thresholds.begin(), thresholds.end(), value);
        value = layer.output_format.level(static_cast<int>(below - thresholds.begin()));
      }
      set_value(Network::output_tensor(index), static_cast<int>(p), row.row, value);
    }
  }
}

}  // namespace stuckat::fast
