#include "faultmaps/memory_faults.h"

#include <algorithm>

#include "faultmaps/draws.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

enum class Unit : uint8_t { cell, word, row, column, bank };

Unit parse_unit(const std::string& name) {
  const std::vector<std::string>& names = memory_unit_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw_unknown_name("memory faults", "unit", name, names);
  return static_cast<Unit>(found - names.begin());
}

int64_t units_in(Unit unit, const SiteGrid& grid, int bits, bool one_bit) {
  const int64_t cells = grid.planes * grid.rows * grid.columns * grid.depth;
  switch (unit) {
    case Unit::cell:
      return one_bit ? cells / bits : cells;
    case Unit::word:
      return cells / bits;
    case Unit::row:
      return grid.planes * grid.rows;
    case Unit::column:
      return grid.planes * grid.columns * grid.depth;
    case Unit::bank:
      return grid.planes;
  }
  return 0;
}

}  // namespace

const std::vector<std::string>& cell_fault_names() {
  static const std::vector<std::string> names = {"0", "1", "any", "flip"};
  return names;
}

const std::vector<MemoryUnit>& memory_units() {
  static const std::vector<MemoryUnit> units = {
      {"cell", "one bit"},
      {"word", "the bits of one code"},
      {"row", "all cells of one address of one memory: a word line"},
      {"column", "one cell of every address of one memory: a bit line"},
      {"bank", "all cells of one memory"},
  };
  return units;
}

const std::vector<std::string>& memory_unit_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const MemoryUnit& unit : memory_units()) result.emplace_back(unit.name);
    return result;
  }();
  return names;
}

int stored_bit(const Fault& fault, const Placement& placement, int part, const Network& network) {
  int value = 0;
  site_row(fault.kind).parameters->bits(placement, network, fault, part, [&](const StoredBit& b) {
    const Layer& layer = network.layer(b.layer);
    const uint32_t code = b.is_padding ? static_cast<uint32_t>(b.padding) << b.bit
                          : b.is_threshold
                              ? static_cast<uint32_t>(layer.threshold_row(b.row)[b.index])
                              : layer.weight_format.code(layer.weight_row(b.row)[b.index]);
    value = static_cast<int>(code >> b.bit & 1u);
  });
  return value;
}

MemoryChips::MemoryChips(MemoryFaults faults, const SiteIndex& sites, const Placement& placement,
                         const Network& network)
    : faults_(std::move(faults)), sites_(sites), network_(network), placement_(placement) {
  if (!(faults_.rate >= 0 && faults_.rate <= 1)) {
    throw InputError("memory fault rate", std::to_string(faults_.rate), "0 to 1");
  }
  const Unit unit = parse_unit(faults_.unit);
  if (faults_.bit >= 0 && unit != Unit::cell) {
    throw InputError("memory faults", "one bit of every " + faults_.unit, "single cells");
  }
  int most_bits = 0;
  for (const SiteKind kind : faults_.kinds) {
    const SiteRow& row = site_row(kind);
    bool any = false;
    int part = -1;
    for (const SiteSpace& space : sites.of(kind)) {
      ++part;
      if (space.sites() == 0 || (!faults_.part.empty() && space.part != faults_.part)) continue;
      Space here;
      here.sites = &space;
      here.grid = grid_of(space);
      if (!here.grid.is_memory || row.coordinates.back().name != std::string("bit")) {
        throw InputError("memory faults", std::string(row.name) + " is no memory of codes",
                         "pe/weight, memory/parameter or buffer/activation, for example");
      }
      here.bits = space.counts[row.coordinates.size() - 1];
      most_bits = std::max(most_bits, here.bits);
      any = true;
      if (faults_.bit >= here.bits) continue;
      here.units = units_in(unit, here.grid, here.bits, faults_.bit >= 0);
      here.part = part;
      const bool one_thing = row.parameters != nullptr && row.parameters->keeps(placement, part);
      if (faults_.cell == CellFault::flip && !one_thing) {
        throw InputError(
            placement.accelerator,
            "flips in " + space.part + " (" + row.name + "), which holds one thing after the other",
            "stuck cells, or transients: campaign --faults flips:KIND");
      }
      spaces_.push_back(here);
    }
    if (any) continue;
    throw InputError(placement.accelerator,
                     std::string("has no sites of the kind ") + row.name +
                         (faults_.part.empty() ? "" : " in '" + faults_.part + "'"),
                     "sites and parts that it has");
  }
  if (faults_.bit < 0 || faults_.bit < most_bits) return;
  throw InputError("memory faults", "bit " + std::to_string(faults_.bit),
                   "0 to " + std::to_string(most_bits - 1));
}

int64_t MemoryChips::units() const {
  int64_t sum = 0;
  for (const Space& space : spaces_) sum += space.units;
  return sum;
}

int64_t MemoryChips::cells() const {
  const bool one_bit = faults_.bit >= 0;
  int64_t sum = 0;
  for (const Space& space : spaces_) sum += one_bit ? space.units : space.sites->sites();
  return sum;
}

template <class Visit>
void MemoryChips::for_cells(const Space& space, int64_t unit, const Visit& visit) const {
  const SiteGrid& grid = space.grid;
  const int64_t width = grid.columns * grid.depth;
  switch (parse_unit(faults_.unit)) {
    case Unit::cell:
      visit(faults_.bit >= 0 ? unit * space.bits + faults_.bit : unit);
      return;
    case Unit::word:
      for (int64_t i = 0; i < space.bits; ++i) visit(unit * space.bits + i);
      return;
    case Unit::row:
      for (int64_t i = 0; i < width; ++i) visit(unit * width + i);
      return;
    case Unit::column: {
      const int64_t plane = unit / width;
      for (int64_t i = 0; i < grid.rows; ++i) {
        visit((plane * grid.rows + i) * width + unit % width);
      }
      return;
    }
    case Unit::bank: {
      const int64_t size = grid.rows * width;
      for (int64_t i = 0; i < size; ++i) visit(unit * size + i);
      return;
    }
  }
}

FaultMap MemoryChips::chip(uint64_t seed) const {
  Draws draws(seed);
  FaultMap map = sites_.healthy();
  for (const Space& space : spaces_) {
    draws.for_hits(faults_.rate, space.units, [&](int64_t unit) {
      int value = faults_.cell == CellFault::stuck_at_1 ? 1 : 0;
      if (faults_.cell == CellFault::stuck_at_any) value = static_cast<int>(draws.below(2));
      for_cells(space, unit, [&](int64_t site) {
        map.faults.push_back(space.sites->at(site));
        Fault& fault = map.faults.back();
        fault.value = faults_.cell == CellFault::flip
                          ? 1 - stored_bit(fault, placement_, space.part, network_)
                          : value;
      });
    });
  }
  validate(map, sites_, "memory faults");
  return map;
}

}  // namespace stuckat
