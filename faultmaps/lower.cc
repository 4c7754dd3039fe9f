#include "faultmaps/lower.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <map>
#include <tuple>

namespace stuckat {
namespace {

/// Collects what the faults do to the same piece of hardware before it becomes effects: bits of
/// one memory word, faults of one PE.
class Lowering {
 public:
  Lowering(const Placement& placement, const Network& network)
      : placement_(placement), network_(network) {}

  void add(const Fault& fault);
  Effects finish();

 private:
  using ParameterKey = std::tuple<int, int, bool, int>;  // layer, row, is_threshold, index
  using PeKey = std::tuple<int, int, int>;               // array, use, PE

  void add_to_array(const Fault& fault, int array, int use_index);
  void add_weight_bit(const Fault& fault, int array, int use_index);
  void add_threshold_bit(const Fault& fault, const PeArray& array, const ArrayUse& use);
  void add_output(const Fault& fault, const PeArray& array, const ArrayUse& use);
  void add_to_stream(const Fault& fault, const Stream& stream);
  BrokenPe& broken(int array, int use_index, int pe);

  const Layer& layer(int index) const { return network_.layers[static_cast<size_t>(index)]; }
  std::vector<int> rows_of(const PeArray& array, const ArrayUse& use, int pe) const;
  std::vector<int> pixels_of(const PeArray& array, const ArrayUse& use, int pe) const;

  const Placement& placement_;
  const Network& network_;
  std::map<ParameterKey, CodeMask> memory_;
  std::map<std::tuple<PeKey, int, int>, CodeMask> padded_memory_;  // ..., row, column
  std::map<PeKey, BrokenPe> pes_;
  Effects effects_;
};

int nearest_level(NumberFormat format, int value) {
  int best = format.level(0);
  for (int i = 1; i < format.levels(); ++i) {
    if (std::abs(format.level(i) - value) < std::abs(best - value)) best = format.level(i);
  }
  return best;
}

std::vector<int> multiples(int first, int step, int end) {
  std::vector<int> result;
  for (int i = first; i < end; i += step) result.push_back(i);
  return result;
}

std::vector<int> Lowering::rows_of(const PeArray& array, const ArrayUse& use, int pe) const {
  const int rows = layer(use.layer).rows();
  return array.schedule == Schedule::channel_parallel ? multiples(pe, array.pe, rows)
                                                      : multiples(0, 1, rows);
}

std::vector<int> Lowering::pixels_of(const PeArray& array, const ArrayUse& use, int pe) const {
  if (array.schedule == Schedule::channel_parallel) return {};  // every pixel
  return multiples(pe, array.pe, layer(use.layer).output.pixels());
}

BrokenPe& Lowering::broken(int array, int use_index, int pe) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  BrokenPe& result = pes_[{array, use_index, pe}];
  result.simd = a.simd;
  result.padded_columns = use.columns;
  result.accumulator_bits = use.accumulator_bits;
  return result;
}

void add_lane(std::vector<BrokenPe::Lane>& lanes, int lane, CodeMask mask) {
  for (auto& l : lanes) {
    if (l.lane == lane) {
      l.mask = l.mask.then(mask);
      return;
    }
  }
  lanes.push_back({lane, mask});
  std::sort(lanes.begin(), lanes.end(), [](auto& a, auto& b) { return a.lane < b.lane; });
}

void Lowering::add_weight_bit(const Fault& fault, int array, int use_index) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  const Layer& l = layer(use.layer);
  const auto [pe, address, lane, bit] = fault.coordinates;
  const int synapse_fold = use.columns / a.simd;
  const int row = address / synapse_fold * a.pe + pe;
  const int column = address % synapse_fold * a.simd + lane;
  if (row >= l.rows() || bit >= l.weight_format.bits) return;  // no such word in this layer
  const CodeMask mask = CodeMask::stuck_bit(bit, fault.value != 0);
  auto& word = column < l.columns() ? memory_[{use.layer, row, false, column}]
                                    : padded_memory_[{PeKey{array, use_index, pe}, row, column}];
  word = word.then(mask);
}

