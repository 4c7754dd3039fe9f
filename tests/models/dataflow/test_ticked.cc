// The recurrences against ticked twins: parts one by one between a source and a sink that stall at
// random, and whole accelerators. (test_timing.cc: the same recurrences against the SystemC run.)
#include <map>

#include "models/dataflow/timed_part.h"
#include "models/dataflow/timing.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/models/dataflow/random_window.h"
#include "tests/models/dataflow/rtl_bench.h"
#include "tests/models/dataflow/ticked_rtl.h"
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

/// What is before a part and after it.
struct StreamEnds {
  int images;
  int in_depth, out_depth;
  std::vector<int64_t> source, sink;
};

struct Scene {
  Chain chain;
  DataflowAccelerator accelerator;
  Network network;
  size_t stage;
  StreamEnds ends;
};

StreamEnds random_ends(Random& random, int least_depth, int64_t words_read, int64_t words_written) {
  StreamEnds e;
  e.images = uniform(random, 1, 3);
  e.in_depth = uniform(random, least_depth, 5);
  e.out_depth = uniform(random, least_depth, 5);
  e.source = random_stalls(random, e.images * words_read);
  e.sink = random_stalls(random, e.images * words_written);
  return e;
}

Scene random_scene(Random& random) {
  Scene s;
  s.network = test::random_network(random);
  s.accelerator = test::random_timed_dataflow(random, s.network);
  test::draw_rtl_parts(random, s.network, s.accelerator);
  s.chain = build_chain(s.accelerator, s.network);
  s.stage = static_cast<size_t>(uniform(random, 1, static_cast<int>(s.chain.stages.size()) - 2));
  s.ends = random_ends(random, s.accelerator.discipline == Discipline::flushing ? 0 : 1,
                       s.chain.streams[s.stage - 1].words_per_image,
                       s.chain.streams[s.stage].words_per_image);
  return s;
}

std::unique_ptr<TickedPart> twin_of(const PartProgram& program, int images) {
  if (const auto* window = std::get_if<RtlWindowProgram>(&program)) {
    return std::make_unique<test::TickedWindow>(window->shape, images);
  }
  if (const auto* mvu = std::get_if<RtlMvuShape>(&program)) {
    return std::make_unique<test::TickedMvu>(*mvu, images);
  }
  if (const auto* narrowing = std::get_if<RtlNarrowingShape>(&program)) {
    return std::make_unique<test::TickedNarrowing>(*narrowing, images);
  }
  const auto& loop = std::get<LoopProgram>(program);
  return std::make_unique<test::TickedThresholding>(loop.latency_steps - 2,
                                                    images * loop.words_read_per_image());
}

const char* kind_of(const PartProgram& program) {
  if (const auto* loop = std::get_if<LoopProgram>(&program)) {
    return loop->side_register ? " with a side register" : " loop";
  }
  if (const auto* mvu = std::get_if<RtlMvuShape>(&program)) {
    return mvu->neuron_fold == 1 ? " mvu of one fold" : " mvu";
  }
  return std::holds_alternative<RtlWindowProgram>(program) ? " window" : " narrowing";
}

