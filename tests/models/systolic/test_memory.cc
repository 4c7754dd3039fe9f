// Off-chip memory of systolic arrays: the plan's cycles against a machine that is ticked and
// against the SystemC run; what lies in memory is what comes out of it.
#include "faultmaps/fault_map.h"
#include "faultmaps/lower.h"
#include "faultmaps/weight_memory.h"
#include "models/memory/stored_tensor.h"
#include "models/systolic/family.h"
#include "models/systolic/simulation.h"
#include "models/systolic/stored_tiles.h"
#include "tests/models/systolic/ticked_systolic.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "tests/support/random_systolic.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::systolic;
using stuckat::test::Random;
using stuckat::test::uniform;

namespace {

const char* const all_schedules[] = {"ws-double-buffered", "ws-overlapped", "ws-serial",
                                     "os-drain",           "os-multiply",   "is-serial"};

SystolicAccelerator random_array(Random& random, const std::string& schedule) {
  SystolicAccelerator a = stuckat::test::random_systolic(random, schedule);
  a.memory = stuckat::test::random_memory(random);
  return a;
}

Network random_workload(Random& random) {
  return uniform(random, 0, 1) == 0 ? stuckat::test::random_network(random)
                                    : stuckat::test::random_graph(random);
}

}  // namespace

TEST_CASE("every cycle of an array with off-chip memory is that of the ticked machine") {
  int64_t waiting = 0, unhindered = 0;
  for (uint64_t seed = 0; seed < 240; ++seed) {
    Random random(seed);
    const Network network = random_workload(random);
    const auto a = random_array(random, all_schedules[seed % std::size(all_schedules)]);
    INFO("seed " << seed << " " << to_json(a));
    const Plan plan = make_plan(a, network);
    stuckat::systolic::test::TickedSystolic ticked(
        a, network, memory::tensor_bytes(network, 0),
        memory::tensor_bytes(network, network.tensors() - 1));
    ticked.run();
    for (const LayerPlan& layer : plan.layers) {
      REQUIRE(layer.cycles.total() == ticked.layer_cycles[static_cast<size_t>(layer.layer)]);
      (layer.cycles.waiting > 0 ? waiting : unhindered) += 1;
    }
    REQUIRE(plan.image_cycles == ticked.cycles);
  }
  CHECK(waiting > 100);
  CHECK(unhindered > 100);
}

TEST_CASE("the simulation takes the cycles of the plan, layer by layer, and says what waits") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Network network = random_workload(random);
    const Systolic array(random_array(random, all_schedules[seed % 5]));
    INFO("seed " << seed << " " << array.json(network));
    const auto images = std::vector<Tensor>(3, stuckat::test::random_image(random, network));
    const SimulationResult timed = array.time(network, 3);
    CHECK(stuckat::test::in_child([&]() -> std::string {
            const auto run = array.simulate(network, {"systolic:random", {}}, images, {});
            std::string text;
            if (run.layers != timed.layers) text += "layers differ ";
            if (run.modules != timed.modules) text += "modules differ ";
            if (run.total_cycles != timed.total_cycles) text += "cycles differ ";
            if (run.first_image_cycles != timed.first_image_cycles) text += "first image differs ";
            if (run.modules.front().total_cycles() != run.total_cycles) text += "no sum ";
            return text;
          }) == "");
  }
}

TEST_CASE("memory that is fast enough costs the image, the result and the first tile alone") {
  const Network network = zoo_network("cnv-w1a1");
  SystolicAccelerator a = parse_systolic("systolic:32x32");
  const Plan without = make_plan(a, network);
  a.memory = memory::MemoryParams{65536, 0, 1 << 20, 1};
  const Plan with = make_plan(a, network);
  CHECK(without.load_cycles == 0);
  // Of 9 transfers of a cycle each, the first weights are waited for; all others come meanwhile.
  CHECK(with.image_cycles == without.image_cycles + 3);
  a.memory = memory::MemoryParams{};
  const Plan standard = make_plan(a, network);
  CHECK(standard.layers.back().cycles.waiting > 0);  // dense: a vector for each tile of weights
  CHECK(standard.image_cycles > with.image_cycles);
  CHECK(parse_systolic("systolic:32x32:memory").memory == a.memory);
  // Four tiles of 32x32 weights of a bit, some of them with the thresholds of 32 channels.
  const auto bits = [&](const char* name) { return Systolic(parse_systolic(name)).cost(network); };
  const int64_t waiting =
      bits("systolic:32x32:memory").memory_bits - bits("systolic:32x32").memory_bits;
  CHECK(waiting >= 4 * 32 * 32);
  CHECK(waiting < 4 * 32 * (32 + 32));
}