void Lowering::add_threshold_bit(const Fault& fault, const PeArray& array, const ArrayUse& use) {
  const Layer& l = layer(use.layer);
  const auto [pe, address, index, bit] = fault.coordinates;
  const int row = address * array.pe + pe;
  if (row >= l.rows() || index >= l.thresholds_per_row() || bit >= use.threshold_bits) return;
  auto& word = memory_[{use.layer, row, true, index}];
  word = word.then(CodeMask::stuck_bit_sign_extended(bit, use.threshold_bits, fault.value != 0));
}

void Lowering::add_output(const Fault& fault, const PeArray& array, const ArrayUse& use) {
  const Layer& l = layer(use.layer);
  ElementFault element;
  element.tensor = use.layer + 1;
  element.channels = rows_of(array, use, fault.coordinates[0]);
  element.pixels = pixels_of(array, use, fault.coordinates[0]);
  if (array.schedule == Schedule::pixel_parallel) {
    element.channels.clear();  // all of them
    if (element.pixels.empty()) return;
  } else if (element.channels.empty()) {
    return;  // padded rows only
  }
  if (fault.kind == SiteKind::pe_dead) {
    element.stage = stage_pe_dead;
    element.mask =
        l.accumulator_output
            ? CodeMask::constant(static_cast<uint32_t>(dead_accumulator(l, fault.value)))
            : CodeMask::constant(l.output_format.code(nearest_level(l.output_format, fault.value)));
  } else {
    const int bit = fault.coordinates[1];
    const int bits = l.accumulator_output ? use.accumulator_bits : l.output_format.bits;
    if (bit >= bits) return;
    element.stage = stage_output_code;
    element.mask = l.accumulator_output && !l.is_xnor()
                       ? CodeMask::stuck_bit_sign_extended(bit, bits, fault.value != 0)
                       : CodeMask::stuck_bit(bit, fault.value != 0);
  }
  effects_.elements.push_back(element);
}

void Lowering::add_to_array(const Fault& fault, int array, int use_index) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  const Layer& l = layer(use.layer);
  const int pe = fault.coordinates[0];
  const bool one = fault.value != 0;
  switch (fault.kind) {
    case SiteKind::pe_weight:
      return add_weight_bit(fault, array, use_index);
    case SiteKind::pe_threshold:
      return add_threshold_bit(fault, a, use);
    case SiteKind::pe_output:
    case SiteKind::pe_dead:
      return add_output(fault, a, use);
    case SiteKind::pe_input: {
      const int bit = fault.coordinates[2];
      if (bit >= l.input_format.bits) return;
      return add_lane(broken(array, use_index, pe).inputs, fault.coordinates[1],
                      CodeMask::stuck_bit(bit, one));
    }
    case SiteKind::pe_product: {
      const int bit = fault.coordinates[2];
      if (bit >= product_bits(l)) return;
      return add_lane(broken(array, use_index, pe).products, fault.coordinates[1],
                      CodeMask::stuck_bit(bit, one));
    }
    case SiteKind::pe_accumulator: {
      const int bit = fault.coordinates[1];
      if (bit >= use.accumulator_bits) return;
      BrokenPe& b = broken(array, use_index, pe);
      b.accumulator = b.accumulator.then(CodeMask::stuck_bit(bit, one));
      return;
    }
    case SiteKind::pe_comparator: {
      if (fault.coordinates[1] >= l.thresholds_per_row()) return;
      auto& comparators = broken(array, use_index, pe).comparators;
      comparators.push_back({fault.coordinates[1], one});
      std::sort(comparators.begin(), comparators.end(),
                [](auto& x, auto& y) { return x.index < y.index; });
      return;
    }
    case SiteKind::stream_wire:
    case SiteKind::stream_slot:
    case SiteKind::stream_word:
      break;
  }
  assert(false && "not a site of a PE array");
}

