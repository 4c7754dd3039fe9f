#include "models/dataflow/finn_folding.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "models/dataflow/max_pool.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

// FINN names a node after its operator, backend and number: "MVAU_hls_3".
struct FinnOperator {
  const char* prefix;
  enum Role { matrix, window, streaming_pool, pool_of_windows, thresholds, fifo, other } role;
};

const std::vector<FinnOperator>& finn_operators() {
  static const std::vector<FinnOperator> rows = {
      {"MVAU", FinnOperator::matrix},
      {"MatrixVectorActivation", FinnOperator::matrix},
      {"StreamingFCLayer", FinnOperator::matrix},
      {"ConvolutionInputGenerator", FinnOperator::window},
      {"StreamingMaxPool", FinnOperator::streaming_pool},
      {"Pool", FinnOperator::pool_of_windows},
      {"StreamingFIFO", FinnOperator::fifo},
      {"Thresholding", FinnOperator::thresholds},
      {"LabelSelect", FinnOperator::other},
      {"FMPadding", FinnOperator::other},
      {"StreamingDataWidthConverter", FinnOperator::other},
      {"AddStreams", FinnOperator::other},
      {"DuplicateStreams", FinnOperator::other},
      {"ChannelwiseOp", FinnOperator::other},
      {"GlobalAccPool", FinnOperator::other},
      {"IODMA", FinnOperator::other},
      {"StreamingDataflowPartition", FinnOperator::other},
      {"Defaults", FinnOperator::other}};
  return rows;
}

bool is_of(const std::string& node, const std::string& op) {
  return node == op || node.rfind(op + "_", 0) == 0;
}

FinnOperator::Role role_of(const std::string& node, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& row : finn_operators()) {
    if (is_of(node, row.prefix)) return row.role;
    known.push_back(std::string(row.prefix) + "_N");
  }
  throw_unknown_name(where, "node", node, known);
}

/// A node with the values of "Defaults" that it does not give itself.
struct FinnNode {
  std::string name;
  FinnOperator::Role role;
  Json values;
  int fifo_behind = 0;  ///< StreamingFIFO nodes between this one and the next

  int integer_of(const char* key, const std::string& where) const {
    const auto found = values.find(key);
    if (found == values.end()) throw InputError(where, "node '" + name + "' without " + key, key);
    return integer(*found, where, name + "." + key);
  }
  /// FIFO depth at one side: "outFIFODepth": 32 or "outFIFODepths": [32]; 0 if not said.
  int depth(const std::string& key, const std::string& where) const {
    if (const auto one = values.find(key); one != values.end()) {
      return checked_depth(integer(*one, where, name + "." + key), key, where);
    }
    const auto several = values.find(key + "s");
    if (several == values.end()) return 0;
    if (!several->is_array() || several->size() != 1) {
      throw InputError(where, name + "." + key + "s is " + shown(*several),
                       "one depth: the layers are a chain");
    }
    return checked_depth(integer((*several)[0], where, name + "." + key + "s"), key, where);
  }
  int behind(const std::string& where) const {
    return std::max(depth("outFIFODepth", where), fifo_behind);
  }

 private:
  int checked_depth(int depth, const std::string& key, const std::string& where) const {
    if (depth >= 0) return depth;
    throw InputError(where, name + "." + key + " is " + std::to_string(depth),
                     "0 (no FIFO is asked for) or more");
  }
};

/// "Defaults": {"outFIFODepths": [[128], "all"], "PE": [4, ["MVAU_hls"]]}.
void add_defaults(const Json& defaults, FinnNode& node, const std::string& where) {
  for (const auto& [key, row] : defaults.items()) {
    const bool readable =
        row.is_array() && row.size() == 2 &&
        (row[1] == "all" ||
         (row[1].is_array() && std::all_of(row[1].begin(), row[1].end(),
                                           [](const Json& op) { return op.is_string(); })));
    if (!readable) {
      throw InputError(where, "Defaults." + key + " is " + shown(row),
                       "[value, \"all\"] or [value, [operators]]");
    }
    const bool meant =
        row[1] == "all" || std::any_of(row[1].begin(), row[1].end(), [&](const Json& op) {
          return is_of(node.name, op.get<std::string>());
        });
    if (meant && !node.values.contains(key)) node.values[key] = row[0];
  }
}

/// All nodes that are parts of ours, in the order of the file, which is that of the data.
struct FinnFile {
  std::vector<FinnNode> matrices, windows, pools;
  int fifo_in_front = 0;  ///< before the first of these nodes

  FinnFile(const Json& json, const std::string& where) {
    static const Json none = Json::object();
    const auto found = json.find("Defaults");
    const Json& defaults = found == json.end() ? none : *found;
    require_object(defaults, where, "'Defaults'");
    int* behind = &fifo_in_front;
    int in_a_row = 0;  // a deep FIFO may be cut into several
    for (const auto& [name, values] : json.items()) {
      const FinnOperator::Role role = role_of(name, where);
      if (name == "Defaults") continue;
      require_object(values, where, "node '" + name + "'");
      FinnNode node{name, role, values};
      if (role == FinnOperator::fifo) {
        in_a_row += node.integer_of("depth", where);
        *behind = std::max(*behind, in_a_row);
        continue;
      }
      in_a_row = 0;
      if (role == FinnOperator::thresholds && !matrices.empty()) {
        throw InputError(where, "node '" + name + "' behind " + matrices.back().name,
                         "thresholds inside of the MVAU (standalone_thresholds = False)");
      }
      std::vector<FinnNode>* const nodes = nodes_of(role);
      if (nodes == nullptr) continue;
      add_defaults(defaults, node, where);
      nodes->push_back(std::move(node));
      behind = &nodes->back().fifo_behind;
    }
  }

