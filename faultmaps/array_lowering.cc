// Stuck bits in arrays of PEs.
#include "faultmaps/array_lowering.h"

#include <algorithm>

#include "faultmaps/lower.h"
#include "workloads/errors.h"

namespace stuckat::array_sites {
namespace {

/// The array at work on one of the layers that it is used for.
struct Work {
  Lowering& lowering;
  int array;
  int use_index;
  const ArrayUse& use;
  const Layer& layer;
  ArrayMap map;

  BrokenPe& broken(int pe) const { return lowering.broken(array, use_index, pe); }
};

template <typename Visit>
void for_each_use(Lowering& lowering, int part, Visit visit) {
  const PeArray& array = lowering.placement().arrays[static_cast<size_t>(part)];
  for (size_t i = 0; i < array.uses.size(); ++i) {
    const ArrayUse& use = array.uses[i];
    const Layer& layer = lowering.layer(use.layer);
    visit(Work{lowering, part, static_cast<int>(i), use, layer, ArrayMap(array, use, layer)});
  }
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

// A layer has no such bit, word or threshold where its own are fewer: the site does nothing to it.

void stick_weight_bit(const Work& work, int memory, int pe, int address, int lane, int bit,
                      bool one) {
  const ArrayMap::Weight at = work.map.weight_at(pe, address, lane);
  if (at.row >= work.layer.rows() || bit >= work.layer.weight_format.bits) return;
  work.lowering.stick_weight(work.array, work.use_index, memory, at, CodeMask::stuck_bit(bit, one));
}

/// Where a fault in a memory of weights or thresholds is: lane or number of the threshold, of a
/// word of a PE's memory, PE 0 where the memory broadcasts.
struct MemoryBit {
  int pe, address, index, bit;
};
MemoryBit memory_bit(const Fault& fault) {
  const bool own = site_row(fault.kind).is_of_pe();
  const int* rest = fault.coordinates.data() + (own ? 1 : 0);
  return {own ? fault.coordinates[0] : 0, rest[0], rest[1], rest[2]};
}

void visit_weights(const Placement& placement, const Network& network, const Fault& fault, int part,
                   const StoredBitVisitor& visit) {
  const PeArray& array = placement.arrays[static_cast<size_t>(part)];
  const MemoryBit b = memory_bit(fault);
  for (const ArrayUse& use : array.uses) {
    const Layer& layer = network.layer(use.layer);
    const ArrayMap map(array, use, layer);
    const NumberFormat& format = layer.weight_format;
    if (b.address >= map.weight_addresses() || b.bit >= format.bits) continue;
    const auto [row, column] = map.weight_at(b.pe, b.address, b.index);
    StoredBit stored{use.layer, row, false, column, b.bit, format.bits};
    stored.is_padding = row >= layer.rows() || column >= layer.columns();
    if (row < layer.rows() && column >= layer.columns()) {
      stored.padding = static_cast<int>(format.code(padded_weight(layer, column)) >> b.bit & 1u);
    }
    visit(stored);
  }
}

void visit_thresholds(const Placement& placement, const Network& network, const Fault& fault,
                      int part, const StoredBitVisitor& visit) {
  const PeArray& array = placement.arrays[static_cast<size_t>(part)];
  const MemoryBit b = memory_bit(fault);
  for (const ArrayUse& use : array.uses) {
    const Layer& layer = network.layer(use.layer);
    const ArrayMap map(array, use, layer);
    if (b.address >= map.folds() || b.bit >= use.threshold_bits) continue;
    const int row = map.threshold_row(b.pe, b.address);
    StoredBit stored{use.layer, row, true, b.index, b.bit, use.threshold_bits};
    stored.is_padding = row >= layer.rows() || b.index >= layer.thresholds_per_row();
    visit(stored);
  }
}

bool has_one_use(const Placement& placement, int part) {
  return placement.arrays[static_cast<size_t>(part)].uses.size() == 1;
}

/// All that the PE gives.
void add_output(const Work& work, int pe, PathPoint point, CodeMask mask) {
  if (!work.map.computes(pe)) return;
  ElementFault element;
  element.tensor = Network::output_tensor(work.use.layer);
  element.channels = work.map.rows(pe);
  element.pixels = work.map.pixels(pe);
  element.point = point;
  element.mask = mask;
  work.lowering.effects().elements.push_back(std::move(element));
}

}  // namespace

void stick_weight(Lowering& lowering, const Fault& fault, int part) {
  const auto [pe, address, lane, bit] = fault.coordinates;
  for_each_use(lowering, part, [&, pe = pe, address = address, lane = lane, bit = bit](auto work) {
    stick_weight_bit(work, pe, pe, address, lane, bit, fault.value != 0);
  });
}

void stick_shared_weight(Lowering& lowering, const Fault& fault, int part) {
  const auto [address, lane, bit, unused] = fault.coordinates;
  for_each_use(lowering, part, [&, address = address, lane = lane, bit = bit](auto work) {
    stick_weight_bit(work, Lowering::all_pes, 0, address, lane, bit, fault.value != 0);
  });
}

void stick_threshold(Lowering& lowering, const Fault& fault, int part) {
  visit_thresholds(lowering.placement(), lowering.network(), fault, part,
                   [&](const StoredBit& b) { lowering.stick(b, fault.value != 0); });
}

const ParameterMemory& weights_of_array() {
  static constexpr ParameterMemory memory = {visit_weights, has_one_use};
  return memory;
}

const ParameterMemory& thresholds_of_array() {
  static constexpr ParameterMemory memory = {visit_thresholds, has_one_use};
  return memory;
}

void stick_input(Lowering& lowering, const Fault& fault, int part) {
  const auto [pe, lane, bit, unused] = fault.coordinates;
  for_each_use(lowering, part, [&, pe = pe, lane = lane, bit = bit](auto work) {
    if (bit >= work.layer.input_format.bits) return;
    add_lane(work.broken(pe).inputs, lane, CodeMask::stuck_bit(bit, fault.value != 0));
  });
}

void stick_product(Lowering& lowering, const Fault& fault, int part) {
  const auto [pe, lane, bit, unused] = fault.coordinates;
  for_each_use(lowering, part, [&, pe = pe, lane = lane, bit = bit](auto work) {
    if (bit >= work.layer.product_bits()) return;
    add_lane(work.broken(pe).products, lane, CodeMask::stuck_bit(bit, fault.value != 0));
  });
}

void stick_accumulator(Lowering& lowering, const Fault& fault, int part) {
  const int bit = fault.coordinates[1];
  for_each_use(lowering, part, [&](auto work) {
    if (bit >= work.use.accumulator_bits) return;
    CodeMask& accumulator = work.broken(fault.coordinates[0]).accumulator;
    accumulator = accumulator.then(CodeMask::stuck_bit(bit, fault.value != 0));
  });
}

void stick_comparator(Lowering& lowering, const Fault& fault, int part) {
  const int index = fault.coordinates[1];
  for_each_use(lowering, part, [&](auto work) {
    if (index >= work.layer.thresholds_per_row()) return;
    auto& comparators = work.broken(fault.coordinates[0]).comparators;
    comparators.push_back({index, fault.value != 0});
    std::sort(comparators.begin(), comparators.end(),
              [](auto& x, auto& y) { return x.index < y.index; });
  });
}

void stick_output(Lowering& lowering, const Fault& fault, int part) {
  const int bit = fault.coordinates[1];
  const bool one = fault.value != 0;
  for_each_use(lowering, part, [&](auto work) {
    const Layer& l = work.layer;
    const int bits = l.accumulator_output ? work.use.accumulator_bits : l.output_format.bits;
    if (bit >= bits) return;
    add_output(work, fault.coordinates[0], point_output_code,
               l.accumulator_output && !l.is_xnor()
                   ? CodeMask::stuck_bit_sign_extended(bit, bits, one)
                   : CodeMask::stuck_bit(bit, one));
  });
}

void kill_pe(Lowering& lowering, const Fault& fault, int part) {
  for_each_use(lowering, part, [&](auto work) {
    const Layer& l = work.layer;
    const uint32_t code = l.accumulator_output
                              ? static_cast<uint32_t>(dead_accumulator(l, fault.value))
                              : l.output_format.code(nearest_level(l.output_format, fault.value));
    add_output(work, fault.coordinates[0], point_pe_dead, CodeMask::constant(code));
  });
}

}  // namespace stuckat::array_sites
