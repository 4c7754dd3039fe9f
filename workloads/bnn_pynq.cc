#include "workloads/bnn_pynq.h"

#include <algorithm>
#include <filesystem>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

namespace stuckat {
namespace {

namespace fs = std::filesystem;

/// Rows of the output layer and columns of dense layers are filled up to whole stream words.
constexpr int word_bits = 64;

int whole_words(int bits) { return (bits + word_bits - 1) / word_bits * word_bits; }

/// How one layer lies in its files (docs/hardware.md, MVTU).
struct Folding {
  int pe;    ///< files of each sort
  int simd;  ///< lanes of a weight word
  int nf;    ///< neuron fold: rows of one PE
  int sf;    ///< synapse fold: weight words of one row
};

struct LayerFiles {
  std::string folder;
  int index;  ///< of the layer among those with weights

  std::string path(int pe, const char* sort) const {
    return (fs::path(folder) /
            (std::to_string(index) + "-" + std::to_string(pe) + "-" + sort + ".bin"))
        .string();
  }
  /// Number of files `<index>-*-<sort>.bin`.
  int count(const char* sort) const {
    const std::string begin = std::to_string(index) + "-";
    const std::string end = std::string("-") + sort + ".bin";
    int files = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(begin) && name.ends_with(end)) ++files;
    }
    return files;
  }
};

/// The little-endian 64-bit words of a file.
std::vector<uint64_t> read_words(const std::string& path) {
  const std::vector<uint8_t> bytes = read_plain_file(path);
  if (bytes.size() % 8 != 0) {
    throw InputError(path, "holds " + std::to_string(bytes.size()) + " bytes",
                     "whole words of 8 bytes");
  }
  std::vector<uint64_t> words(bytes.size() / 8);
  for (size_t i = 0; i < bytes.size(); ++i) words[i / 8] |= uint64_t{bytes[i]} << (8 * (i % 8));
  return words;
}

std::vector<uint64_t> read_words(const std::string& path, int expected) {
  std::vector<uint64_t> words = read_words(path);
  if (words.size() != static_cast<size_t>(expected)) {
    throw InputError(path, "holds " + std::to_string(words.size()) + " words",
                     std::to_string(expected));
  }
  return words;
}

Folding find_folding(const Layer& layer, const LayerFiles& files) {
  const int mh = layer.accumulator_output ? whole_words(layer.rows()) : layer.rows();
  const int mw = layer.is_flat() ? whole_words(layer.columns()) : layer.columns();
  Folding folding{};
  folding.pe = files.count("weights");
  if (folding.pe == 0 || mh % folding.pe != 0) {
    throw InputError(
        files.folder,
        std::to_string(folding.pe) + " files " + std::to_string(files.index) + "-*-weights.bin",
        "as many as divide the " + std::to_string(mh) + " rows of " + layer.name);
  }
  folding.nf = mh / folding.pe;
  const std::string first = files.path(0, "weights");
  const auto words = static_cast<int64_t>(read_words(first).size());
  const int64_t sf = words / folding.nf;
  const bool folds = sf >= 1 && sf * folding.nf == words && sf <= mw && mw % sf == 0 &&
                     mw / sf * layer.weight_format.bits <= word_bits;
  if (!folds) {
    throw InputError(first, "holds " + std::to_string(words) + " words",
                     "a synapse fold of " + std::to_string(mw) + " columns for each of " +
                         std::to_string(folding.nf) + " rows");
  }
  folding.sf = static_cast<int>(sf);
  folding.simd = mw / folding.sf;
  return folding;
}

