// The loops of sliced_layer.h: compiled once for each instruction set, chosen at run time.
#pragma once

#include <cstdint>

#include "sim/fast/sliced_layer.h"

namespace stuckat::fast::kernels {

/// Rows row .. end-1 of the output planes: [row][threshold][words].
void compute_sliced(const SlicedLayer& layer, const uint64_t* shifted, int row, int end,
                    uint64_t* planes);

/// One plane of the layer's input under every position of the window: to[position][words of the
/// output]. Reads some rows and a word more than the output has.
void shift_plane(const SlicedLayer& layer, const uint64_t* plane, uint64_t* to);

/// 2x2 with stride 2, of a plane with a pitch of 16 or 32 into one with half of it.
void pool_sliced(const SlicedTensor& input, const SlicedTensor& output, const uint64_t* plane,
                 uint64_t* pooled);

/// Whether any pixel of a channel differs; pixels: SlicedTensor::pixels().
bool differ_sliced(const SlicedTensor& tensor, const uint64_t* pixels, const uint64_t* a,
                   const uint64_t* b);

}  // namespace stuckat::fast::kernels
