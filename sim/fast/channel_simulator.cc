#include "sim/fast/channel_simulator.h"

#include <algorithm>

namespace stuckat::fast {

ChannelSimulator::ChannelSimulator(const FaultList& faults, const Executor& golden,
                                   FaultyPass& pass)
    : faults_(faults), network_(faults.network()), golden_(golden), pass_(pass) {
  const size_t tensors = static_cast<size_t>(network_.tensors());
  rows_.resize(tensors);
  filled_.resize(tensors);
  buffers_.resize(tensors);
  for (const ChannelGroup& group : faults.channel_groups()) {
    for (const int t : {group.tensor, group.start}) {
      rows_[static_cast<size_t>(t)] = ChannelRows(network_.layout(t));
    }
    if (group.table < 0) continue;
    const TensorLayout& output = network_.layout(group.start + 1);
    auto& levels = buffers_[static_cast<size_t>(group.start) + 1];
    while (levels.size() < group.members.size()) {
      levels.push_back(
          {AlignedVector<uint64_t>(output.total_words(), 0), PixelSet(output.shape.pixels())});
    }
  }
}

void ChannelSimulator::begin_image() { std::fill(filled_.begin(), filled_.end(), false); }

const ChannelRows& ChannelSimulator::rows_of(int tensor) {
  const size_t t = static_cast<size_t>(tensor);
  if (!filled_[t]) {
    rows_[t].fill(golden_.state().planes[t].data());
    filled_[t] = true;
  }
  return rows_[t];
}

int ChannelSimulator::masked_at(const ChannelGroup& group, int level) {
  if (group.start == group.tensor) return -1;
  // Nothing differs behind the pool, but elements that did not win their window may.
  return rows_of(group.tensor).is_constant(group.channel, level) ? -1 : group.tensor;
}

void ChannelSimulator::plane_rows(const ChannelRows& rows, int channel, int first_plane,
                                  int planes) {
  plane_rows_.clear();
  for (int k = first_plane; k < planes; ++k) plane_rows_.push_back(rows.rows(channel, k));
}

void ChannelSimulator::look_up(const ChannelGroup& group, const ChannelRows& rows) {
  const int first = network_.always_set_planes(group.start);
  plane_rows(rows, group.channel, first, network_.layout(group.start).planes);
  auto& buffers = buffers_[static_cast<size_t>(group.start) + 1];
  for (size_t i = 0; i < active_.size(); ++i) {
    levels_.push_back({active_[i].level - first, buffers[i].diff.data(), &buffers[i].changed});
  }
  const size_t layer = static_cast<size_t>(group.start);
  kernels::propagate_channel(
      network_.layer(group.start), network_.layout(group.start + 1), golden_.state().margins[layer],
      golden_.state().planes[layer + 1].data(), faults_.table(group.table), plane_rows_, levels_);
}

int ChannelSimulator::finish_level(const ChannelGroup& group, size_t member) {
  Level& level = buffers_[static_cast<size_t>(group.start) + 1][member];
  pass_.swap_differences(group.start + 1, level.diff, level.changed);
  return follow(group.start + 1, group.start);
}

void ChannelSimulator::return_level(const ChannelGroup& group, size_t member) {
  Level& level = buffers_[static_cast<size_t>(group.start) + 1][member];
  pass_.swap_differences(group.start + 1, level.diff, level.changed);
}

int ChannelSimulator::finish_list(const ChannelGroup& group, const ChannelRows& rows,
                                  size_t member) {
  const PackedLayer& layer = network_.layer(group.start);
  const TensorLayout& input = network_.layout(group.start);
  const int level = active_[member].level;
  plane_rows(rows, group.channel, 0, input.planes);
  if (layer.accumulator_output && input.shape.pixels() == 1) {
    int golden_level = 0;
    for (const uint64_t* plane : plane_rows_) golden_level += static_cast<int>(*plane & 1);
    pass_.change_logits(group.channel, level - golden_level);
  } else {
    kernels::list_channel(layer, input, group.channel, plane_rows_, level, pass_.list(group.start));
    pass_.propagate_list(group.start);
  }
  return follow(group.start + 1, group.start);
}

int ChannelSimulator::follow(int tensor, int last_difference) {
  for (int t = tensor; pass_.differs(t); ++t) {
    last_difference = t;
    if (t == network_.last_tensor()) break;
    pass_.propagate(t);
  }
  return last_difference;
}

}  // namespace stuckat::fast
