// Stamped FIFOs and pipelines against a clocked model that moves every word in every cycle.
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "sim/kernel/pipeline.h"
#include "tests/support/catch.h"

using namespace stuckat::kernel;

namespace {

using Random = std::mt19937_64;
int uniform(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

/// One loop between a source and a sink: which steps read, which write, and when source and sink
/// are ready for their n-th word.
struct Scene {
  int in_depth, out_depth, latency;
  Discipline discipline;
  std::vector<bool> reads, writes;
  std::vector<int64_t> source_ready, sink_ready;
};

Scene random_scene(Random& random) {
  Scene scene{uniform(random, 1, 4),
              uniform(random, 1, 4),
              uniform(random, 1, 7),
              uniform(random, 0, 1) == 0 ? Discipline::flushing : Discipline::stalling,
              {},
              {},
              {},
              {}};
  const int steps = uniform(random, 1, 60);
  const int reading = uniform(random, 1, 10), writing = uniform(random, 1, 10);
  auto ready = [&](std::vector<int64_t>& times, int rate) {
    times.push_back((times.empty() ? 0 : times.back()) +
                    (uniform(random, 0, 9) < rate ? uniform(random, 0, 12) : 0));
  };
  const int source_rate = uniform(random, 0, 5), sink_rate = uniform(random, 0, 5);
  for (int i = 0; i < steps; ++i) {
    scene.reads.push_back(uniform(random, 1, 10) <= reading);
    scene.writes.push_back(uniform(random, 1, 10) <= writing);
    if (scene.reads.back()) ready(scene.source_ready, source_rate);
    if (scene.writes.back()) ready(scene.sink_ready, sink_rate);
  }
  return scene;
}

struct Outcome {
  std::vector<int64_t> starts;    // of steps
  std::vector<int64_t> arrivals;  // at the sink
  std::vector<uint64_t> words;
  int in_high = 0, out_high = 0;
  bool operator==(const Outcome&) const = default;
};

/// The clocked model: in every cycle decide from the state at its beginning.
Outcome ticked(const Scene& scene) {
  Outcome outcome;
  std::deque<uint64_t> in, out;  // contents at the beginning of the cycle
  // A step in a stage of the pipeline; its output, if it has one, is its index.
  std::vector<std::optional<int64_t>> stages(static_cast<size_t>(scene.latency));
  size_t sent = 0, step = 0, received = 0;
  const size_t steps = scene.reads.size();
  for (int64_t cycle = 0; received < scene.sink_ready.size() || step < steps; ++cycle) {
    REQUIRE(cycle < 100000);
    const size_t in_size = in.size(), out_size = out.size();
    const bool source = sent < scene.source_ready.size() && cycle >= scene.source_ready[sent] &&
                        in_size < static_cast<size_t>(scene.in_depth);
    const bool sink =
        received < scene.sink_ready.size() && cycle >= scene.sink_ready[received] && out_size > 0;
    const bool room = out_size < static_cast<size_t>(scene.out_depth);
    const bool head = step < steps && (!scene.reads[step] || in_size > 0);
    const auto writes = [&](const std::optional<int64_t>& s) {
      return s.has_value() && scene.writes[static_cast<size_t>(*s)];
    };
    std::optional<uint64_t> pushed;
    bool starts = false;
    if (scene.discipline == Discipline::stalling) {
      const bool moves = (head || step == steps) && (!writes(stages.back()) || room);
      if (moves) {
        if (writes(stages.back())) pushed = static_cast<uint64_t>(*stages.back());
        for (size_t i = stages.size() - 1; i > 0; --i) stages[i] = stages[i - 1];
        stages[0].reset();
        starts = head;
      }
    } else {
      if (writes(stages.back())) {
        if (room) pushed = static_cast<uint64_t>(*stages.back());
        if (room) stages.back().reset();
      } else {
        stages.back().reset();
      }
      for (size_t i = stages.size() - 1; i > 0; --i) {
        if (!stages[i].has_value()) std::swap(stages[i], stages[i - 1]);
      }
      starts = head && !stages[0].has_value();
    }
    if (starts) {
      stages[0] = static_cast<int64_t>(step);
      if (scene.reads[step]) in.pop_front();
      outcome.starts.push_back(cycle);
      ++step;
    }
    if (sink) {
      outcome.arrivals.push_back(cycle);
      outcome.words.push_back(out.front());
      out.pop_front();
      ++received;
    }
    // A word occupies its slot in the cycle of its push and in that of its pop.
    outcome.in_high = std::max(outcome.in_high, static_cast<int>(in_size + (source ? 1 : 0)));
    outcome.out_high =
        std::max(outcome.out_high, static_cast<int>(out_size + (pushed.has_value() ? 1 : 0)));
    if (source) in.push_back(sent++);
    if (pushed.has_value()) out.push_back(*pushed);
  }
  return outcome;
}

/// The stamped model; source, loop and sink run ahead in random order.
Outcome stamped(const Scene& scene, Random& random) {
  Outcome outcome;
  StampedFifo in(scene.in_depth, 64), out(scene.out_depth, 64);
  Pipeline pipeline(scene.latency, scene.discipline, &out);
  size_t sent = 0, step = 0, received = 0;
  int64_t source_clock = 0, sink_clock = 0;
  bool drained = false;
  for (int rounds = 0; !drained || received < scene.sink_ready.size(); ++rounds) {
    REQUIRE(rounds < 100000);
    const int who = uniform(random, 0, 2);
    const int budget = uniform(random, 1, 9);
    for (int i = 0; i < budget; ++i) {
      if (who == 0 && sent < scene.source_ready.size() && in.can_push()) {
        const int64_t cycle = std::max({source_clock, scene.source_ready[sent], in.slot_free()});
        const uint64_t word = sent++;
        in.push(cycle, &word);
        source_clock = cycle + 1;
      } else if (who == 1 && step < scene.reads.size()) {
        // Steps that read and write nothing may be left to `skip`.
        size_t target = step;
        while (target + 1 < scene.reads.size() && !scene.reads[target] && !scene.writes[target]) {
          ++target;
        }
        const auto skip = static_cast<int64_t>(target - step);
        StampedFifo* source = scene.reads[target] ? &in : nullptr;
        if (pipeline.step(skip, source) != StepStatus::done) break;
        for (size_t s = step; s < target; ++s) outcome.starts.push_back(-1);
        outcome.starts.push_back(pipeline.start());
        if (source != nullptr) in.pop(pipeline.start());
        if (scene.writes[target]) *pipeline.emit() = target;
        step = target + 1;
      } else if (who == 1) {
        drained = pipeline.drain() == StepStatus::done;
      } else if (who == 2 && received < scene.sink_ready.size() && out.can_pop()) {
        const int64_t cycle = std::max({sink_clock, scene.sink_ready[received], out.visible()});
        outcome.words.push_back(*out.front());
        out.pop(cycle);
        outcome.arrivals.push_back(cycle);
        sink_clock = cycle + 1;
        ++received;
      }
    }
  }
  outcome.in_high = in.high_water();
  outcome.out_high = out.high_water();
  return outcome;
}

}  // namespace

TEST_CASE("stamps_equal_a_clocked_model_in_any_order_of_execution") {
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Scene scene = random_scene(random);
    const Outcome clocked = ticked(scene);
    const Outcome once = stamped(scene, random);
    REQUIRE(once.words == clocked.words);
    REQUIRE(once.arrivals == clocked.arrivals);
    REQUIRE(once.starts.size() == clocked.starts.size());
    for (size_t i = 0; i < once.starts.size(); ++i) {
      if (once.starts[i] >= 0) REQUIRE(once.starts[i] == clocked.starts[i]);
    }
    REQUIRE(once.in_high == clocked.in_high);
    REQUIRE(once.out_high == clocked.out_high);
    REQUIRE(stamped(scene, random) == once);
  }
}

