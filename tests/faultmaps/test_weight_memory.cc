// Off-chip memory that holds weights and thresholds: chips of its broken cells, and what repairs
// leave of them.
#include <algorithm>
#include <map>
#include <string>

#include "faultmaps/lower.h"
#include "faultmaps/memory_faults.h"
#include "faultmaps/memory_repair.h"
#include "faultmaps/weight_memory.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

SiteKind parameter() { return weight_memory_kinds().parameter; }

/// Two tiles of each layer: half of the columns, then the other half; thresholds with the first.
struct InMemory {
  InMemory() {
    test::Random random(1);
    WeightMemory memory;
    for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
      Layer& layer = network.layers[static_cast<size_t>(l)];
      if (!layer.has_weights()) continue;
      test::fill_parameters(layer, random);
      for (const bool second : {false, true}) {
        const int half = layer.columns() / 2;
        const int columns = second ? layer.columns() - half : half;
        memory.tiles.push_back(
            {l, 0, layer.rows(), second ? half : 0, columns, !second, memory.bytes});
        memory.bytes += columns * ((layer.rows() * layer.weight_format.bits + 7) / 8);
        const int thresholds = layer.rows() * layer.thresholds_per_row() * layer.threshold_bits();
        if (!second) memory.bytes += (thresholds + 7) / 8;
      }
    }
    placement.accelerator = "off-chip";
    placement.others = {weight_memory_part(memory)};
  }
  Effects effects_of(const char* repair, const FaultMap& map) const {
    const auto& rows = memory_repairs();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const MemoryRepair& r) {
      return r.name == std::string(repair);
    });
    return row->apply(map, placement, network);
  }
  FaultMap chip(CellFault cell, const std::string& unit, double rate, uint64_t seed) const {
    return MemoryChips({{parameter()}, cell, unit, rate}, SiteIndex(placement, network), placement,
                       network)
        .chip(seed);
  }

  Network network = zoo_network("tfc-w2a2");
  Placement placement;
};

}  // namespace

TEST_CASE("flips of off-chip memory change one bit of one parameter each, and padding none") {
  const InMemory m;
  const FaultMap flips = m.chip(CellFault::flip, "cell", 0.001, 1);
  REQUIRE(flips.faults.size() > 100);
  size_t padding = 0, thresholds = 0;
  for (const Fault& fault : flips.faults) {
    const Effects effects = lower({flips.accelerator, {fault}}, m.placement, m.network);
    REQUIRE(effects.size() == effects.patches.size());
    REQUIRE(effects.size() <= 1);
    padding += effects.empty() ? 1 : 0;
    for (const ParameterPatch& p : effects.patches) {
      thresholds += p.is_threshold ? 1 : 0;
      const Layer& layer = m.network.layer(p.layer);
      const uint32_t changed =
          p.is_threshold ? static_cast<uint32_t>(p.value ^ layer.threshold_row(p.row)[p.index])
                         : layer.weight_format.code(p.value) ^
                               layer.weight_format.code(layer.weight_row(p.row)[p.index]);
      // One bit; of the highest one of a threshold all above.
      CHECK((changed & (changed + (changed & (0u - changed)))) == 0);
      CHECK((p.is_threshold || (changed & (changed - 1)) == 0));
    }
  }
  CHECK(padding < flips.faults.size() / 10);
  CHECK(thresholds > 0);
}

TEST_CASE("units of off-chip memory: a word is a byte, a column one bit of every byte") {
  const InMemory m;
  const int bytes = m.placement.others.front().figures.front();
  for (const auto& [unit, cells] : std::map<std::string, int>{
           {"cell", 1}, {"word", 8}, {"row", 8}, {"column", bytes}, {"bank", 8 * bytes}}) {
    INFO(unit);
    const SiteIndex sites(m.placement, m.network);
    const MemoryChips chips({{parameter()}, CellFault::stuck_at_any, unit, 0.3}, sites, m.placement,
                            m.network);
    CHECK(chips.units() == int64_t{8} * bytes / cells);
    CHECK(chips.cells() == int64_t{8} * bytes);
    CHECK(chips.chip(2).faults.size() % static_cast<size_t>(cells) == 0);
  }
}

TEST_CASE("SECDED corrects one wrong bit of 64, a bit that is stuck at what it stores is right") {
  const InMemory m;
  for (const CellFault cell : {CellFault::flip, CellFault::stuck_at_any}) {
    const FaultMap map = m.chip(cell, "cell", 0.01, 3);
    const auto is_wrong = [&](const Fault& fault) {
      // Wrong padding is wrong as well: it stores 0.
      if (!lower({map.accelerator, {fault}}, m.placement, m.network).empty()) return true;
      Fault other = fault;
      other.value = 1 - fault.value;
      return fault.value == 1 && lower({map.accelerator, {other}}, m.placement, m.network).empty();
    };
    std::map<int, int> words;
    for (const Fault& fault : map.faults) words[fault.coordinates[0] / 8] += is_wrong(fault);
    FaultMap left{map.accelerator, {}};
    for (const Fault& fault : map.faults) {
      if (words[fault.coordinates[0] / 8] > 1) left.faults.push_back(fault);
    }
    CHECK(left.faults.size() > 20);
    CHECK(left.faults.size() < map.faults.size() / 2);
    CHECK(m.effects_of("secded", map) == lower(left, m.placement, m.network));
  }
}

TEST_CASE("weights in off-chip memory are stored as the nearest code, or read no lower than one") {
  const InMemory m;
  const FaultMap map = m.chip(CellFault::stuck_at_any, "cell", 0.05, 4);
  const auto error_of = [&](const Effects& effects) {
    int64_t sum = 0;
    for (const ParameterPatch& p : effects.patches) {
      if (p.is_threshold) continue;
      sum += std::abs(p.value - m.network.layer(p.layer).weight_row(p.row)[p.index]);
    }
    return sum;
  };
  const Effects broken = lower(map, m.placement, m.network);
  CHECK(m.effects_of("none", map) == broken);
  CHECK(error_of(m.effects_of("faq", map)) < error_of(broken));
  const Effects clipped = m.effects_of("clip", map);
  CHECK(error_of(clipped) < error_of(broken));
  for (const ParameterPatch& p : clipped.patches) CHECK((p.is_threshold || p.value >= -1));
}
