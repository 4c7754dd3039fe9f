#include "sim/fast/fault_list.h"

#include <map>
#include <utility>

namespace stuckat::fast {
namespace {

/// A fault that only holds one channel at a constant level, in every pixel of every image.
bool is_stuck_channel(const PackedNetwork& network, const Effects& effects,
                      const FaultProgram& program) {
  if (program.steps.size() != 1 || !effects.patches.empty() || !effects.operators.empty() ||
      effects.elements.size() != 1) {
    return false;
  }
  const ElementFault& fault = effects.elements.front();
  return network.layout(fault.tensor).form == TensorForm::planes && fault.channels.size() == 1 &&
         fault.pixels.empty() && !fault.depends_on_image() &&
         program.steps.front().elements.front().is_constant;
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
    group.members.push_back({f, step.elements.front().level_map.front()});
  }
  for (auto& [key, group] : groups) channel_groups_.push_back(std::move(group));
}

}  // namespace stuckat::fast