TEST_CASE("depth_two_sustains_a_word_per_cycle_and_depth_one_half_of_that") {
  for (const int depth : {1, 2}) {
    StampedFifo fifo(depth, 1);
    int64_t pushed = -1, popped = -1;
    const uint64_t word = 1;
    for (int i = 0; i < 100; ++i) {
      pushed = std::max(pushed + 1, fifo.slot_free());
      fifo.push(pushed, &word);
      popped = std::max(popped + 1, fifo.visible());
      fifo.pop(popped);
    }
    CHECK(pushed == (depth == 1 ? 198 : 99));
    CHECK(popped == pushed + 1);
    CHECK(fifo.high_water() == depth);
  }
}

TEST_CASE("a_flip_in_a_slot_inverts_what_a_stuck_wire_wrote_there") {
  StampedFifo fifo(1, 2);
  fifo.stick_wire(0, true);
  fifo.stick_slot_bit(0, 1, true);
  for (const int bit : {0, 1}) fifo.flip_slot_bit(0, bit, 5);
  fifo.flip_wire(0, 8);
  const uint64_t word = 0;
  fifo.push(3, &word);
  fifo.settle(6);
  CHECK(fifo.front()[0] == 2u);
  fifo.pop(6);
  fifo.push(8, &word);
  fifo.settle(9);
  CHECK(fifo.front()[0] == 3u);
}

TEST_CASE("stuck_bits_show_in_every_word_of_their_slot_and_wires_in_all") {
  StampedFifo fifo(3, 70);
  fifo.stick_wire(69, true);
  fifo.stick_slot_bit(1, 0, false);
  fifo.stick_slot_bit(2, 69, false);  // after the wire
  const uint64_t ones[2] = {~uint64_t{0}, 0};
  for (int n = 0; n < 7; ++n) {
    fifo.push(2 * n, ones);
    CHECK(fifo.front()[0] == (n % 3 == 1 ? ~uint64_t{1} : ~uint64_t{0}));
    CHECK(fifo.front()[1] == (n % 3 == 2 ? 0u : 1u << 5));
    fifo.pop(2 * n + 1);
  }
}
