#include "faultmaps/faulty_reference.h"

#include "workloads/reference.h"

namespace stuckat::reference {
namespace {

Layer patched(Layer layer, int index, const Effects& effects) {
  for (const ParameterPatch& p : effects.patches) {
    if (p.layer != index) continue;
    if (p.is_threshold) {
      layer.thresholds[static_cast<size_t>(p.row * layer.thresholds_per_row() + p.index)] = p.value;
    } else {
      layer.weights[static_cast<size_t>(p.row) * static_cast<size_t>(layer.columns()) +
                    static_cast<size_t>(p.index)] = static_cast<int8_t>(p.value);
    }
  }
  return layer;
}

void apply_operators(const Layer& layer, int index, const Effects& effects, const Tensor& input,
                     int64_t image_index, Tensor& output) {
  for (const OperatorFault& fault : effects.operators) {
    if (fault.layer != index || !fault.images.contains(image_index)) continue;
    for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
      bool hit = fault.pixels.empty();
      for (const int p : fault.pixels) hit = hit || p == pixel;
      if (!hit) continue;
      const int y = pixel / layer.output.width;
      const int x = pixel % layer.output.width;
      const std::vector<int32_t> columns = window(layer, input, y, x);
      for (const int row : fault.rows) {
        const int32_t accumulator =
            broken_accumulate(layer, fault.pe, row, layer.weight_row(row), columns.data());
        output.at(y, x, row) =
            broken_threshold(layer, fault.pe, layer.threshold_row(row), accumulator);
      }
    }
  }
}

bool has_operands(const Effects& effects, int index) {
  for (const OperandFault& fault : effects.operands) {
    if (fault.layer == index) return true;
  }
  return false;
}

/// The layer on its input as the window buffer holds it: padding is part of that.
Layer without_padding(Layer layer) {
  layer.input.height += 2 * layer.padding;
  layer.input.width += 2 * layer.padding;
  layer.padding = 0;
  return layer;
}

void apply_pools(const Layer& layer, int index, const Effects& effects, const Tensor& input,
                 Tensor& output) {
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    const int y = pixel / layer.output.width;
    const int x = pixel % layer.output.width;
    for (int c = 0; c < layer.output.channels; ++c) {
      const BrokenPool pool = broken_pool_at(effects.pools, index, pixel, c);
      if (pool == BrokenPool{}) continue;
      output.at(y, x, c) = broken_maximum(layer, pool, input, y, x, c);
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

std::vector<Tensor> run(const Network& network, const Tensor& image, const Effects& effects,
                        int64_t image_index) {
  std::vector<Tensor> tensors = {image};
  apply_elements(network, 0, effects, image_index, tensors[0]);
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    Layer layer = patched(network.layers[static_cast<size_t>(i)], i, effects);
    Tensor input = tensors.back();
    if (has_operands(effects, i)) {
      input = padded_operands(layer, i, effects.operands, input);
      layer = without_padding(std::move(layer));
    }
    Tensor output = run_layer(layer, input);
    apply_operators(layer, i, effects, input, image_index, output);
    if (!layer.has_weights()) apply_pools(layer, i, effects, input, output);
    apply_elements(network, i + 1, effects, image_index, output);
    tensors.push_back(std::move(output));
  }
  return tensors;
}

}  // namespace stuckat::reference
