// One image under one fault in a network of levels: whole tensors, and where they differ from the
// fault-free pass.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "faultmaps/faulty_windows.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/levels/delta.h"
#include "sim/fast/levels/level_executor.h"

namespace stuckat::fast {

/// Between faults every tensor is the fault-free one; clear() costs what the last fault changed.
class LevelPass {
 public:
  /// Outlived by `golden`.
  explicit LevelPass(const LevelExecutor& golden);

  /// The golden executor has run another image.
  void begin_image();

  bool differs(int tensor) const;
  /// Some tensor that the layer reads differs.
  bool inputs_differ(int layer) const;

  /// What comes out of a layer whose inputs differ, from where they do. exactly_delta: from the
  /// differences alone, wherever the layer can be done so.
  void propagate(int layer, bool only_delta = false);
  /// Every element of it.
  void recompute(int layer);
  /// What a step of a fault's program does to its tensor, which is computed without it.
  void apply(const TensorStep& step, const Effects& effects, int64_t image_index);

  /// Values of the last tensor.
  const std::vector<int32_t>& result();
  Tensor tensor(int tensor) const;
  void clear();

 private:
  /// Where a tensor differs. Of sums only whether it does.
  struct Change {
    Area area;
    std::vector<uint8_t> channels;  // not 0 where one does; some more after
  };

  std::vector<const uint8_t*> inputs_of(const LevelLayer& layer) const;
  std::vector<int> changed_channels(int tensor) const;
  void compute(int index, const std::vector<const uint8_t*>& inputs, const Area& area,
               std::span<const int> blocks);
  void finish_sums(int index, const Area& area, std::span<const int> blocks);
  void add_pairs(int index, const std::vector<const uint8_t*>& inputs, const Area& area);
  void settle(int tensor, const Area& area);
  void settle_result();
  std::vector<int> changed_blocks(const LevelLayer& layer) const;

  void apply_operands(int index, const Effects& effects, int64_t image_index);
  void apply_special(int index, const TensorStep& step, const Effects& effects,
                     int64_t image_index);
  void apply_inputs(int index, const Effects& effects, int64_t image_index);
  std::vector<Tensor> input_values(int index) const;
  bool patch_only(const TensorStep& step, int index) const;
  /// [output pixel][slots] of the layer's inputs as they are, those of the block's slots.
  const int32_t* sums_of_block(int index, int block);
  void apply_patches(int index, const std::vector<SpecialRow>& rows);
  void apply_patches(int index, const SpecialRow& row);
  void apply_patch(int index, const LevelPatch& patch);
  static bool lanes_only(const TensorStep& step, const Effects& effects);
  void apply_lanes(int index, const TensorStep& step, const Effects& effects, int64_t image_index);
  void apply_rows(int index, const TensorStep& step, const Effects& effects, int64_t image_index);
  void compute_rows(int index, const std::vector<SpecialRow>& rows, const Effects& effects,
                    const WindowEdits& edits, const std::vector<int>& pixels, int columns,
                    int64_t image_index);
  void read_window(int index, int pixel, int group, int16_t* window) const;
  void apply_pools(int index, const Effects& effects, int64_t image_index);
  void apply_element(const ElementFault& fault, const ElementStep& step, int64_t image_index);
  void set_value(int tensor, int pixel, int channel, int32_t value);

  const LevelNetwork& network_;
  const LevelExecutor& golden_;
  std::vector<AlignedVector<uint8_t>> levels_;        // [tensor], not of sums
  std::vector<Change> changes_;                       // [tensor]
  std::vector<int32_t> result_;                       // if of sums: valid throughout
  std::vector<ChannelDelta> deltas_;                  // [layer]
  std::vector<std::unique_ptr<LevelLayer>> patched_;  // [layer]: whose weights are patched in place
  AlignedVector<uint8_t> held_;      // an input as broken operands leave it, or empty
  std::vector<Tensor> held_inputs_;  // the same of a layer without weights: all inputs
  AlignedVector<int32_t> sums_;
  int summed_block_ = -1;  // of a layer whose inputs differ: its sums are in sums_
  std::vector<int> pixels_;
  std::vector<uint8_t> differs_;
};

}  // namespace stuckat::fast
