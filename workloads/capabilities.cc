#include "workloads/capabilities.h"

#include <algorithm>
#include <optional>

#include "workloads/errors.h"

namespace stuckat {
namespace {

/// What a layer is or has that an engine lacks, and what it has instead.
struct Lacking {
  std::string what;
  std::string instead;
};

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_even(const Layer& layer) {
  const Padding& p = layer.padding;
  return layer.kernel.height == layer.kernel.width && layer.stride.height == layer.stride.width &&
         p == Padding(p.top) && (layer.kind->sums || p == Padding(0));
}

bool reads_the_one_before(const Layer& layer, int index) {
  return layer.inputs == std::vector<int>{index};
}

std::optional<Lacking> lacking(const Capabilities& engine, const Network& network, int index) {
  const Layer& layer = network.layer(index);
  if (!contains(engine.kinds, layer.kind)) {
    std::string known;
    for (const LayerKind kind : engine.kinds) {
      known += (known.empty() ? "" : ", ") + std::string(kind->name);
    }
    return Lacking{std::string("is of the kind ") + layer.kind->name,
                   "layers of the kinds " + known};
  }
  if (!engine.any_graph && !reads_the_one_before(layer, index)) {
    return Lacking{"reads other tensors than the one before it", "a chain of layers"};
  }
  if (!engine.any_window && !is_even(layer)) {
    return Lacking{"has a kernel, stride or padding that differs by axis or side, or a padded pool",
                   "square windows, the same padding on all sides, pools without"};
  }
  if (!engine.groups && layer.groups != 1) {
    return Lacking{"has " + std::to_string(layer.groups) + " groups", "one group"};
  }
  std::vector<NumberFormat> formats = {layer.input_format};
  if (layer.has_weights()) formats.push_back(layer.weight_format);
  if (!layer.accumulator_output) formats.push_back(layer.output_format);
  for (const NumberFormat& format : formats) {
    const bool has = std::any_of(engine.formats.begin(), engine.formats.end(),
                                 [&](NumberFormat f) { return alike(f, format); });
    if (has) continue;
    std::string known;
    for (const NumberFormat& f : engine.formats) known += (known.empty() ? "" : ", ") + f.name();
    return Lacking{"holds " + format.name(), known};
  }
  if (index == 0 && !engine.input_map && !network.input_map.empty()) {
    return Lacking{"has a map from pixels to values", "a network without"};
  }
  const bool last = index + 1 == static_cast<int>(network.layers.size());
  if (last && !engine.any_result && (!layer.accumulator_output || layer.output.pixels() != 1)) {
    return Lacking{"gives " + layer.output.text() +
                       (layer.accumulator_output ? " sums" : " levels") + " as the result",
                   "one pixel of sums"};
  }
  if (last && !engine.class_map && !network.class_map.empty()) {
    return Lacking{"has classes with scales and offsets of their own",
                   "values that are compared as they are"};
  }
  return {};
}

}  // namespace

Capabilities any_network(const char* refusal, int most_bits) {
  std::vector<NumberFormat> formats = all_number_formats();
  for (const NumberFormat& format : wide_number_formats()) {
    if (format.bits <= most_bits) formats.push_back(format);
  }
  return {.refusal = refusal,
          .kinds = layer_kinds(),
          .any_graph = true,
          .any_window = true,
          .groups = true,
          .class_map = true,
          .any_result = true,
          .formats = std::move(formats)};
}

void check_supported(const Network& network, const Capabilities& engine, const std::string& where) {
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (const auto lack = lacking(engine, network, i)) {
      throw InputError(
          where,
          "layer '" + network.layer(i).name + "' " + lack->what + ", which " + engine.refusal,
          lack->instead);
    }
  }
}

bool supports(const Capabilities& engine, const Network& network) {
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (lacking(engine, network, i)) return false;
  }
  return true;
}

bool is_chain(const Network& network) {
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (!reads_the_one_before(network.layer(i), i)) return false;
  }
  return true;
}

}  // namespace stuckat