struct Outcome {
  std::vector<int64_t> starts;    // of steps
  std::vector<int64_t> arrivals;  // at the sink
  int in_high = 0, out_high = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome ticked(TickedPart* part, const StreamEnds& s) {
  TickedFifo in(s.in_depth), out(s.out_depth);
  Outcome outcome;
  size_t sent = 0;
  for (int64_t cycle = 0; !part->done() || outcome.arrivals.size() < s.sink.size(); ++cycle) {
    REQUIRE(cycle < 1000000);
    const size_t received = outcome.arrivals.size();
    const bool sends = sent < s.source.size() && cycle >= s.source[sent];
    const bool takes = received < s.sink.size() && cycle >= s.sink[received];
    if (!in.is_wire() && sends && in.ready()) {
      in.pushed = true;
      ++sent;
    }
    part->tick(cycle, in.is_wire() ? sends : in.valid(), out.is_wire() ? takes : out.ready(), &in,
               &out);
    if (in.is_wire() && in.popped) ++sent;
    if (out.is_wire() ? out.pushed : takes && out.valid()) {
      out.popped = true;
      outcome.arrivals.push_back(cycle);
    }
    in.tick();
    out.tick();
  }
  outcome.starts = part->starts;
  outcome.in_high = in.high_water;
  outcome.out_high = out.high_water;
  return outcome;
}

Outcome stamped(const PartProgram& program, const StreamEnds& s) {
  TimedFifo in(s.in_depth), out(s.out_depth);
  const int64_t images = s.images;
  const auto timed = timed_part(program, &in, &out, &images, &images);
  TimedPart& part = *timed;
  StepRecord steps;
  part.record(&steps);
  Outcome outcome;
  size_t sent = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (; sent < s.source.size() && in.has_room(); ++sent, moved = true) {
      if (in.is_wire()) {
        in.offer(std::max(s.source[sent], in.last_pop() + 1));
        continue;
      }
      const int64_t ready = std::max(s.source[sent], in.last_push() + 1);
      in.push(std::max(ready, in.slot_free()));
    }
    in.settle();
    const auto done = [&] { return part.steps() + out.words() + in.popped(); };
    const int64_t before = done();
    part.advance();
    moved |= done() != before;
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
  const int64_t per_image = counted_steps_per_image(program);
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t step = 0; step < steps_per_image(program); ++step) {
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
  std::map<std::string, int> seen;  // by kind of part, and how it is built
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Scene scene = random_scene(random);
    const StageSpec& stage = scene.chain.stages[scene.stage];
    INFO(stage.name);
    const auto programs = part_programs(scene.chain, scene.accelerator, scene.network);
    ++seen[std::to_string(static_cast<int>(stage.kind)) + kind_of(programs[scene.stage])];
    const auto twin =
        ticked_part(scene.chain, scene.stage, scene.accelerator, scene.network, scene.ends.images);
    const Outcome expected = ticked(twin.get(), scene.ends);
    const Outcome got = stamped(programs[scene.stage], scene.ends);
    REQUIRE(got.arrivals == expected.arrivals);
    REQUIRE(got.starts == expected.starts);
    REQUIRE(got == expected);
  }
  for (const auto& [kind, of] : std::initializer_list<std::pair<StageKind, const char*>>{
           {StageKind::width_converter, " loop"},
           {StageKind::width_converter, " with a side register"},
           {StageKind::width_converter, " narrowing"},
           {StageKind::padding, " loop"},
           {StageKind::padding, " with a side register"},
           {StageKind::sliding_window, " loop"},
           {StageKind::sliding_window, " window"},
           {StageKind::mvtu, " loop"},
           {StageKind::mvtu, " mvu"},
           {StageKind::mvtu, " mvu of one fold"},
           {StageKind::thresholding, " loop"},
           {StageKind::max_pool, " loop"}}) {
    INFO(static_cast<int>(kind) << of);
    CHECK(seen[std::to_string(static_cast<int>(kind)) + of] > 10);
  }
}

// Beyond what random networks have: kernels to 5x5, strides to 4, images that no stride divides.
TEST_CASE("windows_and_mvus_in_rtl_of_any_shape_equal_their_ticked_twins") {
  int strided = 0, wide = 0, wires = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    PartProgram program;
    if (seed % 2 == 0) {
      const WindowShape shape = test::random_window(random);
      if (!shape.fits_ring()) continue;
      strided += shape.stride > 1 ? 1 : 0;
      wide += shape.kernel > 3 ? 1 : 0;
      program = RtlWindowProgram{shape};
    } else {
      program = RtlMvuShape{uniform(random, 1, 40), uniform(random, 1, 6), uniform(random, 1, 12),
                            uniform(random, 2, 12)};
    }
    const StreamEnds ends =
        random_ends(random, 0, words_read_per_image(program), words_written_per_image(program));
    wires += ends.in_depth == 0 || ends.out_depth == 0 ? 1 : 0;
    const Outcome expected = ticked(twin_of(program, ends.images).get(), ends);
    const Outcome got = stamped(program, ends);
    REQUIRE(got.arrivals == expected.arrivals);
    REQUIRE(got == expected);
  }
  CHECK(strided > 60);
  CHECK(wide > 40);
  CHECK(wires > 60);
}

