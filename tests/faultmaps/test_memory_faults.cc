// Chips with broken memory cells: how many, which together, and what a flip is.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "faultmaps/lower.h"
#include "faultmaps/memory_faults.h"
#include "faultmaps/memory_repair.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

struct MemorySetup {
  explicit MemorySetup(uint64_t seed, bool loopback = false)
      : random(seed),
        network(test::random_network(random)),
        placement(loopback ? test::random_loopback_placement(random, network)
                           : test::random_dataflow_placement(random, network)),
        sites(placement, network) {}
  test::Random random;
  Network network;
  Placement placement;
  SiteIndex sites;
};

/// An array for each layer of a network of the zoo.
struct Zoo {
  Zoo() {
    test::Random random(1);
    for (Layer& layer : network.layers) {
      if (layer.has_weights()) test::fill_parameters(layer, random);
    }
    placement.accelerator = "dataflow:plain";
    for (size_t i = 0; i < network.layers.size(); ++i) {
      if (!network.layers[i].has_weights()) continue;
      placement.arrays.push_back({network.layers[i].name + "/mvtu",
                                  3,
                                  4,
                                  Schedule::channel_parallel,
                                  {test::use_of(network, static_cast<int>(i), 3, 4, 1)}});
    }
  }
  Network network = zoo_network("tfc-w2a2");
  Placement placement;
};

MemoryFaults weights(CellFault cell, double rate) {
  return {{SiteKind::pe_weight}, cell, "cell", rate};
}

/// The network whose parameters are what broken memories read.
Network patched(Network network, const Effects& effects) {
  for (const ParameterPatch& patch : effects.patches) {
    apply_patch(patch, network.layers[static_cast<size_t>(patch.layer)]);
  }
  return network;
}

}  // namespace

TEST_CASE("cells break at the rate asked for, each as it should") {
  const Zoo zoo;
  const SiteIndex sites(zoo.placement, zoo.network);
  constexpr double rate = 0.01;
  for (const CellFault cell :
       {CellFault::stuck_at_0, CellFault::stuck_at_1, CellFault::stuck_at_any, CellFault::flip}) {
    const MemoryChips chips(weights(cell, rate), sites, zoo.placement, zoo.network);
    CHECK(chips.units() == chips.cells());
    int64_t broken = 0;
    int64_t ones = 0;
    constexpr int lot = 40;
    for (int chip = 0; chip < lot; ++chip) {
      const FaultMap map = chips.chip(static_cast<uint64_t>(chip));
      CHECK(map == chips.chip(static_cast<uint64_t>(chip)));
      broken += static_cast<int64_t>(map.faults.size());
      for (const Fault& fault : map.faults) ones += fault.value;
    }
    const double n = static_cast<double>(chips.cells()) * lot;
    CHECK(std::abs(static_cast<double>(broken) - n * rate) < 5 * std::sqrt(n * rate * (1 - rate)));
    if (cell == CellFault::stuck_at_0) CHECK(ones == 0);
    if (cell == CellFault::stuck_at_1) CHECK(ones == broken);
    if (cell == CellFault::stuck_at_any) {
      const auto b = static_cast<double>(broken);
      CHECK(std::abs(static_cast<double>(ones) - b / 2) < 5 * std::sqrt(b / 4));
    }
  }
}

TEST_CASE("flipping every cell twice is the identity, and once changes every parameter") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    MemorySetup s(seed);
    const MemoryFaults every{
        {SiteKind::pe_weight, SiteKind::pe_threshold}, CellFault::flip, "cell", 0.3};
    const Effects first = lower(MemoryChips(every, s.sites, s.placement, s.network).chip(seed),
                                s.placement, s.network);
    CHECK_FALSE(first.patches.empty());
    const Network once = patched(s.network, first);
    const Effects second =
        lower(MemoryChips(every, s.sites, s.placement, once).chip(seed), s.placement, once);
    CHECK(patched(once, second) == s.network);
    // Every patch is a change, whatever the cell stored.
    for (const ParameterPatch& patch : first.patches) {
      const Layer& layer = s.network.layers[static_cast<size_t>(patch.layer)];
      const int before = patch.is_threshold ? layer.threshold_row(patch.row)[patch.index]
                                            : layer.weight_row(patch.row)[patch.index];
      CHECK(patch.value != before);
    }
  }
}

