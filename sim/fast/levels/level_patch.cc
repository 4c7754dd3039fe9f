#include "sim/fast/levels/level_patch.h"

#include <cstdlib>

#include "sim/fast/fault_program.h"
#include "sim/fast/levels/level_network.h"
#include "workloads/sum_width.h"

namespace stuckat::fast {
namespace {

// Nanoseconds of one output pixel on one core of a Sapphire Rapids server (AVX-512 VNNI), guessed
// from the operations: not fitted, as those of break_even.cc are.
constexpr double per_row = 7;  // whose sums change one by one
constexpr double per_weight = 0.8;
constexpr double per_block = 5;  // summed anew
constexpr double per_block_column = 0.25;

bool is_patched(const Layer& of, const LevelLayer& layer, const LevelTensor& input,
                const SpecialRow& row, int32_t& change) {
  if (!row.operators.empty() || !row.thresholds.empty()) return false;
  int32_t sum = 0;
  for (const auto& [column, weight] : row.weights) {
    // To a count of matches such a weight gives nothing.
    if (of.is_xnor() && std::abs(weight) != 1) return false;
    sum += weight - of.weight_row(row.row)[column];
  }
  const int32_t of_base = of.is_xnor() ? -sum / 2 : sum * input.lowest;
  change = of_base / layer.unit;
  return of_base % layer.unit == 0;
}

}  // namespace

LevelPatch level_patch_of(const Layer& of, const LevelLayer& layer, const LevelTensor& input,
                          const std::vector<SpecialRow>& rows) {
  LevelPatch patch;
  // Whatever the weights become, a sum has to fit.
  const int64_t greatest = int64_t{of.columns()} * -INT8_MIN * (input.levels - 1);
  if (!too_wide(-2 * greatest, 2 * greatest + 1).empty()) return patch;
  for (const SpecialRow& row : rows) {
    const int slot = layer.slot_of[static_cast<size_t>(row.row)];
    int32_t change = 0;
    if (!is_patched(of, layer, input, row, change)) continue;
    patch.rows.push_back({row.row, slot, change});
    for (const auto& [column, weight] : row.weights) {
      patch.weights.push_back({static_cast<uint32_t>(layer.weight_at(slot, column)),
                               of.weight_row(row.row)[column], static_cast<int8_t>(weight)});
    }
    const int block = slot / block_rows;
    if (patch.blocks.empty() || patch.blocks.back() != block) patch.blocks.push_back(block);
  }
  const auto count = [](const auto& list) { return static_cast<double>(list.size()); };
  const double one_by_one = count(patch.rows) * per_row + count(patch.weights) * per_weight;
  const double anew = count(patch.blocks) * (per_block + of.columns() * per_block_column);
  if (anew >= one_by_one) return {};
  patch.whole = patch.blocks.size() == layer.blocks.size();
  patch.weights.shrink_to_fit();
  patch.rows.shrink_to_fit();
  return patch;
}

}  // namespace stuckat::fast
