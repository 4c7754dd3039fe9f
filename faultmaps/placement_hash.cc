#include <span>

#include "faultmaps/parts.h"
#include "faultmaps/placement.h"
#include "workloads/hash.h"

namespace stuckat {
namespace {

// Every member is named: a new one does not compile before it is thought of.
template <class... T>
void add_all(Hasher& hasher, const T&... values) {
  (hasher.add(values), ...);
}

void add(Hasher&, const ArrayUse&);
void add(Hasher&, const PeArray&);
void add(Hasher&, const Stream&);
void add(Hasher&, const WindowBuffer&);
void add(Hasher&, const PoolUnit&);
void add(Hasher&, const ActivationMemory::Stored&);
void add(Hasher&, const ActivationMemory&);

template <class T>
void add(Hasher& hasher, const std::vector<T>& parts) {
  hasher.add(parts.size());
  for (const T& part : parts) add(hasher, part);
}

void add(Hasher& hasher, const ArrayUse& use) {
  const auto& [layer, rows, columns, accumulator_bits, threshold_bits, groups_at_once] = use;
  add_all(hasher, layer, rows, columns, accumulator_bits, threshold_bits);
  if (groups_at_once > 1) add_all(hasher, groups_at_once);
}

void add(Hasher& hasher, const PeArray& array) {
  const auto& [name, pe, simd, schedule, uses] = array;
  add_all(hasher, name, pe, simd, schedule);
  add(hasher, uses);
}

void add(Hasher& hasher, const Stream& stream) {
  const auto& [name, tensor, depth, channels_per_word, words_per_pixel, packed, carries, frame,
               position, layer, input] = stream;
  add_all(hasher, name, tensor, depth, channels_per_word, words_per_pixel, packed, carries, frame,
          position);
  // Where a tensor has one reader, as all have in a chain, that is the layer of its number.
  if (layer >= 0 && layer != tensor) hasher.add("layer").add(layer);
  if (input > 0) hasher.add("input").add(input);
}

void add(Hasher& hasher, const WindowBuffer& window) {
  const auto& [name, layer, slots, channels_per_word] = window;
  add_all(hasher, name, layer, slots, channels_per_word);
}

void add(Hasher& hasher, const PoolUnit& pool) {
  const auto& [name, layer, channels_per_word, columns, words] = pool;
  add_all(hasher, name, layer, channels_per_word, columns, words);
}

void add(Hasher& hasher, const ActivationMemory::Stored& stored) {
  const auto& [tensor, kept, buffer, address] = stored;
  add_all(hasher, tensor, kept, buffer);
  if (address != 0) add_all(hasher, address);  // not of chains, whose hashes are in files
}

void add(Hasher& hasher, const ActivationMemory& memory) {
  const auto& [name, buffers, bytes, tensors] = memory;
  add_all(hasher, name, buffers, bytes);
  add(hasher, tensors);
}

void add(Hasher& hasher, const OtherPart& other) {
  const auto& [kind, name, layer, figures] = other;
  // The name of the kind: its number depends on what was registered before.
  add_all(hasher, part_row(kind).name, name, layer, std::span<const int>(figures));
}

}  // namespace

std::string content_hash(const Placement& placement) {
  const auto& [accelerator, arrays, streams, windows, pools, memories, others, run] = placement;
  Hasher hasher;
  hasher.add(accelerator);
  add(hasher, arrays);
  add(hasher, streams);
  add(hasher, windows);
  add(hasher, pools);
  add(hasher, memories);
  for (const OtherPart& other : others) add(hasher, other);
  return hasher.hex();
}

}  // namespace stuckat
