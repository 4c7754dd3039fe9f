// Networks by the operators of QONNX (Pappalardo et al., 2022, arXiv:2206.07527): what Brevitas,
// FINN and hls4ml read.
#pragma once

#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

struct QonnxFile {
  std::string bytes;
  std::vector<std::string> notes;  ///< what a user should know, one line each
};

/// The network as QONNX: input "image" [1, channels, height, width], in it pixel bytes 0 .. 255 as
/// they are (or integers -128 .. 127, where the network does not take pixels); output "scores"
/// [1, classes], or of the last layer's shape. Every value between layers is an integer in a
/// float32, and so is every score: levels come from MultiThreshold, sums from Conv and MatMul on
/// weights after Quant or BipolarQuant. Matches of XNOR layers become signed sums, 2 * matches -
/// columns, in the last layer too: the order of the classes is the same.
/// Throws InputError(where, layer and reason, ...) for what float32 does not hold (sums beyond 24
/// bits), and for an input whose levels fall while pixels rise.
QonnxFile to_qonnx(const Network& network, const std::string& where);

}  // namespace stuckat
