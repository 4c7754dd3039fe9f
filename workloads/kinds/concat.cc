// concat: the channels of all inputs, one input after the other.
#include "workloads/errors.h"
#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape concat_output(const Layer& layer, const std::string& where) {
  refuse_window(layer, "a concat", where);
  return {layer.input.height, layer.input.width, layer.output.channels};
}

void check_concat(const Network& network, int index, const std::string& where) {
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

Tensor run_concat(const Layer& layer, std::span<const Tensor* const> inputs) {
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
                                 .output = concat_output,
                                 .sums_between = nullptr,
                                 .check = check_concat,
                                 .run = run_concat};

}  // namespace stuckat