TEST_CASE("weights and thresholds come out of memory as they went in") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Network network = random_workload(random);
    const auto a = random_array(random, all_schedules[seed % std::size(all_schedules)]);
    const auto bytes = stored_tiles(a, network);
    Network read = network;
    for (Layer& layer : read.layers) {
      std::fill(layer.weights.begin(), layer.weights.end(), int8_t{1});
      if (layer.has_weights()) std::fill(layer.thresholds.begin(), layer.thresholds.end(), 0);
    }
    int64_t end = 0;
    for (const LayerPlan& layer : make_plan(a, network).layers) {
      for (const WeightTile& tile : layer.weights) {
        REQUIRE(tile.offset == end);
        end += tile.bytes;
        load_tile(tile, {bytes.begin() + tile.offset, bytes.begin() + end},
                  read.layers[static_cast<size_t>(layer.layer)]);
      }
    }
    INFO("seed " << seed);
    REQUIRE(end == static_cast<int64_t>(bytes.size()));
    for (size_t l = 0; l < network.layers.size(); ++l) {
      CHECK(read.layers[l].weights == network.layers[l].weights);
      CHECK(read.layers[l].thresholds == network.layers[l].thresholds);
    }
  }
}

namespace {

/// The network that bytes hold.
Network network_in(const std::vector<uint8_t>& bytes, const SystolicAccelerator& a,
                   const Network& network) {
  Network read = network;
  for (const LayerPlan& layer : make_plan(a, network).layers) {
    for (const WeightTile& tile : layer.weights) {
      const auto first = bytes.begin() + tile.offset;
      load_tile(tile, {first, first + tile.bytes}, read.layers[static_cast<size_t>(layer.layer)]);
    }
  }
  return read;
}

}  // namespace

TEST_CASE("a broken bit of memory is what the bytes say, and no other parameter") {
  int weights = 0, thresholds = 0, padding = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Network network = random_workload(random);
    const auto a = random_array(random, all_schedules[seed % std::size(all_schedules)]);
    const Placement placement = place(a, network);
    const auto written = stored_tiles(a, network);
    const WeightMemory memory = weight_memory_of(placement.others.at(1));
    REQUIRE(memory.bytes == static_cast<int>(written.size()));
    CHECK(weight_memory_part(memory) == placement.others.at(1));
    const SiteRow& row = site_row(weight_memory_kinds().parameter);
    for (int i = 0; i < 60; ++i) {
      const int address = uniform(random, 0, memory.bytes - 1);
      const int bit = uniform(random, 0, 7);
      const int one = written[static_cast<size_t>(address)] >> bit & 1;
      auto broken = written;
      broken[static_cast<size_t>(address)] ^= static_cast<uint8_t>(1 << bit);
      const Network read = network_in(broken, a, network);
      FaultMap map{placement.accelerator, {{row.kind, memory.name, {address, bit, 0, 0}, 1 - one}}};
      INFO("seed " << seed << " " << name(map.faults.front()));
      validate(map, placement, network, "test");
      const Effects effects = lower(map, placement, network);
      Network patched = network;
      for (const ParameterPatch& patch : effects.patches) {
        apply_patch(patch, patched.layers[static_cast<size_t>(patch.layer)]);
        (patch.is_threshold ? thresholds : weights) += 1;
      }
      CHECK(effects.size() == effects.patches.size());
      CHECK(effects.size() <= 1);
      padding += effects.empty() ? 1 : 0;
      for (size_t l = 0; l < network.layers.size(); ++l) {
        CHECK(patched.layers[l].weights == read.layers[l].weights);
        CHECK(patched.layers[l].thresholds == read.layers[l].thresholds);
      }
      // What is stuck at what it stores is no fault, and the bit is where the row says.
      map.faults.front().value = one;
      CHECK(lower(map, placement, network).empty());
      row.parameters->bits(placement, network, map.faults.front(), 0, [&](const StoredBit& b) {
        CHECK(b.is_padding == effects.empty());
        if (b.is_padding) return;
        const Layer& layer = network.layer(b.layer);
        const auto code = b.is_threshold
                              ? static_cast<uint32_t>(layer.threshold_row(b.row)[b.index])
                              : layer.weight_format.code(layer.weight_row(b.row)[b.index]);
        CHECK(static_cast<int>(code >> b.bit & 1u) == one);
      });
    }
  }
  CHECK(weights > 300);
  CHECK(thresholds > 300);
  CHECK(padding > 100);
}

TEST_CASE("bits of one parameter of memory that are stuck act together") {
  const Network network = zoo_network("tfc-w2a2");
  const SystolicAccelerator a = parse_systolic("systolic:8x8:memory");
  const Placement placement = place(a, network);
  // The first weight: both bits of its code; the weight after it has the next two.
  const auto read_as = [&](int low, int high) {
    const SiteKind kind = weight_memory_kinds().parameter;
    FaultMap map{placement.accelerator,
                 {{kind, "weights", {0, 0, 0, 0}, low}, {kind, "weights", {0, 1, 0, 0}, high}}};
    validate(map, placement, network, "test");
    const Effects effects = lower(map, placement, network);
    const int stored = network.layers.front().weights.front();
    return effects.empty() ? stored : effects.patches.at(0).value;
  };
  CHECK(read_as(0, 0) == 0);
  CHECK(read_as(1, 0) == 1);
  CHECK(read_as(0, 1) == -2);  // what no quantizer emits
  CHECK(read_as(1, 1) == -1);
}
