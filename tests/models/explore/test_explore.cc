// Foldings, depths and timings that are taken over against runs of their own.
#include <set>

#include "models/dataflow/bottleneck.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/family.h"
#include "models/dataflow/fifo_depths.h"
#include "models/dataflow/finn_resources.h"
#include "models/dataflow/foldings.h"
#include "models/dataflow/timing.h"
#include "models/dataflow/timing_cache.h"
#include "models/explore/design.h"
#include "models/loopback/family.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::explore;
using dataflow::all_foldings;
using dataflow::smallest_depths;
using dataflow::some_foldings;
using dataflow::TimingCache;
using test::Random;
using test::uniform;

namespace {

std::vector<int*> depths_of(dataflow::DataflowAccelerator& accelerator) {
  std::vector<int*> depths = {&accelerator.input_depth};
  for (auto& layer : accelerator.layers) {
    depths.push_back(&layer.out_depth);
    depths.push_back(&layer.inner_depth);
  }
  return depths;
}

/// From a run of the whole chain that nothing else has a part in.
DesignTiming timing_alone(const Network& network, const dataflow::DataflowAccelerator& accelerator,
                          int64_t images) {
  auto full = dataflow::time_images(network, accelerator, images, {.skip_periods = false});
  const std::string bottleneck = full.bottleneck;
  const auto interval = dataflow::steady_interval(network, accelerator);
  double busy = 0;
  for (const auto& m : full.modules) {
    busy = std::max(busy, static_cast<double>(m.busy_cycles) / static_cast<double>(images));
  }
  const bool waits = busy < dataflow::works_all_the_time * interval.per_image();
  for (int64_t more = images; !full.first_is_of_many; more *= 2) {
    full = dataflow::time_images(network, accelerator, more);
  }
  return {full.first_image_cycles, interval.cycles, interval.images, bottleneck, waits};
}

Design design(double fps, int64_t pes, int64_t bits, double worst) {
  Design d;
  d.name = "loopback:" + std::to_string(pes);
  d.accelerator = "{\"a\", 1}";
  d.frames_per_second = fps;
  d.pes = pes;
  d.multipliers = 8 * pes;
  d.memory_bits = bits;
  d.worst_accuracy = worst;
  return d;
}

}  // namespace

TEST_CASE("a timing that is taken over is the one that a run of its own gives") {
  int64_t taken_over = 0;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    auto accelerator = test::random_timed_dataflow(random, network);
    TimingCache cache(network, 12);
    for (int* depth : depths_of(accelerator)) *depth = uniform(random, 1, 20);
    for (int change = 0; change < 12; ++change) {
      const auto depths = depths_of(accelerator);
      *depths[static_cast<size_t>(uniform(random, 0, static_cast<int>(depths.size()) - 1))] =
          uniform(random, 1, 40);
      accelerator.clock_mhz = uniform(random, 1, 300);
      CHECK(cache.timing(accelerator) == timing_alone(network, accelerator, 12));
    }
    taken_over += cache.counts().taken_over;
    CHECK(cache.counts().simulated + cache.counts().in_part + cache.counts().taken_over == 12);
  }
  CHECK(taken_over > 20);
}

// The pipelines of all parts hold more images than a short run has: in one of 16, all results leave
// in the final drain, a cycle apart.
TEST_CASE("a pipeline that holds many images has the interval of a long run") {
  const Network network = zoo_network("tfc-w1a1");
  const auto accelerator = dataflow::parse_dataflow("auto:1", network);
  const auto run = dataflow::time_images(network, accelerator, 2000, {.skip_periods = false});
  REQUIRE(run.arrival_cycles[15] - run.arrival_cycles[14] > 1);
  const auto short_run = dataflow::time_images(network, accelerator, 16);
  REQUIRE(short_run.arrival_cycles[15] - short_run.arrival_cycles[14] == 1);
  const DesignTiming timing = TimingCache(network).timing(accelerator);
  CHECK(timing.first_image_cycles == run.first_image_cycles);
  for (const size_t image : {500, 1000}) {
    CHECK(run.arrival_cycles[image + static_cast<size_t>(timing.steady_images)] -
              run.arrival_cycles[image] ==
          timing.steady_cycles);
  }
}

// A random walk in which each step changes the folding of one layer, and now and then a depth.
TEST_CASE("a design that is run after an unchanged stream is timed as if all of it were run") {
  int64_t whole = 0, in_part = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    auto accelerator = test::random_timed_dataflow(random, network);
    for (int* depth : depths_of(accelerator)) *depth = uniform(random, 1, 40);
    TimingCache cache(network, 16);
    for (int change = 0; change < 12; ++change) {
      const auto other = test::random_timed_dataflow(random, network);
      const auto layer =
          static_cast<size_t>(uniform(random, 0, static_cast<int>(network.layers.size()) - 1));
      accelerator.layers[layer].pe = other.layers[layer].pe;
      accelerator.layers[layer].simd = other.layers[layer].simd;
      if (uniform(random, 0, 3) == 0) accelerator.layers[layer].out_depth = uniform(random, 1, 40);
      CHECK(cache.timing(accelerator) == timing_alone(network, accelerator, 16));
    }
    whole += cache.counts().simulated;
    in_part += cache.counts().in_part;
  }
  INFO(whole << " as a whole, " << in_part << " in part");
  CHECK(in_part > 200);
  CHECK(whole > 200);
}

