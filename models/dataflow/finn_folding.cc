#include "models/dataflow/finn_folding.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/fifo_sizing.h"
#include "models/dataflow/finn_specialize.h"
#include "models/dataflow/max_pool.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

// FINN names a node after its operator, backend and order among its like: "MVAU_hls_3".
struct FinnOperator {
  const char* prefix;
  enum Role {
    matrix,
    window,
    padding,
    streaming_pool,
    pool_of_windows,
    thresholds,
    fifo,
    other,
    absent  // what no network that a chain of these parts holds has
  } role;
  const char* is_for = "";  ///< absent: for the message
};

const std::vector<FinnOperator>& finn_operators() {
  static const std::vector<FinnOperator> rows = {
      {"MVAU", FinnOperator::matrix},
      {"MatrixVectorActivation", FinnOperator::matrix},
      {"StreamingFCLayer", FinnOperator::matrix},
      {"ConvolutionInputGenerator", FinnOperator::window},
      {"FMPadding", FinnOperator::padding},
      {"StreamingMaxPool", FinnOperator::streaming_pool},
      {"Pool", FinnOperator::pool_of_windows},
      {"StreamingFIFO", FinnOperator::fifo},
      {"Thresholding", FinnOperator::thresholds},
      {"LabelSelect", FinnOperator::other},
      {"StreamingDataWidthConverter", FinnOperator::other},
      {"ChannelwiseOp", FinnOperator::other},
      {"GlobalAccPool", FinnOperator::other},
      {"IODMA", FinnOperator::other},
      {"StreamingDataflowPartition", FinnOperator::other},
      {"Defaults", FinnOperator::other},
      {"VVAU", FinnOperator::absent, "a depthwise convolution"},
      {"VectorVectorActivation", FinnOperator::absent, "a depthwise convolution"},
      {"AddStreams", FinnOperator::absent, "the sum of two streams"},
      {"DuplicateStreams", FinnOperator::absent, "a fork of a stream"},
      {"DownSampler", FinnOperator::absent, "a 1x1 convolution with a stride, built as two parts"}};
  return rows;
}

bool is_of(const std::string& node, const std::string& op) {
  return node == op || node.rfind(op + "_", 0) == 0;
}

const FinnOperator& operator_of(const std::string& node, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& row : finn_operators()) {
    if (is_of(node, row.prefix)) return row;
    known.push_back(std::string(row.prefix) + "_N");
  }
  throw_unknown_name(where, "node", node, known);
}

