#include "workloads/network.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <set>
#include <utility>

#include "workloads/errors.h"
#include "workloads/sum_width.h"

namespace stuckat {
namespace {

constexpr int64_t max_elements = int64_t{1} << 28;

void check(bool ok, const std::string& where, const Layer& layer, const std::string& what,
           const std::string& expected) {
  if (!ok) throw InputError(where, "layer '" + layer.name + "': " + what, expected);
}

bool sane(Shape s) {
  return s.height >= 1 && s.width >= 1 && s.channels >= 1 && s.height <= max_dimension &&
         s.width <= max_dimension && s.channels <= max_dimension &&
         int64_t{s.height} * s.width * s.channels <= max_elements;
}

int unsigned_bits(int64_t greatest) {
  return static_cast<int>(std::bit_width(static_cast<uint64_t>(greatest)));
}

/// Two's complement of low .. high.
int signed_bits(int64_t low, int64_t high) { return unsigned_bits(std::max(high, -(low + 1))) + 1; }

void validate_weights(const Layer& layer, const std::string& where) {
  check(layer.weight_format.kind == FormatKind::binary ||
            layer.weight_format.kind == FormatKind::signed_narrow ||
            layer.weight_format.kind == FormatKind::signed_full,
        where, layer, "weight format " + layer.weight_format.name(), "binary or signed");
  const int64_t columns = layer.wide_columns();
  check(columns <= max_dimension * 4 && columns * layer.rows() <= max_elements, where, layer,
        "matrix of " + std::to_string(layer.rows()) + " x " + std::to_string(columns),
        "a smaller one");
  check(!layer.signed_sum || layer.is_binary(), where, layer, "signed_sum beside wider operands",
        "it only where weights and input are binary: all others are summed anyway");
  check(layer.weights.size() == static_cast<size_t>(columns * layer.rows()), where, layer,
        std::to_string(layer.weights.size()) + " weights", std::to_string(columns * layer.rows()));
  for (const int8_t w : layer.weights) {
    const bool ok = w >= layer.weight_format.min_level() && w <= layer.weight_format.max_level() &&
                    (w != 0 || layer.weight_format.kind != FormatKind::binary);
    if (ok) continue;  // no message is put together for a good weight: there are millions
    check(false, where, layer, "weight " + std::to_string(w),
          "a level of " + layer.weight_format.name());
  }
}

void validate_thresholds(const Layer& layer, const std::string& where) {
  const auto [least, greatest] = layer.kind->sums_between(layer);
  const std::string wide = too_wide(least, greatest);
  check(wide.empty(), where, layer, wide, narrow_sums);
  const size_t thresholds =
      static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.thresholds_per_row());
  check(layer.thresholds.size() == thresholds, where, layer,
        std::to_string(layer.thresholds.size()) + " thresholds", std::to_string(thresholds));
  const int low = layer.accumulator_min() - 1;
  const int high = layer.accumulator_max();
  for (const int32_t t : layer.thresholds) {
    if (t >= low && t <= high) continue;
    check(false, where, layer, "threshold " + std::to_string(t),
          std::to_string(low) + " to " + std::to_string(high));
  }
  if (layer.accumulator_output || layer.output_format.bits <= 8) return;
  for (int row = 0; row < layer.rows(); ++row) {
    const int32_t* const first = layer.threshold_row(row);
    check(std::is_sorted(first, first + layer.thresholds_per_row()), where, layer,
          "thresholds of " + layer.output_format.name() + " out of order", "ascending ones");
  }
}

void validate_inputs(const Network& network, int index, const std::string& where) {
  const Layer& layer = network.layer(index);
  const auto count = static_cast<int>(layer.inputs.size());
  const int wanted = layer.kind->inputs;
  check(wanted == some_inputs ? count >= 2 : count == wanted, where, layer,
        "reads " + std::to_string(count) + " tensors",
        wanted == some_inputs ? "two or more" : std::to_string(wanted));
  for (const int tensor : layer.inputs) {
    check(tensor >= 0 && tensor <= index, where, layer, "reads tensor " + std::to_string(tensor),
          "0 to " + std::to_string(index) + ", which are there before it");
  }
  const int first = layer.inputs.front();
  if (first > 0) {
    check(layer.input == network.shape(first), where, layer, "input is " + layer.input.text(),
          network.shape(first).text());
  }
  const bool last = index + 1 == static_cast<int>(network.layers.size());
  check(last || !layer.accumulator_output, where, layer, "passes its sums out",
        "that the last layer, and no other, passes its sums out");
  check(last || !network.consumers(network.output_tensor(index)).empty(), where, layer,
        "makes a tensor that no layer reads", "one that is read");
  check(index > 0 || first == 0, where, layer, "does not read the input", "tensor 0");
}

void validate_layer(const Network& network, int index, const std::string& where) {
  const Layer& layer = network.layer(index);
  check(sane(layer.input), where, layer, "input is " + layer.input.text(), "dimensions 1 to 65536");
  check(layer.groups >= 1 && layer.input.channels % layer.groups == 0 &&
            layer.output.channels % layer.groups == 0,
        where, layer, std::to_string(layer.groups) + " groups",
        "a divisor of its " + std::to_string(layer.input.channels) + " and " +
            std::to_string(layer.output.channels) + " channels");
  validate_inputs(network, index, where);
  const std::string of_layer = where + ": layer '" + layer.name + "'";
  const Shape output = layer.kind->output(layer, of_layer);
  check(sane(output) && layer.output == output, where, layer, "output is " + layer.output.text(),
        output.text());
  const NumberFormat format = network.format(layer.inputs.front());
  check(layer.input_format == format, where, layer, "input format is " + layer.input_format.name(),
        format.name());
  if (layer.kind->check != nullptr) layer.kind->check(network, index, of_layer);
  check(layer.kind == LayerKind::add || layer.tables.empty(), where, layer, "has tables",
        "those of an add only");
  const std::string kind = layer.kind->name;
  if (!layer.kind->sums) {
    check(!layer.accumulator_output, where, layer, "passes sums out", "a kind that sums");
    check(layer.output_format == layer.input_format, where, layer,
          kind + " changes the format to " + layer.output_format.name(), layer.input_format.name());
    check(layer.thresholds.empty(), where, layer, kind + " has thresholds", "none");
  }
  if (layer.has_weights()) {
    validate_weights(layer, where);
  } else {
    check(layer.weights.empty(), where, layer, kind + " has weights", "none");
  }
  if (layer.kind->sums) validate_thresholds(layer, where);
}

void check_input_values(const Network& network, const std::vector<int32_t>& map, size_t channels,
                        const char* name, const std::string& where) {
  if (map.empty()) return;
  constexpr size_t bytes = 256;
  const NumberFormat format = network.layers.front().input_format;
  if (map.size() != bytes && map.size() != bytes * channels) {
    throw InputError(
        where, "input map '" + std::string(name) + "' of " + std::to_string(map.size()) + " values",
        "256, or 256 for each channel");
  }
  for (const int32_t value : map) {
    const bool ok = value >= format.min_value() && value <= format.max_level() &&
                    (value != 0 || format.kind != FormatKind::binary);
    if (ok) continue;
    throw InputError(where, "input map '" + std::string(name) + "' holds " + std::to_string(value),
                     "values of " + format.name());
  }
}

void validate_maps(const Network& network, const std::string& where) {
  const auto channels = static_cast<size_t>(network.input().channels);
  check_input_values(network, network.input_map.pixels, channels, "pixels", where);
  check_input_values(network, network.input_map.integers, 1, "integers", where);
  const ClassMap& map = network.class_map;
  const auto classes = static_cast<size_t>(network.classes());
  if (map.scale.size() != map.offset.size() || (!map.empty() && map.scale.size() != classes)) {
    throw InputError(where,
                     "a class map of " + std::to_string(map.scale.size()) + " scales and " +
                         std::to_string(map.offset.size()) + " offsets",
                     std::to_string(classes) + " of both, or none");
  }
  for (const auto* list : {&map.scale, &map.offset}) {
    for (const double value : *list) {
      if (!std::isfinite(value))
        throw InputError(where, "a class map with no finite number", "one");
    }
  }
}

}  // namespace

