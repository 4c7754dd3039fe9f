#include "models/loopback/timing.h"

#include <algorithm>
#include <set>
#include <utility>

#include "models/loopback/activation_plan.h"
#include "models/loopback/placement.h"
#include "models/memory/stored_tensor.h"
#include "workloads/errors.h"

namespace stuckat::loopback {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Every tensor that the layer reads once, word by word.
int64_t move_cycles(const LoopbackAccelerator& accelerator, const Network& network,
                    const Layer& layer) {
  int64_t cycles = 0;
  for (const int tensor : std::set<int>(layer.inputs.begin(), layer.inputs.end())) {
    const Shape shape = network.shape(tensor);
    cycles += shape.pixels() * ceil_div(shape.channels, accelerator.simd);
  }
  return cycles;
}

LayerPlan plan_layer(const LoopbackAccelerator& accelerator, const Network& network,
                     const ArrayUse& use) {
  const Layer& layer = network.layers[static_cast<size_t>(use.layer)];
  const int pe = static_cast<int>(accelerator.pe);
  LayerPlan plan;
  plan.layer = use.layer;
  plan.group_rows = layer.rows() / layer.groups;
  plan.synapse_fold = use.columns / static_cast<int>(accelerator.simd);
  if (accelerator.schedule == Schedule::channel_parallel) {
    plan.rows_per_fold = pe;
    plan.folds = use.rows / pe;
    plan.passes = layer.output.pixels();
  } else {
    plan.folds = layer.rows();
    plan.passes = static_cast<int>(ceil_div(layer.output.pixels(), pe));
  }
  plan.group_folds = plan.folds / layer.groups;
  const int64_t word_bytes =
      ceil_div(plan.rows_per_fold * accelerator.simd * layer.weight_format.bits, 8);
  const int64_t fold_bytes = plan.synapse_fold * word_bytes;
  const int64_t threshold_bytes =
      ceil_div(int64_t{plan.rows_per_fold} * layer.thresholds_per_row() * use.threshold_bits, 8);
  const int64_t bank_bytes = accelerator.weight_buffer_bytes / accelerator.weight_banks();
  if (fold_bytes > bank_bytes) {
    throw InputError("loopback:" + accelerator.name,
                     "a weight bank of " + std::to_string(bank_bytes) + " bytes for " + layer.name,
                     "at least " + std::to_string(fold_bytes) + " in each of " +
                         std::to_string(accelerator.weight_banks()));
  }
  const int most = static_cast<int>(std::min<int64_t>(plan.folds, bank_bytes / fold_bytes));
  for (int first = 0; first < plan.folds; first += most) {
    const int folds = std::min(most, plan.folds - first);
    plan.tiles.push_back({first, folds, 0, folds * (fold_bytes + threshold_bytes),
                          int64_t{folds} * plan.synapse_fold * plan.passes});
  }
  return plan;
}

/// When what happened last, carried from image to image. Cycle numbers of the run.
class Recurrence {
 public:
  Recurrence(const LoopbackPlan& plan, const LoopbackAccelerator& accelerator)
      : plan_(plan),
        accelerator_(accelerator),
        bank_free_(static_cast<size_t>(accelerator.weight_banks())) {}

  ImageCycles next_image(bool last) {
    ImageCycles result;
    starts_.emplace_back();
    int64_t now = end_;
    memory_free_ = std::max(memory_free_, now) + transfer_cycles(memory(), plan_.input_bytes);
    result.load = memory_free_ - now;
    now = memory_free_;
    if (fetched_ == 0) fetch_next();
    auto move = plan_.moves.begin();
    const auto move_before = [&](size_t l) {
      for (; move != plan_.moves.end() && static_cast<size_t>(move->before) == l; ++move) {
        result.moves.push_back(
            {accelerator_.control_cycles, 0, move->cycles, accelerator_.pipeline_cycles});
        now += result.moves.back().total();
      }
    };
    for (size_t l = 0; l < plan_.layers.size(); ++l) {
      move_before(l);
      const LayerPlan& layer = plan_.layers[l];
      LayerCycles cycles{accelerator_.control_cycles, 0, layer.steps(),
                         accelerator_.pipeline_cycles};
      now += cycles.control;
      for (size_t t = 0; t < layer.tiles.size(); ++t) {
        const bool more = !last || l + 1 < plan_.layers.size() || t + 1 < layer.tiles.size();
        if (accelerator_.double_buffering && more) fetch_next();
        const size_t bank = static_cast<size_t>(computed_++) % bank_free_.size();
        const int64_t start = std::max(now, bank_full_[bank]);
        cycles.waiting += start - now;
        starts_.back().resize(plan_.layers.size());
        starts_.back()[l].push_back(start);
        now = start + layer.tiles[t].steps;
        bank_free_[bank] = now;
        if (!accelerator_.double_buffering && more) fetch_next();
      }
      now += cycles.pipeline;
      result.layers.push_back(cycles);
    }
    move_before(plan_.layers.size());
    memory_free_ = std::max(memory_free_, now) + transfer_cycles(memory(), plan_.output_bytes);
    result.store = memory_free_ - now;
    end_ = memory_free_;
    return result;
  }

