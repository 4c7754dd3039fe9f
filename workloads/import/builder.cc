#include "workloads/import/builder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "workloads/errors.h"

namespace stuckat::importing {
namespace {

constexpr int most_layers = 1000;                    // as in a model file
constexpr int64_t most_elements = int64_t{1} << 26;  // weights, thresholds and tables of a network

std::string extent(Extent e) { return std::to_string(e.height) + "x" + std::to_string(e.width); }

/// Layers that tensor `result` comes from.
std::vector<bool> needed_layers(const Network& network, int result) {
  std::vector<bool> needed(network.layers.size(), false);
  std::vector<int> open = {result};
  while (!open.empty()) {
    const int layer = Network::producer(open.back());
    open.pop_back();
    if (layer < 0 || needed[static_cast<size_t>(layer)]) continue;
    needed[static_cast<size_t>(layer)] = true;
    for (const int tensor : network.layer(layer).inputs) open.push_back(tensor);
  }
  return needed;
}

void name_layers(Network& network) {
  std::map<std::string, int> counts;
  for (Layer& layer : network.layers) {
    const std::string stem = layer.has_weights()                 ? "layer"
                             : layer.kind == LayerKind::max_pool ? "pool"
                             : layer.kind == LayerKind::average_pool && layer.kernel == Extent(1)
                                 ? "thresholds"
                             : layer.kind == LayerKind::average_pool ? "average"
                                                                     : layer.kind->name;
    layer.name = stem + std::to_string(counts[stem]++);
  }
}

}  // namespace

void Builder::set_input(Shape shape, NumberFormat format) {
  input_ = shape;
  input_format_ = format;
}

Shape Builder::shape(int tensor) const { return tensor == 0 ? input_ : producer(tensor).output; }

NumberFormat Builder::format(int tensor) const {
  return tensor == 0 ? input_format_ : producer(tensor).output_format;
}

Layer Builder::layer_on(LayerKind kind, const std::vector<int>& inputs) const {
  Layer layer;
  layer.kind = kind;
  layer.inputs = inputs;
  layer.input = shape(inputs.front());
  layer.input_format = format(inputs.front());
  layer.output_format = layer.input_format;
  layer.output.channels = layer.input.channels;
  return layer;
}

int Builder::add(Layer layer) {
  if (layers() >= most_layers) {
    throw InputError(where_, "more than " + std::to_string(most_layers) + " layers", "fewer");
  }
  layer.name = "layer" + std::to_string(layers());
  const Shape& in = layer.input;
  if (in.height < 1 || in.width < 1 || in.channels < 1 || layer.output.channels < 1 ||
      in.height > max_dimension || in.width > max_dimension || in.channels > max_dimension ||
      layer.output.channels > max_dimension) {
    throw InputError(where_, "a tensor of " + in.text(), "dimensions 1 to 65536");
  }
  layer.output = layer.kind->output(layer, where_);
  elements_ += static_cast<int64_t>(layer.weights.size()) +
               (layer.kind->sums ? int64_t{layer.rows()} * layer.output_format.thresholds() : 0);
  for (const CodeTable& table : layer.tables)
    elements_ += static_cast<int64_t>(table.values.size());
  if (elements_ > most_elements) {
    throw InputError(where_, "more than 2^26 weights and thresholds", "a smaller network");
  }
  network_.layers.push_back(std::move(layer));
  return layers();
}

Network Builder::finish(int tensor, const std::string& name) {
  if (tensor < 1) throw InputError(where_, "computes nothing from its input", "a network");
  const std::vector<bool> needed = needed_layers(network_, tensor);
  std::vector<int> new_tensor(network_.layers.size() + 1, 0);
  Network network;
  network.name = name;
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    if (!needed[i]) continue;
    Layer layer = std::move(network_.layers[i]);
    for (int& input : layer.inputs) input = new_tensor[static_cast<size_t>(input)];
    network.layers.push_back(std::move(layer));
    new_tensor[i + 1] = static_cast<int>(network.layers.size());
  }
  name_layers(network);
  for (ImportedFolding& folding : result.folding) {
    const int layer = folding.tensor < 1 ? 0 : new_tensor[static_cast<size_t>(folding.tensor)];
    if (layer > 0) folding.layer = network.layers[static_cast<size_t>(layer) - 1].name;
  }
  validate(network, where_);
  return network;
}

