// The recurrences against ticked twins: parts one by one between a source and a sink that stall at
// random, and whole accelerators. (test_timing.cc: the same recurrences against the SystemC run.)

#include "models/dataflow/timed_part.h"
#include "models/dataflow/timing.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/models/dataflow/ticked_part.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using stuckat::test::Random;
using stuckat::test::ticked_part;
using stuckat::test::TickedFifo;
using stuckat::test::TickedPart;
using stuckat::test::uniform;

namespace {

/// The earliest cycle for each word of a source or a sink.
std::vector<int64_t> random_stalls(Random& random, int64_t words) {
  const int rate = uniform(random, 0, 4);
  std::vector<int64_t> ready;
  int64_t cycle = uniform(random, 0, 20);
  for (int64_t n = 0; n < words; ++n) {
    if (uniform(random, 0, 9) < rate) cycle += uniform(random, 0, 30);
    ready.push_back(cycle);
  }
  return ready;
}

struct Scene {
  Chain chain;
  DataflowAccelerator accelerator;
  Network network;
  size_t stage;
  int images;
  int in_depth, out_depth;
  std::vector<int64_t> source, sink;
};

Scene random_scene(Random& random) {
  Scene s;
  s.network = test::random_network(random);
  s.accelerator = test::random_dataflow(random, s.network);
  s.chain = build_chain(s.accelerator, s.network);
  s.stage = static_cast<size_t>(uniform(random, 1, static_cast<int>(s.chain.stages.size()) - 2));
  s.images = uniform(random, 1, 3);
  s.in_depth = uniform(random, 1, 5);
  s.out_depth = uniform(random, 1, 5);
  s.source = random_stalls(random, s.images * s.chain.streams[s.stage - 1].words_per_image);
  s.sink = random_stalls(random, s.images * s.chain.streams[s.stage].words_per_image);
  return s;
}

struct Outcome {
  std::vector<int64_t> starts;    // of steps
  std::vector<int64_t> arrivals;  // at the sink
  int in_high = 0, out_high = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome ticked(const Scene& s) {
  TickedPart part = ticked_part(s.chain, s.stage, s.accelerator, s.network, s.images);
  TickedFifo in(s.in_depth), out(s.out_depth);
  Outcome outcome;
  size_t sent = 0;
  for (int64_t cycle = 0; !part.done() || outcome.arrivals.size() < s.sink.size(); ++cycle) {
    REQUIRE(cycle < 1000000);
    if (sent < s.source.size() && cycle >= s.source[sent] && in.ready()) {
      in.pushed = true;
      ++sent;
    }
    part.tick(cycle, &in, &out);
    const size_t received = outcome.arrivals.size();
    if (received < s.sink.size() && cycle >= s.sink[received] && out.valid()) {
      out.popped = true;
      outcome.arrivals.push_back(cycle);
    }
    in.tick();
    out.tick();
  }
  outcome.starts = part.starts;
  outcome.in_high = in.high_water;
  outcome.out_high = out.high_water;
  return outcome;
}

Outcome stamped(const Scene& s) {
  const LoopProgram program = loop_programs(s.chain, s.accelerator, s.network)[s.stage];
  TimedFifo in(s.in_depth), out(s.out_depth);
  const int64_t images = s.images;
  TimedPart part(program, &in, &out, &images, &images);
  StepRecord steps;
  part.record(&steps);
  Outcome outcome;
  size_t sent = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (; sent < s.source.size() && in.slots() > 0; ++sent, moved = true) {
      const int64_t ready = std::max(s.source[sent], in.last_push() + 1);
      in.push(std::max(ready, in.slot_free()));
    }
    in.settle();
    const int64_t before = part.busy() + out.pushed();
    part.advance();
    moved |= part.busy() + out.pushed() != before;
    in.settle();
    out.settle();
    for (; out.words() > 0; moved = true) {
      const int64_t ready = std::max(s.sink[outcome.arrivals.size()], out.last_pop() + 1);
      const int64_t cycle = std::max(ready, out.visible());
      out.pop(cycle);
      outcome.arrivals.push_back(cycle);
    }
    out.settle();
  }
  const int64_t per_image = program.cycles_per_image();
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t step = 0; step < program.steps_per_image(); ++step) {
      outcome.starts.push_back(steps.cycle_of(image * per_image + step));
    }
  }
  in.settle_until(0);
  out.settle_until(0);
  outcome.in_high = in.high_water();
  outcome.out_high = out.high_water();
  return outcome;
}

}  // namespace