namespace {

/// One layer after the other: window, MVU and thresholding, of any shape that what is in front
/// allows; one to three of them.
test::RtlBench random_layers(Random& random) {
  test::RtlBench bench{{}, {uniform(random, 0, 4)}, uniform(random, 1, 3)};
  const auto add = [&](const PartProgram& program) {
    bench.programs.push_back(program);
    bench.depths.push_back(uniform(random, 0, 4));
  };
  int size = uniform(random, 5, 12), words = uniform(random, 1, 3);
  for (int layer = uniform(random, 1, 3); layer > 0 && size >= 2; --layer) {
    const int kernel = uniform(random, 2, std::min(5, size));
    const WindowShape window = test::square_window(size, words, kernel, uniform(random, 1, 3));
    if (!window.fits_ring()) break;
    const int64_t windows = int64_t{window.out_height} * window.out_width;
    const int neuron_fold = uniform(random, 1, 4), halves = uniform(random, 0, 1);
    add(RtlWindowProgram{window});
    int64_t fold = int64_t{kernel} * kernel * words;
    if (halves == 1) {  // words of half the columns
      add(RtlNarrowingShape{2, windows * fold});
      fold *= 2;
    }
    add(RtlMvuShape{fold, neuron_fold, windows, uniform(random, 4, 7)});
    add(test::thresholding(windows * neuron_fold, uniform(random, 1, 4)));
    size = static_cast<int>(window.out_height);
    words = neuron_fold;
  }
  return bench;
}

/// When the words leave the last FIFO, register by register.
std::vector<int64_t> ticked_arrivals(const test::RtlBench& bench) {
  std::vector<std::unique_ptr<TickedPart>> parts;
  std::vector<TickedFifo> fifos;
  for (const int depth : bench.depths) fifos.emplace_back(depth);
  for (const PartProgram& program : bench.programs) {
    parts.push_back(twin_of(program, static_cast<int>(bench.images)));
  }
  const size_t last = parts.size();
  std::vector<bool> valid(fifos.size()), ready(fifos.size());
  std::vector<int64_t> arrivals;
  size_t sent = 0;
  for (int64_t cycle = 0; arrivals.size() < bench.sink.size(); ++cycle) {
    REQUIRE(cycle < 1000000);
    const bool sends = sent < bench.source.size() && cycle >= bench.source[sent];
    const bool takes = cycle >= bench.sink[arrivals.size()];
    for (size_t i = 0; i <= last; ++i) {
      const bool offered = i == 0 ? sends : parts[i - 1]->offers();
      valid[i] = fifos[i].is_wire() ? offered : fifos[i].valid();
    }
    for (size_t i = last + 1; i-- > 0;) {
      if (!fifos[i].is_wire()) {
        ready[i] = fifos[i].ready();
      } else {
        ready[i] = i == last ? takes : parts[i]->moves(valid[i], ready[i + 1]).reads;
      }
    }
    if (!fifos[0].is_wire() && sends && fifos[0].ready()) {
      fifos[0].pushed = true;
      ++sent;
    }
    for (size_t i = 0; i < last; ++i) {
      parts[i]->tick(cycle, valid[i], ready[i + 1], &fifos[i], &fifos[i + 1]);
    }
    if (fifos[0].is_wire() && fifos[0].popped) ++sent;
    if (fifos[last].is_wire() ? fifos[last].pushed : takes && fifos[last].valid()) {
      fifos[last].popped = true;
      arrivals.push_back(cycle);
    }
    for (TickedFifo& fifo : fifos) fifo.tick();
  }
  return arrivals;
}

}  // namespace

