#include "models/dataflow/part_program.h"

#include <algorithm>

#include "models/dataflow/pooled_taps.h"
#include "models/dataflow/rtl_window_clock.h"

namespace stuckat::dataflow {
namespace {

constexpr Phase reads(int64_t steps) { return {steps, 0, true, false}; }
constexpr Phase writes(int64_t steps) { return {steps, 0, false, true}; }
constexpr Phase moves(int64_t steps) { return {steps, 0, true, true}; }

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
  const Padding& pad = layer.padding;
  const int64_t row = layer.input.width * words_per_pixel;
  const int64_t left = pad.left * words_per_pixel, right = pad.right * words_per_pixel;
  const std::vector<Phase> frame = {writes(row + left + right)};
  return {{pad.top, frame},
          {layer.input.height, {writes(left), moves(row), writes(right)}},
          {pad.bottom, frame}};
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
    blocks.back().phases.push_back({nothing, 0, false, false});
  }
  return blocks;
}

/// RTL, all pixels of a window at once: a step for each word that is read, and a window where one
/// is complete.
std::vector<Block> parallel_window(const WindowShape& shape) {
  const int64_t m = shape.words_per_pixel, row = shape.words_per_row();
  const int64_t between = (shape.stride.width - 1) * m;  // read between two windows
  const int64_t before = (shape.kernel.width - 1) * m;
  const int64_t behind =
      row - before - (shape.out_width - 1) * shape.stride.width * m - m;  // in the row of a window
  const int64_t skipped = (shape.stride.height - 1) * row;
  const int64_t last =
      shape.words_per_image() -
      ((shape.kernel.height - 1) + (shape.out_height - 1) * shape.stride.height + 1) * row;
  std::vector<Block> blocks = {{1, {reads((shape.kernel.height - 1) * row)}}};
  for (int y = 0; y < shape.out_height; ++y) {
    blocks.push_back({1, {reads(before)}});
    blocks.push_back({shape.out_width - 1, {moves(m), reads(between)}});
    blocks.push_back({1, {moves(m), reads(behind + (y + 1 < shape.out_height ? skipped : last))}});
  }
  return blocks;
}

std::vector<Block> mvtu(int64_t synapse_fold, int64_t neuron_fold, int64_t windows) {
  const Phase further_folds = {neuron_fold - 1, synapse_fold - 1, false, true};
  return {{windows, {reads(synapse_fold - 1), moves(1), further_folds}}};
}

/// finn-hlslib, Pool_batch: the words of a window that hold the same channels follow each other.
std::vector<Block> pool_of_windows(const Layer& layer, int64_t words_per_pixel) {
  const int64_t words = int64_t{layer.kernel.height} * layer.kernel.width;
  return {{layer.output.pixels() * words_per_pixel, {reads(words - 1), moves(1)}}};
}

std::vector<Block> pool_of_rows(const Layer& layer, int64_t words_per_pixel) {
  const int64_t row = layer.input.width * words_per_pixel;
  const int64_t dropped = layer.input.height - int64_t{layer.kernel.height} * layer.output.height;
  return {{layer.output.height,
           {reads(layer.kernel.height * row), writes(layer.output.width * words_per_pixel)}},
          {1, {reads(dropped * row)}}};
}

void drop_empty(std::vector<Block>& blocks) {
  for (Block& block : blocks)
    std::erase_if(block.phases, [](const Phase& r) { return r.steps == 0; });
  std::erase_if(blocks, [](const Block& b) { return b.repeat == 0 || b.phases.empty(); });
}

class Programs {
 public:
  Programs(const Chain& chain, const DataflowAccelerator& accelerator, const Network& network)
      : chain_(chain), accelerator_(accelerator), network_(network) {}

  PartProgram of(size_t index) const;

 private:
  /// Steps of a part from HLS.
  int latency(int Latencies::*part, const LayerParams& p) const {
    return p.latency.*part > 0 ? p.latency.*part : accelerator_.latency.*part;
  }
  PartProgram of_converter(const StreamSpec& in, const StreamSpec& out, const LayerParams& p) const;
  PartProgram of_window(const Layer& layer, const StreamSpec& in, const LayerParams& p) const;
  PartProgram of_mvtu(int layer, const LayerParams& p) const;

  const Chain& chain_;
  const DataflowAccelerator& accelerator_;
  const Network& network_;
};

PartProgram Programs::of_converter(const StreamSpec& in, const StreamSpec& out,
                                   const LayerParams& p) const {
  if (p.parts.width_converter == Backend::hls) {
    return LoopProgram{converter(in, out), latency(&Latencies::width_converter, p),
                       accelerator_.discipline};
  }
  if (out.word_bits() < in.word_bits()) {
    return RtlNarrowingShape{in.word_bits() / out.word_bits(), in.words_per_image};
  }
  return LoopProgram{
      .blocks = converter(in, out), .discipline = Discipline::flushing, .side_register = true};
}

PartProgram Programs::of_window(const Layer& layer, const StreamSpec& in,
                                const LayerParams& p) const {
  const WindowVersion version = window_version(layer, p);
  const WindowShape shape = window_shape(layer, in.lanes, version);
  switch (version) {
    case WindowVersion::rtl:
      return RtlWindowProgram{shape};
    case WindowVersion::parallel:
      return LoopProgram{parallel_window(shape), 1, Discipline::flushing, true};
    case WindowVersion::hls:
      break;
  }
  return LoopProgram{sliding_window(shape), latency(&Latencies::sliding_window, p),
                     accelerator_.discipline, true};
}

