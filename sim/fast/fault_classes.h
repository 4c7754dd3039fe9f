// Faults that do the same, told from their effects alone.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "faultmaps/effects.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/packed_network.h"

namespace stuckat::fast {

/// What two faults share on every image.
enum class Share : uint8_t {
  tensors,  ///< every tensor
  logits    ///< the logits: what is done before a pool and what is done after it can be the same
};

/// Faults with equal keys share it. `program` is make_program() of `effects`.
std::string fault_key(const PackedNetwork& network, const Effects& effects,
                      const FaultProgram& program, Share share);

/// Equivalence classes of a set of faults, which need not be in memory at once.
class FaultClasses {
 public:
  static constexpr int64_t no_effect = -1;

  /// Keeps a reference to `network`.
  explicit FaultClasses(const PackedNetwork& network) : network_(network) {}

  /// The number (0, 1, ... in the order of the calls) of the first fault that gives the same logits
  /// as this one on every image, itself if there is none before; no_effect if it changes nothing
  /// in any tensor, as where a memory holds what its broken bits are stuck at.
  int64_t add(const Effects& effects);

 private:
  const PackedNetwork& network_;
  int64_t count_ = 0;
  std::unordered_map<std::string, int64_t> first_;  // by key
};

}  // namespace stuckat::fast