std::string Shape::text() const {
  return std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels);
}

int Layer::accumulator_min() const { return static_cast<int>(kind->sums_between(*this).first); }
int Layer::accumulator_max() const { return static_cast<int>(kind->sums_between(*this).second); }

int Layer::accumulator_bits() const {
  return is_xnor() ? std::max(1, unsigned_bits(accumulator_max()))
                   : signed_bits(accumulator_min(), accumulator_max());
}

int Layer::threshold_bits() const {
  return signed_bits(int64_t{accumulator_min()} - 1, accumulator_max());
}

void Network::add(Layer layer) {
  if (layer.inputs.empty()) layer.inputs = {output_tensor(static_cast<int>(layers.size()) - 1)};
  layers.push_back(std::move(layer));
}

std::vector<int> Network::consumers(int tensor) const {
  std::vector<int> result;
  for (int i = 0; i < static_cast<int>(layers.size()); ++i) {
    const std::vector<int>& read = layer(i).inputs;
    if (std::find(read.begin(), read.end(), tensor) != read.end()) result.push_back(i);
  }
  return result;
}

int Network::only_consumer(int tensor) const {
  const std::vector<int> all = consumers(tensor);
  return all.size() == 1 ? all.front() : -1;
}

std::string Network::tensor_name(int tensor) const {
  return tensor == 0 ? "input" : layer(producer(tensor)).name;
}

