#include "models/dataflow/timeline.h"

#include <algorithm>

#include "models/dataflow/max_pool.h"
#include "models/dataflow/placement.h"

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
                         pools_windows(accelerator, network, unit.layer)};
  }
}

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
    const int64_t of_pixel = int64_t{shape.kernel} * shape.kernel * shape.words_per_pixel;
    const auto ox = static_cast<int>(in_row / of_pixel);
    const auto position = static_cast<int>(in_row % of_pixel / shape.words_per_pixel);
    const int row = (oy * shape.stride + position / shape.kernel) % SlidingWindow::row_slots(shape);
    const bool this_cell = row == slot && in_row % shape.words_per_pixel == word &&
                           ox * shape.stride + position % shape.kernel == column;
    if (this_cell) result.reads.push_back({oy * shape.out_width + ox, position});
  }
  if (result.reads.empty()) return {};
  return result;
}

/// A step of the loop: words_read_per_row() words in for each output row, then its words out; at
/// last the words below the last window. Or the words of one window after the other.
PoolStep DataflowTimeline::pool_at(const Pool& pool, int64_t step_of_run,
                                   int64_t steps_per_image) const {
  const Layer& layer = pool.layer;
  PoolStep result;
  result.image = step_of_run / steps_per_image;
  const int64_t step = step_of_run % steps_per_image;
  const int size = layer.kernel * layer.kernel;
  if (pool.windows) {
    result.pixel = static_cast<int>(step / (size * pool.words));
    result.word = static_cast<int>(step / size % pool.words);
    result.taken = static_cast<int>(step % size);
    result.gives = result.taken + 1 == size;
    return result;
  }
  const int64_t in = int64_t{layer.kernel} * layer.input.width * pool.words;
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
    x = column / layer.kernel;
    result.taken = ky * layer.kernel + column % layer.kernel;
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
      (int64_t{layer.kernel} * layer.input.width + layer.output.width) * pool.words;
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
