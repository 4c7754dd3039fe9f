#include "sim/fast/levels/level_pass.h"

#include <algorithm>
#include <cstring>

#include "sim/fast/levels/level_kernels.h"
#include "sim/fast/levels/level_layers.h"

namespace stuckat::fast {

LevelPass::LevelPass(const LevelExecutor& golden)
    : network_(golden.network()),
      golden_(golden),
      deltas_(static_cast<size_t>(golden.network().last_tensor())),
      patched_(deltas_.size()) {
  constexpr size_t read_behind = 64;
  for (int t = 0; t <= network_.last_tensor(); ++t) {
    levels_.emplace_back();
    changes_.emplace_back();
    changes_.back().channels.resize(static_cast<size_t>(network_.tensor(t).shape.channels) +
                                    read_behind);
  }
}

void LevelPass::begin_image() {
  for (int t = 0; t <= network_.last_tensor(); ++t) {
    levels_[static_cast<size_t>(t)] = golden_.levels(t);
  }
  result_ = golden_.result();
}

bool LevelPass::differs(int tensor) const {
  return !changes_[static_cast<size_t>(tensor)].area.empty();
}

bool LevelPass::inputs_differ(int layer) const {
  const std::vector<int>& inputs = network_.layer(layer).inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](int t) { return differs(t); });
}

std::vector<const uint8_t*> LevelPass::inputs_of(const LevelLayer& layer) const {
  std::vector<const uint8_t*> inputs;
  for (const int t : layer.inputs) inputs.push_back(levels_[static_cast<size_t>(t)].data());
  return inputs;
}

std::vector<int> LevelPass::changed_channels(int tensor) const {
  const Change& change = changes_[static_cast<size_t>(tensor)];
  std::vector<int> channels;
  for (int c = 0; c < network_.tensor(tensor).shape.channels; ++c) {
    if (change.channels[static_cast<size_t>(c)] != 0) channels.push_back(c);
  }
  return channels;
}

std::vector<int> LevelPass::changed_blocks(const LevelLayer& layer) const {
  const auto& changed = changes_[static_cast<size_t>(layer.inputs.front())].channels;
  const auto any = [&](int first, int count) {
    return std::any_of(changed.begin() + first, changed.begin() + first + count,
                       [](uint8_t c) { return c != 0; });
  };
  const int group_channels = layer.input.channels / layer.groups;
  std::vector<int> blocks;
  for (size_t b = 0; b < layer.blocks.size(); ++b) {
    const LevelLayer::Block& block = layer.blocks[b];
    const bool changes = layer.work == LevelWork::matrix
                             ? any(block.group * group_channels, group_channels)
                             : any(block.channel, block.count);
    if (changes) blocks.push_back(static_cast<int>(b));
  }
  return blocks;
}

void LevelPass::propagate(int index, bool only_delta) {
  const LevelLayer& layer = network_.layer(index);
  const bool windows = layer.work != LevelWork::add && layer.work != LevelWork::concat;
  Area changed;
  for (const int t : layer.inputs) changed.include(changes_[static_cast<size_t>(t)].area);
  const Area area = windows ? layer.reached(changed) : changed;
  if (area.empty()) return;
  if (layer.work == LevelWork::add || layer.work == LevelWork::concat) {
    return compute(index, inputs_of(layer), area, network_.all_blocks(layer));
  }
  const int from = layer.inputs.front();
  if (ChannelDelta::fits(layer)) {
    const std::vector<int> channels = changed_channels(from);
    if (only_delta || ChannelDelta::pays(layer, channels.size())) {
      list_pixels(area, layer.output.width, pixels_);
      sums_.resize(std::max(sums_.size(), pixels_.size() * static_cast<size_t>(layer.slots)));
      deltas_[static_cast<size_t>(index)].multiply(
          layer, network_.tensor(from), golden_.levels(from).data(),
          levels_[static_cast<size_t>(from)].data(), channels, changed, pixels_, sums_.data());
      const auto to = static_cast<size_t>(Network::output_tensor(index));
      const int32_t* golden = golden_.sums(index).data();
      if (layer.accumulator_output) {
        store_sums(layer, pixels_, sums_.data(), golden, result_.data());
        return settle_result();
      }
      const kernels::Finish work{sums_.data(), golden, golden_.levels(static_cast<int>(to)).data(),
                                 levels_[to].data(), changes_[to].channels.data()};
      changes_[to].area = kernels::finish(layer, network_.tensor(static_cast<int>(to)),
                                          network_.all_blocks(layer), area, work);
      return;
    }
    return compute(index, inputs_of(layer), area, network_.all_blocks(layer));
  }
  compute(index, inputs_of(layer), area, changed_blocks(layer));
}

