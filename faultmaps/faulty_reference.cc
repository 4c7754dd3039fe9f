#include "faultmaps/faulty_reference.h"

#include <algorithm>

#include "faultmaps/faulty_values.h"
#include "faultmaps/faulty_windows.h"
#include "faultmaps/placement.h"
#include "workloads/reference.h"

namespace stuckat::reference {
namespace {

Layer patched(Layer layer, int index, const Effects& effects) {
  for (const ParameterPatch& p : effects.patches) {
    if (p.layer == index) apply_patch(p, layer);
  }
  return layer;
}

/// Rows that a broken PE computes, or that read a broken window.
void apply_operators(const Layer& layer, int index, const Effects& effects, const Tensor& input,
                     int64_t image_index, Tensor& output) {
  std::vector<const OperatorFault*> operators;
  int columns = WindowEdits::columns(layer, index, effects.windows);
  for (const OperatorFault& fault : effects.operators) {
    if (fault.layer != index || !fault.images.contains(image_index)) continue;
    operators.push_back(&fault);
    columns = std::max(columns, fault.pe.padded_columns);
  }
  const WindowEdits edits(layer, index, effects.windows, image_index);
  if (operators.empty() && edits.empty()) return;
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    const int y = pixel / layer.output.width;
    const int x = pixel % layer.output.width;
    std::vector<int32_t> right;
    for (int row = 0; row < layer.rows(); ++row) {
      const int group = layer.group_of(row);
      if (row == 0 || group != layer.group_of(row - 1)) {
        right = window(layer, input, y, x, group);
        right.resize(static_cast<size_t>(columns), padded_input(layer));
      }
      std::vector<int32_t> seen = right;
      edits.apply(pixel, row, seen.data());
      if (edits.touches(pixel)) {
        const int32_t accumulator = plain_accumulate(layer, layer.weight_row(row), seen.data(),
                                                     columns, edits.accumulator_bits());
        output.at(y, x, row) = threshold(layer, layer.threshold_row(row), accumulator);
      }
      for (const OperatorFault* fault : operators) {
        const auto has = [](const std::vector<int>& list, int number) {
          return std::find(list.begin(), list.end(), number) != list.end();
        };
        if (!has(fault->rows, row)) continue;
        if (!fault->pixels.empty() && !has(fault->pixels, pixel)) continue;
        const int32_t accumulator =
            broken_accumulate(layer, fault->pe, row, layer.weight_row(row), seen.data());
        output.at(y, x, row) =
            broken_threshold(layer, fault->pe, row, layer.threshold_row(row), accumulator);
      }
    }
  }
}

/// The layer on its input as the window buffer holds it: padding is part of that.
Layer without_padding(Layer layer) {
  layer.input.height += layer.padding.top + layer.padding.bottom;
  layer.input.width += layer.padding.left + layer.padding.right;
  layer.padding = 0;
  return layer;
}

void apply_pools(const Layer& layer, int index, const Effects& effects,
                 std::span<const Tensor* const> inputs, int64_t image_index, Tensor& output) {
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    const int y = pixel / layer.output.width;
    const int x = pixel % layer.output.width;
    for (int c = 0; c < layer.output.channels; ++c) {
      const BrokenPool pool = broken_pool_at(effects.pools, index, pixel, c, image_index);
      if (pool == BrokenPool{}) continue;
      output.at(y, x, c) = broken_element(layer, pool, inputs, y, x, c);
    }
  }
}

void apply_elements(const Network& network, int tensor, const Effects& effects, int64_t image_index,
                    Tensor& values) {
  for (const ElementFault& fault : effects.elements) {
    if (fault.tensor != tensor) continue;
    for (const int i : selected_elements(fault, values.shape, image_index)) {
      int32_t& value = values.values[static_cast<size_t>(i)];
      value = masked_value(network, tensor, fault.mask, value);
    }
  }
}

}  // namespace

Tensor faulty_input(const Network& network, const Tensor& image, const Effects& effects,
                    int64_t image_index) {
  Tensor input = image;
  apply_elements(network, 0, effects, image_index, input);
  return input;
}

Tensor faulty_layer(const Network& network, int index, const std::vector<Tensor>& tensors,
                    const Effects& effects, int64_t image_index) {
  Layer layer = patched(network.layer(index), index, effects);
  std::vector<const Tensor*> inputs;
  std::vector<Tensor> held(layer.inputs.size());
  bool pads = false;
  for (size_t k = 0; k < held.size(); ++k) {
    inputs.push_back(&tensors[static_cast<size_t>(layer.inputs[k])]);
    const int input = static_cast<int>(k);
    if (!has_operands(effects.operands, index, input)) continue;
    pads = layer.has_weights();
    held[k] = pads ? padded_operands(layer, index, effects.operands, *inputs[k], image_index)
                   : held_operands(layer, index, input, effects.operands, *inputs[k], image_index);
    inputs[k] = &held[k];
  }
  if (pads) layer = without_padding(std::move(layer));
  Tensor output = run_layer(layer, inputs);
  if (layer.has_weights()) {
    apply_operators(layer, index, effects, *inputs.front(), image_index, output);
  } else {
    apply_pools(layer, index, effects, inputs, image_index, output);
  }
  apply_elements(network, network.output_tensor(index), effects, image_index, output);
  return output;
}

std::vector<Tensor> run(const Network& network, const Tensor& image, const Effects& effects,
                        int64_t image_index) {
  std::vector<Tensor> tensors = {faulty_input(network, image, effects, image_index)};
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    tensors.push_back(faulty_layer(network, i, tensors, effects, image_index));
  }
  return tensors;
}

}  // namespace stuckat::reference
