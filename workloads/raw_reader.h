// Raw integer inputs with labels: what keyword and sensor networks read. Inside workloads only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

struct RawInputs {
  Shape shape;                   ///< of one input
  bool is_signed = false;        ///< int8, else uint8
  std::vector<uint8_t> bytes;    ///< [inputs][height][width][channels]
  std::vector<uint16_t> labels;  ///< [inputs]
  int classes = 0;               ///< as the file says, or the greatest label + 1
};

/// `path`: a folder with inputs.npy and labels.npy; a file X.npy with X.labels.npy or labels.npy
/// beside it; an HDF5 file with /inputs and /labels; or a folder of files of one size with a table
/// of them, NAME.csv with lines "file, classes, label" (int8, as MLPerf Tiny has them), or that
/// table. The arrays are int8 or uint8, [inputs][elements], [inputs][height][width] or
/// [inputs][height][width][channels]; with `channels_first` [inputs][channels][height][width].
/// Throws InputError(path, ...).
RawInputs read_raw_inputs(const std::string& path, bool channels_first);

}  // namespace stuckat
