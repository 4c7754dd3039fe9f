// One image under one fault, as differences from the fault-free pass.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "faultmaps/faulty_windows.h"
#include "sim/fast/break_even.h"
#include "sim/fast/chain_layer.h"
#include "sim/fast/change_list.h"
#include "sim/fast/dense_layer.h"
#include "sim/fast/executor.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/first_rows.h"
#include "sim/fast/kernels.h"
#include "sim/fast/padded_image.h"
#include "sim/fast/patched_layer.h"
#include "sim/fast/pixel_set.h"
#include "sim/fast/sliced_chain.h"

namespace stuckat::fast {

/// Buffers are as large as the network's tensors and used again; between faults every difference
/// is zero, and clear() costs what the last fault changed.
class FaultyPass {
 public:
  /// `golden` must have run the image, and outlives this.
  explicit FaultyPass(const Executor& golden);

  /// The golden executor has run another image.
  void begin_image();

  /// Tensor `tensor` after step(s) so far: does anything differ from the fault-free run?
  bool differs(int tensor) const;

  /// Tensor layer+1 from tensor `layer`, from the differences alone.
  void propagate(int layer);
  /// The same with every element computed afresh.
  void recompute(int layer);
  /// propagate() of a layer of LayerPath::matrix in this way, which must be able to (break_even.h).
  void propagate(int layer, Way way);
  bool can_scatter(int layer);
  /// recompute_patched() is the way to do it.
  static bool recomputes(const TensorStep& step);
  /// propagate() and apply_rows() in one; differences from tensor layer+1 on are forgotten.
  void recompute_patched(int layer, const Effects& effects, const TensorStep& step,
                         int64_t image_index);
  /// Rows of a layer whose parameters or arithmetic are broken, or that read broken windows, from
  /// tensor `layer`.
  void apply_rows(int layer, const Effects& effects, const TensorStep& step, int64_t image_index);
  /// The layer reads its operands as effects.operands leave them; the tensor stays as it is and is
  /// put back by release_operands(). Between the two: the layer's output, as without such faults,
  /// then recompute_windows().
  void hold_operands(int layer, const Effects& effects, int64_t image_index);
  /// Output pixels whose windows see padding that hold_operands() broke.
  void recompute_windows(int layer);
  void release_operands(int layer);
  /// Elements that a broken pool computes, from tensor `layer`.
  void apply_pools(int layer, const Effects& effects, int64_t image_index);
  /// One ElementFault of `tensor`.
  void apply_element(int tensor, const ElementFault& fault, const ElementStep& step,
                     int64_t image_index);

  /// From the chain's input to its output, for a fault for which it runs. Returns the last tensor
  /// after the input that differs, or -1.
  int run_sliced(const SlicedChain& chain, const FaultProgram& program);

  /// Tensor layer+1 from the changes in list(layer), which the caller filled.
  void propagate_list(int layer);
  ChangeList& list(int layer) { return lists_[static_cast<size_t>(layer)]; }
  /// Logits where `channel` of the last layer's one input pixel changed by `levels` planes.
  void change_logits(int channel, int levels);
  /// Trades the differences of a tensor of planes against others.
  void swap_differences(int tensor, AlignedVector<uint64_t>& diff, PixelSet& changed);
  /// Words of a tensor of planes as the fault leaves them.
  uint64_t faulty_word(int tensor, size_t word) const;

  std::span<const int32_t> logits() const { return logits_; }
  Tensor tensor(int tensor) const;
  /// No differences in any tensor from `first` on.
  void clear(int first);

  int64_t additions() const { return additions_; }
  int64_t changed_elements() const { return changed_elements_; }
  /// Since the last call.
  int64_t take_bit_products() { return std::exchange(bit_products_, 0); }
  void count_additions(int64_t additions) { additions_ += additions; }

