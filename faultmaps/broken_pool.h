// What a broken max-pool computes: a value, and the arithmetic that every engine shares.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/code_mask.h"
#include "workloads/network.h"

namespace stuckat {

/// How a broken max-pool takes the codes of a window, in raster order: the first becomes the
/// running maximum, each further one replaces it if the comparator says that it is greater; `cell`
/// acts on the running maximum after each of them.
struct BrokenPool {
  enum class Comparator : uint8_t { healthy, keeps, replaces };
  /// A transient, once `taken` codes of the window are taken: it inverts bits of the running
  /// maximum, or the outcome of the next comparison.
  struct Flip {
    int taken = 0;
    uint32_t bits = 0;  ///< 0: of the comparator
    bool operator==(const Flip&) const = default;
  };
  CodeMask cell;
  Comparator comparator = Comparator::healthy;
  std::vector<Flip> flips = {};  ///< stuck bits win

  bool operator==(const BrokenPool&) const = default;
};

/// One pool with the faults of both.
void merge(BrokenPool& into, const BrokenPool& from);

/// The output of a broken pool at pixel (y, x) and a channel.
int32_t broken_maximum(const Layer& layer, const BrokenPool& pool, const Tensor& input, int y,
                       int x, int channel);

}  // namespace stuckat
