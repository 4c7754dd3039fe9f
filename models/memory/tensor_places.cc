#include "models/memory/tensor_places.h"

#include <algorithm>

#include "models/memory/stored_tensor.h"

namespace stuckat::memory {
namespace {

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

}  // namespace

bool place_tensors(const Network& network, const std::vector<TensorLife>& lives, int64_t capacity,
                   ActivationMemory& memory) {
  memory.tensors.clear();
  std::vector<Lying> live;
  std::vector<int> buffer_of(static_cast<size_t>(network.tensors()), 0);
  for (const TensorLife& life : lives) {
    std::erase_if(live, [&](const Lying& l) { return l.read_last < life.made; });
    const bool reads = life.reads >= 0 && memory.buffers > 1;
    const int wanted = reads ? 1 - buffer_of[static_cast<size_t>(life.reads)] : 0;
    const int64_t bytes = tensor_bytes(network, life.kept);
    int buffer = wanted;
    int64_t address = first_fit(live, buffer, bytes, capacity);
    if (address < 0 && memory.buffers > 1) {
      buffer = 1 - wanted;
      address = first_fit(live, buffer, bytes, capacity);
    }
    if (address < 0) return false;
    buffer_of[static_cast<size_t>(life.kept)] = buffer;
    live.push_back({buffer, address, address + bytes, life.read_last});
    memory.tensors.push_back({life.tensor, life.kept, buffer, static_cast<int>(address)});
  }
  return true;
}

std::vector<int64_t> used_bytes(const ActivationMemory& memory, const Network& network) {
  std::vector<int64_t> used(static_cast<size_t>(memory.buffers));
  for (const auto& stored : memory.tensors) {
    int64_t& of_buffer = used[static_cast<size_t>(stored.buffer)];
    of_buffer = std::max(of_buffer, stored.address + tensor_bytes(network, stored.kept));
  }
  return used;
}

}  // namespace stuckat::memory
