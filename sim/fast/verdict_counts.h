// Verdicts summed over images: integers that add up, whatever the order and the threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/fault_simulator.h"

namespace stuckat::fast {

/// Row f of each array belongs to fault f; the golden arrays to the fault-free network.
struct VerdictCounts {
  int faults = 0;
  int tensors = 0;
  int classes = 0;
  int64_t images = 0;
  std::vector<int64_t> labels;           ///< [classes]: images with this label
  std::vector<int64_t> golden_correct;   ///< [classes]: by label
  std::vector<int64_t> correct;          ///< [faults][classes]: right predictions by label
  std::vector<int64_t> critical;         ///< [faults]: the prediction changed
  std::vector<int64_t> last_difference;  ///< [faults][tensors+1]: entry 0 is Verdict -1

  VerdictCounts() = default;
  VerdictCounts(int fault_count, int tensor_count, int class_count);
  static VerdictCounts for_faults(const FaultList& list);

  /// One image: its label, the fault-free prediction, the verdict of every fault.
  void add(int label, int golden_prediction, std::span<const Verdict> verdicts);
  /// Counts of other images of the same faults.
  void add(const VerdictCounts& other);

  int64_t total_correct(int fault) const;
  int64_t total_golden_correct() const;
  /// Images in which nothing reached the logits.
  int64_t masked(int fault) const;

  bool operator==(const VerdictCounts&) const = default;
};

using LabelSource = std::function<int(int64_t index)>;

/// All faults on images first .. first+count-1, on `threads` threads; the counts do not depend on
/// `threads`. `image_done`, if given, is called after every image from the thread that did it;
/// when it returns false the run stops early and the counts hold the images done so far, which
/// then need not be the first ones.
VerdictCounts count_verdicts(const FaultList& faults, const ImageSource& image,
                             const LabelSource& label, int64_t first, int64_t count, int threads,
                             const std::function<bool()>& image_done = {},
                             WorkCount* work = nullptr);

}  // namespace stuckat::fast
