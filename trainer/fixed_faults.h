// Training with exactly the effects of a given fault map (faultmaps/effects.h).
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
  std::vector<ElementFault> elements;  ///< on the output tensor, in order of stage
  std::vector<OperandFault> operands;  ///< in the layer's padded input
  std::vector<PoolFault> pools;
  std::vector<WindowFault> windows;

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
/// Greatest size of broken sums in training: squares still add up exactly.
inline constexpr int32_t broken_sum_limit = 1 << 20;
void patch_thresholds(const LayerFaults& faults, const Layer& layer, Steps& steps);
/// What a row with a broken operator or window adds up at one output pixel of a sample. Of several
/// for the same element the last one counts.
struct BrokenAccumulator {
  int sample = 0;
  int pixel = 0;
  int row = 0;
  const BrokenPe* pe = nullptr;  ///< of the faults given, or a healthy one
  int32_t accumulator = 0;
};
/// In samples first .. samples-1. weights: [rows][columns] as exported. The layer has run.
std::vector<BrokenAccumulator> broken_accumulators(const LayerFaults& faults,
                                                   const ForwardLayer& layer, const int8_t* weights,
                                                   int samples, int64_t image_index, int first = 0);
/// What follows from them, exactly. thresholds: [rows][thresholds per row], on accumulators.
void overwrite_broken(const std::vector<BrokenAccumulator>& broken, const Layer& layer,
                      const std::vector<int32_t>& thresholds, int8_t* values);
/// For training: puts them among the layer's sums, cut to -limit .. limit. The layer must be
/// wide.
void break_sums(const LayerFaults& faults, ForwardLayer& layer, const std::vector<int32_t>& sign,
                const int8_t* weights, int samples, int64_t image_index, int32_t limit,
                int first = 0);
/// Operands of the layer as its window buffer holds them: `padded` is its padded input.
void overwrite_operands(const LayerFaults& faults, const Layer& layer, int samples,
                        int64_t image_index, int8_t* padded, int first = 0);
/// The same as ForwardLayer::run() takes it; none where nothing is broken. References outlive it.
ForwardLayer::Edit operand_edit(const LayerFaults& faults, const Layer& layer, int samples,
                                int64_t image_index);
/// Elements that a broken pool computes, from the layer's input.
void break_pool(const LayerFaults& faults, const Layer& layer, const int8_t* input, int samples,
                int64_t image_index, int8_t* output);
/// Recomputes the values of rows whose comparators or thresholds are broken.
void break_values(const LayerFaults& faults, ForwardLayer& layer, const Steps& steps, int samples,
                  int64_t image_index, int8_t* values);
/// Overwrites elements of a tensor, in samples first .. samples-1; image_index: number of sample 0
/// in the run.
void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor, int samples,
                        int64_t image_index, int8_t* values, int first = 0);
/// The same on the accumulators that the last layer passes out, [sample][class].
void overwrite_accumulators(const LayerFaults& faults, const Network& network, int samples,
                            int64_t image_index, int32_t* logits);
/// The same on logits, which are sums here, cut to -limit .. limit.
void overwrite_logits(const LayerFaults& faults, const Network& network, ForwardLayer& layer,
                      const std::vector<int32_t>& sign, int samples, int64_t image_index,
                      int32_t limit, int first = 0);
/// Gradient 0 at the layer's operands that its window buffer holds wrongly.
void clear_operand_gradient(const LayerFaults& faults, const Layer& layer, int samples,
                            int64_t image_index, float* gradient, int first = 0);
/// Gradient 0 at all elements that a fault decides.
void clear_faulty_gradient(const LayerFaults& faults, Shape shape, int samples, int64_t image_index,
                           float* gradient, int first = 0);

}  // namespace stuckat::trainer
