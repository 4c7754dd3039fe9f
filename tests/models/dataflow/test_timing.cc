// The timing-only engine against the SystemC run, skipped periods against full runs, and the
// schedule's queries against each other.
#include "models/dataflow/simulation.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/models/dataflow/timing_text.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::in_child;
using stuckat::test::Random;
using stuckat::test::text;
using stuckat::test::uniform;

namespace {

/// "" if engine and SystemC run agree in everything both know.
std::string compare_with_systemc(uint64_t seed) {
  Random random(seed);
  const Network network = test::random_network(random);
  DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
  if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
  std::vector<Tensor> images;
  for (int i = uniform(random, 1, 5); i > 0; --i) {
    images.push_back(test::random_image(random, network));
  }
  const DataflowResult run = simulate(network, accelerator, {}, images);
  const auto count = static_cast<int64_t>(images.size());
  const DataflowTiming timing = time_images(network, accelerator, count);
  if (text(run) != text(timing)) return "SystemC:\n" + text(run) + "engine:\n" + text(timing);
  return {};
}

}  // namespace

TEST_CASE("timing_alone_equals_the_systemc_run_in_every_statistic") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    REQUIRE(in_child([&] { return compare_with_systemc(seed); }) == "");
  }
}

/// All but how the run was shortened.
void require_same_cycles(DataflowTiming fast, const DataflowTiming& full) {
  fast.steady = full.steady;
  fast.images_simulated = full.images_simulated;
  REQUIRE(text(fast) == text(full));
  REQUIRE(fast == full);
}

TEST_CASE("skipped_periods_change_nothing") {
  int skipped = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
    const int images = uniform(random, 1, 150);
    const DataflowTiming fast = time_images(network, accelerator, images);
    const DataflowTiming full =
        time_images(network, accelerator, images, {.skip_periods = false, .occupancy = true});
    skipped += fast.images_simulated < images ? 1 : 0;
    if (fast.steady.images > 0) {
      const auto at = [&](int64_t image) {
        return full.arrival_cycles[static_cast<size_t>(image) - 1];
      };
      CHECK(at(fast.steady.image) - at(fast.steady.image - fast.steady.images) ==
            fast.steady.cycles);
    }
    require_same_cycles(fast, full);
  }
  CHECK(skipped > 40);
}

// Whatever state a run starts in, it comes to the same rate; and the first image of a run is that
// of a longer one if it arrived before the end.
TEST_CASE("the_steady_interval_is_that_of_a_long_run") {
  int reached = 0, told_first = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    if (seed % 2 == 0) accelerator.latency.mvtu = uniform(random, 1, 300);
    if (seed % 8 == 1) test::draw_rtl_parts(random, network, accelerator);
    for (LayerParams& p : accelerator.layers) {
      if (seed % 3 == 0) p.out_depth = uniform(random, 1, 200);
    }
    const auto run = time_images(network, accelerator, 3000, {.occupancy = false});
    const auto few = time_images(network, accelerator, uniform(random, 1, 40));
    if (few.first_is_of_many) CHECK(few.first_image_cycles == run.first_image_cycles);
    told_first += few.first_is_of_many ? 1 : 0;
    if (run.steady.images == 0) continue;
    ++reached;
    const Interval from_run = steady_interval(network, accelerator, run.steady);
    const Interval interval = steady_interval(network, accelerator);
    CHECK(interval.cycles == from_run.cycles);
    CHECK(interval.images == from_run.images);
  }
  CHECK(reached > 380);
  CHECK(told_first > 100);
}

// Published foldings whose fast layers fill the FIFOs before the slow ones over hundreds of images,
// so that parts of an image move at paces of their own.
TEST_CASE("images_skipped_while_fifos_fill_change_nothing") {
  int64_t skipped = 0;
  for (const Discipline discipline : {Discipline::stalling, Discipline::flushing}) {
    for (const bool occupancy : {true, false}) {
      INFO((discipline == Discipline::stalling ? "stalling" : "flushing") << occupancy);
      const Network network = zoo_network("cnv-w1a1");
      DataflowAccelerator accelerator = parse_dataflow("bnn-pynq-cnv-w1a1", network);
      accelerator.discipline = discipline;
      constexpr int images = 160;
      const DataflowTiming fast =
          time_images(network, accelerator, images, {.occupancy = occupancy});
      const DataflowTiming full = time_images(network, accelerator, images,
                                              {.skip_periods = false, .occupancy = occupancy});
      skipped += images - fast.images_simulated;
      require_same_cycles(fast, full);
    }
  }
  CHECK(skipped > 150);
}