PartProgram Programs::of_mvtu(int layer, const LayerParams& p) const {
  const Layer& l = network_.layers[static_cast<size_t>(layer)];
  const int blocks = l.groups / groups_at_once(l, p);
  const int64_t windows = int64_t{l.output.pixels()} * blocks;
  const int64_t synapse_fold = padded_columns(accelerator_, network_, layer) / p.simd;
  const int64_t neuron_fold = padded_rows(accelerator_, network_, layer) / p.pe / blocks;
  if (p.parts.mvtu == Backend::rtl) {
    return RtlMvuShape{synapse_fold, neuron_fold, windows, core_stages(p)};
  }
  return LoopProgram{mvtu(synapse_fold, neuron_fold, windows), latency(&Latencies::mvtu, p),
                     accelerator_.discipline};
}

PartProgram Programs::of(size_t index) const {
  const StageSpec& stage = chain_.stages[index];
  const bool first = stage.inputs.empty(), last = stage.outputs.empty();
  const StreamSpec& in = first ? chain_.out(index) : chain_.in(index);
  const StreamSpec& out = last ? in : chain_.out(index);
  const Discipline discipline = accelerator_.discipline;
  const auto at = static_cast<size_t>(std::max(0, stage.layer));
  const Layer& layer = network_.layers[at];
  static const LayerParams outside;  // of the layers
  const LayerParams& p = stage.layer < 0 ? outside : accelerator_.layers[at];
  switch (stage.kind) {
    case StageKind::memory_reader:
      return LoopProgram{
          {{1, {writes(out.words_per_image)}}}, accelerator_.latency.memory, Discipline::flushing};
    case StageKind::width_converter:
      return of_converter(in, out, p);
    case StageKind::padding:
      if (p.parts.padding == Backend::rtl) {
        return LoopProgram{.blocks = padding(layer, layer.input.channels / in.lanes),
                           .discipline = Discipline::flushing,
                           .side_register = true};
      }
      return LoopProgram{padding(layer, layer.input.channels / in.lanes),
                         latency(&Latencies::padding, p), discipline};
    case StageKind::sliding_window:
      return of_window(layer, in, p);
    case StageKind::mvtu:
      return of_mvtu(stage.layer, p);
    case StageKind::thresholding:
      // A pipeline of a stage for each bit, and a queue that takes all of it when the next part
      // stops (finn-rtllib/thresholding).
      return LoopProgram{.blocks = {{1, {moves(in.words_per_image)}}},
                         .latency_steps = layer.output_format.bits + 2,
                         .discipline = Discipline::flushing,
                         .spare = 1};
    case StageKind::max_pool:
    case StageKind::average_pool:
      if (pools_windows(accelerator_, network_, stage.layer)) {
        return LoopProgram{pool_of_windows(layer, layer.input.channels / in.lanes),
                           latency(&Latencies::max_pool, p), discipline};
      }
      // Its loops end with each output row and let their results out, whatever the discipline.
      return LoopProgram{pool_of_rows(layer, layer.input.channels / in.lanes),
                         latency(&Latencies::max_pool, p), Discipline::flushing};
    case StageKind::fork:
    case StageKind::add:
    case StageKind::concat:
      return LoopProgram{
          {{1, {moves(out.words_per_image)}}}, latency(&Latencies::junction, p), discipline};
    case StageKind::memory_writer:
      break;
  }
  return LoopProgram{{{1, {reads(in.words_per_image)}}}, 1, Discipline::flushing};
}

template <typename Function>
int64_t of_program(const PartProgram& program, const Function& function) {
  return std::visit(function, program);
}

}  // namespace

int64_t steps_per_image(const PartProgram& program) {
  return of_program(program, [](const auto& p) { return p.steps_per_image(); });
}

int64_t words_read_per_image(const PartProgram& program) {
  return of_program(program, [](const auto& p) { return p.words_read_per_image(); });
}

int64_t words_written_per_image(const PartProgram& program) {
  return of_program(program, [](const auto& p) { return p.words_written_per_image(); });
}

int64_t counted_steps_per_image(const PartProgram& program) {
  const auto* loop = std::get_if<LoopProgram>(&program);
  return loop != nullptr ? loop->cycles_per_image() : steps_per_image(program);
}

bool is_max_plus(const PartProgram& program) {
  return !std::holds_alternative<RtlMvuShape>(program) &&
         !std::holds_alternative<RtlNarrowingShape>(program);
}

int64_t cycles_per_image(const PartProgram& program) {
  const auto* window = std::get_if<RtlWindowProgram>(&program);
  if (window == nullptr) return counted_steps_per_image(program);
  RtlWindowClock clock(window->shape);
  while (!clock.image_done()) {
    if (clock.writes()) {
      clock.write(clock.earliest_write());
    } else if (clock.reads()) {
      clock.read(0);
    } else {
      clock.work();
    }
  }
  return clock.cycle();
}

std::vector<PartProgram> part_programs(const Chain& chain, const DataflowAccelerator& accelerator,
                                       const Network& network) {
  const Programs programs(chain, accelerator, network);
  std::vector<PartProgram> result;
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    result.push_back(programs.of(i));
    if (auto* loop = std::get_if<LoopProgram>(&result.back())) drop_empty(loop->blocks);
  }
  return result;
}

}  // namespace stuckat::dataflow
