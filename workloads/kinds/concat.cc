// concat: the channels of all inputs, one input after the other.
#include "workloads/errors.h"
#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape output(const Layer& layer, const std::string& where) {
  if (layer.kernel != Extent(1) || layer.stride != Extent(1) || layer.padding != Padding(0) ||
      layer.groups != 1) {
    throw InputError(where, "a concat with kernel, stride, padding or groups", "1, 1, 0 and 1");
  }
  return {layer.input.height, layer.input.width, layer.output.channels};
}

void check(const Network& network, int index, const std::string& where) {
  const Layer& layer = network.layer(index);
  Shape all = layer.input;
  all.channels = 0;
  for (const int tensor : layer.inputs) {
    const Shape shape = network.shape(tensor);
    if (shape.height != all.height || shape.width != all.width ||
        network.format(tensor) != layer.input_format) {
      throw InputError(where,
                       "joins " + shape.text() + " of " + network.format(tensor).name() + " and " +
                           layer.input.text() + " of " + layer.input_format.name(),
                       "the same pixels and format");
    }
    all.channels += shape.channels;
  }
  if (all != layer.output) {
    throw InputError(where, "output is " + layer.output.text(), all.text());
  }
}

Tensor run(const Layer& layer, std::span<const Tensor* const> inputs) {
  Tensor output{layer.output, {}};
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    for (const Tensor* input : inputs) {
      const int channels = input->shape.channels;
      const auto first = input->values.begin() + std::ptrdiff_t{pixel} * channels;
      output.values.insert(output.values.end(), first, first + channels);
    }
  }
  return output;
}

}  // namespace

const LayerKindRow concat_row = {.name = "concat",
                                 .label = "concat",
                                 .number = 5,
                                 .inputs = some_inputs,
                                 .has_weights = false,
                                 .sums = false,
                                 .reads = Reads::window,
                                 .part = HardwarePart::none,
                                 .output = output,
                                 .sums_between = nullptr,
                                 .check = check,
                                 .run = run};

}  // namespace stuckat