 private:
  std::vector<FinnNode>* nodes_of(FinnOperator::Role role) {
    switch (role) {
      case FinnOperator::matrix:
        return &matrices;
      case FinnOperator::window:
        return &windows;
      case FinnOperator::streaming_pool:
      case FinnOperator::pool_of_windows:
        return &pools;
      default:
        return nullptr;
    }
  }
};

/// A Pool takes the words of a window of its own as they are (FINN: it requires
/// ConvolutionInputGenerator with depthwise = 1). A StreamingMaxPool takes whole pixels, from
/// behind the layer in front.
void read_pool(const FinnNode& node, const FinnNode* window, const Layer& layer, LayerParams& p,
               LayerParams* in_front, const std::string& where) {
  if (window != nullptr) {
    p.window_simd = window->integer_of("SIMD", where);
    if (node.values.contains("PE") && node.integer_of("PE", where) != p.window_simd) {
      throw InputError(where, "PE of " + node.name, "the SIMD of " + window->name);
    }
  } else if (overlapping(layer)) {
    throw InputError(where, node.name + " for '" + layer.name + "', whose windows overlap",
                     "Pool behind ConvolutionInputGenerator");
  } else if (in_front != nullptr) {
    in_front->word_bits = layer.input.channels * layer.input_format.bits;
  }
}

bool takes_windows(const FinnNode& pool) { return pool.role == FinnOperator::pool_of_windows; }

void require_nodes(size_t found, size_t expected, const char* what, const char* of,
                   const std::string& where) {
  if (found == expected) return;
  throw InputError(where, std::to_string(found) + " nodes " + what,
                   std::to_string(expected) + ", one for " + of + " of the network");
}

/// The windows' backend. All windows of an accelerator are of one version.
WindowVersion version_of(const std::vector<FinnNode>& windows, const std::string& where) {
  const auto rtl = [](const FinnNode& node) { return node.name.find("_rtl") != std::string::npos; };
  for (const FinnNode& node : windows) {
    if (rtl(node) != rtl(windows.front())) {
      throw InputError(where, node.name + " beside " + windows.front().name,
                       "windows of one backend, _hls or _rtl");
    }
    if (const auto parallel = node.values.find("parallel_window");
        parallel != node.values.end() && *parallel != 0) {
      throw InputError(where, node.name + ".parallel_window is " + shown(*parallel),
                       "0: windows leave pixel by pixel");
    }
  }
  return !windows.empty() && rtl(windows.front()) ? WindowVersion::rtl : WindowVersion::hls;
}

}  // namespace

bool is_finn_folding(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    for (const auto& row : finn_operators()) {
      if (value.is_object() && key.rfind(row.prefix, 0) == 0) return true;
    }
  }
  return false;
}

DataflowAccelerator read_finn_folding(const Json& json, const std::string& where,
                                      const Network& network, const std::string& default_name) {
  DataflowAccelerator accelerator;
  accelerator.name = default_name;
  accelerator.layers.resize(network.layers.size());
  const FinnFile file(json, where);
  const auto& [matrices, windows, pools, fifo_in_front] = file;
  accelerator.sliding_window = version_of(windows, where);
  // finn-hlslib's loops have `pipeline style=flp` since Vitis HLS; StreamingFCLayer is older.
  const bool old = !matrices.empty() && is_of(matrices.front().name, "StreamingFCLayer");
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
  // FINN puts the greater of what producer and consumer ask for between two nodes.
  const auto deepen = [](int& depth, int wanted) { depth = std::max(depth, wanted); };
  deepen(accelerator.input_depth, fifo_in_front);
  auto matrix = matrices.begin(), window = windows.begin(), pool = pools.begin();
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    LayerParams& p = accelerator.layers[i];
    LayerParams* const before = i == 0 ? nullptr : &accelerator.layers[i - 1];
    const bool pooled = layer.part() == HardwarePart::max_pool;
    if (pooled && pools.empty() && overlapping(layer)) continue;
    static const FinnNode untold{"StreamingMaxPool", FinnOperator::streaming_pool, Json::object()};
    const FinnNode& node = !pooled ? *matrix++ : pools.empty() ? untold : *pool++;
    const bool windowed = pooled ? takes_windows(node) : !layer.is_flat();
    const FinnNode* const in_front = windowed ? &*window++ : nullptr;
    int* in_depth = before == nullptr ? &accelerator.input_depth : &before->out_depth;
    if (windowed) {
      deepen(*in_depth, in_front->depth("inFIFODepth", where));
      deepen(p.inner_depth, in_front->behind(where));
      in_depth = &p.inner_depth;
    }
    if (pooled) {
      read_pool(node, in_front, layer, p, before, where);
    } else {
      p.pe = node.integer_of("PE", where);
      p.simd = node.integer_of("SIMD", where);
      if (windowed) p.window_simd = in_front->integer_of("SIMD", where);
    }
    deepen(*in_depth, node.depth("inFIFODepth", where));
    deepen(p.out_depth, node.behind(where));
  }
  return accelerator;
}

}  // namespace stuckat::dataflow
