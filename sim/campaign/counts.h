// Verdicts of a block of faults on a chunk of images, summed. Inside sim/campaign only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/campaign/engine.h"

namespace stuckat::campaign {

struct Counts {
  int64_t faults = 0;
  int classes = 0;
  int tensors = 0;
  std::vector<int32_t> labels;           ///< [classes]
  std::vector<int32_t> golden_correct;   ///< [classes]
  std::vector<int32_t> correct;          ///< [faults][classes]
  std::vector<int32_t> critical;         ///< [faults]
  std::vector<int32_t> last_difference;  ///< [faults][tensors + 1]

  Counts() = default;
  Counts(int64_t fault_count, int class_count, int tensor_count);

  void clear();
  /// One image: its label, the fault-free prediction, the verdict of every fault.
  void add(int label, int golden_prediction, std::span<const Verdict> verdicts);
  /// Counts of other images of faults first .. first + block.faults - 1. Images are counted with
  /// the block that begins at 0 only.
  void add_block(const Counts& block, int64_t first);

  /// All counts as LEB128, in the order of the members.
  std::vector<uint8_t> encode() const;
  /// The reverse; false unless `bytes` are exactly such counts for `images` images.
  bool decode(std::span<const uint8_t> bytes, int64_t images);

  bool operator==(const Counts&) const = default;
};

}  // namespace stuckat::campaign
