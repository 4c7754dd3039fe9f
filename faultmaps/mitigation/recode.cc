#include "faultmaps/mitigation/recode.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "faultmaps/array_map.h"
#include "faultmaps/code_mask.h"

namespace stuckat {
namespace {

/// layer, row, is_threshold, column or number of the threshold
using Word = std::tuple<int, int, bool, int>;

void add_weight(std::map<Word, CodeMask>& words, const ArrayUse& use, const Layer& layer,
                const ArrayMap& map, int pe, const Fault& fault, size_t first) {
  const auto& at = fault.coordinates;
  if (at[first] >= map.weight_addresses()) return;
  const ArrayMap::Weight weight = map.weight_at(pe, at[first], at[first + 1]);
  const int bit = at[first + 2];
  if (weight.row >= layer.rows() || weight.column >= layer.columns() ||
      bit >= layer.weight_format.bits) {
    return;
  }
  CodeMask& mask = words[{use.layer, weight.row, false, weight.column}];
  mask = mask.then(CodeMask::stuck_bit(bit, fault.value != 0));
}

void add_threshold(std::map<Word, CodeMask>& words, const ArrayUse& use, const Layer& layer,
                   const ArrayMap& map, int pe, const Fault& fault, size_t first) {
  const auto& at = fault.coordinates;
  const int row = at[first] < map.folds() ? map.threshold_row(pe, at[first]) : layer.rows();
  const int bit = at[first + 2];
  if (row >= layer.rows() || at[first + 1] >= layer.thresholds_per_row() ||
      bit >= use.threshold_bits) {
    return;
  }
  CodeMask& mask = words[{use.layer, row, true, at[first + 1]}];
  mask = mask.then(CodeMask::stuck_bit_sign_extended(bit, use.threshold_bits, fault.value != 0));
}

std::map<Word, CodeMask> broken_words(const Network& network, const FaultMap& map,
                                      const Placement& placement) {
  std::map<Word, CodeMask> words;
  for (const Fault& fault : map.faults) {
    const bool weight = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::array_weight;
    const bool threshold =
        fault.kind == SiteKind::pe_threshold || fault.kind == SiteKind::array_threshold;
    if (fault.is_flip() || (!weight && !threshold)) continue;
    const bool own = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
    for (const PeArray& array : placement.arrays) {
      if (array.name != fault.part) continue;
      for (const ArrayUse& use : array.uses) {
        const Layer& layer = network.layer(use.layer);
        const ArrayMap where(array, use, layer);
        (weight ? add_weight : add_threshold)(words, use, layer, where,
                                              own ? fault.coordinates[0] : 0, fault, own ? 1 : 0);
      }
    }
  }
  return words;
}

/// The best of `low` .. `high` for a wanted value; reads(value): what the cell makes of it.
template <typename Reads>
int nearest(int wanted, int low, int high, bool has_zero, const Reads& reads) {
  const auto badness = [&](int value) {
    return std::tuple(std::abs(int64_t{reads(value)} - wanted), std::abs(int64_t{value} - wanted),
                      value);
  };
  int best = wanted;
  for (int value = low; value <= high; ++value) {
    if (value == 0 && !has_zero) continue;
    if (badness(value) < badness(best)) best = value;
  }
  return best;
}

}  // namespace

Recoded recode(const Network& network, const FaultMap& map, const Placement& placement) {
  Recoded result{network, 0, 0, 0};
  for (const auto& [word, mask] : broken_words(network, map, placement)) {
    const auto& [index, row, is_threshold, number] = word;
    Layer& layer = result.network.layers[static_cast<size_t>(index)];
    const auto at =
        static_cast<size_t>(row) *
            static_cast<size_t>(is_threshold ? layer.thresholds_per_row() : layer.columns()) +
        static_cast<size_t>(number);
    const NumberFormat format = layer.weight_format;
    const bool of_threshold = is_threshold;
    const auto reads = [&, m = mask](int value) {
      return of_threshold ? static_cast<int32_t>(m.apply(static_cast<uint32_t>(value)))
                          : format.value(m.apply(format.code(value)));
    };
    const int wanted = is_threshold ? layer.thresholds[at] : layer.weights[at];
    const int before = reads(wanted);
    if (before == wanted) continue;
    ++result.broken;
    int best = 0;
    if (is_threshold) {
      best = nearest(wanted, layer.accumulator_min() - 1, layer.accumulator_max(), true, reads);
      layer.thresholds[at] = best;
    } else {
      best = nearest(wanted, format.min_level(), format.max_level(),
                     format.kind != FormatKind::binary, reads);
      layer.weights[at] = static_cast<int8_t>(best);
    }
    const int after = reads(best);
    result.restored += after == wanted ? 1 : 0;
    result.nearer +=
        after != wanted && std::abs(int64_t{after} - wanted) < std::abs(int64_t{before} - wanted)
            ? 1
            : 0;
  }
  return result;
}

}  // namespace stuckat