TEST_CASE("each_part_equals_its_ticked_twin_between_ends_that_stall_at_random") {
  std::vector<int> seen(7);
  for (uint64_t seed = 0; seed < 600; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Scene scene = random_scene(random);
    const StageSpec& stage = scene.chain.stages[scene.stage];
    INFO(stage.name);
    ++seen[static_cast<size_t>(stage.kind)];
    const Outcome expected = ticked(scene), got = stamped(scene);
    REQUIRE(got.arrivals == expected.arrivals);
    REQUIRE(got.starts == expected.starts);
    REQUIRE(got == expected);
  }
  for (const StageKind kind : {StageKind::width_converter, StageKind::padding,
                               StageKind::sliding_window, StageKind::mvtu, StageKind::max_pool}) {
    CHECK(seen[static_cast<size_t>(kind)] > 10);
  }
}

TEST_CASE("whole_accelerators_equal_their_ticked_twins_in_cycles_and_occupancies") {
  for (uint64_t seed = 5000; seed < 5040; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    const DataflowAccelerator accelerator = test::random_dataflow(random, network);
    const Chain chain = build_chain(accelerator, network);
    const int images = uniform(random, 1, 8);
    const DataflowTiming timing = time_images(network, accelerator, images);

    std::vector<TickedPart> parts;
    std::vector<TickedFifo> fifos;
    for (const StreamSpec& stream : chain.streams) fifos.emplace_back(stream.depth);
    for (size_t i = 0; i < chain.stages.size(); ++i) {
      parts.push_back(ticked_part(chain, i, accelerator, network, images));
    }
    for (int64_t cycle = 0; cycle < timing.total_cycles; ++cycle) {
      for (size_t i = 0; i < parts.size(); ++i) {
        parts[i].tick(cycle, i > 0 ? &fifos[i - 1] : nullptr,
                      i < fifos.size() ? &fifos[i] : nullptr);
      }
      for (TickedFifo& fifo : fifos) fifo.tick();
    }
    for (const TickedPart& part : parts) REQUIRE(part.done());
    const auto words = static_cast<size_t>(chain.streams.back().words_per_image);
    for (size_t i = 0; i < static_cast<size_t>(images); ++i) {
      REQUIRE(parts.back().starts[(i + 1) * words - 1] + 1 == timing.arrival_cycles[i]);
    }
    const DataflowSchedule schedule(network, accelerator, images);
    for (size_t i = 0; i < parts.size(); ++i) {
      const int part = static_cast<int>(i);
      const int64_t steps = schedule.steps_per_image(part);
      for (size_t n = 0; n < parts[i].starts.size(); ++n) {
        const auto step = static_cast<int64_t>(n);
        const int64_t cycle = schedule.cycle_of(part, step / steps, step % steps);
        if (cycle != parts[i].starts[n]) FAIL(chain.stages[i].name << " step " << n);
      }
    }
    for (size_t i = 0; i < fifos.size(); ++i) {
      INFO(chain.streams[i].name);
      fifos[i].cycles_at.resize(static_cast<size_t>(fifos[i].high_water) + 1);
      REQUIRE(timing.streams[i].high_water == fifos[i].high_water);
      REQUIRE(timing.streams[i].cycles_at == fifos[i].cycles_at);
    }
  }
}
