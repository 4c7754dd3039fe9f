#include "models/dataflow/timeline.h"

#include <algorithm>

#include "models/dataflow/placement.h"
#include "models/dataflow/pooled_taps.h"

namespace stuckat::dataflow {

DataflowTimeline::DataflowTimeline(const DataflowAccelerator& accelerator, const Network& network,
                                   int64_t image_count)
    : images_(image_count), cycles_(0), schedule_(network, accelerator, image_count) {
  cycles_ = schedule_.timing().total_cycles;
  const Placement placement = place(accelerator, network);
  for (const PeArray& array : placement.arrays) {
    const ArrayUse& use = array.uses.front();
    folds_[array.name] = {use.columns / array.simd, use.rows / array.pe};
  }
  for (const WindowBuffer& window : placement.windows) {
    windows_[window.name] =
        window_shape(network.layers[static_cast<size_t>(window.layer)],
                     window_simd(accelerator, network, window.layer), WindowVersion::hls);
  }
  for (const PoolUnit& unit : placement.pools) {
    const Layer& layer = network.layers[static_cast<size_t>(unit.layer)];
    pools_[unit.name] = {layer, layer.input.channels / unit.channels_per_word,
                         pools_windows(accelerator, network, unit.layer), false};
  }
  for (const OtherPart& other : placement.others) {
    const auto layer = static_cast<size_t>(other.layer);
    if (other.kind == PartKind::average_pool || other.kind == PartKind::adder) {
      const Layer& of = network.layers[layer];
      const bool adds = other.kind == PartKind::adder;
      pools_[other.name] = {of, of.input.channels / other.figures[0],
                            !adds && pools_windows(accelerator, network, other.layer), adds};
    } else if (other.kind == PartKind::window_ring) {
      rings_[other.name] =
          window_shape(network.layers[layer], window_simd(accelerator, network, other.layer),
                       WindowVersion::rtl);
    } else if (other.kind == PartKind::replay_buffer || other.kind == PartKind::output_registers) {
      const std::string array = network.layers[layer].name + "/mvtu";
      const auto [synapse, neuron] = folds_.at(array);
      mvus_[other.name] = {schedule_.part(array),
                           {synapse, neuron, network.layers[layer].output.pixels()}};
    }
  }
}

namespace {

/// Of `written` words, word n in slot n mod `slots`: the newest one in a slot, < 0 if there is
/// none.
int64_t newest_in(int64_t slot, int64_t written, int64_t slots) {
  const int64_t back = ((written - 1 - slot) % slots + slots) % slots;
  return written - 1 - back;
}

}  // namespace

std::optional<ArrayStep> DataflowTimeline::next_step(const std::string& array,
                                                     int64_t cycle) const {
  const auto folds = folds_.find(array);
  if (folds == folds_.end()) return {};
  const auto [synapse, neuron] = folds->second;
  const int part = schedule_.part(array);
  const auto next = schedule_.next_step(part, cycle);
  if (!next) return {};
  const int64_t per_image = schedule_.steps_per_image(part);
  const int64_t in_image = *next % per_image;
  const int64_t fold = in_image / synapse;
  ArrayStep step{*next / per_image, 0, static_cast<int>(fold / neuron),
                 static_cast<int>(fold % neuron), static_cast<int>(in_image % synapse)};
  step.cycle = schedule_.cycle_of(part, step.image, in_image);
  step.folds = neuron;
  return step;
}

// The word that lies there both in the cycle before, so that it was written in time, and in
// `cycle`, so that it is read in time.
std::optional<int64_t> DataflowTimeline::word_in(const std::string& stream, int slot,
                                                 int64_t cycle) const {
  if (cycle == 0) return {};
  const int index = schedule_.stream(stream);
  const auto before = schedule_.word_in(index, slot, cycle - 1);
  const auto now = schedule_.word_in(index, slot, cycle);
  return before == now ? now : std::nullopt;
}

std::optional<int64_t> DataflowTimeline::word_written(const std::string& stream,
                                                      int64_t cycle) const {
  return schedule_.word_pushed(schedule_.stream(stream), cycle);
}

// The loop of an image: words_loaded_first() reads; then for each output row steps of which the
// first words_read_per_row() read, as long as there are words, and the first
// words_written_per_row() write. A step that does both reads into the buffer first.
std::optional<CellReads> DataflowTimeline::cell_reads(const std::string& window, int slot,
                                                      int column, int word, int64_t cycle) const {
  const int part = schedule_.part(window);
  const auto next = schedule_.next_step(part, cycle);
  if (!next) return {};
  const WindowShape& shape = windows_.at(window);
  const int64_t per_image = schedule_.steps_per_image(part);
  const int64_t cells = SlidingWindow::row_slots(shape) * shape.words_per_row();
  const int64_t cell = slot * shape.words_per_row() + column * shape.words_per_pixel + word;
  const int64_t first = shape.words_loaded_first();
  const int64_t per_row = std::max(shape.words_written_per_row(), shape.words_read_per_row());
  CellReads result{*next / per_image, {}};
  bool holds = false;  // something of this image
  int64_t loaded = 0;
  for (int64_t step = 0; step < per_image; ++step) {
    const bool hit = step >= *next % per_image;
    const int64_t in_row = step < first ? step : (step - first) % per_row;
    const bool reads =
        step < first || (in_row < shape.words_read_per_row() && loaded < shape.words_per_image());
    if (reads) {
      if (loaded++ % cells == cell) {
        if (hit) break;  // written again
        holds = true;
      }
    }
    if (!hit || !holds || step < first || in_row >= shape.words_written_per_row()) continue;
    const auto oy = static_cast<int>((step - first) / per_row);
    const int64_t of_pixel =
        int64_t{shape.kernel.height} * shape.kernel.width * shape.words_per_pixel;
    const auto ox = static_cast<int>(in_row / of_pixel);
    const auto in_pixel = static_cast<int>(in_row % of_pixel);
    const int m = shape.words_per_pixel, size = shape.kernel.height * shape.kernel.width;
    const int position = shape.by_channels ? in_pixel % size : in_pixel / m;
    const int of_word = shape.by_channels ? in_pixel / size : in_pixel % m;
    const int ky = position / shape.kernel.width, kx = position % shape.kernel.width;
    const bool this_cell =
        (oy * shape.stride.height + ky) % SlidingWindow::row_slots(shape) == slot &&
        of_word == word && ox * shape.stride.width + kx == column;
    if (this_cell) result.reads.push_back({oy * shape.out_width + ox, position});
  }
  if (result.reads.empty()) return {};
  return result;
}

// Word n of the run is written when it is read from the stream, and lies in slot n mod BUF from the
// next cycle on. Fetch j of an image is step j of the part.
std::optional<CellReads> DataflowTimeline::ring_reads(const std::string& ring, int slot,
                                                      int64_t cycle) const {
  const WindowShape& shape = rings_.at(ring);
  const int part = schedule_.part(ring);
  const int64_t written = schedule_.words_popped(schedule_.read_by(part), cycle);
  const int64_t word = newest_in(slot, written, shape.ring_words());
  const int64_t per_image = shape.words_per_image();
  if (word < 0 || word / per_image != (written - 1) / per_image) return {};  // of an image before
  const int m = shape.words_per_pixel, k = shape.kernel;
  const int64_t element = word % per_image;
  CellReads result{word / per_image, {}, static_cast<int>(element % m)};
  const auto y = static_cast<int>(element / shape.words_per_row());
  const auto x = static_cast<int>(element % shape.words_per_row() / m);
  for (int position = 0; position < k * k; ++position) {
    const int top = y - position / k, left = x - position % k;
    if (top < 0 || left < 0 || top % shape.stride != 0 || left % shape.stride != 0) continue;
    const int oy = top / shape.stride, ox = left / shape.stride;
    if (oy >= shape.out_height || ox >= shape.out_width) continue;
    const int pixel = oy * shape.out_width + ox;
    const int64_t fetch = (int64_t{pixel} * k * k + position) * m + result.word;
    if (schedule_.cycle_of(part, result.image, fetch) < cycle) continue;
    result.reads.push_back({pixel, position});
  }
  if (result.reads.empty()) return {};
  return result;
}

// Likewise. A word is read from the buffer after the one before it, in the cycle in which that
// passes on to the core, and one cycle after its own coming at the earliest: then step i of the
// core leaves the read of step i + 1 in its own cycle.
std::optional<ReplayReads> DataflowTimeline::replay_reads(const std::string& buffer, int slot,
                                                          int64_t cycle) const {
  const auto& [part, shape] = mvus_.at(buffer);
  const int64_t word =
      newest_in(slot, schedule_.words_popped(schedule_.read_by(part), cycle), shape.replay_words());
  if (word < 0) return {};
  const int64_t per_image = shape.words_read_per_image();
  ReplayReads result;
  result.image = word / per_image;
  const int64_t window = word % per_image / shape.synapse_fold;
  result.pixel = static_cast<int>(window);
  result.word = static_cast<int>(word % shape.synapse_fold);
  // Of the image; the last one of the image before: -1.
  const auto core = [&, part = part, &shape = shape](int64_t step) {
    if (step >= 0) return schedule_.cycle_of(part, result.image, step);
    if (result.image == 0) return int64_t{-1};
    return schedule_.cycle_of(part, result.image - 1, shape.steps_per_image() - 1);
  };
  for (; result.first_fold < shape.neuron_fold; ++result.first_fold) {
    const int64_t step =
        (window * shape.neuron_fold + result.first_fold) * shape.synapse_fold + result.word;
    int64_t read = core(step - 1);
    if (result.first_fold == 0) {
      read = std::max(read, schedule_.pop_cycle(schedule_.read_by(part), word) + 1);
    }
    if (read >= cycle) return result;
  }
  return {};
}

FoldResult DataflowTimeline::result_at(const Mvu& mvu, int64_t result) const {
  const int64_t per_image = mvu.shape.words_written_per_image();
  const int64_t in_image = result % per_image;
  return {result / per_image, static_cast<int>(in_image / mvu.shape.neuron_fold),
          static_cast<int>(in_image % mvu.shape.neuron_fold)};
}

// A result waits in register 0 from the cycle after that of its exit until the one before is
// written, then lies in register 1 until it is written itself.
std::optional<FoldResult> DataflowTimeline::result_in(const std::string& registers, int which,
                                                      int64_t cycle) const {
  const Mvu& mvu = mvus_.at(registers);
  const int64_t result =
      schedule_.words_pushed(schedule_.written_by(mvu.stage), cycle) + (1 - which);
  if (result >= images_ * mvu.shape.words_written_per_image()) return {};
  if (schedule_.exit_cycle(mvu.stage, result) >= cycle) return {};
  return result_at(mvu, result);
}

std::vector<FoldResult> DataflowTimeline::results_that_wait(const std::string& registers) const {
  const Mvu& mvu = mvus_.at(registers);
  std::vector<FoldResult> waiting;
  const int64_t count = images_ * mvu.shape.words_written_per_image();
  for (int64_t result = 1; result < count; ++result) {
    if (schedule_.push_cycle(schedule_.written_by(mvu.stage), result - 1) >
        schedule_.exit_cycle(mvu.stage, result)) {
      waiting.push_back(result_at(mvu, result));
    }
  }
  return waiting;
}

/// A step of the loop: words_read_per_row() words in for each output row, then its words out; at
/// last the words below the last window. Or the words of one window after the other.
PoolStep DataflowTimeline::pool_at(const Pool& pool, int64_t step_of_run,
                                   int64_t steps_per_image) const {
  const Layer& layer = pool.layer;
  PoolStep result;
  result.image = step_of_run / steps_per_image;
  const int64_t step = step_of_run % steps_per_image;
  const int size = layer.kernel.height * layer.kernel.width;
  if (pool.adds) {
    result.pixel = static_cast<int>(step / pool.words);
    result.word = static_cast<int>(step % pool.words);
    return result;
  }
  if (pool.windows) {
    result.pixel = static_cast<int>(step / (size * pool.words));
    result.word = static_cast<int>(step / size % pool.words);
    const auto position = static_cast<int>(step % size);
    for (int k = 0; k <= position; ++k) {  // padding is not taken
      result.takes = layer.input.holds(result.pixel / layer.output.width * layer.stride.height -
                                           layer.padding.top + k / layer.kernel.width,
                                       result.pixel % layer.output.width * layer.stride.width -
                                           layer.padding.left + k % layer.kernel.width);
      if (k < position && result.takes) ++result.taken;
    }
    result.gives = position + 1 == size;
    return result;
  }
  const int64_t in = int64_t{layer.kernel.height} * layer.input.width * pool.words;
  const int64_t out = int64_t{layer.output.width} * pool.words;
  const auto y = static_cast<int>(step / (in + out));
  const int64_t in_row = step % (in + out);
  result.gives = in_row >= in;
  result.takes = !result.gives;
  const auto place = static_cast<int>(result.gives ? in_row - in : in_row);
  result.word = place % pool.words;
  int x = place / pool.words;
  if (result.gives) {
    result.taken = size;
  } else {
    const int ky = x / layer.input.width;
    const int column = x % layer.input.width;
    x = column / layer.kernel.width;
    result.taken = ky * layer.kernel.width + column % layer.kernel.width;
  }
  const bool dropped = y >= layer.output.height || x >= layer.output.width;
  result.pixel = dropped ? -1 : y * layer.output.width + x;
  return result;
}

std::optional<PoolStep> DataflowTimeline::pool_step(const std::string& name, int64_t cycle) const {
  const int part = schedule_.part(name);
  const auto next = schedule_.next_step(part, cycle);
  if (!next) return {};
  const int64_t per_image = schedule_.steps_per_image(part);
  if (schedule_.cycle_of(part, *next / per_image, *next % per_image) != cycle) return {};
  const PoolStep step = pool_at(pools_.at(name), *next, per_image);
  if (step.pixel < 0) return {};
  return step;
}

std::optional<PoolStep> DataflowTimeline::pool_cell(const std::string& name, int column, int word,
                                                    int64_t cycle) const {
  const int part = schedule_.part(name);
  const auto next = schedule_.next_step(part, cycle);
  if (!next) return {};
  const Pool& pool = pools_.at(name);
  const Layer& layer = pool.layer;
  const int64_t per_image = schedule_.steps_per_image(part);
  if (pool.windows) {
    const PoolStep at = pool_at(pool, *next, per_image);
    return at.taken > 0 ? std::optional<PoolStep>(at) : std::nullopt;
  }
  const int64_t per_row =
      (int64_t{layer.kernel.height} * layer.input.width + layer.output.width) * pool.words;
  // Steps of the output row so far; the last that touched the cell says what it holds.
  const int64_t row_start = *next % per_image / per_row * per_row;
  const int64_t image_start = *next / per_image * per_image;
  std::optional<PoolStep> result;
  for (int64_t step = image_start + row_start; step < *next; ++step) {
    PoolStep at = pool_at(pool, step, per_image);
    if (at.pixel < 0 || at.word != word || at.pixel % layer.output.width != column) continue;
    ++at.taken;
    result = at.gives ? std::optional<PoolStep>() : at;
  }
  return result;
}

}  // namespace stuckat::dataflow
