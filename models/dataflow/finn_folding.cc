#include "models/dataflow/finn_folding.h"

#include <algorithm>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/fifo_sizing.h"
#include "models/dataflow/finn_depths.h"
#include "models/dataflow/finn_file.h"
#include "models/dataflow/finn_specialize.h"
#include "models/dataflow/max_pool.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

/// A Pool takes the words of a window of its own as they are (FINN: it requires
/// ConvolutionInputGenerator with depthwise = 1). A StreamingMaxPool takes whole pixels, from
/// after the layer in front.
void read_pool(const FinnNode& node, const FinnNode* window, const Layer& layer, LayerParams& p,
               LayerParams* in_front, const std::string& where) {
  if (window != nullptr) {
    p.window_simd = window->integer_of("SIMD", where);
    if (node.values.contains("PE") && node.integer_of("PE", where) != p.window_simd) {
      throw InputError(where, "PE of " + node.name, "the SIMD of " + window->name);
    }
  } else if (overlapping(layer)) {
    throw InputError(where, node.name + " for '" + layer.name + "', whose windows overlap",
                     "Pool after ConvolutionInputGenerator");
  } else if (in_front != nullptr) {
    in_front->word_bits = layer.input.channels * layer.input_format.bits;
  }
}

bool takes_windows(const FinnNode& pool) { return pool.role == FinnRole::pool_of_windows; }

void require_nodes(size_t found, size_t expected, const char* what, const char* of,
                   const std::string& where) {
  if (found == expected) return;
  throw InputError(where, std::to_string(found) + " nodes " + what,
                   std::to_string(expected) + ", one for " + of + " of the network");
}

WindowVersion version_of(const FinnNode& window, const std::string& where) {
  const bool parallel = window.asks_for("parallel_window");
  if (parallel && !window.is("rtl")) {
    throw InputError(where, window.name + ".parallel_window", "a window in RTL");
  }
  if (parallel) return WindowVersion::parallel;
  return window.is("rtl") ? WindowVersion::rtl : WindowVersion::hls;
}

/// Thresholds are parts of their own after every MVAU in RTL, and after all if the build says so
/// (standalone_thresholds). One more before the network quantizes its input, and is passed
/// over.
void read_thresholds(const FinnFile& file, const Network& network, const std::string& where,
                     DataflowAccelerator& accelerator, std::vector<LayerNodes>& nodes_of_layers) {
  std::vector<size_t> all, behind_rtl;  // layers
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].thresholds_per_row() == 0) continue;
    all.push_back(i);
    if (accelerator.layers[i].parts.mvtu == Backend::rtl) behind_rtl.push_back(i);
  }
  const size_t found = file.thresholds.size();
  const auto is = [&](const std::vector<size_t>& layers) {
    return found == layers.size() || found == layers.size() + 1;
  };
  if (!is(all) && !is(behind_rtl)) {
    throw InputError(where, std::to_string(found) + " nodes Thresholding",
                     std::to_string(behind_rtl.size()) + " after MVAUs in RTL or " +
                         std::to_string(all.size()) + " after all, and one more for the input");
  }
  // As many as stand behind all may be those behind RTL and the input's, which then comes first.
  const bool fewer = is(behind_rtl) && !(found == all.size() && found > behind_rtl.size() &&
                                         !file.begins_with_thresholds);
  const std::vector<size_t>& layers = fewer ? behind_rtl : all;
  if (found > layers.size()) {
    const FinnNode& front = file.thresholds.front();
    const int pe = front.values.contains("PE") ? front.integer_of("PE", where) : 0;
    accelerator.quantizer = {front.type, pe};
  }
  for (size_t n = 0; n < layers.size(); ++n) {
    const FinnNode& node = file.thresholds[n + (found - layers.size())];
    if (!node.is("rtl")) {
      throw InputError(where, "node '" + node.name + "'",
                       "thresholds in RTL where they stand alone");
    }
    LayerParams& p = accelerator.layers[layers[n]];
    p.parts.thresholding = Backend::rtl;
    p.threshold_pe = node.integer_of("PE", where);
    nodes_of_layers[layers[n]].thresholds = &node;
  }
}

void read_paddings(const FinnFile& file, const Network& network, const std::string& where,
                   DataflowAccelerator& accelerator, std::vector<LayerNodes>& nodes_of_layers) {
  std::vector<size_t> padded;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].padding != Padding(0)) padded.push_back(i);
  }
  if (!file.paddings.empty()) {
    require_nodes(file.paddings.size(), padded.size(), "with padding (FMPadding)",
                  "each layer with padding", where);
  }
  for (size_t n = 0; n < padded.size(); ++n) {
    LayerParams& p = accelerator.layers[padded[n]];
    p.parts.padding = file.modern ? Backend::rtl : Backend::hls;
    if (file.paddings.empty()) continue;
    const FinnNode& node = file.paddings[n];
    p.parts.padding = node.backend();
    if (node.integer_of("SIMD", where) != p.window_simd) {
      throw InputError(where, node.name + ".SIMD", "that of the window after it");
    }
    nodes_of_layers[padded[n]].padding = &node;
  }
}

/// FINN pads neither rows nor columns: a folding that does not divide them is of another network.
/// Rows of the last layer were padded before, in the network (43 classes of GTSRB to 44).
void check_fold(const FinnNode& node, const Layer& layer, const LayerParams& p,
                const std::string& where) {
  const auto divides = [&](const char* key, int fold, int of, const char* what) {
    if (fold > 0 && of % fold == 0) return;
    throw InputError(where, node.name + "." + key + " is " + std::to_string(fold),
                     "a divisor of the " + std::to_string(of) + what + " of '" + layer.name + "'");
  };
  if (!layer.accumulator_output) divides("PE", p.pe, layer.rows(), " rows");
  divides("SIMD", p.simd, layer.columns(), " columns");
}

}  // namespace

