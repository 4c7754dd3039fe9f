// When an accelerator does what in a run: what lowering needs to know about time, to say what a
// flip at a cycle hits. Accelerators fill it in (models/*/timeline).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stuckat {

/// One step of the loop of an array of PEs: a step of the synapse fold.
struct ArrayStep {
  int64_t image = 0;  ///< of the run
  int use = 0;        ///< index in PeArray::uses
  int pass = 0;       ///< output pixel; pixel-parallel: PE p has pixel pass * pe + p
  int fold = 0;       ///< neuron fold: rows fold * pe ..; pixel-parallel: the row
  int step = 0;       ///< of the synapse fold: columns step * simd ..

  bool operator==(const ArrayStep&) const = default;
};

class Timeline {
 public:
  virtual ~Timeline() = default;

  int64_t images = 1;  ///< of the run
  /// The first step of an array that starts in `cycle` or later; nothing behind the last one.
  virtual std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const = 0;
  /// The word of the run that lies in a slot of a stream at the beginning of `cycle`: it was
  /// written before, and is read in `cycle` or later.
  virtual std::optional<int64_t> word_in(const std::string& stream, int slot,
                                         int64_t cycle) const = 0;
};

}  // namespace stuckat