/// Row nf*PE + pe; weight word nf*SF + sf, lane s is column sf*SIMD + s. Padding is left out.
void read_weights(Layer& layer, const LayerFiles& files, const Folding& folding) {
  const int bits = layer.weight_format.bits;
  for (int pe = 0; pe < folding.pe; ++pe) {
    const std::string path = files.path(pe, "weights");
    const auto words = read_words(path, folding.nf * folding.sf);
    for (int nf = 0; nf < folding.nf; ++nf) {
      const int row = nf * folding.pe + pe;
      if (row >= layer.rows()) continue;
      int8_t* weights = layer.weights.data() + row * layer.columns();
      for (int column = 0; column < layer.columns(); ++column) {
        const int lane = column % folding.simd;
        const uint64_t word = words[static_cast<size_t>(nf * folding.sf + column / folding.simd)];
        weights[column] = static_cast<int8_t>(
            layer.weight_format.value(static_cast<uint32_t>(word >> (lane * bits))));
      }
    }
  }
}

/// Threshold word nf*NT + t of each PE.
void read_thresholds(Layer& layer, const LayerFiles& files, const Folding& folding) {
  const int per_row = layer.thresholds_per_row();
  // Inputs with 7 fractional bits meet thresholds with 8: 2*a > t is a > floor(t/2).
  const int fraction_shift = layer.input_format == fixed_point_format ? 1 : 0;
  for (int pe = 0; pe < folding.pe; ++pe) {
    const auto words = read_words(files.path(pe, "thres"), folding.nf * per_row);
    for (int nf = 0; nf < folding.nf; ++nf) {
      for (int t = 0; t < per_row; ++t) {
        const auto value = static_cast<int64_t>(words[static_cast<size_t>(nf * per_row + t)]);
        const int64_t low = layer.accumulator_min() - 1;
        layer.thresholds[static_cast<size_t>((nf * folding.pe + pe) * per_row + t)] =
            static_cast<int32_t>(
                std::clamp<int64_t>(value >> fraction_shift, low, layer.accumulator_max()));
      }
    }
  }
}

std::vector<std::string> read_class_names(const std::string& path) {
  const std::vector<uint8_t> bytes = read_plain_file(path);
  std::vector<std::string> names;
  std::string name;
  const auto finish = [&] {
    if (!name.empty()) names.push_back(name);
    name.clear();
  };
  for (const uint8_t byte : bytes) {
    if (byte == '\n') {
      finish();
    } else if (byte != '\r') {
      name += static_cast<char>(byte);
    }
  }
  finish();
  if (names.empty() || names.size() > word_bits) {
    throw InputError(path, std::to_string(names.size()) + " classes", "1 to 64 lines");
  }
  return names;
}

Network empty_network(const std::string& folder, const std::string& network_name) {
  const auto class_names = read_class_names((fs::path(folder) / "classes.txt").string());
  ZooOptions options;
  options.classes = static_cast<int>(class_names.size());
  Network network = zoo_network(network_name, options);
  network.class_names = class_names;
  return network;
}

}  // namespace

Network import_bnn_pynq(const std::string& folder, const std::string& network_name) {
  Network network = empty_network(folder, network_name);
  int index = 0;
  for (Layer& layer : network.layers) {
    if (!layer.has_weights()) continue;
    const LayerFiles files{folder, index++};
    const Folding folding = find_folding(layer, files);
    read_weights(layer, files, folding);
    if (!layer.accumulator_output) read_thresholds(layer, files, folding);
  }
  validate(network, folder);
  return network;
}

std::vector<int32_t> bnn_pynq_output_thresholds(const std::string& folder,
                                                const std::string& network_name) {
  const Network network = empty_network(folder, network_name);
  const auto layers = static_cast<int>(std::count_if(network.layers.begin(), network.layers.end(),
                                                     [](auto& l) { return l.has_weights(); }));
  Layer layer = network.layers.back();
  const LayerFiles files{folder, layers - 1};
  const Folding folding = find_folding(layer, files);
  layer.accumulator_output = false;
  layer.output_format = binary_format;
  layer.output.channels = folding.nf * folding.pe;  // the padded rows have thresholds, too
  layer.thresholds.resize(static_cast<size_t>(layer.rows()));
  read_thresholds(layer, files, folding);
  layer.thresholds.resize(static_cast<size_t>(network.classes()));
  return layer.thresholds;
}

}  // namespace stuckat