void Lowering::add_to_stream(const Fault& fault, const Stream& stream) {
  const Shape shape = network_.tensor_shape(stream.tensor);
  const bool last = stream.tensor == network_.tensors() - 1;
  ElementFault element;
  element.tensor = stream.tensor;
  element.stage = fault.kind == SiteKind::stream_wire ? stage_wire : stage_slot;
  if (fault.kind != SiteKind::stream_wire) {
    element.slot = {stream.depth, fault.coordinates[0], stream.words_per_pixel,
                    stream.channels_per_word};
  }
  if (fault.kind == SiteKind::stream_word) {
    const Layer& l = network_.layers.back();
    element.mask =
        last ? CodeMask::constant(static_cast<uint32_t>(dead_accumulator(l, fault.value)))
             : CodeMask::constant(network_.tensor_format(stream.tensor).code(fault.value));
  } else {
    const int word_bit = fault.coordinates[fault.kind == SiteKind::stream_wire ? 0 : 1];
    const int bits = element_bits(placement_, stream.tensor, network_);
    const int bit = word_bit % bits;
    element.channels = multiples(word_bit / bits, stream.channels_per_word, shape.channels);
    if (element.channels.empty()) return;  // a lane beyond the last channel
    element.mask = last && !network_.layers.back().is_xnor()
                       ? CodeMask::stuck_bit_sign_extended(bit, bits, fault.value != 0)
                       : CodeMask::stuck_bit(bit, fault.value != 0);
  }
  effects_.elements.push_back(element);
}

void Lowering::add(const Fault& fault) {
  if (site_row(fault.kind).part == PartKind::stream) {
    for (const Stream& stream : placement_.streams) {
      if (stream.name == fault.part) add_to_stream(fault, stream);
    }
    return;
  }
  for (size_t a = 0; a < placement_.arrays.size(); ++a) {
    if (placement_.arrays[a].name != fault.part) continue;
    for (size_t u = 0; u < placement_.arrays[a].uses.size(); ++u) {
      add_to_array(fault, static_cast<int>(a), static_cast<int>(u));
    }
  }
}

Effects Lowering::finish() {
  for (const auto& [where, mask] : memory_) {
    const auto [index, row, is_threshold, number] = where;
    const Layer& l = layer(index);
    const int stored = is_threshold ? l.threshold_row(row)[number] : l.weight_row(row)[number];
    const int read = is_threshold ? static_cast<int32_t>(mask.apply(static_cast<uint32_t>(stored)))
                                  : l.weight_format.value(mask.apply(l.weight_format.code(stored)));
    if (read != stored) effects_.patches.push_back({index, row, is_threshold, number, read});
  }
  for (const auto& [where, mask] : padded_memory_) {
    const auto& [key, row, column] = where;
    const auto [array, use_index, pe] = key;
    const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
    const Layer& l = layer(a.uses[static_cast<size_t>(use_index)].layer);
    const int stored = padded_weight(l);
    const int read = l.weight_format.value(mask.apply(l.weight_format.code(stored)));
    if (read != stored) broken(array, use_index, pe).padded_weights.push_back({row, column, read});
  }
  for (const auto& [where, pe] : pes_) {
    const auto [array, use_index, number] = where;
    const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
    const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
    OperatorFault fault{use.layer, rows_of(a, use, number), pixels_of(a, use, number), pe};
    const bool idle =
        fault.rows.empty() || (a.schedule == Schedule::pixel_parallel && fault.pixels.empty());
    if (!idle) effects_.operators.push_back(std::move(fault));
  }
  normalize(effects_);
  return std::move(effects_);
}

}  // namespace

int32_t dead_accumulator(const Layer& layer, int level) {
  const NumberFormat format =
      layer.input_format.kind == FormatKind::fixed_point ? binary_format : layer.input_format;
  const int64_t low = layer.accumulator_min();
  const int64_t high = layer.accumulator_max();
  const int64_t steps = format.max_level() - format.min_level();
  const int64_t step =
      std::clamp(level, format.min_level(), format.max_level()) - format.min_level();
  const int64_t offset = (high - low) * step;  // >= 0: division rounds down
  return static_cast<int32_t>(low + offset / steps);
}

Effects lower(const FaultMap& map, const Placement& placement, const Network& network) {
  Lowering lowering(placement, network);
  for (const Fault& fault : map.faults) lowering.add(fault);
  return lowering.finish();
}

}  // namespace stuckat