void LevelPass::recompute(int index) {
  const LevelLayer& layer = network_.layer(index);
  compute(index, inputs_of(layer), {0, 0, layer.output.height, layer.output.width},
          network_.all_blocks(layer));
}

/// The layer's output at an area, in rows of some blocks; from tensors that are fault-free or not.
void LevelPass::compute(int index, const std::vector<const uint8_t*>& inputs, const Area& area,
                        std::span<const int> blocks) {
  const LevelLayer& layer = network_.layer(index);
  const int tensor = Network::output_tensor(index);
  const auto to = static_cast<size_t>(tensor);
  list_pixels(area, layer.output.width, pixels_);
  if (!layer.pairs.empty()) return add_pairs(index, inputs, area);
  if (!has_sums(layer)) {
    move_levels(network_, index, inputs, pixels_, levels_[to].data());
    return settle(tensor, area);
  }
  sums_.resize(std::max(sums_.size(), pixels_.size() * static_cast<size_t>(layer.slots)));
  sum_layer(network_, layer, inputs, blocks, pixels_, sums_.data());
  finish_sums(index, area, blocks);
}

/// What the layer's output is at an area, whose pixels are in pixels_, by their sums in sums_.
void LevelPass::finish_sums(int index, const Area& area, std::span<const int> blocks) {
  const LevelLayer& layer = network_.layer(index);
  const int tensor = Network::output_tensor(index);
  const auto to = static_cast<size_t>(tensor);
  if (layer.accumulator_output) {
    // Sums of other blocks are not computed: their rows stay as they are.
    for (size_t i = 0; i < pixels_.size(); ++i) {
      for (const int b : blocks) {
        const LevelLayer::Block& block = layer.blocks[static_cast<size_t>(b)];
        for (int row = block.channel; row < block.channel + block.count; ++row) {
          const auto slot = static_cast<size_t>(layer.slot_of[static_cast<size_t>(row)]);
          const int32_t base = layer.base.empty() ? 0 : layer.base[slot];
          result_[static_cast<size_t>(pixels_[i] * layer.rows + row)] =
              base + layer.unit * sums_[i * static_cast<size_t>(layer.slots) + slot];
        }
      }
    }
    return settle_result();
  }
  const kernels::Finish work{sums_.data(), nullptr, golden_.levels(tensor).data(),
                             levels_[to].data(), changes_[to].channels.data()};
  changes_[to].area = kernels::finish(layer, network_.tensor(tensor), blocks, area, work);
}

