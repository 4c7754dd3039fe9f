// convolution: windows of kernel pixels, `stride`, `padding`, in `groups` of channels.
#include "workloads/kinds/matrix.h"
#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape convolution_output(const Layer& layer, const std::string& where) {
  return window_output(layer, layer.output.channels, where);
}

}  // namespace

const LayerKindRow convolution_row = {.name = "convolution",
                                      .label = "conv",
                                      .number = 0,
                                      .inputs = 1,
                                      .has_weights = true,
                                      .sums = true,
                                      .reads = Reads::window,
                                      .part = HardwarePart::pe_array,
                                      .output = convolution_output,
                                      .sums_between = matrix_sums,
                                      .check = nullptr,
                                      .run = run_matrix};

}  // namespace stuckat
