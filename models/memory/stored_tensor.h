// A tensor as off-chip memory holds it.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace stuckat::memory {

/// Codes of a pixel's channels next to each other, the lowest bit first; pixels begin at whole
/// bytes. The last tensor's accumulators are 32-bit two's complement.
std::vector<uint8_t> stored_tensor(const Network& network, int index, const Tensor& tensor);

/// Bytes of that.
int64_t tensor_bytes(const Network& network, int index);

/// The reverse: tensor `index` from its bytes.
Tensor loaded_tensor(const Network& network, int index, const std::vector<uint8_t>& bytes);

}  // namespace stuckat::memory
