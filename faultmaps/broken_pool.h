// What a broken pool or add computes: a value, and the arithmetic that every engine shares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "faultmaps/code_mask.h"
#include "workloads/network.h"

namespace stuckat {

/// How broken hardware takes the operands of one element, the first of which overwrites what was
/// there; `cell` acts on the register after each of them.
/// A max-pool takes the codes of a window, in raster order: each further one replaces the running
/// maximum if the comparator says that it is greater. An average-pool adds each to its sum. An add
/// takes the sum of all its inputs at once.
struct BrokenPool {
  enum class Comparator : uint8_t { healthy, keeps, replaces };
  /// A transient, once `taken` operands are taken (padding is none): it inverts bits of the
  /// register, or the outcome of the next comparison.
  struct Flip {
    int taken = 0;
    uint32_t bits = 0;  ///< 0: of the comparator
    bool operator==(const Flip&) const = default;
  };
  CodeMask cell;
  Comparator comparator = Comparator::healthy;
  std::vector<Flip> flips = {};  ///< stuck bits win
  int sum_bits = 0;              ///< of the register of a sum, two's complement

  bool operator==(const BrokenPool&) const = default;
};

/// One with the faults of both.
void merge(BrokenPool& into, const BrokenPool& from);

/// Layers that a broken pool is for: pools and adds.
bool is_pooled(const Layer& layer);

/// The output of a broken pool or add at pixel (y, x) and a channel; inputs: of the layer.
int32_t broken_element(const Layer& layer, const BrokenPool& pool,
                       std::span<const Tensor* const> inputs, int y, int x, int channel);

}  // namespace stuckat