bool is_finn_folding(const Json& json) { return names_finn_nodes(json); }

void choose_finn_converters(DataflowAccelerator& accelerator, const Network& network) {
  const Chain chain = build_chain(accelerator, network);
  for (LayerParams& p : accelerator.layers) p.parts.width_converter = Backend::rtl;
  for (size_t i = 1; i + 1 < chain.stages.size(); ++i) {
    const StageSpec& stage = chain.stages[i];
    if (stage.kind != StageKind::width_converter || stage.layer < 0) continue;
    const StreamSpec &in = chain.in(i), &out = chain.out(i);
    if (in.words_per_image * in.word_bits() == out.words_per_image * out.word_bits()) continue;
    accelerator.layers[static_cast<size_t>(stage.layer)].parts.width_converter = Backend::hls;
  }
}

void check_finn_nodes(const Network& network, const std::string& where) {
  static const Capabilities known = {
      .refusal = "FINN's folding files are not read and written for",
      .kinds = {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool},
      .any_result = true,
      .formats = capabilities().formats};
  check_supported(network, known, where);
}

DataflowAccelerator read_finn_folding(const Json& json, const std::string& where,
                                      const Network& network, const std::string& default_name) {
  if (is_specialization(json)) {
    throw InputError(where, "a file of backends alone (specialize_layers)",
                     "folding_config.json, with PE and SIMD of the nodes, alone or before it: "
                     "FOLDING.json+BACKENDS.json");
  }
  check_finn_nodes(network, where);
  DataflowAccelerator accelerator;
  accelerator.name = default_name;
  accelerator.layers.resize(network.layers.size());
  const FinnFile file(json, where);
  const auto &matrices = file.matrices, &windows = file.windows, &pools = file.pools;
  // finn-hlslib's loops have `pipeline style=flp` since Vitis HLS; StreamingFCLayer is older.
  const bool old = !matrices.empty() && is_of_operator(matrices.front().name, "StreamingFCLayer");
  accelerator.discipline = old ? Discipline::stalling : Discipline::flushing;
  const auto layers_with = [&](bool (*has)(const Layer&)) {
    return static_cast<size_t>(std::count_if(network.layers.begin(), network.layers.end(), has));
  };
  const auto with_windows = std::count_if(pools.begin(), pools.end(), takes_windows);
  require_nodes(matrices.size(),
                layers_with([](const Layer& l) { return l.part() == HardwarePart::pe_array; }),
                "with a matrix (MVAU)", "each layer with weights", where);
  require_nodes(windows.size(), layers_with([](const Layer& l) {
                                  return l.part() == HardwarePart::pe_array && !l.is_flat();
                                }) + static_cast<size_t>(with_windows),
                "with a window (ConvolutionInputGenerator)", "each convolution and each Pool",
                where);
  if (!pools.empty()) {  // a file may say nothing about pools
    require_nodes(pools.size(),
                  layers_with([](const Layer& l) { return l.part() == HardwarePart::max_pool; }),
                  "with a pool", "each pool", where);
  }
  std::vector<LayerNodes> nodes_of_layers(network.layers.size());
  auto matrix = matrices.begin(), window = windows.begin(), pool = pools.begin();
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    LayerParams& p = accelerator.layers[i];
    LayerParams* const before = i == 0 ? nullptr : &accelerator.layers[i - 1];
    const bool pooled = layer.part() == HardwarePart::max_pool;
    static const FinnNode untold{.name = "StreamingMaxPool", .role = FinnRole::streaming_pool};
    nodes_of_layers[i].part = &untold;
    if (pooled && pools.empty() && overlapping(layer)) continue;
    const FinnNode& node = !pooled ? *matrix++ : pools.empty() ? untold : *pool++;
    nodes_of_layers[i].part = &node;
    const bool windowed = pooled ? takes_windows(node) : !layer.is_flat();
    const FinnNode* const in_front = windowed ? &*window++ : nullptr;
    nodes_of_layers[i].window = in_front;
    if (windowed) p.parts.sliding_window = version_of(*in_front, where);
    if (pooled) {
      read_pool(node, in_front, layer, p, before, where);
    } else {
      p.pe = node.integer_of("PE", where);
      p.simd = node.integer_of("SIMD", where);
      if (windowed) p.window_simd = in_front->integer_of("SIMD", where);
      p.parts.mvtu = node.backend();
      check_fold(node, layer, p, where);
      if (node.asks_for("pumpedCompute")) {
        throw InputError(where, node.name + ".pumpedCompute", "a core with the clock of the rest");
      }
    }
  }
  read_thresholds(file, network, where, accelerator, nodes_of_layers);
  read_paddings(file, network, where, accelerator, nodes_of_layers);
  validate(accelerator, network);
  if (file.modern) choose_finn_converters(accelerator, network);
  if (file.has_depths) {
    read_finn_depths(file.fifo_in_front, nodes_of_layers, network, where, accelerator);
    accelerator.depths.text = "taken from the file, 2 where it says none";
    return accelerator;
  }
  accelerator = with_sized_fifos(accelerator, network);
  accelerator.depths.text = "sized, as FINN does (the file says none)";
  return accelerator;
}

}  // namespace stuckat::dataflow
