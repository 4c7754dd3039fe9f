// LevelPass: the effects of a fault on one tensor.
#include <algorithm>

#include "faultmaps/broken_pool.h"
#include "faultmaps/faulty_values.h"
#include "faultmaps/placement.h"
#include "sim/fast/levels/level_layers.h"
#include "sim/fast/levels/level_pass.h"
#include "sim/fast/row_calculator.h"
#include "workloads/reference.h"

namespace stuckat::fast {

void LevelPass::apply(const TensorStep& step, const Effects& effects, int64_t image_index) {
  const int index = Network::producer(step.tensor);
  if (step.computes()) {
    if (!step.operands.empty()) apply_operands(index, effects, image_index);
    if (step.level_patch.empty()) {
      apply_special(index, step, effects, image_index);
    } else {
      apply_patch(index, step.level_patch);
      if (step.others) apply_special(index, *step.others, effects, image_index);
    }
    held_.clear();
    if (!step.pools.empty()) apply_pools(index, effects, image_index);
    held_inputs_.clear();
    settle(step.tensor, network_.tensor(step.tensor).all());
  }
  for (const ElementStep& element : step.elements) {
    apply_element(effects.elements[static_cast<size_t>(element.fault)], element, image_index);
  }
}

void LevelPass::apply_special(int index, const TensorStep& step, const Effects& effects,
                              int64_t image_index) {
  if (patch_only(step, index)) {
    apply_patches(index, step.rows);
  } else if (lanes_only(step, effects)) {
    apply_lanes(index, step, effects, image_index);
  } else {
    apply_rows(index, step, effects, image_index);
  }
}

/// Blocks with broken weights once more, whatever was made of them before.
void LevelPass::apply_patch(int index, const LevelPatch& patch) {
  const LevelLayer& layer = network_.layer(index);
  std::unique_ptr<LevelLayer>& patched = patched_[static_cast<size_t>(index)];
  if (patched == nullptr) patched = std::make_unique<LevelLayer>(layer);
  for (const auto& [at, before, after] : patch.weights) patched->weights[at] = after;
  const Area all{0, 0, layer.output.height, layer.output.width};
  const auto pixels = static_cast<size_t>(layer.output.pixels());
  const auto slots = static_cast<size_t>(layer.slots);
  list_pixels(all, layer.output.width, pixels_);
  sums_.resize(std::max(sums_.size(), pixels * slots));
  sum_layer(network_, *patched, inputs_of(layer), patch.blocks, pixels_, sums_.data());
  for (const auto& [at, before, after] : patch.weights) patched->weights[at] = before;
  for (const auto& [row, slot, change] : patch.rows) {
    if (change == 0) continue;
    int32_t* sum = sums_.data() + slot;
    for (size_t i = 0; i < pixels; ++i, sum += slots) *sum += change;
  }
  finish_sums(index, all, patch.blocks);
  if (layer.accumulator_output) return;
  // Broken weights may give sums for which no line was fitted.
  const auto tensor = static_cast<size_t>(Network::output_tensor(index));
  const std::vector<uint32_t>& at = network_.tensor(static_cast<int>(tensor)).at;
  for (const auto& [row, slot, change] : patch.rows) {
    const auto [least, greatest] = layer.activation.right_between(slot);
    if (least == INT32_MIN && greatest == INT32_MAX) continue;
    const int32_t* sum = sums_.data() + slot;
    for (size_t i = 0; i < pixels; ++i, sum += slots) {
      if (least <= *sum && *sum <= greatest) continue;
      levels_[tensor][at[i] + static_cast<size_t>(row)] =
          static_cast<uint8_t>(layer.activation.level(slot, *sum));
    }
  }
}

/// The layer's output once more, from operands as they are held wrongly; the tensor stays.
void LevelPass::apply_operands(int index, const Effects& effects, int64_t image_index) {
  const Layer& layer = network_.network().layer(index);
  if (!layer.has_weights()) return apply_inputs(index, effects, image_index);
  const int from = layer.inputs.front();
  const LevelTensor& input = network_.tensor(from);
  const Tensor padded = padded_operands(layer, index, effects.operands, tensor(from), image_index);
  held_ = levels_[static_cast<size_t>(from)];
  const int32_t* value = padded.values.data();
  for (int y = 0; y < padded.shape.height; ++y) {
    for (int x = 0; x < padded.shape.width; ++x) {
      const int pixel = (y - layer.padding.top + input.border.top) * input.width() + x -
                        layer.padding.left + input.border.left;
      uint8_t* to =
          held_.data() + static_cast<size_t>(pixel) * static_cast<size_t>(layer.input.channels);
      for (int c = 0; c < layer.input.channels; ++c) {
        *to++ = static_cast<uint8_t>(input.level(*value++));
      }
    }
  }
  const LevelLayer& packed = network_.layer(index);
  compute(index, {held_.data()}, {0, 0, packed.output.height, packed.output.width},
          network_.all_blocks(packed));
}

/// The same for a layer without weights, each of whose inputs may be held wrongly.
void LevelPass::apply_inputs(int index, const Effects& effects, int64_t image_index) {
  const Layer& layer = network_.network().layer(index);
  const LevelLayer& packed = network_.layer(index);
  held_inputs_ = input_values(index);
  std::vector<AlignedVector<uint8_t>> levels(held_inputs_.size());
  std::vector<const uint8_t*> inputs;
  for (size_t k = 0; k < levels.size(); ++k) {
    const int input = static_cast<int>(k);
    const auto from = static_cast<size_t>(layer.inputs[k]);
    inputs.push_back(levels_[from].data());
    if (!has_operands(effects.operands, index, input)) continue;
    Tensor& values = held_inputs_[k];
    values = held_operands(layer, index, input, effects.operands, values, image_index);
    levels[k] = levels_[from];
    store_values(network_.tensor(layer.inputs[k]), values, levels[k].data());
    inputs[k] = levels[k].data();
  }
  if (packed.pairs.empty()) {
    return compute(index, inputs, {0, 0, packed.output.height, packed.output.width},
                   network_.all_blocks(packed));
  }
  const auto to = static_cast<size_t>(Network::output_tensor(index));
  move_levels(network_, index, inputs, network_.all_pixels(packed), levels_[to].data());
}

std::vector<Tensor> LevelPass::input_values(int index) const {
  std::vector<Tensor> result;
  for (const int from : network_.network().layer(index).inputs) result.push_back(tensor(from));
  return result;
}

/// Only parameters are patched: each sum changes by what the patched weights change. Where the sums
/// have to be made for that, a few weights in each row.
bool LevelPass::patch_only(const TensorStep& step, int index) const {
  if (!step.windows.empty() || !step.operands.empty()) return false;
  const Layer& layer = network_.network().layer(index);
  constexpr int few = 8;  // of the columns
  const bool any_number = !inputs_differ(index);
  return std::all_of(step.rows.begin(), step.rows.end(), [&](const SpecialRow& row) {
    if (!any_number && few * static_cast<int>(row.weights.size()) > layer.columns()) return false;
    const auto halves =
        [&](const ParameterChange& w) {  // a match counts half of a product's change
          return !layer.is_xnor() || w.value == 1 || w.value == -1;
        };
    return row.operators.empty() && std::all_of(row.weights.begin(), row.weights.end(), halves);
  });
}

const int32_t* LevelPass::sums_of_block(int index, int block) {
  if (!inputs_differ(index)) return golden_.sums(index).data();
  const LevelLayer& packed = network_.layer(index);
  if (block != summed_block_) {
    summed_block_ = block;
    sums_.resize(std::max(sums_.size(), static_cast<size_t>(packed.output.pixels()) *
                                            static_cast<size_t>(packed.slots)));
    sum_layer(network_, packed, inputs_of(packed), {&block, 1}, network_.all_pixels(packed),
              sums_.data());
  }
  return sums_.data();
}

void LevelPass::apply_patches(int index, const std::vector<SpecialRow>& rows) {
  summed_block_ = -1;
  for (const SpecialRow& row : rows) apply_patches(index, row);
}

/// The tensor holds what right parameters make of the layer's inputs as they are.
void LevelPass::apply_patches(int index, const SpecialRow& row) {
  const Layer& layer = network_.network().layer(index);
  const LevelLayer& packed = network_.layer(index);
  const LevelTensor& input = network_.tensor(layer.inputs.front());
  const uint8_t* image = levels_[static_cast<size_t>(layer.inputs.front())].data() +
                         layer.group_of(row.row) * layer.group_channels();
  std::vector<int32_t> thresholds(layer.threshold_row(row.row),
                                  layer.threshold_row(row.row) + layer.thresholds_per_row());
  for (const auto& [number, value] : row.thresholds) {
    thresholds[static_cast<size_t>(number)] = value;
  }
  std::sort(thresholds.begin(), thresholds.end());
  struct Weight {
    size_t offset;  // of its level, from the window's corner
    int32_t change;
  };
  std::vector<Weight> weights;
  for (const auto& [column, value] : row.weights) {
    const int run = column / packed.run_bytes;
    weights.push_back({static_cast<size_t>(packed.runs[static_cast<size_t>(run)]) *
                               static_cast<size_t>(layer.input.channels) +
                           static_cast<size_t>(column % packed.run_bytes),
                       value - layer.weight_row(row.row)[column]});
  }
  const auto slot = static_cast<size_t>(packed.slot_of[static_cast<size_t>(row.row)]);
  const int32_t* sums = sums_of_block(index, static_cast<int>(slot) / block_rows);
  for (int pixel = 0; pixel < packed.output.pixels(); ++pixel) {
    const int32_t sum = sums[static_cast<size_t>(pixel) * static_cast<size_t>(packed.slots) + slot];
    const uint8_t* window = image + size_t{packed.corners[static_cast<size_t>(pixel)]} *
                                        static_cast<size_t>(layer.input.channels);
    int32_t change = 0;
    for (const Weight& w : weights) change += w.change * input.value(window[w.offset]);
    if (change == 0 && row.thresholds.empty()) continue;
    const int32_t accumulator =
        packed.base[slot] + packed.unit * sum + (layer.is_xnor() ? change / 2 : change);
    int32_t value = accumulator;
    if (!layer.accumulator_output) {
      const auto below = std::lower_bound(thresholds.begin(), thresholds.end(), accumulator);
      value = layer.output_format.level(static_cast<int>(below - thresholds.begin()));
    }
    set_value(Network::output_tensor(index), pixel, row.row, value);
  }
}

void LevelPass::apply_rows(int index, const TensorStep& step, const Effects& effects,
                           int64_t image_index) {
  if (step.rows.empty() && step.windows.empty()) return;
  const Layer& layer = network_.network().layer(index);
  const WindowEdits edits(layer, index, effects.windows, image_index);
  const int columns = WindowEdits::columns(layer, index, effects.windows);
  std::vector<int> right;
  std::vector<int> wrong;
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    (edits.touches(pixel) ? wrong : right).push_back(pixel);
  }
  compute_rows(index, step.rows, effects, edits, right, columns, image_index);
  if (wrong.empty()) return;
  std::vector<SpecialRow> all;
  auto next = step.rows.begin();
  for (int row = 0; row < layer.rows(); ++row) {
    const bool is_special = next != step.rows.end() && next->row == row;
    all.push_back(is_special ? *next++ : SpecialRow{row});
  }
  compute_rows(index, all, effects, edits, wrong, columns, image_index);
}