  const TileStarts& starts() const { return starts_; }

 private:
  const MemoryParams& memory() const { return accelerator_.memory; }

  /// The next tile of the run into its bank, as soon as memory and bank are free.
  void fetch_next() {
    const size_t bank = static_cast<size_t>(fetched_) % bank_free_.size();
    memory_free_ = std::max(memory_free_, bank_free_[bank]) +
                   transfer_cycles(memory(), plan_.layers[layer_].tiles[tile_].bytes);
    bank_full_[bank] = memory_free_;
    ++fetched_;
    if (++tile_ < plan_.layers[layer_].tiles.size()) return;
    tile_ = 0;
    layer_ = (layer_ + 1) % plan_.layers.size();
  }

  const LoopbackPlan& plan_;
  const LoopbackAccelerator& accelerator_;
  TileStarts starts_;
  int64_t end_ = 0;          // of the image before
  int64_t memory_free_ = 0;  // end of the last transfer
  std::vector<int64_t> bank_free_;
  int64_t bank_full_[2] = {};
  int64_t fetched_ = 0;   // tiles of the run
  int64_t computed_ = 0;  // tiles of the run
  size_t layer_ = 0;      // of the next fetch
  size_t tile_ = 0;
};

}  // namespace

LayerPlan::Rows LayerPlan::rows_of(int fold) const {
  const int group = fold / group_folds * group_rows;
  const int first = fold % group_folds * rows_per_fold;
  return {group + first, group + std::min(first + rows_per_fold, group_rows)};
}

int64_t LayerPlan::bytes() const {
  int64_t sum = 0;
  for (const WeightTile& tile : tiles) sum += tile.bytes;
  return sum;
}

int64_t LoopbackPlan::weight_bytes() const {
  int64_t sum = 0;
  for (const LayerPlan& layer : layers) sum += layer.bytes();
  return sum;
}

int64_t ImageCycles::total() const {
  int64_t sum = load + store;
  for (const LayerCycles& layer : layers) sum += layer.total();
  for (const LayerCycles& move : moves) sum += move.total();
  return sum;
}

LoopbackPlan make_plan(const LoopbackAccelerator& accelerator, const Network& network) {
  const Placement placement = place(accelerator, network);
  const auto& uses = placement.arrays.front().uses;
  const Program program = program_of(accelerator, network);
  LoopbackPlan plan;
  plan.input_tensor = program.input_tensor;
  plan.output_tensor = program.output_tensor;
  plan.input_bytes = memory::tensor_bytes(network, plan.input_tensor);
  plan.output_bytes = memory::tensor_bytes(network, plan.output_tensor);
  int64_t offset = 0;
  for (const ArrayUse& use : uses) {
    plan.layers.push_back(plan_layer(accelerator, network, use));
    for (WeightTile& tile : plan.layers.back().tiles) {
      tile.offset = std::exchange(offset, offset + tile.bytes);
    }
  }
  int before = 0;
  for (const ProgramStep& step : program.steps) {
    const Layer& layer = network.layer(step.layer);
    if (layer.part() == HardwarePart::pe_array)
      ++before;
    else
      plan.moves.push_back({step.layer, before, move_cycles(accelerator, network, layer)});
  }
  for (const auto& stored : placement.memories.front().tensors) {
    const int64_t bytes = memory::tensor_bytes(network, stored.kept);
    if (bytes <= accelerator.activation_buffer_bytes) continue;
    throw InputError(
        "loopback:" + accelerator.name,
        "an activation buffer of " + std::to_string(accelerator.activation_buffer_bytes) + " bytes",
        "at least " + std::to_string(bytes) + " for " + network.name);
  }
  return plan;
}

std::vector<ImageCycles> cycles_for(const LoopbackPlan& plan,
                                    const LoopbackAccelerator& accelerator, int images) {
  Recurrence recurrence(plan, accelerator);
  std::vector<ImageCycles> result;
  for (int i = 0; i < images; ++i) result.push_back(recurrence.next_image(i + 1 == images));
  return result;
}

TileStarts tile_starts(const LoopbackPlan& plan, const LoopbackAccelerator& accelerator,
                       int images) {
  Recurrence recurrence(plan, accelerator);
  for (int i = 0; i < images; ++i) recurrence.next_image(i + 1 == images);
  return recurrence.starts();
}

int64_t steady_interval(const LoopbackPlan& plan, const LoopbackAccelerator& accelerator) {
  // The next image's first tile is in its bank and memory has stored the result when an image ends:
  // every image after the first starts from the same state.
  Recurrence recurrence(plan, accelerator);
  recurrence.next_image(false);
  return recurrence.next_image(false).total();
}

}  // namespace stuckat::loopback
