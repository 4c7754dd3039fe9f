#include "models/dataflow/fifo_sizing.h"

#include <algorithm>

#include "models/dataflow/chain.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

namespace {

DataflowAccelerator with_depths_of(DataflowAccelerator accelerator, int depth) {
  accelerator.input_depth = depth;
  for (LayerParams& p : accelerator.layers) {
    p.out_depth = p.inner_depth = depth;
    p.in_depths.clear();
  }
  return accelerator;
}

/// With FIFOs that never fill, in a run of a chain; of a graph: until everything repeats, so that
/// what is held at most is what is held at most in any run.
DataflowTiming unlimited(const DataflowAccelerator& accelerator, const Network& network,
                         const TimingOptions& paced) {
  constexpr int64_t images = 6, most_images = 384;
  constexpr int deep = 1 << 15, most_words = 1 << 20;
  if (is_chain(network))
    return time_images(network, with_depths_of(accelerator, deep), images, paced);
  DataflowTiming timing;
  int64_t run = images;
  for (int depth = 1 << 8; depth <= most_words; depth *= 4) {
    try {
      const DataflowAccelerator roomy = with_depths_of(accelerator, depth);
      timing = time_images(network, roomy, run, paced);
      for (; timing.steady.images == 0 && run < most_images; run *= 2) {
        timing = time_images(network, roomy, 2 * run, paced);
      }
    } catch (const Deadlock&) {
      if (depth == most_words) throw;
      continue;
    }
    const auto fills = [&](const auto& stream) {
      return stream.depth == depth && stream.high_water == depth;
    };
    if (std::none_of(timing.streams.begin(), timing.streams.end(), fills)) break;
  }
  return timing;
}

}  // namespace

DataflowAccelerator with_sized_fifos(DataflowAccelerator accelerator, const Network& network) {
  const Chain chain = build_chain(accelerator, network);
  int64_t slowest = 1;
  for (const PartProgram& program : part_programs(chain, accelerator, network)) {
    slowest = std::max(slowest, cycles_per_image(program));
  }
  const int64_t words = chain.streams.front().words_per_image;
  const DataflowTiming timing =
      unlimited(accelerator, network, {.input_interval = (slowest + words - 1) / words});

  if (!chain.is_line()) accelerator.depths.text = "sized so that no branch waits for another";
  accelerator = with_depths_of(std::move(accelerator), 2);
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    const StreamSpec& stream = chain.streams[i];
    const int words_held = timing.streams[i].high_water;
    if (stream.branch >= 0) {
      const int reader = chain.stages[static_cast<size_t>(stream.to)].layer;
      auto& depths = accelerator.layers[static_cast<size_t>(reader)].in_depths;
      depths.resize(std::max(depths.size(), static_cast<size_t>(stream.branch) + 1), 2);
      depths[static_cast<size_t>(stream.branch)] = std::max(2, words_held);
    } else if (stream.tensor == 0) {
      accelerator.input_depth = std::max(accelerator.input_depth, words_held);
    } else if (const int layer = chain.stages[static_cast<size_t>(stream.from)].layer; layer >= 0) {
      LayerParams& p = accelerator.layers[static_cast<size_t>(layer)];
      int& depth = stream.tensor > 0 ? p.out_depth : p.inner_depth;
      depth = std::max(depth, words_held);
    }
  }
  return accelerator;
}

}  // namespace stuckat::dataflow
