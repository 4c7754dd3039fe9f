// dense: every input element to every output channel; a 1x1 output; columns in tensor order.
#include "workloads/errors.h"
#include "workloads/kinds/matrix.h"

namespace stuckat {
namespace {

Shape output(const Layer& layer, const std::string& where) {
  if (layer.kernel != Extent(1) || layer.stride != Extent(1) || layer.padding != Padding(0) ||
      layer.groups != 1) {
    throw InputError(where, "a dense layer with kernel, stride, padding or groups",
                     "1, 1, 0 and 1");
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
                                .sums_between = matrix_sums,
                                .check = nullptr,
                                .run = run_matrix};

}  // namespace stuckat
