// dense: every input element to every output channel; a 1x1 output; columns in tensor order.
#include "workloads/kinds/matrix.h"
#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape dense_output(const Layer& layer, const std::string& where) {
  refuse_window(layer, "a dense layer", where);
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
                                .output = dense_output,
                                .sums_between = matrix_sums,
                                .check = nullptr,
                                .run = run_matrix};

}  // namespace stuckat
