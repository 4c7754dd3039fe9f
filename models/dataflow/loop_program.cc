#include "models/dataflow/loop_program.h"

#include <algorithm>

#include "models/dataflow/max_pool.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::dataflow {
namespace {

constexpr Run reads(int64_t steps) { return {steps, 0, true, false}; }
constexpr Run writes(int64_t steps) { return {steps, 0, false, true}; }
constexpr Run moves(int64_t steps) { return {steps, 0, true, true}; }

/// n narrow words into wide words of `ratio` each; the last one may be partly empty.
std::vector<Block> widening(int64_t narrow, int64_t ratio) {
  std::vector<Block> blocks = {{narrow / ratio, {reads(ratio - 1), moves(1)}}};
  if (narrow % ratio > 0) blocks.push_back({1, {reads(narrow % ratio - 1), moves(1)}});
  return blocks;
}

std::vector<Block> narrowing(int64_t narrow, int64_t ratio) {
  std::vector<Block> blocks = {{narrow / ratio, {moves(1), writes(ratio - 1)}}};
  if (narrow % ratio > 0) blocks.push_back({1, {moves(1), writes(narrow % ratio - 1)}});
  return blocks;
}

std::vector<Block> converter(const StreamSpec& in, const StreamSpec& out) {
  const bool widens = out.word_bits() > in.word_bits();
  const int64_t narrow = std::max(in.words_per_image, out.words_per_image);
  return widens ? widening(narrow, out.word_bits() / in.word_bits())
                : narrowing(narrow, in.word_bits() / out.word_bits());
}

std::vector<Block> padding(const Layer& layer, int64_t words_per_pixel) {
  const int64_t pad = layer.padding * words_per_pixel;
  const int64_t row = layer.input.width * words_per_pixel;
  const Block frame = {layer.padding, {writes(row + 2 * pad)}};
  return {frame, {layer.input.height, {writes(pad), moves(row), writes(pad)}}, frame};
}

/// What the first window needs is loaded; then each output row writes its windows and reads
/// `stride` rows meanwhile. Behind the last windows come the rows, fewer than `stride`, that none
/// covers.
std::vector<Block> sliding_window(const WindowShape& shape) {
  const int64_t windows = shape.words_written_per_row();
  const int64_t rows = shape.words_read_per_row();
  int64_t left = shape.words_per_image() - shape.words_loaded_first();
  std::vector<Block> blocks = {{1, {reads(shape.words_loaded_first())}}};
  for (int y = 0; y < shape.out_height; ++y) {
    const int64_t read = std::min(rows, left);
    const int64_t both = std::min(read, windows);
    left -= read;
    // Steps of an output row: max(writes, stride*IFM*m), also where the image has no row left.
    const int64_t nothing = std::max<int64_t>(0, rows - std::max(read, windows));
    blocks.push_back({1, {moves(both), reads(read - both), writes(windows - both)}});
    blocks.back().runs.push_back({nothing, 0, false, false});
  }
  return blocks;
}

std::vector<Block> mvtu(int64_t synapse_fold, int64_t neuron_fold, int64_t windows) {
  const Run further_folds = {neuron_fold - 1, synapse_fold - 1, false, true};
  return {{windows, {reads(synapse_fold - 1), moves(1), further_folds}}};
}

/// finn-hlslib, Pool_batch: the words of a window that hold the same channels follow each other.
std::vector<Block> pool_of_windows(const Layer& layer, int64_t words_per_pixel) {
  const int64_t words = int64_t{layer.kernel} * layer.kernel;
  return {{layer.output.pixels() * words_per_pixel, {reads(words - 1), moves(1)}}};
}

std::vector<Block> max_pool(const Layer& layer, int64_t words_per_pixel) {
  const int64_t row = layer.input.width * words_per_pixel;
  const int64_t dropped = layer.input.height - int64_t{layer.kernel} * layer.output.height;
  return {{layer.output.height,
           {reads(layer.kernel * row), writes(layer.output.width * words_per_pixel)}},
          {1, {reads(dropped * row)}}};
}

void drop_empty(std::vector<Block>& blocks) {
  for (Block& block : blocks) std::erase_if(block.runs, [](const Run& r) { return r.steps == 0; });
  std::erase_if(blocks, [](const Block& b) { return b.repeat == 0 || b.runs.empty(); });
}

template <typename OfRun>
int64_t sum(const LoopProgram& program, OfRun of_run) {
  int64_t total = 0;
  for (const Block& block : program.blocks) {
    for (const Run& run : block.runs) total += block.repeat * of_run(run);
  }
  return total;
}

LoopProgram program_of(size_t index, const Chain& chain, const DataflowAccelerator& accelerator,
                       const Network& network) {
  const StageSpec& stage = chain.stages[index];
  const StreamSpec& in = chain.streams[index > 0 ? index - 1 : 0];
  const StreamSpec& out = chain.streams[std::min(index, chain.streams.size() - 1)];
  const Latencies& latency = accelerator.latency;
  const Discipline discipline = accelerator.discipline;
  const auto layer_index = std::max(0, stage.layer);
  const Layer& layer = network.layers[static_cast<size_t>(layer_index)];
  const LayerParams& p = accelerator.layers[static_cast<size_t>(layer_index)];
  switch (stage.kind) {
    case StageKind::memory_reader:
      return {{{1, {writes(out.words_per_image)}}}, latency.memory, Discipline::flushing, false};
    case StageKind::width_converter:
      return {converter(in, out), latency.width_converter, discipline, false};
    case StageKind::padding:
      return {padding(layer, layer.input.channels / in.lanes), latency.padding, discipline, false};
    case StageKind::sliding_window:
      return {sliding_window(window_shape(layer, in.lanes, accelerator.sliding_window)),
              latency.sliding_window, window_discipline(accelerator),
              accelerator.sliding_window == WindowVersion::hls};
    case StageKind::mvtu:
      return {mvtu(padded_columns(accelerator, network, layer_index) / p.simd,
                   padded_rows(accelerator, network, layer_index) / p.pe, layer.output.pixels()),
              latency.mvtu, discipline, false};
    case StageKind::max_pool:
      if (pools_windows(accelerator, network, layer_index)) {
        return {pool_of_windows(layer, layer.input.channels / in.lanes), latency.max_pool,
                discipline, false};
      }
      // Its loops end with each output row and let their results out, whatever the discipline.
      return {max_pool(layer, layer.input.channels / in.lanes), latency.max_pool,
              Discipline::flushing, false};
    case StageKind::memory_writer:
      break;
  }
  return {{{1, {reads(in.words_per_image)}}}, 1, Discipline::flushing, false};
}

}  // namespace

int64_t LoopProgram::steps_per_image() const {
  return sum(*this, [](const Run& run) { return run.steps * (run.skip + 1); });
}

int64_t LoopProgram::words_read_per_image() const {
  return sum(*this, [](const Run& run) { return run.reads ? run.steps : 0; });
}

int64_t LoopProgram::words_written_per_image() const {
  return sum(*this, [](const Run& run) { return run.writes ? run.steps : 0; });
}

int64_t LoopProgram::cycles_per_image() const {
  if (!drains) return steps_per_image();
  // The last output leaves `latency` steps behind its own.
  int64_t behind_last = 0;
  const std::vector<Run>& last = blocks.back().runs;
  for (auto run = last.rbegin(); run != last.rend() && !run->writes; ++run) {
    behind_last += run->steps * (run->skip + 1);
  }
  return steps_per_image() + std::max<int64_t>(0, latency_steps - behind_last);
}

std::vector<LoopProgram> loop_programs(const Chain& chain, const DataflowAccelerator& accelerator,
                                       const Network& network) {
  std::vector<LoopProgram> programs;
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    programs.push_back(program_of(i, chain, accelerator, network));
    drop_empty(programs.back().blocks);
  }
  return programs;
}

}  // namespace stuckat::dataflow
