#include "models/dataflow/finn_file.h"

#include <algorithm>
#include <map>
#include <utility>

#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

// FINN names a node after its operator, backend and order among its like: "MVAU_hls_3".
struct FinnOperator {
  const char* prefix;
  FinnRole role;
  const char* is_for = "";  ///< absent: for the message
};

const std::vector<FinnOperator>& finn_operators() {
  static const std::vector<FinnOperator> rows = {
      {"MVAU", FinnRole::matrix},
      {"MatrixVectorActivation", FinnRole::matrix},
      {"StreamingFCLayer", FinnRole::matrix},
      {"ConvolutionInputGenerator", FinnRole::window},
      {"FMPadding", FinnRole::padding},
      {"StreamingMaxPool", FinnRole::streaming_pool},
      {"Pool", FinnRole::pool_of_windows},
      {"StreamingFIFO", FinnRole::fifo},
      {"Thresholding", FinnRole::thresholds},
      {"StreamingDataWidthConverter", FinnRole::converter},
      {"LabelSelect", FinnRole::other},
      {"ChannelwiseOp", FinnRole::other},
      {"GlobalAccPool", FinnRole::other},
      {"IODMA", FinnRole::other},
      {"StreamingDataflowPartition", FinnRole::other},
      {"Defaults", FinnRole::other},
      {"VVAU", FinnRole::absent, "a depthwise convolution"},
      {"VectorVectorActivation", FinnRole::absent, "a depthwise convolution"},
      {"AddStreams", FinnRole::absent, "the sum of two streams"},
      {"DuplicateStreams", FinnRole::absent, "a fork of a stream"},
      {"DownSampler", FinnRole::absent, "a 1x1 convolution with a stride, built as two parts"}};
  return rows;
}

const FinnOperator& operator_of(const std::string& node, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& row : finn_operators()) {
    if (is_of_operator(node, row.prefix)) return row;
    known.push_back(std::string(row.prefix) + "_N");
  }
  throw_unknown_name(where, "node", node, known);
}

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
          return is_of_operator(node.name, op.get<std::string>());
        });
    if (meant && !node.values.contains(key)) node.values[key] = row[0];
  }
}

/// "MVAU_hls_3" is number 3 of the type "MVAU_hls".
void split_name(FinnNode& node) {
  const size_t end = node.name.find_last_not_of("0123456789");
  const bool numbered = end != std::string::npos && end > 0 && node.name[end] == '_' &&
                        end + 1 < node.name.size() && node.name.size() - end < 7;
  node.type = numbered ? node.name.substr(0, end) : node.name;
  node.number = numbered ? std::stoi(node.name.substr(end + 1)) : 0;
}

bool says_depths(const Json& values) {
  const auto items = values.items();
  return std::any_of(items.begin(), items.end(), [](const auto& item) {
    return item.key().find("FIFODepth") != std::string::npos;
  });
}

}  // namespace

bool is_of_operator(const std::string& node, const std::string& op) {
  return node == op || node.rfind(op + "_", 0) == 0;
}

bool names_finn_nodes(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    for (const auto& row : finn_operators()) {
      if (value.is_object() && key.rfind(row.prefix, 0) == 0) return true;
    }
  }
  return false;
}

int FinnNode::integer_of(const char* key, const std::string& where) const {
  const auto found = values.find(key);
  if (found == values.end()) throw InputError(where, "node '" + name + "' without " + key, key);
  return integer(*found, where, name + "." + key);
}

std::optional<int> FinnNode::depth(const std::string& key, const std::string& where) const {
  if (const auto one = values.find(key); one != values.end()) {
    return checked_depth(integer(*one, where, name + "." + key), key, where);
  }
  const auto several = values.find(key + "s");
  if (several == values.end()) return {};
  if (!several->is_array() || several->size() != 1) {
    throw InputError(where, name + "." + key + "s is " + shown(*several),
                     "one depth: the layers are a chain");
  }
  return checked_depth(integer((*several)[0], where, name + "." + key + "s"), key, where);
}