void LevelPass::compute_rows(int index, const std::vector<SpecialRow>& rows, const Effects& effects,
                             const WindowEdits& edits, const std::vector<int>& pixels, int columns,
                             int64_t image_index) {
  if (rows.empty() || pixels.empty()) return;
  const Layer& layer = network_.network().layer(index);
  std::vector<RowCalculator> calculators;
  for (const SpecialRow& row : rows) {
    calculators.emplace_back(layer, row, effects, image_index, columns, edits.accumulator_bits());
  }
  const auto size =
      static_cast<size_t>(std::max(columns, RowCalculator::window_size(layer, rows, effects)));
  std::vector<int16_t> window(size, static_cast<int16_t>(padded_input(layer)));
  std::vector<int16_t> seen = window;
  for (const int pixel : pixels) {
    int group = -1;
    const bool edited = edits.touches(pixel);
    for (const RowCalculator& calculator : calculators) {
      const int row = calculator.row();
      if (layer.group_of(row) != group) {
        group = layer.group_of(row);
        read_window(index, pixel, group, window.data());
      }
      if (edited) {
        seen = window;
        edits.apply(pixel, row, seen.data());
      }
      set_value(Network::output_tensor(index), pixel, row,
                calculator.value(pixel, (edited ? seen : window).data()));
    }
  }
}

