// Parts of FINN's RTL in a row, a FIFO before and after each, a source and a sink that pause as
// they are told to: the bench on which the RTL itself was measured (finn-rtllib under Verilator).
#pragma once

#include <vector>

#include "models/dataflow/timed_part.h"

namespace stuckat::test {

using namespace dataflow;

struct RtlBench {
  std::vector<PartProgram> programs;
  std::vector<int> depths;  // [programs + 1]
  int64_t images = 1;
  std::vector<int64_t> source = {};  // [word] the earliest cycle; none: always ready
  std::vector<int64_t> sink = {};
  int64_t source_interval = 1;  ///< cycles from word to word, at least
};

struct BenchTimes {
  std::vector<std::vector<int64_t>> pushed, popped;  // [stream][word]
  int64_t cycles() const { return popped.back().back() + 1; }
};

inline BenchTimes run_bench(const RtlBench& bench) {
  const size_t parts = bench.programs.size();
  std::vector<TimedFifo> fifos;
  for (const int depth : bench.depths) fifos.emplace_back(depth);
  std::vector<StepRecord> pushes(fifos.size()), pops(fifos.size());
  for (size_t i = 0; i < fifos.size(); ++i) fifos[i].record(&pushes[i], &pops[i]);
  TimedParts timed;
  for (size_t i = 0; i < parts; ++i) {
    timed.push_back(
        timed_part(bench.programs[i], &fifos[i], &fifos[i + 1], &bench.images, &bench.images));
  }
  const int64_t in = bench.images * words_read_per_image(bench.programs.front());
  const int64_t out = bench.images * words_written_per_image(bench.programs.back());
  const auto ready = [](const std::vector<int64_t>& times, int64_t word) {
    return times.empty() ? 0 : times[static_cast<size_t>(word)];
  };
  int64_t sent = 0, received = 0, last_sent = -bench.source_interval, last_received = -1;
  for (bool moved = true; moved;) {
    moved = false;
    TimedFifo& first = fifos.front();
    TimedFifo& last = fifos.back();
    for (; sent < in && first.has_room(); ++sent, moved = true) {
      if (first.is_wire()) {
        if (sent > 0) last_sent = first.last_pop();
        first.offer(std::max(ready(bench.source, sent), last_sent + bench.source_interval));
        continue;
      }
      last_sent = std::max(
          {ready(bench.source, sent), last_sent + bench.source_interval, first.slot_free()});
      first.push(last_sent);
    }
    for (size_t i = 0; i < parts; ++i) {
      // A word may be read without a step, or offered to wires.
      const auto done = [&] {
        return timed[i]->steps() + fifos[i].popped() + fifos[i + 1].words();
      };
      const int64_t before = done();
      timed[i]->advance();
      moved |= done() != before;
    }
    for (; received < out && last.words() > 0; ++received, moved = true) {
      last_received = std::max({ready(bench.sink, received), last_received + 1, last.visible()});
      last.pop(last_received);
    }
  }
  BenchTimes times;
  for (size_t i = 0; i < fifos.size(); ++i) {
    times.pushed.emplace_back();
    times.popped.emplace_back();
    for (int64_t n = 0; n < fifos[i].pushed(); ++n)
      times.pushed[i].push_back(pushes[i].cycle_of(n));
    for (int64_t n = 0; n < fifos[i].popped(); ++n) times.popped[i].push_back(pops[i].cycle_of(n));
  }
  return times;
}

/// A window over an image of `size` x `size`, `m` words a pixel.
inline WindowShape square_window(int size, int m, int kernel, int stride = 1) {
  WindowShape shape;
  shape.kernel = kernel;
  shape.stride = stride;
  shape.height = shape.width = size;
  shape.out_height = shape.out_width = (size - kernel) / stride + 1;
  shape.words_per_pixel = m;
  shape.version = WindowVersion::rtl;
  return shape;
}

/// Thresholding of `bits` bits, `words` words an image.
inline LoopProgram thresholding(int64_t words, int bits) {
  return {.blocks = {{1, {Phase{.steps = words, .reads = true, .writes = true}}}},
          .latency_steps = bits + 2,
          .discipline = Discipline::flushing,
          .spare = 1};
}

}  // namespace stuckat::test
