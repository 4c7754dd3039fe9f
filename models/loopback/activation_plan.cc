#include "models/loopback/activation_plan.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "models/memory/stored_tensor.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat::loopback {
namespace {

/// Layer `layer` takes tensor `layer` as it comes, from layer `before` or (-1) from memory, and
/// gives its own at the same pace. A max-pool keeps running maxima in the buffer, which only
/// further ones can take up; what joins channels has to move the others.
bool follows(const Network& network, int layer, int before) {
  const Layer& l = network.layer(layer);
  if (l.has_weights() || network.only_consumer(layer) != layer) return false;
  if (before >= 0 && network.layer(before).kind == LayerKind::max_pool) {
    return l.kind == LayerKind::max_pool;
  }
  const std::set<int> reads(l.inputs.begin(), l.inputs.end());
  return l.kind == LayerKind::max_pool || l.kind == LayerKind::average_pool ||
         (l.kind == LayerKind::add && reads.size() <= 2);
}

/// The host's part of a chain: all before the second layer with weights, and from the last one on.
std::pair<int, int> layers_of_array(const LoopbackAccelerator& accelerator,
                                    const Network& network) {
  const auto layers = static_cast<int>(network.layers.size());
  if (!accelerator.host_first_last) return {0, layers};
  const std::string where = "loopback:" + accelerator.name;
  if (!is_chain(network)) {
    throw InputError(where, "host_first_last for " + network.name + ", which is no chain of layers",
                     "it for chains only");
  }
  std::vector<int> weighted;
  for (int l = 0; l < layers; ++l) {
    if (network.layer(l).has_weights()) weighted.push_back(l);
  }
  if (weighted.size() < 3) {
    throw InputError(where, "host_first_last leaves no layer of " + network.name + " to the array",
                     "a network of at least 3 layers with weights");
  }
  return {weighted[1], weighted.back()};
}

/// A tensor while it lies in a buffer.
struct Lying {
  int buffer;
  int64_t address;
  int64_t end;
  int read_last;  // step
};

/// The lowest address of a buffer with so many bytes free, or -1.
int64_t first_fit(const std::vector<Lying>& live, int buffer, int64_t bytes, int64_t capacity) {
  std::vector<int64_t> candidates = {0};
  for (const Lying& l : live) {
    if (l.buffer == buffer) candidates.push_back(l.end);
  }
  std::sort(candidates.begin(), candidates.end());
  for (const int64_t at : candidates) {
    const bool free = std::none_of(live.begin(), live.end(), [&](const Lying& l) {
      return l.buffer == buffer && at < l.end && l.address < at + bytes;
    });
    if (free && at + bytes <= capacity) return at;
  }
  return -1;
}

/// False if it does not fit.
bool place_tensors(const Network& network, const Program& program, int64_t capacity,
                   ActivationMemory& memory) {
  const auto steps = static_cast<int>(program.steps.size());
  std::vector<int> step_of(network.layers.size(), -1);  // of layers on the accelerator
  for (int s = 0; s < steps; ++s) {
    const ProgramStep& step = program.steps[static_cast<size_t>(s)];
    for (int l = step.layer; l < step.kept; ++l) step_of[static_cast<size_t>(l)] = s;
  }
  const auto read_last = [&](int tensor) {
    if (tensor == program.output_tensor) return steps;
    int last = -1;
    for (const int l : network.consumers(tensor)) {
      last = std::max(last, step_of[static_cast<size_t>(l)]);
    }
    return last;
  };
  memory.tensors.clear();
  std::vector<Lying> live;
  std::vector<int> buffer_of(static_cast<size_t>(network.tensors()), 0);
  for (int s = -1; s < steps; ++s) {
    std::erase_if(live, [&](const Lying& l) { return l.read_last < s; });
    int tensor = program.input_tensor;
    int kept = program.input_kept;
    int wanted = 0;
    if (s >= 0) {
      const ProgramStep& step = program.steps[static_cast<size_t>(s)];
      tensor = Network::output_tensor(step.layer);
      kept = step.kept;
      wanted = 1 - buffer_of[static_cast<size_t>(network.input_tensor(step.layer))];
    }
    const int64_t bytes = memory::tensor_bytes(network, kept);
    int buffer = wanted;
    int64_t address = first_fit(live, buffer, bytes, capacity);
    if (address < 0) address = first_fit(live, buffer = 1 - wanted, bytes, capacity);
    if (address < 0) return false;
    buffer_of[static_cast<size_t>(kept)] = buffer;
    live.push_back({buffer, address, address + bytes, read_last(kept)});
    memory.tensors.push_back({tensor, kept, buffer, static_cast<int>(address)});
  }
  return true;
}

}  // namespace

std::vector<int64_t> used_bytes(const ActivationMemory& memory, const Network& network) {
  std::vector<int64_t> used(static_cast<size_t>(memory.buffers));
  for (const auto& stored : memory.tensors) {
    int64_t& of_buffer = used[static_cast<size_t>(stored.buffer)];
    of_buffer = std::max(of_buffer, stored.address + memory::tensor_bytes(network, stored.kept));
  }
  return used;
}

Program program_of(const LoopbackAccelerator& accelerator, const Network& network) {
  const auto [first, end] = layers_of_array(accelerator, network);
  Program program;
  program.input_tensor = program.input_kept = first;
  program.output_tensor = end;
  int l = first;
  int before = -1;
  for (; l < end && follows(network, l, before); ++l) before = l;
  program.input_kept = l;
  while (l < end) {
    ProgramStep step{l, l + 1};
    before = -1;
    for (++l; l < end && follows(network, l, before); ++l) before = l;
    step.kept = l;
    program.steps.push_back(step);
  }
  return program;
}

ActivationMemory activation_memory(const LoopbackAccelerator& accelerator, const Network& network,
                                   const Program& program) {
  ActivationMemory memory;
  memory.name = "activations";
  memory.bytes = static_cast<int>(
      std::min<int64_t>(accelerator.activation_buffer_bytes, std::numeric_limits<int>::max()));
  // A tensor that is too large for itself is told by make_plan().
  int64_t capacity = std::max<int64_t>(memory.bytes, memory::tensor_bytes(network, program.input_kept));
  for (const ProgramStep& step : program.steps) {
    capacity = std::max(capacity, memory::tensor_bytes(network, step.kept));
  }
  if (place_tensors(network, program, capacity, memory)) return memory;
  place_tensors(network, program, std::numeric_limits<int>::max(), memory);
  const auto used = used_bytes(memory, network);
  throw InputError(
      "loopback:" + accelerator.name,
      "activation buffers of " + std::to_string(accelerator.activation_buffer_bytes) + " bytes",
      std::to_string(*std::max_element(used.begin(), used.end())) + " for " + network.name +
          ", whose tensors stay until their last reader");
}

}  // namespace stuckat::loopback
