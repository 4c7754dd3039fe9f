// Both ends of a dataflow accelerator: memory to stream, stream to memory. One word per cycle.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

/// Sends the words of all images of a run, one after the other.
class MemoryReaderModule : public kernel::Stage {
 public:
  /// images: per image [words][limbs]; kept by reference.
  MemoryReaderModule(const sc_core::sc_module_name& name, kernel::Stream& out, int latency_steps,
                     const std::vector<std::vector<uint64_t>>& images);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  const std::vector<std::vector<uint64_t>>& images_;
  int limbs_;
  kernel::Pipeline pipeline_;
  size_t image_ = 0;
  size_t position_ = 0;  // limb of the image
};

/// Takes the words of all images and notes the cycle after the last word of each.
class MemoryWriterModule : public kernel::Stage {
 public:
  MemoryWriterModule(const sc_core::sc_module_name& name, kernel::Stream& in,
                     int64_t words_per_image, const int64_t* images);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }
  /// Cycle by which image i has arrived, [images so far].
  const std::vector<int64_t>& arrivals() const { return arrivals_; }
  /// All words, [image][word][limb] flattened.
  const std::vector<uint64_t>& words() const { return words_; }
  /// Told of each image that has arrived how many have; may be unset.
  std::function<void(int64_t images)> on_image;

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  int64_t words_per_image_;
  const int64_t* images_;  // of the run so far
  kernel::Pipeline pipeline_;
  int64_t word_ = 0;
  std::vector<int64_t> arrivals_;
  std::vector<uint64_t> words_;
};

}  // namespace stuckat::dataflow
