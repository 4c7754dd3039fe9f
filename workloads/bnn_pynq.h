// Import of Xilinx BNN-PYNQ parameter folders (docs/hardware.md, "BNN-PYNQ parameter folders").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

/// Reads `<layer>-<pe>-weights.bin`, `<layer>-<pe>-thres.bin` and classes.txt of `folder` for the
/// zoo network `network_name` ("cnv-w1a1", "cnv-w1a2", "cnv-w2a2", "lfc-w1a1", ...). The folding is
/// derived from the number and the sizes of the files. Padded rows and columns are dropped;
/// layer 0 thresholds (8 fractional bits against an accumulator with 7) become floor(t / 2), which
/// is the same comparison on integers. Throws InputError(path, what, expected).
/// Thresholds that the folder has for the output layer (LFC) are left out: our last layer passes
/// its accumulator out.
Network import_bnn_pynq(const std::string& folder, const std::string& network_name);

/// Those thresholds, [classes]: the hardware sends bit c = (accumulator c > threshold c), and its
/// host takes the highest bit that is set for the class (LFC W1A1 on MNIST: 98.40 % that way,
/// 98.34 % by the greatest accumulator).
std::vector<int32_t> bnn_pynq_output_thresholds(const std::string& folder,
                                                const std::string& network_name);

}  // namespace stuckat
