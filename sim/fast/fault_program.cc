#include "sim/fast/fault_program.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>

#include "sim/fast/levels/level_network.h"
#include "workloads/errors.h"

namespace stuckat::fast {
namespace {

class Builder {
 public:
  Builder(const PackedNetwork& network, const Effects& effects, const std::string& where)
      : network_(network), effects_(effects), where_(where) {}

  FaultProgram build() {
    for_each_form(effects_, [&](const auto& faults) {
      for (size_t i = 0; i < faults.size(); ++i) add(faults[i], static_cast<int>(i));
    });
    FaultProgram program;
    for (auto& [tensor, step] : steps_) {
      // Memories may hold what their broken bits are stuck at.
      for (SpecialRow& row : step.rows) leave_differences(Network::producer(tensor), row);
      std::erase_if(step.rows, [](const SpecialRow& row) {
        return row.operators.empty() && row.weights.empty() && row.thresholds.empty();
      });
      if (!step.computes() && step.elements.empty()) continue;
      if (!step.rows.empty()) add_patch(Network::producer(tensor), step);
      program.steps.push_back(std::move(step));
    }
    return program;
  }

 private:
  void check(bool ok, const char* what, int64_t value, const std::string& expected) const {
    if (!ok) throw InputError(where_, what + (" " + std::to_string(value)), expected);
  }
  void check_below(const char* what, int value, int end) const {
    check(value >= 0 && value < end, what, value, "0 to " + std::to_string(end - 1));
  }
  void check_all(const char* what, const std::vector<int>& values, int end) const {
    for (const int v : values) check_below(what, v, end);
    check(std::is_sorted(values.begin(), values.end()), what, values.empty() ? 0 : values.front(),
          "ascending numbers");
  }

  const Layer& matrix_layer(int index) const {
    check_below("layer", index, network_.last_tensor());
    const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
    check(layer.part() == HardwarePart::pe_array, "a patch or broken operator in layer", index,
          "a layer with weights");
    return layer;
  }

  TensorStep& step(int tensor) {
    TensorStep& result = steps_[tensor];
    result.tensor = tensor;
    return result;
  }

  SpecialRow& special_row(int index, int row) {
    const Layer& layer = matrix_layer(index);
    check_below("row", row, layer.rows());
    std::vector<SpecialRow>& rows = step(Network::output_tensor(index)).rows;
    // Patches and rows of an operator come in ascending order.
    if (rows.empty() || rows.back().row < row) return rows.emplace_back(SpecialRow{row});
    if (rows.back().row == row) return rows.back();
    const auto at =
        std::lower_bound(rows.begin(), rows.end(), row,
                         [](const SpecialRow& r, int wanted) { return r.row < wanted; });
    return at->row == row ? *at : *rows.insert(at, SpecialRow{row});
  }

  /// A later change of the same parameter wins.
  static void change(std::vector<ParameterChange>& changes, int index, int32_t value) {
    if (changes.empty() || changes.back().index < index) {
      changes.push_back({index, value});
      return;
    }
    const auto at =
        std::lower_bound(changes.begin(), changes.end(), index,
                         [](const ParameterChange& c, int wanted) { return c.index < wanted; });
    if (at->index == index)
      at->value = value;
    else
      changes.insert(at, {index, value});
  }

  void leave_differences(int index, SpecialRow& row) const {
    const auto leave = [](std::vector<ParameterChange>& changes, const auto* right) {
      std::erase_if(changes, [&](const ParameterChange& c) { return c.value == right[c.index]; });
    };
    if (row.weights.empty() && row.thresholds.empty()) return;
    const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
    leave(row.weights, layer.weight_row(row.row));
    leave(row.thresholds, layer.threshold_row(row.row));
  }