Shape Network::shape(int tensor) const {
  assert(tensor >= 0 && tensor < tensors());
  return tensor == 0 ? layers.front().input : layer(producer(tensor)).output;
}

NumberFormat Network::format(int tensor) const {
  assert(tensor >= 0 && tensor < tensors() && !holds_accumulators(tensor));
  return tensor == 0 ? layers.front().input_format : layer(producer(tensor)).output_format;
}

bool Network::holds_accumulators(int tensor) const {
  return tensor > 0 && layer(producer(tensor)).accumulator_output;
}

std::vector<int> Network::pools_after(int tensor) const {
  std::vector<int> pools;
  for (int next = only_consumer(tensor); next >= 0 && layer(next).kind == LayerKind::max_pool;
       next = only_consumer(output_tensor(next))) {
    pools.push_back(next);
  }
  return pools;
}

int Network::after_pools(int tensor) const {
  const std::vector<int> pools = pools_after(tensor);
  return pools.empty() ? tensor : output_tensor(pools.back());
}

int Network::find_layer(const std::string& layer_name) const {
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].name == layer_name) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> Network::injectable_layers() const {
  std::vector<int> result;
  for (size_t i = 0; i + 1 < layers.size(); ++i) {
    if (layers[i].has_weights()) result.push_back(static_cast<int>(i));
  }
  return result;
}

void validate(const Network& network, const std::string& where) {
  if (network.layers.empty()) throw InputError(where, "a network without layers", "at least one");
  std::set<std::string> names;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    const Layer& layer = network.layer(i);
    check(!layer.name.empty() && names.insert(layer.name).second, where, layer,
          "an empty or repeated name", "unique layer names");
    check(layer.output.channels >= 1 && layer.output.channels <= max_dimension, where, layer,
          std::to_string(layer.output.channels) + " channels", "1 to 65536");
    validate_layer(network, i, where);
  }
  if (!network.output_thresholds.empty() &&
      network.output_thresholds.size() != static_cast<size_t>(network.classes())) {
    throw InputError(where, std::to_string(network.output_thresholds.size()) + " output thresholds",
                     std::to_string(network.classes()) + ", or none");
  }
  if (!network.class_names.empty() &&
      network.class_names.size() != static_cast<size_t>(network.classes())) {
    throw InputError(where, std::to_string(network.class_names.size()) + " class names",
                     std::to_string(network.classes()));
  }
  validate_maps(network, where);
}

void clamp_thresholds(Layer& layer) {
  const auto [least, greatest] = layer.kind->sums_between(layer);
  if (!too_wide(least, greatest).empty()) return;  // validate() refuses it
  for (int32_t& t : layer.thresholds) {
    t = std::clamp(t, layer.accumulator_min() - 1, layer.accumulator_max());
  }
}

int class_by_output_bits(const Network& network, const int32_t* logits) {
  assert(!network.output_thresholds.empty());
  int highest = 0;
  for (int c = 0; c < network.classes(); ++c) {
    if (logits[c] > network.output_thresholds[static_cast<size_t>(c)]) highest = c;
  }
  return highest;
}

int predicted_class(const Network& network, const int32_t* values) {
  const ClassMap& map = network.class_map;
  if (map.empty()) return predicted_class(values, network.layers.back().output.size());
  int best = 0;
  double greatest = 0;
  for (int c = 0; c < network.classes(); ++c) {
    const auto i = static_cast<size_t>(c);
    const double meant = map.scale[i] * values[c] + map.offset[i];
    if (c > 0 && !(meant > greatest)) continue;
    best = c;
    greatest = meant;
  }
  return best;
}

int predicted_class(const int32_t* logits, int classes) {
  return static_cast<int>(std::max_element(logits, logits + classes) - logits);
}

}  // namespace stuckat