TEST_CASE("a_schedule_with_skipped_periods_is_the_one_without") {
  int skipped = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
    const int images = uniform(random, 20, 60);
    const DataflowSchedule fast(network, accelerator, images);
    const DataflowSchedule full(network, accelerator, images, {.skip_periods = false});
    skipped += fast.timing().images_simulated < images ? 1 : 0;
    CHECK(full.timing().images_simulated == images);
    for (int part = 0; part < static_cast<int>(fast.timing().modules.size()); ++part) {
      for (int64_t image = 0; image < images; ++image) {
        const int64_t steps = fast.steps_per_image(part);
        for (int64_t step = 0; step < steps; step += uniform(random, 1, 7)) {
          const int64_t cycle = full.cycle_of(part, image, step);
          if (fast.cycle_of(part, image, step) != cycle) FAIL("part " << part);
          const auto a = fast.step_at(part, cycle - 1), b = full.step_at(part, cycle - 1);
          const bool same =
              a.has_value() == b.has_value() &&
              (!a || (a->image == b->image && a->step == b->step && a->busy == b->busy));
          if (!same) FAIL("part " << part << " before cycle " << cycle);
        }
      }
    }
    for (int stream = 0; stream < static_cast<int>(fast.timing().streams.size()); ++stream) {
      const int depth = fast.timing().streams[static_cast<size_t>(stream)].depth;
      for (int probe = 0; probe < 200 && depth > 0; ++probe) {
        const int slot = uniform(random, 0, depth - 1);
        const int cycle = uniform(random, 0, static_cast<int>(full.timing().total_cycles));
        if (fast.word_in(stream, slot, cycle) != full.word_in(stream, slot, cycle)) {
          FAIL("stream " << stream << " slot " << slot << " cycle " << cycle);
        }
      }
    }
  }
  CHECK(skipped > 5);
}

TEST_CASE("occupancies_of_a_stream_add_up_to_the_run") {
  Random random(3);
  for (int i = 0; i < 50; ++i) {
    const Network network = test::random_network(random);
    const DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    const DataflowTiming t = time_images(network, accelerator, uniform(random, 1, 40));
    for (const StreamStatistics& s : t.streams) {
      REQUIRE(static_cast<int>(s.cycles_at.size()) == s.high_water + 1);
      int64_t sum = 0;
      for (const int64_t cycles : s.cycles_at) sum += cycles;
      CHECK(sum == t.total_cycles);
      CHECK(s.cycles_at.back() > 0);
    }
    for (const ModuleStatistics& m : t.modules) {
      CHECK(m.total_cycles() == t.total_cycles);
      CHECK(std::min({m.busy_cycles, m.starved_cycles, m.blocked_cycles, m.idle_cycles}) >= 0);
    }
  }
}

TEST_CASE("every_step_is_found_in_the_cycle_in_which_it_starts") {
  int64_t steps = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
    const int images = uniform(random, 1, 60);
    const DataflowSchedule schedule(network, accelerator, images);
    const DataflowTiming& t = schedule.timing();
    for (int part = 0; part < static_cast<int>(t.modules.size()); ++part) {
      int64_t before = -1;
      for (int64_t image = 0; image < images; ++image) {
        for (int64_t step = 0; step < schedule.steps_per_image(part); ++step) {
          const int64_t cycle = schedule.cycle_of(part, image, step);
          const auto at = schedule.step_at(part, cycle);
          const bool found = cycle > before && at.has_value() && at->busy && at->image == image &&
                             at->step == step;
          if (!found) FAIL(t.modules[static_cast<size_t>(part)].name << " step " << step);
          before = cycle;
          ++steps;
        }
      }
    }
  }
  CHECK(steps > 0);
}