TEST_CASE("a share of flipped weight bits is the rate, counted in the weights") {
  const Zoo zoo;
  const SiteIndex sites(zoo.placement, zoo.network);
  constexpr double rate = 0.02;
  const MemoryChips chips(weights(CellFault::flip, rate), sites, zoo.placement, zoo.network);
  const Network broken = patched(zoo.network, lower(chips.chip(3), zoo.placement, zoo.network));
  int64_t bits = 0;
  int64_t flipped = 0;
  for (size_t i = 0; i < broken.layers.size(); ++i) {
    const NumberFormat format = broken.layers[i].weight_format;
    for (size_t k = 0; k < broken.layers[i].weights.size(); ++k) {
      bits += format.bits;
      flipped += __builtin_popcount(format.code(broken.layers[i].weights[k]) ^
                                    format.code(zoo.network.layers[i].weights[k]));
    }
  }
  const auto n = static_cast<double>(bits);
  CHECK(std::abs(static_cast<double>(flipped) - n * rate) < 5 * std::sqrt(n * rate * (1 - rate)));
}

TEST_CASE("stuck cells are idempotent") {
  MemorySetup s(4);
  const MemoryFaults any{{SiteKind::pe_weight}, CellFault::stuck_at_any, "cell", 0.2};
  const FaultMap map = MemoryChips(any, s.sites, s.placement, s.network).chip(1);
  const Network once = patched(s.network, lower(map, s.placement, s.network));
  CHECK(patched(once, lower(map, s.placement, once)) == once);
}

TEST_CASE("units are whole words, rows, columns and banks, and one bit of every code") {
  const Zoo zoo;
  const SiteIndex sites(zoo.placement, zoo.network);
  const auto faults_of = [&](const char* unit, int bit = -1) {
    MemoryFaults faults = weights(CellFault::stuck_at_any, 0.05);
    faults.unit = unit;
    faults.bit = bit;
    faults.part = "layer1/mvtu";
    const MemoryChips chips(faults, sites, zoo.placement, zoo.network);
    FaultMap map;
    for (uint64_t seed = 1; map.faults.empty(); ++seed) map = chips.chip(seed);
    return map.faults;
  };
  const SiteSpace& space = *sites.find(SiteKind::pe_weight, "layer1/mvtu");
  const auto [pes, addresses, lanes, bits] = space.counts;
  // Which coordinates tell units apart, and how many cells each has.
  struct Case {
    const char* unit;
    std::vector<size_t> fixed;
    int cells;
  };
  for (const Case& c :
       {Case{"word", {0, 1, 2}, bits}, Case{"row", {0, 1}, lanes * bits},
        Case{"column", {0, 2, 3}, addresses}, Case{"bank", {0}, addresses * lanes * bits}}) {
    INFO(c.unit);
    std::map<std::vector<int>, std::pair<int, std::set<int>>> units;
    for (const Fault& fault : faults_of(c.unit)) {
      std::vector<int> key;
      for (const size_t i : c.fixed) key.push_back(fault.coordinates[i]);
      ++units[key].first;
      units[key].second.insert(fault.value);
    }
    for (const auto& [key, unit] : units) {
      CHECK(unit.first == c.cells);
      CHECK(unit.second.size() == 1);
    }
  }
  for (const Fault& fault : faults_of("cell", 1)) CHECK(fault.coordinates[3] == 1);
}

TEST_CASE("what is no memory, or holds one thing after the other, is refused") {
  MemorySetup s(1, true);
  const auto refused = [&](MemoryFaults faults) {
    return test::refusal(
        [&] { MemoryChips(std::move(faults), s.sites, s.placement, s.network).chip(1); });
  };
  CHECK(refused({{SiteKind::pe_accumulator}, CellFault::stuck_at_0, "cell", 0.1})
            .find("is no memory") != std::string::npos);
  CHECK(refused({{SiteKind::buffer_activation}, CellFault::flip, "cell", 0.1})
            .find("one thing after the other") != std::string::npos);
  CHECK(refused({{SiteKind::buffer_activation}, CellFault::stuck_at_0, "cell", 0.1}) == "accepted");
  CHECK(refused({{SiteKind::buffer_activation}, CellFault::stuck_at_0, "page", 0.1}).find("page") !=
        std::string::npos);
  CHECK(
      refused({{SiteKind::buffer_activation}, CellFault::stuck_at_0, "cell", 1.1}).find("0 to 1") !=
      std::string::npos);
  CHECK(refused({{SiteKind::buffer_activation}, CellFault::stuck_at_0, "cell", 0.1, 8})
            .find("bit 8") != std::string::npos);
}

