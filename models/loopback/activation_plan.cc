#include "models/loopback/activation_plan.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "models/memory/stored_tensor.h"
#include "models/memory/tensor_places.h"
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

/// From when tensors are stored to when they are read last, in steps of the program.
std::vector<memory::TensorLife> lives_of(const Network& network, const Program& program) {
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
  std::vector<memory::TensorLife> lives = {
      {program.input_tensor, program.input_kept, -1, read_last(program.input_kept)}};
  for (int s = 0; s < steps; ++s) {
    const ProgramStep& step = program.steps[static_cast<size_t>(s)];
    lives.push_back({Network::output_tensor(step.layer), step.kept, s, read_last(step.kept),
                     network.input_tensor(step.layer)});
  }
  return lives;
}

}  // namespace

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
  int64_t capacity =
      std::max<int64_t>(memory.bytes, memory::tensor_bytes(network, program.input_kept));
  for (const ProgramStep& step : program.steps) {
    capacity = std::max(capacity, memory::tensor_bytes(network, step.kept));
  }
  const std::vector<memory::TensorLife> lives = lives_of(network, program);
  if (memory::place_tensors(network, lives, capacity, memory)) return memory;
  memory::place_tensors(network, lives, std::numeric_limits<int>::max(), memory);
  const auto used = memory::used_bytes(memory, network);
  throw InputError(
      "loopback:" + accelerator.name,
      "activation buffers of " + std::to_string(accelerator.activation_buffer_bytes) + " bytes",
      std::to_string(*std::max_element(used.begin(), used.end())) + " for " + network.name +
          ", whose tensors stay until their last reader");
}

}  // namespace stuckat::loopback