int FinnNode::checked_depth(int depth, const std::string& key, const std::string& where) const {
  if (depth >= 0) return depth;
  throw InputError(where, name + "." + key + " is " + std::to_string(depth),
                   "0 (no FIFO is asked for) or more");
}

bool FinnNode::is(const char* backend) const {
  const auto preferred = values.find("preferred_impl_style");
  if (preferred != values.end() && *preferred == backend) return true;
  return type.ends_with(std::string("_") + backend);
}

bool FinnNode::asks_for(const char* key) const {
  const auto found = values.find(key);
  return found != values.end() && *found != 0;
}

FinnFile::FinnFile(const Json& json, const std::string& where) : where_(where) {
  static const Json none = Json::object();
  const auto found = json.find("Defaults");
  const Json& defaults = found == json.end() ? none : *found;
  require_object(defaults, where, "'Defaults'");
  has_depths = says_depths(defaults);
  std::string before;
  for (const auto& [name, values] : json.items()) {
    const FinnOperator& op = operator_of(name, where);
    if (name == "Defaults") continue;
    require_object(values, where, "node '" + name + "'");
    sorted_ &= before < name;
    before = name;
    FinnNode node{.name = name, .role = op.role, .values = values};
    split_name(node);
    modern |= node.is("hls") || node.is("rtl");
    if (op.role == FinnRole::absent) {
      throw InputError(where, "node '" + name + "' is " + op.is_for,
                       "a chain of convolutions over all channels, dense layers and pools");
    }
    has_depths |= says_depths(values);
    if (op.role == FinnRole::fifo) {
      add_fifo(node.integer_of("depth", where));
      continue;
    }
    in_a_row_ = 0;
    if (nodes_of(op.role) != nullptr) add_defaults(defaults, node, where);
    add(std::move(node));
  }
  for (auto* nodes : {&matrices, &windows, &paddings, &pools, &thresholds}) put_in_order(*nodes);
}

std::vector<FinnNode>* FinnFile::nodes_of(FinnRole role) {
  switch (role) {
    case FinnRole::matrix:
      return &matrices;
    case FinnRole::window:
      return &windows;
    case FinnRole::padding:
      return &paddings;
    case FinnRole::streaming_pool:
    case FinnRole::pool_of_windows:
      return &pools;
    case FinnRole::thresholds:
      return &thresholds;
    default:
      return nullptr;
  }
}

void FinnFile::add(FinnNode node) {
  if (std::vector<FinnNode>* const nodes = nodes_of(node.role)) {
    if (last_ == nullptr) begins_with_thresholds = node.role == FinnRole::thresholds;
    nodes->push_back(std::move(node));
    last_ = &nodes->back();
  } else if (node.role == FinnRole::converter && last_ != nullptr) {
    placed_ |= says_depths(node.values);
    last_->converters.push_back(std::move(node));
  }
}

void FinnFile::add_fifo(int words) {
  has_depths = placed_ = true;
  in_a_row_ += words;
  std::optional<int>& fifo = last_ == nullptr            ? fifo_in_front
                             : last_->converters.empty() ? last_->fifo_behind
                                                         : last_->converters.back().fifo_behind;
  fifo = std::max(fifo.value_or(0), in_a_row_);
}

/// Where nodes of one kind are of several types, each of which counts on its own, only the file's
/// order says which comes first; and so it does for FIFOs and width converters.
void FinnFile::put_in_order(std::vector<FinnNode>& nodes) {
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
    if (placed_ && all.size() > 1 && (sorted_ || !in_order)) {
      throw InputError(where_,
                       "FIFO nodes, or depths of width converters, among nodes that are " +
                           std::string(sorted_ ? "sorted" : "not in the order of their numbers"),
                       "nodes in the order of the data");
    }
    // Converters that say nothing mean nothing where places do not.
    if (sorted_ || !in_order) {
      for (FinnNode& node : nodes) node.converters.clear();
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
    if (sorted_ || !std::is_sorted(numbers.begin(), numbers.end())) {
      throw InputError(where_,
                       of_type.begin()->first + " and " + of_type.rbegin()->first +
                           " count on their own, and the entries are sorted",
                       "entries in the order of the data, which says what comes first");
    }
  }
}

}  // namespace stuckat::dataflow