void Builder::refuse(const std::string& node, const std::string& operation, const std::string& what,
                     const std::string& remedy) const {
  throw InputError(where_, "node '" + node + "' (" + operation + "): " + what, remedy);
}

NumberFormat format_holding(int64_t low, int64_t high) {
  if (low >= 0) {
    int bits = 1;
    while (high > (int64_t{1} << bits) - 1) ++bits;
    return unsigned_format(bits);
  }
  int bits = 2;
  while (low < -(int64_t{1} << (bits - 1)) || high > (int64_t{1} << (bits - 1)) - 1) ++bits;
  return full_format(bits);
}

NumberFormat format_less_zero_point(int64_t low, int64_t high, int64_t zero) {
  const NumberFormat plain = format_holding(low - zero, high - zero);
  if (plain.bits <= 8 || high - low != 255 || zero < low || zero > high) return plain;
  if (low == -128) return zero_point_format(static_cast<int>(zero));
  return low == 0 ? unsigned_zero_point_format(static_cast<int>(zero)) : plain;
}

NumberFormat weight_format_holding(const std::vector<int8_t>& weights, int bits,
                                   bool may_be_binary) {
  if (may_be_binary &&
      std::all_of(weights.begin(), weights.end(), [](int8_t w) { return w == 1 || w == -1; })) {
    return binary_format;
  }
  int low = 0;
  int high = 0;
  for (const int8_t w : weights) {
    low = std::min<int>(low, w);
    high = std::max<int>(high, w);
  }
  bits = std::max(2, bits);
  while (low < -(1 << (bits - 1)) || high > (1 << (bits - 1)) - 1) ++bits;
  return low == -(1 << (bits - 1)) ? full_format(bits) : signed_format(bits);
}

void search_thresholds(Layer& layer, int row, const std::function<int64_t(int64_t)>& level) {
  const NumberFormat& format = layer.output_format;
  const auto count = static_cast<size_t>(format.thresholds());
  layer.thresholds.resize(static_cast<size_t>(layer.rows()) * count);
  int32_t* const thresholds = layer.thresholds.data() + static_cast<size_t>(row) * count;
  const auto [least, greatest] = layer.kind->sums_between(layer);
  int64_t reached = least;  // the first sum that may give the level
  for (size_t k = 0; k < count; ++k) {
    const int wanted = format.level(static_cast<int>(k) + 1);
    int64_t beyond = greatest + 1;  // the first sum known to give it
    while (reached < beyond) {
      const int64_t middle = reached + (beyond - reached) / 2;
      if (level(middle) >= wanted) {
        beyond = middle;
      } else {
        reached = middle + 1;
      }
    }
    thresholds[k] = static_cast<int32_t>(reached - 1);
  }
}

std::string in_short(const Layer& layer) {
  std::string text = layer.kind->name;
  if (layer.kind->reads == Reads::window && layer.kernel != Extent(1)) {
    text += " " + extent(layer.kernel);
  }
  if (layer.stride != Extent(1)) text += " stride " + extent(layer.stride);
  if (layer.groups > 1) {
    text += layer.groups == layer.input.channels
                ? " depthwise"
                : " in " + std::to_string(layer.groups) + " groups";
  }
  if (layer.has_weights()) text += ", " + layer.weight_format.name() + " weights";
  return text + ", " + layer.output.text() +
         (layer.accumulator_output ? " sums" : " " + layer.output_format.name());
}

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

}  // namespace stuckat::importing
