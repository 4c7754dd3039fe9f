#include "workloads/bnn_pynq.h"

#include <algorithm>
#include <bit>
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

  int rows() const { return nf * pe; }
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

/// Rows that the matrix of `layer` may have in its files, on `pe` PEs. The output layer is filled
/// up: to whole stream words in most parameter sets, to a multiple of PE in others (streetview: 12
/// rows for 10 classes; characters: 48 for 47).
std::vector<int> possible_rows(const Layer& layer, int pe) {
  if (!layer.accumulator_output) return {layer.rows()};
  return {whole_words(layer.rows()), (layer.rows() + pe - 1) / pe * pe};
}

/// Bits of the widest word in the weights of all PEs.
int used_bits(const LayerFiles& files, int pes) {
  uint64_t all = 0;
  for (int pe = 0; pe < pes; ++pe) {
    for (const uint64_t word : read_words(files.path(pe, "weights"))) all |= word;
  }
  return static_cast<int>(std::bit_width(all));
}

Folding find_folding(const Layer& layer, const LayerFiles& files) {
  const int pe = files.count("weights");
  const int mw = layer.is_flat() ? whole_words(layer.columns()) : layer.columns();
  const std::string first = files.path(0, "weights");
  const auto words = pe == 0 ? 0 : static_cast<int64_t>(read_words(first).size());
  bool divides = false;
  std::vector<Folding> foldings;
  for (const int mh : pe == 0 ? std::vector<int>{} : possible_rows(layer, pe)) {
    if (mh % pe != 0) continue;
    divides = true;
    const int nf = mh / pe;
    const int64_t sf = words / nf;
    const bool folds = sf >= 1 && sf * nf == words && sf <= mw && mw % sf == 0 &&
                       mw / sf * layer.weight_format.bits <= word_bits;
    if (folds) foldings.push_back({pe, static_cast<int>(mw / sf), nf, static_cast<int>(sf)});
  }
  // Several may divide: lanes that are there are used.
  const int used = foldings.size() > 1 ? used_bits(files, pe) : 0;
  std::stable_sort(foldings.begin(), foldings.end(),
                   [](const Folding& x, const Folding& y) { return x.simd < y.simd; });
  for (const Folding& folding : foldings) {
    if (folding.simd * layer.weight_format.bits >= used) return folding;
  }
  if (!foldings.empty()) return foldings.back();  // its words are refused when they are read
  if (divides) {
    throw InputError(first, "holds " + std::to_string(words) + " words",
                     "a synapse fold of " + std::to_string(mw) + " columns for each row of " +
                         layer.name + " on " + std::to_string(pe) + " PEs");
  }
  throw InputError(
      files.folder, std::to_string(pe) + " files " + std::to_string(files.index) + "-*-weights.bin",
      "as many as divide the " + std::to_string(layer.rows()) + " rows of " + layer.name);
}

/// Lanes of a word lie in its low bits. A folder of wider weights has bits above them; one of
/// narrower weights has none in the upper half of any word.
class LaneBits {
 public:
  LaneBits(const Layer& layer, const Folding& folding)
      : bits_(folding.simd * layer.weight_format.bits) {}

  void add(uint64_t word, const std::string& path) {
    if (bits_ < word_bits && word >> bits_ != 0) {
      throw InputError(path,
                       "bits above the " + std::to_string(bits_) + " of a weight word are set",
                       "weights of the network's own width (another network?)");
    }
    upper_half_ = upper_half_ || word >> bits_ / 2 != 0;
  }
  bool upper_half() const { return upper_half_; }

 private:
  int bits_;
  bool upper_half_ = false;
};

