// Training with exactly the effects of given fault maps (faultmaps/effects.h): those of a known
// chip, or of chips that were drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/fault_overlay.h"
#include "trainer/layer_faults.h"

namespace stuckat::trainer {

/// Elements of a block tensor, some of which are decided by a fault.
class DecidedElements {
 public:
  /// Nothing is decided; `samples` samples of a tensor.
  void reset(Shape shape, int samples);
  bool any() const { return !lanes_.empty(); }
  void add(int sample, int element);
  /// Sets row[x][channel][16] of image row y of a block to 0 where it is decided.
  void clear(int block, int y, Range channels, float* row) const;

 private:
  Shape shape_;
  std::vector<uint16_t> lanes_;  // [block][element], a bit for each sample; empty: nothing
};

class FixedFaults : public FaultOverlay {
 public:
  /// common: on every sample; of_samples[n] (or none): on sample n alone, which may only overwrite
  /// elements and operands.
  FixedFaults(const Network& network, const Effects& common,
              const std::vector<Effects>& of_samples = {});

  void begin(const StepContext& context) override;
  void weights(int layer, const Layer& described, const std::vector<int32_t>& sign,
               int8_t* weights) const override;
  bool changes_operands(int layer) const override;
  void operands(const StepContext& context, int layer, int8_t* padded_input) const override;
  bool changes_sums(int layer) const override;
  bool needs_wide(int layer, const Layer& described) const override;
  void sums(const StepContext& context, const ComputedLayer& computed) const override;
  void thresholds(int layer, const Layer& described, MultiThreshold& quantizer) const override;
  void values(const StepContext& context, int tensor, const TensorValues& of) override;
  void logits(const StepContext& context, const ComputedLayer& computed) const override;
  void gradient(const StepContext& context, int tensor, int block, int y, Range channels,
                float* row) const override;
  void operand_gradient(const StepContext& context, int layer, int block, int y, Range channels,
                        float* row) const override;
  void norm_gradient(int layer, BatchNormBackward& k) const override;
  void weight_gradient(int layer, const Layer& described,
                       std::vector<float>& gradient) const override;

 private:
  /// Effects on some samples of a batch.
  struct SampleFaults {
    std::vector<LayerFaults> faults;  // [tensor]
    Range samples;
  };
  /// Parameters, which all samples share.
  const LayerFaults& common(int layer) const {
    return by_samples_.front().faults[static_cast<size_t>(layer) + 1];
  }
  /// visit(faults of the tensor, samples) for those that are within the batch.
  template <class Visit>
  void for_samples(const StepContext& context, int tensor, const Visit& visit) const;

  std::vector<SampleFaults> by_samples_;           // common effects first
  std::vector<DecidedElements> decided_;           // [tensor]
  std::vector<DecidedElements> decided_operands_;  // [layer]
};

}  // namespace stuckat::trainer