/// A node with the values of "Defaults" that it does not give itself.
struct FinnNode {
  std::string name;
  FinnOperator::Role role;
  Json values;
  std::string type = {};  ///< "MVAU_hls"
  int number = 0;
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
  bool is(const char* backend) const {
    const auto preferred = values.find("preferred_impl_style");
    if (preferred != values.end() && *preferred == backend) return true;
    const std::string suffix = std::string("_") + backend;
    return type.size() > suffix.size() &&
           type.compare(type.size() - suffix.size(), suffix.size(), suffix) == 0;
  }
  Backend backend() const { return is("rtl") ? Backend::rtl : Backend::hls; }
  bool asks_for(const char* key) const {
    const auto found = values.find(key);
    return found != values.end() && *found != 0;
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

/// All nodes that are parts of ours, in the order of the data.
class FinnFile {
 public:
  FinnFile(const Json& json, const std::string& where);

  std::vector<FinnNode> matrices, windows, paddings, pools, thresholds;
  int fifo_in_front = 0;  ///< before the first of these nodes
  bool has_depths = false;
  bool modern = false;  ///< names tell backends: FINN since 2024

 private:
  std::vector<FinnNode>* nodes_of(FinnOperator::Role role);
  void add(FinnNode node, int*& behind);
  void put_in_order(std::vector<FinnNode>& nodes, bool sorted);

  const std::string& where_;
  bool fifos_ = false;
};

/// "MVAU_hls_3" is number 3 of the type "MVAU_hls".
void split_name(FinnNode& node) {
  const size_t end = node.name.find_last_not_of("0123456789");
  const bool numbered = end != std::string::npos && end > 0 && node.name[end] == '_' &&
                        end + 1 < node.name.size() && node.name.size() - end < 7;
  node.type = numbered ? node.name.substr(0, end) : node.name;
  node.number = numbered ? std::stoi(node.name.substr(end + 1)) : 0;
}

FinnFile::FinnFile(const Json& json, const std::string& where) : where_(where) {
  static const Json none = Json::object();
  const auto found = json.find("Defaults");
  const Json& defaults = found == json.end() ? none : *found;
  require_object(defaults, where, "'Defaults'");
  for (const auto& [key, value] : defaults.items()) {
    has_depths |= key.find("FIFODepth") != std::string::npos;
  }
  int* behind = &fifo_in_front;
  int in_a_row = 0;  // a deep FIFO may be cut into several
  std::string before;
  bool sorted = true;
  for (const auto& [name, values] : json.items()) {
    const FinnOperator& op = operator_of(name, where);
    const FinnOperator::Role role = op.role;
    if (name == "Defaults") continue;
    require_object(values, where, "node '" + name + "'");
    sorted &= before < name;
    before = name;
    FinnNode node{name, role, values};
    split_name(node);
    modern |= node.is("hls") || node.is("rtl");
    if (role == FinnOperator::absent) {
      throw InputError(where, "node '" + name + "' is " + op.is_for,
                       "a chain of convolutions over all channels, dense layers and pools");
    }
    for (const auto& [key, value] : values.items()) {
      has_depths |= key.find("FIFODepth") != std::string::npos;
    }
    if (role == FinnOperator::fifo) {
      has_depths = fifos_ = true;
      in_a_row += node.integer_of("depth", where);
      *behind = std::max(*behind, in_a_row);
      continue;
    }
    in_a_row = 0;
    std::vector<FinnNode>* const nodes = nodes_of(role);
    if (nodes == nullptr) continue;
    add_defaults(defaults, node, where);
    nodes->push_back(std::move(node));
    behind = &nodes->back().fifo_behind;
  }
  for (auto* nodes : {&matrices, &windows, &paddings, &pools, &thresholds}) {
    put_in_order(*nodes, sorted);
  }
}

std::vector<FinnNode>* FinnFile::nodes_of(FinnOperator::Role role) {
  switch (role) {
    case FinnOperator::matrix:
      return &matrices;
    case FinnOperator::window:
      return &windows;
    case FinnOperator::padding:
      return &paddings;
    case FinnOperator::streaming_pool:
    case FinnOperator::pool_of_windows:
      return &pools;
    case FinnOperator::thresholds:
      return &thresholds;
    default:
      return nullptr;
  }
}

/// FINN applies a file by name: the n-th node of a type has number n - 1. Where nodes of one kind
/// are of several types, each of which counts on its own, only the file's order says which comes
/// first; and so it does for FIFOs.
void FinnFile::put_in_order(std::vector<FinnNode>& nodes, bool sorted) {
  std::map<std::string, std::vector<int>> of_type;
  std::vector<int> all;
  for (const FinnNode& node : nodes) {
    of_type[node.type].push_back(node.number);
    all.push_back(node.number);
  }
  const auto counts = [](std::vector<int> numbers) {
    std::sort(numbers.begin(), numbers.end());
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] != static_cast<int>(i)) return false;
    }
    return true;
  };
  const bool in_order = std::is_sorted(all.begin(), all.end());
  if (counts(all)) {
    if (fifos_ && !in_order) {
      throw InputError(where_, "FIFO nodes among nodes that are not in the order of their numbers",
                       "nodes in the order of the data");
    }
    std::sort(nodes.begin(), nodes.end(),
              [](const FinnNode& a, const FinnNode& b) { return a.number < b.number; });
    return;
  }
  for (const auto& [type, numbers] : of_type) {
    if (!counts(numbers)) {
      throw InputError(where_, std::to_string(numbers.size()) + " nodes " + type + "_N",
                       "N from 0 on, each once");
    }
    if (sorted || !std::is_sorted(numbers.begin(), numbers.end())) {
      throw InputError(where_,
                       of_type.begin()->first + " and " + of_type.rbegin()->first +
                           " count on their own, and the entries are sorted",
                       "entries in the order of the data, which says what comes first");
    }
  }
}

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

WindowVersion version_of(const FinnNode& window, const std::string& where) {
  const bool parallel = window.asks_for("parallel_window");
  if (parallel && !window.is("rtl")) {
    throw InputError(where, window.name + ".parallel_window", "a window in RTL");
  }
  if (parallel) return WindowVersion::parallel;
  return window.is("rtl") ? WindowVersion::rtl : WindowVersion::hls;
}

bool has_thresholds(const Layer& layer) { return layer.has_weights() && !layer.accumulator_output; }