/// Row nf*PE + pe; weight word nf*SF + sf, lane s is column sf*SIMD + s. Padding is left out of the
/// weights: the result says what padded columns add to each row, [folding.rows()]. Their inputs
/// hold code 0.
std::vector<int32_t> read_weights(Layer& layer, const LayerFiles& files, const Folding& folding) {
  const int bits = layer.weight_format.bits;
  const int padded_input = layer.input_format.padding_value();
  std::vector<int32_t> added(static_cast<size_t>(folding.rows()), 0);
  LaneBits lanes(layer, folding);
  for (int pe = 0; pe < folding.pe; ++pe) {
    const std::string path = files.path(pe, "weights");
    const auto words = read_words(path, folding.nf * folding.sf);
    for (const uint64_t word : words) lanes.add(word, path);
    for (int nf = 0; nf < folding.nf; ++nf) {
      const int row = nf * folding.pe + pe;
      for (int column = 0; column < folding.sf * folding.simd; ++column) {
        const int lane = column % folding.simd;
        const uint64_t word = words[static_cast<size_t>(nf * folding.sf + column / folding.simd)];
        const int weight = layer.weight_format.value(static_cast<uint32_t>(word >> (lane * bits)));
        if (column >= layer.columns()) {
          added[static_cast<size_t>(row)] +=
              layer.is_xnor() ? weight == padded_input : weight * padded_input;
        } else if (row < layer.rows()) {
          layer.weights[static_cast<size_t>(row) * static_cast<size_t>(layer.columns()) +
                        static_cast<size_t>(column)] = static_cast<int8_t>(weight);
        }
      }
    }
  }
  if (bits > 1 && folding.simd > 1 && !lanes.upper_half()) {
    throw InputError(files.path(0, "weights"), "the upper half of every weight word is empty",
                     "weights of " + std::to_string(bits) + " bits (another network?)");
  }
  return added;
}

/// Threshold word nf*NT + t of each PE. They meet sums that padded columns are part of.
void read_thresholds(Layer& layer, const LayerFiles& files, const Folding& folding,
                     const std::vector<int32_t>& added) {
  const int per_row = layer.thresholds_per_row();
  // Inputs with 7 fractional bits meet thresholds with 8: 2*a > t is a > floor(t/2).
  const int fraction_shift = layer.input_format == fixed_point_format ? 1 : 0;
  for (int pe = 0; pe < folding.pe; ++pe) {
    const auto words = read_words(files.path(pe, "thres"), folding.nf * per_row);
    for (int nf = 0; nf < folding.nf; ++nf) {
      for (int t = 0; t < per_row; ++t) {
        const size_t row = static_cast<size_t>(nf * folding.pe + pe);
        const int64_t value =
            std::clamp<int64_t>(static_cast<int64_t>(words[static_cast<size_t>(nf * per_row + t)]),
                                INT32_MIN, INT32_MAX);
        const int64_t low = layer.accumulator_min() - 1;
        layer.thresholds[row * static_cast<size_t>(per_row) + static_cast<size_t>(t)] =
            static_cast<int32_t>(std::clamp<int64_t>((value >> fraction_shift) - added[row], low,
                                                     layer.accumulator_max()));
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
  // Only networks of one-bit activations count matches; the others' first layer sums its one-bit
  // inputs as -1 and +1 (Recast instead of XNOR).
  const bool one_bit = network.layers.front().output_format == binary_format;
  for (Layer& layer : network.layers) {
    layer.signed_sum = layer.has_weights() && layer.is_binary() && !one_bit;
  }
  return network;
}

/// One bit for each class, if the folder has thresholds for the output layer. Its padded rows have
/// some, too.
std::vector<int32_t> read_output_thresholds(const Layer& last, const LayerFiles& files,
                                            const Folding& folding,
                                            const std::vector<int32_t>& added) {
  if (files.count("thres") == 0) return {};
  Layer layer = last;
  layer.accumulator_output = false;
  layer.output_format = binary_format;
  layer.output.channels = folding.rows();
  layer.thresholds.resize(static_cast<size_t>(layer.rows()));
  read_thresholds(layer, files, folding, added);
  layer.thresholds.resize(static_cast<size_t>(last.rows()));
  return layer.thresholds;
}

}  // namespace

Network import_bnn_pynq(const std::string& folder, const std::string& network_name) {
  Network network = empty_network(folder, network_name);
  int index = 0;
  for (Layer& layer : network.layers) {
    if (!layer.has_weights()) continue;
    const LayerFiles files{folder, index++};
    const Folding folding = find_folding(layer, files);
    const auto added = read_weights(layer, files, folding);
    if (layer.accumulator_output) {
      network.output_thresholds = read_output_thresholds(layer, files, folding, added);
    } else {
      read_thresholds(layer, files, folding, added);
    }
  }
  validate(network, folder);
  return network;
}

}  // namespace stuckat
