// dense: every input element to every output channel; a 1x1 output; columns in tensor order.
#include "workloads/errors.h"
#include "workloads/kinds/matrix.h"

namespace stuckat {
namespace {

Shape output(const Layer& layer, const std::string& where) {
  if (layer.kernel != 1 || layer.stride != 1 || layer.padding != 0) {
    throw InputError(where, "a dense layer with kernel, stride or padding", "1, 1 and 0");
  }
  return {1, 1, layer.output.channels};
}

}  // namespace

const LayerKindRow dense_row = {.name = "dense",
                                .label = "dense",
                                .number = 1,
                                .inputs = 1,
                                .has_weights = true,
                                .sums = true,
                                .reads = Reads::everything,
                                .part = HardwarePart::pe_array,
                                .output = output,
                                .check = nullptr,
                                .run = run_matrix};

}  // namespace stuckat