TEST_CASE("the nearest storable value is that of brute force over all codes") {
  for (const NumberFormat format : all_number_formats()) {
    int wrong = 0;
    for (uint32_t keep = 0; keep < 1u << format.bits; ++keep) {
      // Bits that are not kept are stuck at 0 or 1, in every combination of a few.
      for (const uint32_t ones : {0u, 0x55u, 0xaau, 0xffu}) {
        const uint32_t set = ones & ~keep & ((1u << format.bits) - 1);
        std::set<int> readable;
        for (uint32_t code = 0; code < 1u << format.bits; ++code) {
          uint32_t read = 0;
          for (int bit = 0; bit < format.bits; ++bit) {
            const uint32_t stored = code >> bit & 1u;
            const bool stuck = (keep >> bit & 1u) == 0;
            read |= (stuck ? set >> bit & 1u : stored) << bit;
          }
          readable.insert(format.value(read));
        }
        for (int i = 0; i<format.levels(); i += format.levels()> 16 ? 7 : 1) {
          const int value = format.level(i);
          const int found = nearest_storable(format, {keep, set, 0}, value);
          const auto nearest = std::min_element(
              readable.begin(), readable.end(),
              [&](int x, int y) { return std::abs(x - value) < std::abs(y - value); });
          wrong +=
              readable.count(found) == 1 && std::abs(found - value) == std::abs(*nearest - value)
                  ? 0
                  : 1;
        }
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("repairs: stored codes read nearer, clipped reads are levels, single errors vanish") {
  const Zoo zoo;
  const SiteIndex sites(zoo.placement, zoo.network);
  const auto effects_of = [&](const char* repair, const FaultMap& map) {
    const auto& rows = memory_repairs();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const MemoryRepair& r) {
      return r.name == std::string(repair);
    });
    return row->apply(map, zoo.placement, zoo.network);
  };
  const auto error_of = [&](const Effects& effects) {
    int64_t sum = 0;
    for (const ParameterPatch& p : effects.patches) {
      sum += std::abs(p.value -
                      zoo.network.layers[static_cast<size_t>(p.layer)].weight_row(p.row)[p.index]);
    }
    return sum;
  };
  const FaultMap map =
      MemoryChips(weights(CellFault::stuck_at_any, 0.05), sites, zoo.placement, zoo.network)
          .chip(1);
  const Effects broken = effects_of("none", map);
  CHECK(broken == lower(map, zoo.placement, zoo.network));
  CHECK(error_of(effects_of("faq", map)) < error_of(broken));
  const Effects clipped = effects_of("clip", map);
  CHECK(error_of(clipped) < error_of(broken));
  for (const ParameterPatch& p : clipped.patches) CHECK(p.value >= -1);
  // Words of 4 lanes x 2 bits: at a low rate most have one error, and those vanish.
  const FaultMap few =
      MemoryChips(weights(CellFault::flip, 0.002), sites, zoo.placement, zoo.network).chip(1);
  std::map<std::vector<int>, int> words;
  for (const Fault& f : few.faults) {
    ++words[{static_cast<int>(f.part.back()) + 1000 * f.part[5], f.coordinates[0],
             f.coordinates[1]}];
  }
  FaultMap uncorrected{few.accelerator, {}, few.accelerator_hash};
  for (const Fault& f : few.faults) {
    const int errors = words[{static_cast<int>(f.part.back()) + 1000 * f.part[5], f.coordinates[0],
                              f.coordinates[1]}];
    if (errors > 1) uncorrected.faults.push_back(f);
  }
  CHECK(uncorrected.faults.size() < few.faults.size());
  CHECK(effects_of("secded", few) == lower(uncorrected, zoo.placement, zoo.network));
}
