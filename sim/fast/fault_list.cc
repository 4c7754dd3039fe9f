#include "sim/fast/fault_list.h"

#include <map>
#include <utility>

#include "sim/fast/channel_rows.h"

namespace stuckat::fast {
namespace {

/// The tensor behind the pool, if a pool follows `tensor`.
int behind_pool(const PackedNetwork& network, int tensor) {
  const bool pooled =
      tensor < network.last_tensor() && network.layer(tensor).path == LayerPath::pool;
  return tensor + (pooled ? 1 : 0);
}

/// A fault that only holds one channel at a constant level, in every pixel of every image, in a
/// tensor that the channel kernels can handle.
bool is_stuck_channel(const PackedNetwork& network, const Effects& effects,
                      const FaultProgram& program) {
  if (program.steps.size() != 1 || !effects.patches.empty() || !effects.operators.empty() ||
      effects.elements.size() != 1) {
    return false;
  }
  const ElementFault& fault = effects.elements.front();
  const ElementStep& step = program.steps.front().elements.front();
  if (fault.tensor == network.last_tensor() || fault.channels.size() != 1 ||
      !fault.pixels.empty() || fault.depends_on_image() || !step.is_constant) {
    return false;
  }
  const int start = behind_pool(network, fault.tensor);
  return ChannelRows::fits(network.layout(fault.tensor)) &&
         ChannelRows::fits(network.layout(start)) &&
         network.layer(start).path == LayerPath::matrix &&
         step.level_map.front() >= network.always_set_planes(start);
}

}  // namespace

FaultList::FaultList(const PackedNetwork& network, std::vector<Effects> effects,
                     const std::string& where)
    : network_(network), effects_(std::move(effects)) {
  std::map<std::pair<int, int>, ChannelGroup> groups;  // by tensor and channel
  for (int f = 0; f < size(); ++f) {
    const Effects& fault = effects_[static_cast<size_t>(f)];
    programs_.push_back(make_program(network, fault, where));
    if (!is_stuck_channel(network, fault, programs_.back())) {
      other_faults_.push_back(f);
      continue;
    }
    const TensorStep& step = programs_.back().steps.front();
    const int channel = fault.elements.front().channels.front();
    ChannelGroup& group = groups[{step.tensor, channel}];
    group.tensor = step.tensor;
    group.channel = channel;
    group.start = behind_pool(network, step.tensor);
    group.members.push_back({f, step.elements.front().level_map.front()});
  }
  std::map<std::pair<int, int>, int> tables;  // by start and channel
  for (auto& [key, group] : groups) {
    const TensorLayout& input = network.layout(group.start);
    const int variable = input.planes - network.always_set_planes(group.start);
    if (ChannelTable::fits(network.layer(group.start), input, variable)) {
      const auto [at, is_new] = tables.insert({{group.start, group.channel}, 0});
      if (is_new) {
        at->second = static_cast<int>(tables_.size());
        tables_.emplace_back(network.layer(group.start), group.channel);
      }
      group.table = at->second;
    }
    channel_groups_.push_back(std::move(group));
  }
}

}  // namespace stuckat::fast