/// The layer's columns at an output pixel.
void LevelPass::read_window(int index, int pixel, int group, int16_t* window) const {
  const LevelLayer& layer = network_.layer(index);
  const int from = layer.inputs.front();
  const LevelTensor& input = network_.tensor(from);
  const int channels = layer.input.channels;
  const uint8_t* image = held_.empty() ? levels_[static_cast<size_t>(from)].data() : held_.data();
  const uint8_t* corner =
      image + size_t{layer.corners[static_cast<size_t>(pixel)]} * static_cast<size_t>(channels) +
      static_cast<size_t>(group * (channels / layer.groups));
  for (const int32_t run : layer.runs) {
    const uint8_t* levels = corner + std::ptrdiff_t{run} * channels;
    for (int i = 0; i < layer.run_bytes; ++i) {
      *window++ = static_cast<int16_t>(input.value(levels[i]));
    }
  }
}

void LevelPass::apply_pools(int index, const Effects& effects, int64_t image_index) {
  const Layer& layer = network_.network().layer(index);
  const std::vector<Tensor> values = held_inputs_.empty() ? input_values(index) : held_inputs_;
  std::vector<const Tensor*> inputs;
  for (const Tensor& of : values) inputs.push_back(&of);
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    for (int channel = 0; channel < layer.output.channels; ++channel) {
      const BrokenPool pool = broken_pool_at(effects.pools, index, pixel, channel, image_index);
      if (pool == BrokenPool{}) continue;
      set_value(Network::output_tensor(index), pixel, channel,
                broken_element(layer, pool, inputs, pixel / layer.output.width,
                               pixel % layer.output.width, channel));
    }
  }
}