// The same two designs in turn, each a change in one layer of the other.
TEST_CASE("histories that do not fit are dropped, and what they would have saved is run again") {
  const Network network = zoo_network("tfc-w1a1");
  const auto first = dataflow::parse_dataflow("auto:800", network);
  auto second = first;
  second.layers[network.layers.size() - 2].pe *= 2;
  for (const bool fits : {true, false}) {
    TimingCache cache(network, 16, fits ? size_t{1} << 20 : 1000);
    for (const auto& design : {first, second}) {
      CHECK(cache.timing(design) == timing_alone(network, design, 16));
    }
    CHECK(cache.counts().in_part == (fits ? 1 : 0));
    CHECK(cache.counts().simulated == (fits ? 1 : 2));
  }
}

// The last layer but one with a single PE is the slowest by far: words wait in all FIFOs before it.
TEST_CASE("a layer too slow for what comes before it has all of that run again") {
  const Network network = zoo_network("tfc-w1a1");
  auto accelerator = dataflow::parse_dataflow("auto:800", network);
  for (int* depth : depths_of(accelerator)) *depth = 64;
  TimingCache cache(network);
  const DesignTiming fast = cache.timing(accelerator);
  auto& layer = accelerator.layers[network.layers.size() - 2];
  layer.pe *= 2;
  CHECK(cache.timing(accelerator) == timing_alone(network, accelerator, 16));
  CHECK(cache.counts().in_part == 1);
  layer.pe = layer.simd = 1;
  const DesignTiming slow = cache.timing(accelerator);
  CHECK(slow == timing_alone(network, accelerator, 16));
  CHECK(slow.slower_than(fast));
  CHECK(cache.counts().in_part == 1);
  CHECK(cache.counts().simulated == 2);
}

TEST_CASE("smallest FIFO depths keep the interval, and one word less in any of them does not") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    const auto given = test::random_timed_dataflow(random, network);
    TimingCache cache(network, 12);
    auto smallest = smallest_depths(cache, given, network, 64);
    auto roomy = smallest;
    const auto streams = build_chain(given, network).streams;
    for (int* depth : depths_of(roomy)) *depth = 64;
    TimingCache fresh(network, 12);
    const DesignTiming fastest = fresh.timing(roomy);
    CHECK_FALSE(fresh.timing(smallest).slower_than(fastest));
    for (int* depth : depths_of(smallest)) {
      const auto before = build_chain(smallest, network).streams;
      if (*depth == 1) continue;
      --*depth;
      if (build_chain(smallest, network).streams != before) {
        CHECK(fresh.timing(smallest).slower_than(fastest));
      }
      ++*depth;
    }
    CHECK(dataflow::Dataflow(smallest).cost(network).memory_bits <=
          dataflow::Dataflow(roomy).cost(network).memory_bits);
  }
}

namespace {

int64_t bound_of(const dataflow::DataflowAccelerator& folding) {
  return std::stoll(folding.name.substr(std::string("auto:").size()));
}

}  // namespace

TEST_CASE("foldings become faster one by one, are legal, and are those of their frame rates") {
  const Network network = zoo_network(GENERATE("tfc-w1a1", "cnv-w1a1"), {.width = 0.25});
  const auto all = all_foldings(network);
  REQUIRE(all.size() > 5);
  for (size_t i = 0; i < all.size(); ++i) {
    validate(all[i], network);
    const int64_t bound = bound_of(all[i]);
    CHECK(slowest_layer_cycles(all[i], network, bound) == bound);
    CHECK(all[i] == dataflow::auto_dataflow(network, bound));
    if (i == 0) continue;
    CHECK(bound < bound_of(all[i - 1]));
    CHECK(slowest_layer_cycles(all[i], network) <= slowest_layer_cycles(all[i - 1], network));
    CHECK(all[i].layers != all[i - 1].layers);
    // Nothing between two neighbours: a bound in the gap gives one of both.
    for (const int64_t between : {bound_of(all[i - 1]) - 1, bound + 1}) {
      const auto layers = dataflow::auto_dataflow(network, between).layers;
      CHECK((layers == all[i].layers || layers == all[i - 1].layers));
    }
  }
  for (const auto& layer : all.front().layers) CHECK(layer.pe * layer.simd == 1);
  CHECK(dataflow::auto_dataflow(network, 1).layers == all.back().layers);
  const auto some = some_foldings(network, 3);
  REQUIRE(some.size() == 3);
  CHECK(some.front() == all.front());
  CHECK(some.back() == all.back());
}