 private:
  void find_changed_words(int layer);
  void propagate_matrix(int layer);
  void follow(int layer, Way way);
  void propagate_first(int layer);
  void propagate_pool(int layer);
  void recompute_by_reference(int layer);
  void recompute_matrix(int layer);
  /// The planes of a layer with thresholds, `layer` as it is or patched.
  void recompute_planes(int index, const PackedLayer& layer,
                        std::span<const ExcessWeight> excesses = {});
  /// Rows of a first layer with right inputs, at all pixels at once. Returns the others.
  std::vector<SpecialRow> apply_first_rows(int layer, const Effects& effects,
                                           const std::vector<SpecialRow>& rows,
                                           int64_t image_index);
  void set_tensor(int tensor, const Tensor& values);
  /// Tensor `layer` as the fault leaves it, valid until the next call.
  const PaddedImage& padded_input(int layer);
  /// `rows` at `pixels`, as `edits` leave their windows of `columns` values.
  void apply_rows_at(int layer, const Effects& effects, const std::vector<SpecialRow>& rows,
                     int64_t image_index, const std::vector<int>& pixels, const WindowEdits& edits,
                     int columns);
  /// Rows that a systolic array with one broken PE computes. Returns the others.
  std::vector<SpecialRow> apply_chain_rows(int layer, const Effects& effects,
                                           const std::vector<SpecialRow>& rows,
                                           int64_t image_index);
  /// Sums of a dense layer's rows that are patched, after those of the right ones.
  void patch_logits(int layer, const LayerPatch& patch);
  void apply_rows_one_by_one(int layer, const Effects& effects, const TensorStep& step,
                             int64_t image_index);
  std::vector<SpecialRow> all_rows(int layer, const std::vector<SpecialRow>& special) const;
  void set_level(int tensor, int pixel, int channel, int level);
  void settle_pixel(int tensor, int pixel);
  void apply_to_pixel(int tensor, const ElementStep& step, int pixel, const uint64_t* channels);
  /// Channels at a constant level in every pixel.
  void hold_channels(int tensor, const ElementStep& step);
  void apply_to_packed(int tensor, const ElementFault& fault, const ElementStep& step,
                       int64_t image_index);
  void apply_to_planes(int tensor, const ElementFault& fault, const ElementStep& step,
                       int64_t image_index);

  const PackedNetwork& network_;
  const Executor& golden_;
  std::vector<AlignedVector<uint64_t>> diff_;  // [tensor]: planes XOR golden planes
  std::vector<PixelSet> changed_;              // [tensor]: pixels with a difference (not logits)
  std::vector<Tensor> values_;                 // [tensor]: TensorForm::values; golden if unchanged
  std::vector<int32_t> logits_;                // golden where !logits_differ_
  bool logits_differ_ = false;
  ChangedWords changed_words_;                    // of the layer that is propagated
  std::vector<ChangeList> lists_;                 // [layer]
  std::vector<kernels::ScatterBuffers> scatter_;  // [layer], empty where it does not fit
  std::vector<DigitImage> digits_;                // [layer], for recompute()
  std::vector<PatchedLayer> patched_;             // [layer], empty until asked for
  std::vector<PatchedLayer> wide_patched_;        // likewise
  std::vector<FirstRows> first_rows_;             // [layer] of LayerPath::first, likewise
  std::vector<ChainLayer> chain_layers_;          // [layer], likewise
  std::unique_ptr<SlicedPass> sliced_;            // null until asked for
  std::vector<bool> first_rows_loaded_;           // [layer]: with this image
  AlignedVector<uint64_t> scratch_;               // whole planes, for recompute()
  std::vector<PaddedImage> golden_inputs_;        // [layer], empty until asked for
  PaddedImage faulty_input_;
  /// Between hold_operands() and release_operands(): the layer's input tensor as it was, and pixels
  /// of its padding as they are read.
  struct HeldInput {
    AlignedVector<uint64_t> diff;
    PixelSet changed;
    Tensor values;
    std::vector<int> padding_pixels;      // of the padded image, outside of the tensor
    std::vector<int32_t> padding_values;  // [padding_pixels][channels]
  };
  HeldInput held_;
  AlignedVector<int32_t> sums_;
  std::vector<uint8_t> levels_;
  int64_t additions_ = 0;
  int64_t changed_elements_ = 0;
  int64_t bit_products_ = 0;
};

}  // namespace stuckat::fast
