// What the effects of a fault map (faultmaps/effects.h) do to the block tensors of one layer, in
// evaluation and in training.
//
// Effects are about the exported network, in which rows with a negative batch-norm scale have
// changed their sign. `sign` below is that of the row (see FoldedRow): sums here are
// sum = sign * (sum of the exported row), patched weights likewise.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/elementwise.h"
#include "trainer/forward.h"

namespace stuckat::trainer {

/// The part of a fault map's effects that belongs to one layer and its output tensor.
struct LayerFaults {
  std::vector<ParameterPatch> weights;
  std::vector<ParameterPatch> thresholds;
  std::vector<OperatorFault> operators;
  std::vector<ElementFault> elements;  ///< on the output tensor, in order of point
  std::vector<OperandFault> operands;  ///< in the layer's padded input
  std::vector<PoolFault> pools;
  std::vector<WindowFault> windows;

  void add(const ParameterPatch& patch) {
    (patch.is_threshold ? thresholds : weights).push_back(patch);
  }
  void add(const OperatorFault& fault) { operators.push_back(fault); }
  void add(const ElementFault& fault) { elements.push_back(fault); }
  void add(const OperandFault& fault) { operands.push_back(fault); }
  void add(const PoolFault& fault) { pools.push_back(fault); }
  void add(const WindowFault& fault) { windows.push_back(fault); }

  /// Sums are not what the products make of the layer's input.
  bool breaks_sums() const { return !operators.empty() || !windows.empty(); }
};

/// Effects sorted by tensor: [0] has the faults of the input image, [i + 1] those of layer i.
std::vector<LayerFaults> faults_by_tensor(const Effects& effects, const Network& network);

/// Puts the patched values into weights[rows][columns].
void patch_weights(const LayerFaults& faults, const Layer& layer, const std::vector<int32_t>& sign,
                   int8_t* weights);
/// The layer needs 32-bit accumulators: its sums or thresholds can be beyond the fault-free ones.
bool needs_wide(const LayerFaults& faults, const Layer& layer);
void patch_thresholds(const LayerFaults& faults, const Layer& layer, MultiThreshold& quantizer);
/// What a row with a broken operator or window adds up at one output pixel of a sample. Of several
/// for the same element the last one counts.
struct BrokenAccumulator {
  int sample = 0;
  int pixel = 0;
  int row = 0;
  const BrokenPe* pe = nullptr;  ///< of the faults given, or a healthy one
  int32_t accumulator = 0;
};
/// weights: [rows][columns] as exported. The layer has run. image_index: number of sample 0 in the
/// run, here and below.
std::vector<BrokenAccumulator> broken_accumulators(const LayerFaults& faults,
                                                   const ForwardLayer& layer, const int8_t* weights,
                                                   Range samples, int64_t image_index);
/// What follows from them, exactly. thresholds: [rows][thresholds per row], on accumulators.
void overwrite_broken(const std::vector<BrokenAccumulator>& broken, const Layer& layer,
                      const std::vector<int32_t>& thresholds, int8_t* values);
/// Operands of the layer as its window buffer holds them: `padded` is its padded input.
void overwrite_operands(const LayerFaults& faults, const Layer& layer, Range samples,
                        int64_t image_index, int8_t* padded);
/// Elements that a broken pool computes, from the layer's input.
void break_pool(const LayerFaults& faults, const Layer& layer, const int8_t* input, Range samples,
                int64_t image_index, int8_t* output);
/// Overwrites elements of a tensor.
void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor,
                        Range samples, int64_t image_index, int8_t* values);
void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor,
                        Range samples, int64_t image_index, int16_t* values);
/// The same on the accumulators that the last layer passes out, [sample][class].
void overwrite_accumulators(const LayerFaults& faults, const Network& network, Range samples,
                            int64_t image_index, int32_t* logits);

}  // namespace stuckat::trainer