TEST_CASE("cost of TFC, counted by hand") {
  const Network network = zoo_network("tfc-w1a1");
  auto accelerator = dataflow::auto_dataflow(network, INT64_MAX);
  const Cost sum = dataflow::Dataflow(accelerator).cost(network);
  CHECK(sum.pes == 4);
  CHECK(sum.multipliers == 4);
  int64_t bits = 784 * 64 + 64 * 64 + 64 * 64 + 64 * 10;  // binary weights
  for (int layer = 0; layer < 3; ++layer) {
    bits += int64_t{64} * threshold_bits(accelerator, network, layer);
  }
  for (const auto& stream : build_chain(accelerator, network).streams) {
    bits += int64_t{stream.depth} * stream.word_bits();
  }
  CHECK(sum.memory_bits == bits);
  // FINN's estimates with PE = SIMD = 1, one bit each: 300 + 1.1 (multiplier 2 + adders 2 +
  // accumulator 2 + log2 columns + as much for a threshold and its comparator), in whole LUTs;
  // 784 * 64 weights in memories of 16 K words.
  CHECK(sum.luts == 344 + 330 + 330 + 313);
  CHECK(sum.bram18 == 4 + 1 + 1 + 1);
  CHECK(sum.dsps == 4);
  const auto array = loopback::parse_loopback("loopback:4x8");
  CHECK(loopback::Loopback(array).cost(network) ==
        Cost{4, 32, 8 * (array.weight_buffer_bytes + 2 * array.activation_buffer_bytes)});
}

TEST_CASE("a design is beaten by one as good in everything and better in something") {
  std::vector<Design> designs = {design(100, 8, 1000, -1), design(100, 9, 1000, 50),
                                 design(90, 8, 1000, 60), design(200, 16, 900, 40),
                                 design(100, 8, 1000, 55)};
  mark_pareto(designs);  // one was not examined: accuracy does not count; equals beat no equals
  std::vector<bool> pareto;
  for (const Design& d : designs) pareto.push_back(d.pareto);
  CHECK(pareto == std::vector<bool>{true, false, false, true, true});
  designs.erase(designs.begin());
  mark_pareto(designs);
  pareto.clear();
  for (const Design& d : designs) pareto.push_back(d.pareto);
  CHECK(pareto == std::vector<bool>{false, true, true, true});
}

TEST_CASE("FINN's estimates of a matrix-vector unit, by hand") {
  // CNV's second layer as BNN-PYNQ has it: 576 x 64, PE 32, SIMD 32, one bit.
  const dataflow::MvauShape m{64, 576, 32, 32, 1, 1, 1};
  // 64 for the multipliers, 126 for the tree, 12 for the accumulator, 12 + 12 for the thresholds.
  CHECK(dataflow::finn_luts(m) == static_cast<int64_t>(300 + 1.1 * 32 * (64 + 126 + 12 + 24)));
  // 36 words of 1024 bits: 29 memories of 512 x 36.
  CHECK(dataflow::finn_bram18(m) == 29);
  CHECK(dataflow::finn_dsps(m) == 1024);
  // Deep memories: 18 bits a word, 1024 words.
  CHECK(dataflow::finn_bram18({512, 4608, 8, 8, 1, 1, 1}) == 36 * 4);
  CHECK(dataflow::finn_bram18({64, 64, 1, 2, 1, 1, 1}) == 1);
  CHECK(dataflow::finn_bram18({512, 512, 2, 4, 1, 1, 1}) == 16);
  // Two bits of activation: three thresholds.
  const dataflow::MvauShape two{64, 64, 16, 1, 1, 2, 2};
  CHECK(dataflow::finn_luts(two) == static_cast<int64_t>(300 + 1.1 * 16 * (3 + 3 + 9 + 54)));
}

TEST_CASE("designs with as many multipliers take as much, whatever their PEs") {
  std::vector<Design> designs = {design(100, 1, 1000, -1), design(100, 8, 1000, -1)};
  designs[0].multipliers = designs[1].multipliers = 256;
  mark_pareto(designs);
  CHECK(designs[0].pareto);
  CHECK(designs[1].pareto);
  designs[1].multipliers = 255;
  mark_pareto(designs);
  CHECK_FALSE(designs[0].pareto);
}

TEST_CASE("an exploration reads back, and a damaged file is refused") {
  const test::TemporaryFolder folder;
  Exploration exploration{"0.1", "tfc-w1a1", std::string(64, 'a'), "{}", {}};
  exploration.designs = {design(100, 8, 1000, -1), design(100.5, 9, 1000, 50)};
  mark_pareto(exploration.designs);
  write_exploration(folder / "e.h5", exploration);
  CHECK(read_exploration(folder / "e.h5") == exploration);
  const std::string good = test::read_bytes(folder / "e.h5");
  Random random(3);
  for (int trial = 0; trial < 60; ++trial) {
    test::write_bytes(folder / "bad.h5", test::damaged(good, random));
    try {
      (void)read_exploration(folder / "bad.h5");
    } catch (const InputError&) {
      // Refused; anything else would end the test.
    }
  }
  exploration.designs[1].frames_per_second = 0;
  write_exploration(folder / "zero.h5", exploration);
  CHECK_THAT(test::refusal([&] { read_exploration(folder / "zero.h5"); }),
             Catch::Contains("frames per second"));
  const std::string csv = designs_csv(exploration.designs);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
}