TEST_CASE("layers_in_rtl_of_any_shape_in_a_row_equal_their_ticked_twins") {
  int long_ones = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    test::RtlBench bench = random_layers(random);
    if (bench.programs.empty()) continue;
    bench.source =
        random_stalls(random, bench.images * words_read_per_image(bench.programs.front()));
    bench.sink =
        random_stalls(random, bench.images * words_written_per_image(bench.programs.back()));
    long_ones += bench.programs.size() > 3 ? 1 : 0;
    REQUIRE(test::run_bench(bench).popped.back() == ticked_arrivals(bench));
  }
  CHECK(long_ones > 20);
}

TEST_CASE("whole_accelerators_equal_their_ticked_twins_in_cycles_and_occupancies") {
  int wires = 0;
  for (uint64_t seed = 5000; seed < 5080; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Network network = test::random_network(random);
    DataflowAccelerator accelerator = test::random_timed_dataflow(random, network);
    if (seed % 2 == 1) test::draw_rtl_parts(random, network, accelerator);
    const Chain chain = build_chain(accelerator, network);
    const int images = uniform(random, 1, 8);
    const DataflowTiming timing = time_images(network, accelerator, images);

    std::vector<std::unique_ptr<TickedPart>> parts;
    std::vector<TickedFifo> fifos;
    for (const StreamSpec& stream : chain.streams) fifos.emplace_back(stream.depth);
    for (const TickedFifo& fifo : fifos) wires += fifo.is_wire() ? 1 : 0;
    for (size_t i = 0; i < chain.stages.size(); ++i) {
      parts.push_back(ticked_part(chain, i, accelerator, network, images));
    }
    std::vector<bool> valid(fifos.size()), ready(fifos.size());
    for (int64_t cycle = 0; cycle < timing.total_cycles; ++cycle) {
      for (size_t i = 0; i < fifos.size(); ++i) {
        valid[i] = fifos[i].is_wire() ? parts[i]->offers() : fifos[i].valid();
      }
      for (size_t i = fifos.size(); i-- > 0;) {
        const bool next = i + 1 == fifos.size() || ready[i + 1];
        ready[i] =
            fifos[i].is_wire() ? parts[i + 1]->moves(valid[i], next).reads : fifos[i].ready();
      }
      for (size_t i = 0; i < parts.size(); ++i) {
        const bool last = i == fifos.size();
        parts[i]->tick(cycle, i > 0 && valid[i - 1], last || ready[i],
                       i > 0 ? &fifos[i - 1] : nullptr, last ? nullptr : &fifos[i]);
      }
      for (TickedFifo& fifo : fifos) fifo.tick();
    }
    for (const auto& part : parts) REQUIRE(part->done());
    const auto words = static_cast<size_t>(chain.streams.back().words_per_image);
    for (size_t i = 0; i < static_cast<size_t>(images); ++i) {
      REQUIRE(parts.back()->starts[(i + 1) * words - 1] + 1 == timing.arrival_cycles[i]);
    }
    const DataflowSchedule schedule(network, accelerator, images);
    for (size_t i = 0; i < parts.size(); ++i) {
      const int part = static_cast<int>(i);
      const int64_t steps = schedule.steps_per_image(part);
      for (size_t n = 0; n < parts[i]->starts.size(); ++n) {
        const auto step = static_cast<int64_t>(n);
        const int64_t cycle = schedule.cycle_of(part, step / steps, step % steps);
        if (cycle != parts[i]->starts[n]) FAIL(chain.stages[i].name << " step " << n);
      }
    }
    for (size_t i = 0; i < fifos.size(); ++i) {
      INFO(chain.streams[i].name);
      fifos[i].cycles_at.resize(static_cast<size_t>(fifos[i].high_water) + 1);
      REQUIRE(timing.streams[i].high_water == fifos[i].high_water);
      REQUIRE(timing.streams[i].cycles_at == fifos[i].cycles_at);
    }
  }
  CHECK(wires > 20);
}