/// An add by its table of pairs, of the channels that differ in what it reads: as a rule a few of
/// them, or most.
void LevelPass::add_pairs(int index, const std::vector<const uint8_t*>& inputs, const Area& area) {
  const LevelLayer& layer = network_.layer(index);
  const int tensor = Network::output_tensor(index);
  std::vector<uint8_t>& changed = changes_[static_cast<size_t>(tensor)].channels;
  std::vector<int> channels;
  for (int c = 0; c < layer.output.channels; ++c) {
    const auto differs = [&](int t) {
      return changes_[static_cast<size_t>(t)].channels[static_cast<size_t>(c)] != 0;
    };
    if (differs(layer.inputs[0]) || differs(layer.inputs[1])) channels.push_back(c);
  }
  const bool most = 2 * static_cast<int>(channels.size()) > layer.output.channels;
  differs_.assign(static_cast<size_t>(area.pixels()), 0);
  uint8_t* differs = differs_.data();
  const auto row = static_cast<uint32_t>(layer.tables[1].size());
  const auto& at = network_.tensor(tensor).at;
  const auto& at_first = network_.tensor(layer.inputs[0]).at;
  const auto& at_second = network_.tensor(layer.inputs[1]).at;
  const uint8_t* pairs = layer.pairs.data();
  const int count = layer.output.channels;
  uint8_t* faulty = levels_[static_cast<size_t>(tensor)].data();
  for (int y = area.top; y < area.bottom; ++y) {
    for (int x = area.left; x < area.right; ++x, ++differs) {
      const auto pixel = static_cast<size_t>(y * layer.output.width + x);
      const uint8_t* first = inputs[0] + at_first[pixel];
      const uint8_t* second = inputs[1] + at_second[pixel];
      const uint8_t* right = golden_.levels(tensor).data() + at[pixel];
      uint8_t* to = faulty + at[pixel];
      if (most) {
        look_up_pairs(pairs, row, first, second, count, to);
        *differs = add_changes(to, right, count, changed.data());
        continue;
      }
      unsigned any = 0;
      for (const int c : channels) {
        to[c] = pairs[first[c] * row + second[c]];
        const unsigned change = to[c] ^ right[c];
        uint8_t& bits = changed[static_cast<size_t>(c)];
        bits = static_cast<uint8_t>(bits | change);
        any |= change;
      }
      *differs = any != 0 ? 1 : 0;
    }
  }
  changes_[static_cast<size_t>(tensor)].area = differing(area, differs_);
}

/// Where the tensor differs, known to be within `area`.
void LevelPass::settle(int tensor, const Area& area) {
  const LevelTensor& layout = network_.tensor(tensor);
  if (layout.sums) return settle_result();
  Change& change = changes_[static_cast<size_t>(tensor)];
  const auto channels = static_cast<size_t>(layout.shape.channels);
  change.area = {};
  std::fill(change.channels.begin(), change.channels.end(), uint8_t{0});
  const uint8_t* golden = golden_.levels(tensor).data();
  const uint8_t* faulty = levels_[static_cast<size_t>(tensor)].data();
  for (int y = area.top; y < area.bottom; ++y) {
    for (int x = area.left; x < area.right; ++x) {
      const size_t at = layout.at[static_cast<size_t>(y * layout.shape.width + x)];
      if (std::memcmp(golden + at, faulty + at, channels) == 0) continue;
      change.area.include(y, x);
      add_changes(faulty + at, golden + at, layout.shape.channels, change.channels.data());
    }
  }
}

void LevelPass::settle_result() {
  changes_.back().area = result_ == golden_.result() ? Area{} : Area{0, 0, 1, 1};
}

const std::vector<int32_t>& LevelPass::result() {
  const int last = network_.last_tensor();
  if (!network_.tensor(last).sums) result_ = tensor(last).values;
  return result_;
}

Tensor LevelPass::tensor(int tensor) const {
  const LevelTensor& layout = network_.tensor(tensor);
  if (layout.sums) return {layout.shape, result_};
  return load_values(layout, levels_[static_cast<size_t>(tensor)].data());
}

void LevelPass::clear() {
  for (int t = 0; t <= network_.last_tensor(); ++t) {
    const auto i = static_cast<size_t>(t);
    const Area area = changes_[i].area;
    if (area.empty()) continue;
    const LevelTensor& layout = network_.tensor(t);
    changes_[i].area = {};
    std::fill(changes_[i].channels.begin(), changes_[i].channels.end(), uint8_t{0});
    if (layout.sums) {
      result_ = golden_.result();
      continue;
    }
    const auto row = static_cast<size_t>((area.right - area.left) * layout.shape.channels);
    for (int y = area.top; y < area.bottom; ++y) {
      const size_t at = layout.at[static_cast<size_t>(y * layout.shape.width + area.left)];
      std::memcpy(levels_[i].data() + at, golden_.levels(t).data() + at, row);
    }
  }
}

}  // namespace stuckat::fast
