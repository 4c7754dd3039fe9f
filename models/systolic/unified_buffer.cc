#include "models/systolic/unified_buffer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "models/memory/stored_tensor.h"
#include "models/memory/tensor_places.h"

namespace stuckat::systolic {
namespace {

/// The tensor goes from layer to layer without being stored.
bool follows(const Network& network, int tensor) {
  return tensor > 0 && network.only_consumer(tensor) == tensor &&
         network.layer(tensor).part() != HardwarePart::pe_array;
}

}  // namespace

ActivationMemory unified_buffer(const Network& network) {
  const auto layers = static_cast<int>(network.layers.size());
  std::vector<memory::TensorLife> lives;
  for (int t = 0; t < network.tensors(); ++t) {
    if (follows(network, t)) continue;
    int made = Network::producer(t);  // what the layers before it make follows into it
    while (made >= 0 && follows(network, made)) --made;
    const std::vector<int> readers = network.consumers(t);
    lives.push_back({t, t, made, readers.empty() ? layers : readers.back()});
  }
  ActivationMemory buffer{"unified_buffer", 1, 0};
  memory::place_tensors(network, lives, std::numeric_limits<int>::max(), buffer);
  buffer.bytes = static_cast<int>(memory::used_bytes(buffer, network).front());
  return buffer;
}

Tensor UnifiedBuffer::read(int index, Tensor written) const {
  if (stuck_.is_healthy()) return written;
  const auto& lying = memory_.tensors;
  const auto stored =
      std::find_if(lying.begin(), lying.end(), [&](const auto& s) { return s.tensor == index; });
  if (stored == lying.end()) return written;
  std::vector<uint8_t> bytes = memory::stored_tensor(network_, index, written);
  stuck_.read(stored->address, bytes);
  return memory::loaded_tensor(network_, index, bytes);
}

}  // namespace stuckat::systolic
