#include "sim/fast/fault_list.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "sim/fast/channel_rows.h"
#include "sim/fast/fault_classes.h"
#include "sim/fast/parallel.h"

namespace stuckat::fast {
namespace {

/// Where the channel kernels begin with channels that are held in a tensor: the tensor itself, or
/// that after the pool of packed words that follows.
int start_of(const PackedNetwork& network, int tensor) {
  const int reader = network.reader(tensor);
  const bool pooled = reader >= 0 && network.layer(reader).path == LayerPath::pool;
  return pooled ? network.output_tensor(reader) : tensor;
}

/// A fault that first holds some channels at a constant level, in every pixel of every image, in a
/// tensor that the channel kernels can handle.
bool begins_with_channels(const PackedNetwork& network, const Effects& effects,
                          const FaultProgram& program) {
  if (!network.in_planes() || program.steps.empty() || program.steps.front().computes() ||
      program.steps.front().elements.size() != 1) {
    return false;
  }
  const ElementStep& step = program.steps.front().elements.front();
  const ElementFault& fault = effects.elements[static_cast<size_t>(step.fault)];
  if (fault.tensor == network.last_tensor() || fault.channels.empty() || !fault.pixels.empty() ||
      fault.depends_on_image() || !step.is_constant) {
    return false;
  }
  const int start = start_of(network, fault.tensor);
  const int reader = network.reader(start);
  if (reader < 0) return false;
  // What the fault does to tensor `start` is not written there, so nothing more may read it.
  const auto reads_start = [&](const TensorStep& s) {
    return s.tensor == start || (s.tensor == network.output_tensor(reader) && s.computes());
  };
  if (std::any_of(program.steps.begin() + 1, program.steps.end(), reads_start)) return false;
  return ChannelRows::fits(network.layout(fault.tensor)) &&
         ChannelRows::fits(network.layout(start)) &&
         network.layer(reader).path == LayerPath::matrix &&
         step.level_map.front() >= network.always_set_planes(start);
}

bool has_tables(const PackedNetwork& network, int start, size_t channels) {
  const TensorLayout& input = network.layout(start);
  const int variable = input.planes - network.always_set_planes(start);
  return ChannelTable::fits(network.layer(network.reader(start)), input,
                            variable * static_cast<int>(channels));
}

/// Only then it is worth while to make the layers of a SlicedChain.
bool recomputes_layers(const FaultProgram& program) {
  return std::any_of(program.steps.begin(), program.steps.end(),
                     [](const TensorStep& step) { return step.patch.recomputes; });
}

/// The member that a fault belongs to; the rest of a program makes it one of its own.
ChannelGroup::Member& member_for(ChannelGroup& group, int level, bool has_rest) {
  const auto at = std::find_if(group.members.begin(), group.members.end(),
                               [&](const ChannelGroup::Member& m) { return m.level == level; });
  if (at != group.members.end() && !has_rest) return *at;
  group.members.push_back({level, {}});
  return group.members.back();
}

}  // namespace

FaultList::FaultList(const PackedNetwork& network, std::vector<Effects> effects,
                     const std::string& where, int threads)
    : network_(network), effects_(std::move(effects)), programs_(effects_.size()) {
  std::vector<std::string> keys(effects_.size());
  for_each_index(size(), threads, [&](int64_t f) {
    const auto i = static_cast<size_t>(f);
    programs_[i] = make_program(network, effects_[i], where);
    keys[i] = fault_key(network, effects_[i], programs_[i], Share::tensors);
  });
  using Key = std::pair<int, std::vector<int>>;  // start, channels
  std::map<Key, ChannelGroup> groups;            // whose members have no rest
  std::map<Key, ChannelGroup> groups_with_rest;
  std::unordered_map<std::string, int> seen;  // first fault with this key
  for (int f = 0; f < size(); ++f) {
    const Effects& fault = effects_[static_cast<size_t>(f)];
    const FaultProgram& program = programs_[static_cast<size_t>(f)];
    images_.push_back(fault.images());
    const bool recomputes = recomputes_layers(program);
    if (recomputes && chain_ == nullptr) chain_ = std::make_unique<const SlicedChain>(network);
    sliced_.push_back(recomputes && chain_->runs(program));
    const std::vector<TensorStep>& steps = program.steps;
    const auto [same, is_new] = seen.emplace(keys[static_cast<size_t>(f)], f);
    if (!is_new) {
      copies_.push_back({f, same->second});
      continue;
    }
    if (!begins_with_channels(network, fault, program)) {
      other_faults_.push_back(f);
      continue;
    }
    const ElementStep& step = steps.front().elements.front();
    const std::vector<int>& channels = fault.elements[static_cast<size_t>(step.fault)].channels;
    const int start = start_of(network, steps.front().tensor);
    if (channels.size() > 1 && !has_tables(network, start, channels.size())) {
      other_faults_.push_back(f);
      continue;
    }
    const bool has_rest = steps.size() > 1;
    ChannelGroup& group = (has_rest ? groups_with_rest : groups)[{start, channels}];
    group.start = start;
    group.layer = network.reader(start);
    group.next = network.output_tensor(group.layer);
    group.channels = channels;
    ChannelGroup::Member& member = member_for(group, step.level_map.front(), has_rest);
    member.places.push_back({f, steps.front().tensor});
  }
  std::map<std::pair<int, int>, int> tables;  // by start and channel
  for (auto* all : {&groups, &groups_with_rest}) {
    for (auto& [key, group] : *all) {
      const bool fits = has_tables(network, group.start, group.channels.size());
      for (size_t i = 0; fits && i < group.channels.size(); ++i) {
        const auto [at, is_new] = tables.insert({{group.start, group.channels[i]}, 0});
        if (is_new) {
          at->second = static_cast<int>(tables_.size());
          tables_.emplace_back(network.layer(group.layer), group.channels[i]);
        }
        group.tables.push_back(at->second);
      }
      channel_groups_.push_back(std::move(group));
    }
  }
}

}  // namespace stuckat::fast
