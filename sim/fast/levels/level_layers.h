// Layers of every kind on tensors of levels, at some of their output pixels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/levels/level_network.h"

namespace stuckat::fast {

/// Where the tensors that a layer reads begin, in the order of layer.inputs.
using LevelInputs = std::span<const uint8_t* const>;

/// The output pixels of an area, in raster order.
void list_pixels(const Area& area, int width, std::vector<int>& pixels);

/// Is what the layer makes a function of sums? Others take levels as they are.
bool has_sums(const LevelLayer& layer);

/// sums[i][slots] at output pixel pixels[i], of some blocks.
void sum_layer(const LevelNetwork& network, const LevelLayer& layer, LevelInputs inputs,
               std::span<const int> blocks, std::span<const int> pixels, int32_t* sums);

/// The output of a layer without sums, or of an add by its table of pairs, at some pixels.
void move_levels(const LevelNetwork& network, int index, LevelInputs inputs,
                 std::span<const int> pixels, uint8_t* to);

/// levels[c] = pairs[first[c]][second[c]] for rows of `row` bytes: one pixel of an add.
inline void look_up_pairs(const uint8_t* pairs, uint32_t row, const uint8_t* first,
                          const uint8_t* second, int count, uint8_t* __restrict levels) {
  for (int c = 0; c < count; ++c) levels[c] = pairs[first[c] * row + second[c]];
}

/// changes[c] |= a[c] ^ b[c]; returns whether any differ, as 0 or 1.
inline uint8_t add_changes(const uint8_t* a, const uint8_t* b, int count,
                           uint8_t* __restrict changes) {
  uint8_t any = 0;
  for (int c = 0; c < count; ++c) {
    const auto change = static_cast<uint8_t>(a[c] ^ b[c]);
    changes[c] = static_cast<uint8_t>(changes[c] | change);
    any = static_cast<uint8_t>(any | change);
  }
  return any != 0 ? 1 : 0;
}

/// result[pixel][rows] of a layer that passes its sums out; golden: see kernels::Finish.
void store_sums(const LevelLayer& layer, std::span<const int> pixels, const int32_t* sums,
                const int32_t* golden, int32_t* result);

}  // namespace stuckat::fast
