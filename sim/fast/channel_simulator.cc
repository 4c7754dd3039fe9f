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
    for (const ChannelGroup::Member& member : group.members) {
      for (const ChannelGroup::Place& place : member.places) prepare_rows(place.tensor);
    }
    prepare_rows(group.start);
    if (group.tables.empty()) continue;
    const TensorLayout& output = network_.layout(group.next);
    auto& levels = buffers_[static_cast<size_t>(group.next)];
    while (levels.size() < group.members.size()) {
      levels.push_back(
          {AlignedVector<uint64_t>(output.total_words(), 0), PixelSet(output.shape.pixels())});
    }
  }
}

void ChannelSimulator::prepare_rows(int tensor) {
  ChannelRows& rows = rows_[static_cast<size_t>(tensor)];
  if (rows.empty()) rows = ChannelRows(network_.layout(tensor));
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

bool ChannelSimulator::is_masked(const ChannelGroup& group, const ChannelRows& rows, int level) {
  return std::all_of(group.channels.begin(), group.channels.end(),
                     [&](int channel) { return rows.is_constant(channel, level); });
}

int ChannelSimulator::masked_at(const ChannelGroup& group, const ChannelGroup::Member& member,
                                const ChannelGroup::Place& place) {
  if (group.start == place.tensor) return -1;
  // Nothing differs after the pool, but elements that did not win their window may.
  return is_masked(group, rows_of(place.tensor), member.level) ? -1 : place.tensor;
}

void ChannelSimulator::plane_rows(const ChannelGroup& group, const ChannelRows& rows,
                                  int first_plane, int planes) {
  plane_rows_.clear();
  for (const int channel : group.channels) {
    for (int k = first_plane; k < planes; ++k) plane_rows_.push_back(rows.rows(channel, k));
  }
}

void ChannelSimulator::look_up(const ChannelGroup& group, const ChannelRows& rows) {
  const int first = network_.always_set_planes(group.start);
  plane_rows(group, rows, first, network_.layout(group.start).planes);
  tables_.clear();
  for (const int table : group.tables) tables_.push_back(&faults_.table(table));
  auto& buffers = buffers_[static_cast<size_t>(group.next)];
  levels_.clear();
  for (size_t i = 0; i < active_.size(); ++i) {
    levels_.push_back({active_[i]->level - first, buffers[i].diff.data(), &buffers[i].changed});
  }
  const size_t layer = static_cast<size_t>(group.layer);
  const PackedLayer& packed = network_.layer(group.layer);
  const auto looked_up = static_cast<int64_t>(plane_rows_.size()) * packed.kernel_height;
  pass_.count_additions(looked_up * packed.output.pixels() * packed.rows_padded);
  kernels::propagate_channels(network_.layer(group.layer), network_.layout(group.next),
                              golden_.state().margins[layer],
                              golden_.state().planes[static_cast<size_t>(group.next)].data(),
                              tables_, plane_rows_, levels_);
}

void ChannelSimulator::trade_level(const ChannelGroup& group, size_t active) {
  Level& level = buffers_[static_cast<size_t>(group.next)][active];
  pass_.swap_differences(group.next, level.diff, level.changed);
}

void ChannelSimulator::propagate_list(const ChannelGroup& group, const ChannelRows& rows,
                                      int level) {
  const PackedLayer& layer = network_.layer(group.layer);
  const TensorLayout& input = network_.layout(group.start);
  const int channel = group.channels.front();
  plane_rows(group, rows, 0, input.planes);
  if (layer.accumulator_output && input.shape.pixels() == 1) {
    int golden_level = 0;
    for (const uint64_t* plane : plane_rows_) golden_level += static_cast<int>(*plane & 1);
    pass_.change_logits(channel, level - golden_level);
    return;
  }
  kernels::list_channel(layer, input, channel, plane_rows_, level, pass_.list(group.layer));
  pass_.propagate_list(group.layer);
}

}  // namespace stuckat::fast
