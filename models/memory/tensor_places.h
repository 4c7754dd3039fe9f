// Where tensors lie in activation buffers, from when they are made to when the last layer has read
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat::memory {

/// A tensor that is stored. Steps are numbers in the order of time.
struct TensorLife {
  int tensor = 0;  ///< as the array gives it, or as it is loaded
  int kept = 0;    ///< after layers tensor .. kept - 1 on the way in
  int made = 0;    ///< step that writes it
  int read_last = 0;
  int reads = -1;  ///< a tensor that its step reads; -1: none
};

/// Each in the order of `lives`: in the buffer that its step does not read, at the lowest address
/// where no tensor lies that is still to be read; in the other one, if there are two and it does
/// not fit. Into memory.tensors. False if one fits nowhere below `capacity` bytes.
bool place_tensors(const Network& network, const std::vector<TensorLife>& lives, int64_t capacity,
                   ActivationMemory& memory);

/// Bytes of each buffer that are used: up to the end of the last tensor.
std::vector<int64_t> used_bytes(const ActivationMemory& memory, const Network& network);

}  // namespace stuckat::memory