/// Thresholds are parts of their own behind every MVAU in RTL, and behind all if the build says so
/// (standalone_thresholds). One more in front of the network quantizes its input, and is passed
/// over.
void read_thresholds(const FinnFile& file, const Network& network, const std::string& where,
                     DataflowAccelerator& accelerator) {
  std::vector<size_t> all, behind_rtl;  // layers
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (!has_thresholds(network.layers[i])) continue;
    all.push_back(i);
    if (accelerator.layers[i].parts.mvtu == Backend::rtl) behind_rtl.push_back(i);
  }
  const size_t found = file.thresholds.size();
  const auto is = [&](const std::vector<size_t>& layers) {
    return found == layers.size() || found == layers.size() + 1;
  };
  if (!is(all) && !is(behind_rtl)) {
    throw InputError(where, std::to_string(found) + " nodes Thresholding",
                     std::to_string(behind_rtl.size()) + " behind MVAUs in RTL or " +
                         std::to_string(all.size()) + " behind all, and one more for the input");
  }
  const std::vector<size_t>& layers = is(behind_rtl) ? behind_rtl : all;
  for (size_t n = 0; n < layers.size(); ++n) {
    const FinnNode& node = file.thresholds[n + (found - layers.size())];
    if (!node.is("rtl")) {
      throw InputError(where, "node '" + node.name + "'",
                       "thresholds in RTL where they stand alone");
    }
    LayerParams& p = accelerator.layers[layers[n]];
    p.parts.thresholding = Backend::rtl;
    p.threshold_pe = node.integer_of("PE", where);
    p.inner_depth = std::max(p.inner_depth, node.depth("inFIFODepth", where));
    p.out_depth = std::max(p.out_depth, node.behind(where));
  }
}

void read_paddings(const FinnFile& file, const Network& network, const std::string& where,
                   DataflowAccelerator& accelerator) {
  std::vector<size_t> padded;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].padding > 0) padded.push_back(i);
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
      throw InputError(where, node.name + ".SIMD", "that of the window behind it");
    }
    p.inner_depth = std::max(p.inner_depth, node.behind(where));
  }
}

/// FINN takes its converters in RTL, but where widths do not divide each other.
void read_converters(const Network& network, DataflowAccelerator& accelerator) {
  const Chain chain = build_chain(accelerator, network);
  for (LayerParams& p : accelerator.layers) p.parts.width_converter = Backend::rtl;
  for (size_t i = 1; i < chain.streams.size(); ++i) {
    const StageSpec& stage = chain.stages[i];
    if (stage.kind != StageKind::width_converter || stage.layer < 0) continue;
    const StreamSpec &in = chain.streams[i - 1], &out = chain.streams[i];
    if (in.words_per_image * in.word_bits() == out.words_per_image * out.word_bits()) continue;
    accelerator.layers[static_cast<size_t>(stage.layer)].parts.width_converter = Backend::hls;
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
  if (is_specialization(json)) {
    throw InputError(where, "a file of backends alone (specialize_layers)",
                     "folding_config.json, with PE and SIMD of the nodes, alone or before it: "
                     "FOLDING.json+BACKENDS.json");
  }
  DataflowAccelerator accelerator;
  accelerator.name = default_name;
  accelerator.layers.resize(network.layers.size());
  const FinnFile file(json, where);
  const auto &matrices = file.matrices, &windows = file.windows, &pools = file.pools;
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
  deepen(accelerator.input_depth, file.fifo_in_front);
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
      p.parts.sliding_window = version_of(*in_front, where);
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
      p.parts.mvtu = node.backend();
      check_fold(node, layer, p, where);
      if (node.asks_for("pumpedCompute")) {
        throw InputError(where, node.name + ".pumpedCompute", "a core with the clock of the rest");
      }
    }
    deepen(*in_depth, node.depth("inFIFODepth", where));
    deepen(p.out_depth, node.behind(where));
  }
  read_thresholds(file, network, where, accelerator);
  read_paddings(file, network, where, accelerator);
  validate(accelerator, network);
  if (file.modern) read_converters(network, accelerator);
  if (file.has_depths) {
    accelerator.depths.text = "taken from the file, 2 where it says none";
    return accelerator;
  }
  accelerator = with_sized_fifos(accelerator, network);
  accelerator.depths.text = "sized, as FINN does (the file says none)";
  return accelerator;
}

}  // namespace stuckat::dataflow
