// Import of Xilinx BNN-PYNQ parameter folders (docs/hardware.md, "BNN-PYNQ parameter folders").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

/// Reads `<layer>-<pe>-weights.bin`, `<layer>-<pe>-thres.bin` and classes.txt of `folder` for the
/// zoo network `network_name` ("cnv-w1a1", "cnv-w1a2", "cnv-w2a2", "lfc-w1a1", ...). The folding is
/// derived from the number and the sizes of the files. Padded rows and columns are dropped; what
/// padded columns add to the hardware's sums is taken off the thresholds. Layer 0 thresholds (8
/// fractional bits against an accumulator with 7) become floor(t / 2), which is the same comparison
/// on integers. Where activations have more than one bit, one-bit inputs are summed (signed_sum).
/// Thresholds of the output layer (LFC) become Network::output_thresholds. Throws InputError(path,
/// what, expected), also on a folder whose weights are of another width.
Network import_bnn_pynq(const std::string& folder, const std::string& network_name);

}  // namespace stuckat
