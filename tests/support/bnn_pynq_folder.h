// Folders as BNN-PYNQ has them: published ones, kept as archives, unpacked for a test into its
// folder; and written from a network.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "workloads/bnn_pynq.h"

namespace stuckat::test {

/// Unpacks `archive` (.tar.xz) and returns the path of `inside` there.
inline std::string unpacked(const TemporaryFolder& folder, const std::string& archive,
                            const std::string& inside) {
  const std::string command = "tar -xJf '" + archive + "' -C '" + folder.path().string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  return folder / inside;
}

struct PeSimd {
  int pe;
  int simd;
};

/// Numbers of 64 bits, little-endian.
inline void write_words(const std::string& path, const std::vector<uint64_t>& words) {
  std::string bytes;
  for (const uint64_t word : words) {
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(word >> (8 * i));
  }
  write_bytes(path, bytes);
}

/// Writes `network` as BNN-PYNQ does, by the words of docs/hardware.md: one loop over PEs, neuron
/// folds, synapse folds and lanes. Padding has weight +1, and its inputs hold code 0: where one-bit
/// inputs are summed, that is -1 for each padded column. The output layer has `output_rows` rows.
template <class Folder>
void write_bnn_pynq_folder(const Folder& folder, const Network& network,
                           const std::vector<PeSimd>& foldings, int output_rows = 64) {
  std::string classes;
  for (const auto& name : network.class_names) classes += name + "\n";
  write_bytes(folder / "classes.txt", classes);
  size_t index = 0;
  for (const Layer& layer : network.layers) {
    if (!layer.has_weights()) continue;
    const auto [pes, simd] = foldings.at(index);
    const int rows = layer.accumulator_output ? output_rows : layer.rows();
    const int columns = layer.columns() == 784 ? 832 : layer.columns();
    const int scale = layer.input_format == fixed_point_format ? 2 : 1;
    const bool sums_one_bit = layer.input_format == binary_format && !layer.is_xnor();
    const int padding_sum = sums_one_bit ? layer.columns() - columns : 0;
    for (int pe = 0; pe < pes; ++pe) {
      std::vector<uint64_t> weights;
      std::vector<uint64_t> thresholds;
      for (int nf = 0; nf < rows / pes; ++nf) {
        const int row = nf * pes + pe;
        for (int sf = 0; sf < columns / simd; ++sf) {
          uint64_t word = 0;
          for (int lane = 0; lane < simd; ++lane) {
            const int column = sf * simd + lane;
            const bool padding = row >= layer.rows() || column >= layer.columns();
            const int value = padding ? 1 : layer.weight_row(row)[column];
            word |= uint64_t{layer.weight_format.code(value)} << (lane * layer.weight_format.bits);
          }
          weights.push_back(word);
        }
        for (int t = 0; t < layer.thresholds_per_row(); ++t) {
          // Doubled ones may be odd: floor(t / 2) is the same.
          const int64_t value = (int64_t{layer.threshold_row(row)[t]} + padding_sum) * scale +
                                (scale - 1) * (row % 2);
          thresholds.push_back(static_cast<uint64_t>(value));
        }
      }
      const std::string name = std::to_string(index) + "-" + std::to_string(pe);
      write_words(folder / (name + "-weights.bin"), weights);
      if (!thresholds.empty()) write_words(folder / (name + "-thres.bin"), thresholds);
    }
    ++index;
  }
}

}  // namespace stuckat::test