void LevelPass::set_value(int tensor, int pixel, int channel, int32_t value) {
  const LevelTensor& layout = network_.tensor(tensor);
  if (layout.sums) {
    result_[static_cast<size_t>(pixel * layout.shape.channels + channel)] = value;
    return;
  }
  levels_[static_cast<size_t>(tensor)]
         [layout.at[static_cast<size_t>(pixel)] + static_cast<size_t>(channel)] =
             static_cast<uint8_t>(layout.level(value));
}

void LevelPass::apply_element(const ElementFault& fault, const ElementStep& step,
                              int64_t image_index) {
  if (!fault.images.contains(image_index)) return;
  const LevelTensor& layout = network_.tensor(fault.tensor);
  if (layout.sums) {
    for (const int i : selected_elements(fault, layout.shape, image_index)) {
      int32_t& value = result_[static_cast<size_t>(i)];
      value = masked_value(network_.network(), fault.tensor, fault.mask, value);
    }
    return settle_result();
  }
  const auto t = static_cast<size_t>(fault.tensor);
  const uint8_t* map = step.level_map.data();
  uint8_t* levels = levels_[t].data();
  if (fault.slot.depth > 0) {
    for (const int i : selected_elements(fault, layout.shape, image_index)) {
      uint8_t& level = levels[layout.at[static_cast<size_t>(i / layout.shape.channels)] +
                              static_cast<size_t>(i % layout.shape.channels)];
      level = map[level];
    }
    return settle(fault.tensor, layout.all());
  }
  Change& change = changes_[t];
  const bool was_right = change.area.empty();
  const uint8_t* golden = golden_.levels(fault.tensor).data();
  const std::vector<int>& channels = fault.channels;
  const auto set = [&](size_t at, int y, int x, int channel) {
    const size_t i = at + static_cast<size_t>(channel);
    levels[i] = map[levels[i]];
    if (levels[i] == golden[i]) return;
    change.area.include(y, x);
    change.channels[static_cast<size_t>(channel)] = 1;
  };
  const auto set_pixel = [&](int y, int x) {
    const size_t at = layout.at[static_cast<size_t>(y * layout.shape.width + x)];
    for (const int c : channels) set(at, y, x, c);
    for (int c = 0; channels.empty() && c < layout.shape.channels; ++c) set(at, y, x, c);
  };
  for (const int pixel : fault.pixels) {
    set_pixel(pixel / layout.shape.width, pixel % layout.shape.width);
  }
  for (int y = 0; fault.pixels.empty() && y < layout.shape.height; ++y) {
    for (int x = 0; x < layout.shape.width; ++x) set_pixel(y, x);
  }
  if (!was_right) settle(fault.tensor, layout.all());
}

}  // namespace stuckat::fast