  void add_patch(int index, TensorStep& step) const {
    if (!network_.in_planes()) return add_level_patch(index, step);
    const PackedLayer& layer = network_.layer(index);
    if (layer.path != LayerPath::matrix) return;
    const Layer& of = network_.network().layer(index);
    const auto patched = [&](const SpecialRow& row) { return is_patch(of, row); };
    if (std::all_of(step.rows.begin(), step.rows.end(), patched)) {
      step.patch = patch_of(of, layer, network_.input_layout(index), step.rows);
      return;
    }
    std::vector<SpecialRow> held;
    std::vector<SpecialRow> others;
    std::partition_copy(step.rows.begin(), step.rows.end(), std::back_inserter(held),
                        std::back_inserter(others), patched);
    step.patch = patch_of(of, layer, network_.input_layout(index), held);
    keep_others(step, std::move(others));
  }

  void add_level_patch(int index, TensorStep& step) const {
    if (network_.levels() == nullptr || !step.windows.empty() || !step.operands.empty()) return;
    const LevelNetwork& levels = *network_.levels();
    const Layer& of = network_.network().layer(index);
    step.level_patch =
        level_patch_of(of, levels.layer(index), levels.tensor(of.inputs.front()), step.rows);
    if (step.level_patch.empty()) return;
    std::vector<SpecialRow> others;
    auto patched = step.level_patch.rows.begin();
    for (const SpecialRow& row : step.rows) {
      if (patched != step.level_patch.rows.end() && patched->row == row.row)
        ++patched;
      else
        others.push_back(row);
    }
    keep_others(step, std::move(others));
  }

  static void keep_others(TensorStep& step, std::vector<SpecialRow> rows) {
    if (rows.empty()) return;
    TensorStep others{step.tensor};
    others.rows = std::move(rows);
    step.others = std::make_shared<const TensorStep>(std::move(others));
  }

  void add(const ParameterPatch& patch, int /*index*/) {
    const Layer& layer = matrix_layer(patch.layer);
    SpecialRow& row = special_row(patch.layer, patch.row);
    if (patch.is_threshold) {
      check_below("threshold", patch.index, layer.thresholds_per_row());
      change(row.thresholds, patch.index, patch.value);
    } else {
      check_below("column", patch.index, layer.columns());
      check(patch.value >= INT8_MIN && patch.value <= INT8_MAX, "weight", patch.value,
            "8-bit values");
      change(row.weights, patch.index, patch.value);
    }
  }

  void add(const OperatorFault& fault, int index) {
    const Layer& layer = matrix_layer(fault.layer);
    for (const auto& flip : fault.pe.weight_flips) {
      check_below("column", flip.column, std::max(fault.pe.padded_columns, layer.columns()));
    }
    for (const auto& flip : fault.pe.threshold_flips) {
      check_below("threshold", flip.index, layer.thresholds_per_row());
    }
    check(fault.pe.simd >= 1, "simd", fault.pe.simd, "at least 1");
    check_all("pixel", fault.pixels, layer.output.pixels());
    for (const int row : fault.rows) special_row(fault.layer, row).operators.push_back(index);
  }

  void add(const ElementFault& fault, int index) {
    check_below("tensor", fault.tensor, network_.tensors());
    const TensorLayout& layout = network_.layout(fault.tensor);
    check_all("channel", fault.channels, layout.shape.channels);
    check_all("pixel", fault.pixels, layout.shape.pixels());
    const SlotPattern& s = fault.slot;
    check(s.depth >= 0, "depth", s.depth, "at least 0");
    check(s.frame == 0, "frame", s.frame, "0: only operands lie within a frame");
    if (s.depth > 0) {
      check_below("slot", s.slot, s.depth);
      check(
          s.channels_per_word >= 1 && int64_t{s.words_per_pixel} * s.channels_per_word >=
                                          (s.packed ? layout.shape.size() : layout.shape.channels),
          "words_per_pixel", s.words_per_pixel, "words that hold every channel");
    }
    ElementStep element;
    element.fault = index;
    if (layout.form == TensorForm::planes) select_channels(fault, layout, element);
    const bool in_levels = network_.levels() != nullptr && layout.form == TensorForm::values;
    if (layout.form == TensorForm::planes || in_levels) map_levels(fault, layout, element);
    if (changes_nothing(fault, element)) return;
    step(fault.tensor).elements.push_back(std::move(element));
  }

  void add(const OperandFault& fault, int index) {
    check_below("layer", fault.layer, network_.last_tensor());
    const Layer& layer = network_.network().layer(fault.layer);
    check(!layer.is_flat(), "an operand fault of dense layer", fault.layer, "a convolution");
    check(layer.has_weights() || !network_.in_planes(), "an operand fault of pool", fault.layer,
          "a convolution, or a network that is a graph");
    check_below("input", fault.input, static_cast<int>(layer.inputs.size()));
    const Shape input = network_.network().shape(layer.inputs[static_cast<size_t>(fault.input)]);
    const Padding& padding = layer.padding;
    const int height = input.height + padding.top + padding.bottom;
    const int width = input.width + padding.left + padding.right;
    check_all("channel", fault.channels, input.channels);
    check_all("padded pixel", fault.pixels, height * width);
    step(Network::output_tensor(fault.layer)).operands.push_back(index);
  }

  void add(const WindowFault& fault, int index) {
    const Layer& layer = matrix_layer(fault.layer);
    check_all("row", fault.rows, layer.rows());
    check_all("column", fault.columns, std::max(fault.padded_columns, layer.columns()));
    check_all("pixel", fault.pixels, layer.output.pixels());
    step(Network::output_tensor(fault.layer)).windows.push_back(index);
  }

  void add(const PoolFault& fault, int index) {
    check_below("layer", fault.layer, network_.last_tensor());
    const Layer& layer = network_.network().layers[static_cast<size_t>(fault.layer)];
    check(is_pooled(layer), "a pool fault in layer", fault.layer, "a pool or an add");
    check(fault.pool.sum_bits >= 1 || !layer.kind->sums, "sum_bits", fault.pool.sum_bits,
          "those of the register");
    check_all("channel", fault.channels, layer.output.channels);
    check_all("pixel", fault.pixels, layer.output.pixels());
    step(Network::output_tensor(fault.layer)).pools.push_back(index);
  }

  static bool changes_nothing(const ElementFault& fault, const ElementStep& element) {
    if (element.level_map.empty()) return fault.mask.is_identity();
    for (size_t level = 0; level < element.level_map.size(); ++level) {
      if (element.level_map[level] != level) return false;
    }
    return true;
  }

  static void select_channels(const ElementFault& fault, const TensorLayout& layout,
                              ElementStep& element) {
    element.channels.assign(static_cast<size_t>(layout.words), 0);
    const auto select = [&](int c) {
      element.channels[static_cast<size_t>(c / rows_per_word)] |= uint64_t{1} << c % rows_per_word;
    };
    for (const int c : fault.channels) select(c);
    if (fault.channels.empty()) {
      for (int c = 0; c < layout.shape.channels; ++c) select(c);
    }
  }

  static void map_levels(const ElementFault& fault, const TensorLayout& layout,
                         ElementStep& element) {
    const NumberFormat format = layout.format;
    const bool binary = format.kind == FormatKind::binary;
    const int highest = binary ? 1 : format.max_level() - format.min_value();
    for (int level = 0; level <= highest; ++level) {
      const int value = binary ? 2 * level - 1 : format.min_value() + level;
      const int masked = format.value(fault.mask.apply(format.code(value)));
      const int next = binary ? (masked > 0 ? 1 : 0) : masked - format.min_value();
      element.level_map.push_back(static_cast<uint8_t>(next));
    }
    element.is_constant = std::all_of(element.level_map.begin(), element.level_map.end(),
                                      [&](uint8_t l) { return l == element.level_map.front(); });
  }

  const PackedNetwork& network_;
  const Effects& effects_;
  const std::string& where_;
  std::map<int, TensorStep> steps_;
};

}  // namespace

FaultProgram make_program(const PackedNetwork& network, const Effects& effects,
                          const std::string& where) {
  return Builder(network, effects, where).build();
}

}  // namespace stuckat::fast
