#include "workloads/model_file.h"

#include "workloads/capabilities.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"

namespace stuckat {
namespace {

constexpr const char* schema = "stuckat-model";
// Chains of square windows, and all networks; since these a file has a hash over everything.
constexpr int64_t chain_version = 3;
constexpr int64_t graph_version = 4;
constexpr int64_t oldest_version = 1;  // as 3 without a hash; 2 as 4
bool holds_graph(int64_t version) { return version % 2 == 0; }
constexpr int64_t most_layers = 1000;
constexpr int64_t most_inputs = 1000;
constexpr int64_t greatest_dimension = 1 << 16;
constexpr int64_t input_bytes = 256;
constexpr int64_t most_in_a_file = int64_t{1} << 28;

/// What version 1 of the schema holds. A network that needs no more is written so.
const Capabilities& version_1() {
  static const Capabilities held = {
      .refusal = "version 1 does not hold",
      .kinds = {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool},
      .input_map = false};
  return held;
}

std::vector<NumberFormat> every_format() {
  std::vector<NumberFormat> formats = all_number_formats();
  formats.insert(formats.end(), wide_number_formats().begin(), wide_number_formats().end());
  return formats;
}

std::string group_of(size_t index) { return "/layers/" + std::to_string(index); }

void write_shape(Hdf5File& file, const std::string& name, Shape shape) {
  file.write_array<int32_t>(name, {shape.height, shape.width, shape.channels}, {3});
}

/// Bounded here already: sizes are computed from it before validate() sees the network.
Shape read_shape(const Hdf5File& file, const std::string& name) {
  const auto extents = file.read_array<int32_t>(name, {3});
  int64_t elements = 1;
  for (const int32_t extent : extents) {
    if (extent < 1 || extent > greatest_dimension) {
      throw InputError(file.path(), "'" + name + "' has an extent " + std::to_string(extent),
                       "1 to 65536");
    }
    elements *= extent;
  }
  if (elements > most_in_a_file) {
    throw InputError(file.path(), "'" + name + "' has " + std::to_string(elements) + " elements",
                     "at most 2^28");
  }
  return {extents[0], extents[1], extents[2]};
}

std::string table_of(const std::string& group, size_t input) {
  return group + "/table" + std::to_string(input);
}

void write_ints(Hdf5File& file, const std::string& name, const std::vector<int32_t>& values) {
  file.write_array<int32_t>(name, values, {static_cast<int64_t>(values.size())});
}

/// The numbers of a list of known length, each from `low` to `high`.
std::vector<int32_t> read_ints(const Hdf5File& file, const std::string& name, int64_t count,
                               int64_t low, int64_t high) {
  std::vector<int32_t> values = file.read_array<int32_t>(name, {count});
  for (const int32_t value : values) {
    if (value >= low && value <= high) continue;
    throw InputError(file.path(), "'" + name + "' holds " + std::to_string(value),
                     std::to_string(low) + " to " + std::to_string(high));
  }
  return values;
}

void write_format(Hdf5File& file, const std::string& group, const std::string& name,
                  NumberFormat format) {
  parse_number_format(format.name(), file.path());  // only what a reader knows
  file.write_string(group, name, format.name());
}

NumberFormat read_format(const Hdf5File& file, const std::string& group, const std::string& name) {
  return parse_number_format(file.read_string(group, name), file.path() + ": " + group);
}

/// What the layer compares with its thresholds.
std::string accumulator_name(const Layer& layer) {
  return !layer.has_weights() ? "none" : layer.is_xnor() ? "matches" : "sum";
}

void write_layer(Hdf5File& file, const std::string& group, const Layer& layer, int64_t version) {
  file.create_group(group);
  file.write_string(group, "name", layer.name);
  file.write_string(group, "kind", layer.kind->name);
  if (!holds_graph(version)) {
    file.write_int(group, "kernel", layer.kernel);
    file.write_int(group, "stride", layer.stride);
    file.write_int(group, "padding", layer.padding);
  } else {
    file.write_int(group, "input_count", static_cast<int64_t>(layer.inputs.size()));
    write_ints(file, group + "/inputs", layer.inputs);
    write_ints(file, group + "/kernel", {layer.kernel.height, layer.kernel.width});
    write_ints(file, group + "/stride", {layer.stride.height, layer.stride.width});
    const Padding& p = layer.padding;
    write_ints(file, group + "/padding", {p.top, p.left, p.bottom, p.right});
    file.write_int(group, "groups", layer.groups);
    for (size_t k = 0; k < layer.tables.size(); ++k) {
      write_ints(file, table_of(group, k), layer.tables[k].values);
    }
  }
  file.write_int(group, "accumulator_output", layer.accumulator_output ? 1 : 0);
  file.write_string(group, "accumulator", accumulator_name(layer));
  write_format(file, group, "input_format", layer.input_format);
  write_format(file, group, "output_format", layer.output_format);
  write_shape(file, group + "/input", layer.input);
  write_shape(file, group + "/output", layer.output);
  if (layer.has_weights()) {
    write_format(file, group, "weight_format", layer.weight_format);
    file.write_array(group + "/weights", layer.weights, {layer.rows(), layer.columns()});
  }
  if (layer.accumulator_output || !layer.kind->sums) return;
  file.write_array(group + "/thresholds", layer.thresholds,
                   {layer.rows(), layer.thresholds_per_row()});
}

/// Kernel, stride, padding, groups and inputs of layer `index`.
void read_geometry(const Hdf5File& file, const std::string& group, int64_t version, int index,
                   Layer& layer) {
  if (!holds_graph(version)) {
    layer.kernel = static_cast<int>(file.read_int(group, "kernel", 1, greatest_dimension));
    layer.stride = static_cast<int>(file.read_int(group, "stride", 1, greatest_dimension));
    layer.padding = static_cast<int>(file.read_int(group, "padding", 0, greatest_dimension));
    layer.inputs = {index};
    return;
  }
  const auto kernel = read_ints(file, group + "/kernel", 2, 1, greatest_dimension);
  const auto stride = read_ints(file, group + "/stride", 2, 1, greatest_dimension);
  const auto p = read_ints(file, group + "/padding", 4, 0, greatest_dimension);
  layer.kernel = {kernel[0], kernel[1]};
  layer.stride = {stride[0], stride[1]};
  layer.padding = {p[0], p[1], p[2], p[3]};
  layer.groups = static_cast<int>(file.read_int(group, "groups", 1, greatest_dimension));
  const auto inputs = file.read_int(group, "input_count", 1, most_inputs);
  layer.inputs = read_ints(file, group + "/inputs", inputs, 0, index);
}

/// Says whether the accumulator is signed; files before version 2 do not, and match where they can.
void read_accumulator(const Hdf5File& file, const std::string& group, Layer& layer) {
  const std::string stored = file.read_string(group, "accumulator");
  layer.signed_sum = layer.is_binary() && stored == "sum";
  if (stored == accumulator_name(layer)) return;
  throw InputError(file.path(), "attribute 'accumulator' of '" + group + "' is '" + stored + "'",
                   layer.is_binary() ? "matches or sum" : accumulator_name(layer));
}

/// The next layer of a network whose others are read.
Layer read_layer(const Hdf5File& file, const std::string& group, int64_t version,
                 const Network& network) {
  const auto index = static_cast<int>(network.layers.size());
  Layer layer;
  layer.name = file.read_string(group, "name");
  layer.kind = parse_layer_kind(file.read_string(group, "kind"), file.path() + ": " + group);
  read_geometry(file, group, version, index, layer);
  layer.accumulator_output = file.read_int(group, "accumulator_output", 0, 1) == 1;
  layer.input_format = read_format(file, group, "input_format");
  layer.output_format = read_format(file, group, "output_format");
  layer.input = read_shape(file, group + "/input");
  layer.output = read_shape(file, group + "/output");
  if (layer.kind == LayerKind::add) {
    for (size_t k = 0; k < layer.inputs.size(); ++k) {
      const int tensor = layer.inputs[k];
      const NumberFormat format =
          tensor == 0 ? network.layers.empty() ? layer.input_format : network.format(0)
                      : network.layer(tensor - 1).output_format;
      layer.tables.push_back(
          {format, file.read_array<int32_t>(table_of(group, k), {int64_t{1} << format.bits})});
    }
  }
  if (layer.has_weights()) {
    layer.weight_format = read_format(file, group, "weight_format");
    layer.weights =
        file.read_array<int8_t>(group + "/weights", {layer.rows(), layer.wide_columns()});
  }
  if (version >= chain_version) read_accumulator(file, group, layer);
  if (layer.accumulator_output || !layer.kind->sums) return layer;
  layer.thresholds =
      file.read_array<int32_t>(group + "/thresholds", {layer.rows(), layer.thresholds_per_row()});
  return layer;
}

void add(Hasher& hash, NumberFormat format) {
  hash.add(format.kind).add(format.bits);
  if (format.has_zero_point()) hash.add(format.zero);
}

/// No kind's number: what follows belongs to the layer before.
constexpr int beyond_version_1 = -1;

bool same_in_version_1(const Layer& layer, int index) {
  return layer.inputs == std::vector<int>{index} && layer.kernel == Extent(layer.kernel.height) &&
         layer.stride == Extent(layer.stride.height) &&
         layer.padding == Padding(layer.padding.top) && layer.groups == 1 && layer.tables.empty();
}

void add(Hasher& hash, Shape shape) { hash.add(shape.height).add(shape.width).add(shape.channels); }

void write_maps(Hdf5File& file, const Network& network) {
  const InputMap& input = network.input_map;
  const auto rows = static_cast<int64_t>(input.pixels.size()) / input_bytes;
  if (rows > 0) file.write_array("/input_pixels", input.pixels, {rows, input_bytes});
  if (!input.integers.empty()) file.write_array("/input_integers", input.integers, {input_bytes});
  if (network.class_map.empty()) return;
  file.write_array("/class_scale", network.class_map.scale, {network.classes()});
  file.write_array("/class_offset", network.class_map.offset, {network.classes()});
}

/// validate() sees to their sizes and values.
void read_maps(const Hdf5File& file, Network& network) {
  const auto any = Hdf5File::any_size;
  InputMap& input = network.input_map;
  if (file.exists("/input_pixels")) {
    input.pixels = file.read_array<int32_t>("/input_pixels", {any, input_bytes});
  }
  if (file.exists("/input_integers")) {
    input.integers = file.read_array<int32_t>("/input_integers", {input_bytes});
  }
  if (!file.exists("/class_scale")) return;
  network.class_map.scale = file.read_array<double>("/class_scale", {any});
  network.class_map.offset = file.read_array<double>("/class_offset", {any});
}

}  // namespace

void write_model(const std::string& path, const Network& network, const ModelOrigin& origin) {
  check_supported(network,
                  {.refusal = "a model file does not hold",
                   .kinds = layer_kinds(),
                   .any_graph = true,
                   .any_window = true,
                   .groups = true,
                   .class_map = true,
                   .any_result = true,
                   .formats = every_format()},
                  path);
  validate(network, path);
  Hdf5File file = Hdf5File::create(path);
  const int64_t version = supports(version_1(), network) ? chain_version : graph_version;
  file.write_schema(schema, version);
  file.write_string("/", "name", network.name);
  file.write_string("/", "data", network.data);
  file.write_string("/", "content_hash", content_hash(network));
  file.write_string("/", "tool_version", origin.tool_version);
  file.write_int("/", "layers", static_cast<int64_t>(network.layers.size()));
  file.write_strings("/configuration", {origin.configuration});
  file.write_strings("/class_names", network.class_names);
  if (!network.output_thresholds.empty()) {
    file.write_array("/output_thresholds", network.output_thresholds, {network.classes()});
  }
  write_maps(file, network);
  file.create_group("/layers");
  for (size_t i = 0; i < network.layers.size(); ++i) {
    write_layer(file, group_of(i), network.layers[i], version);
  }
  file.commit();
}

Network read_model(const std::string& path, ModelOrigin* origin) {
  const Hdf5File file = Hdf5File::open(path);
  const int64_t version = file.check_schema(schema, graph_version, oldest_version, chain_version);
  Network network;
  network.name = file.read_string("/", "name");
  network.class_names = file.read_strings("/class_names");
  if (version >= chain_version) network.data = file.read_string("/", "data");
  const auto layers = static_cast<size_t>(file.read_int("/", "layers", 1, most_layers));
  for (size_t i = 0; i < layers; ++i) {
    network.layers.push_back(read_layer(file, group_of(i), version, network));
  }
  if (version >= chain_version && file.exists("/output_thresholds")) {
    network.output_thresholds =
        file.read_array<int32_t>("/output_thresholds", {Hdf5File::any_size});
  }
  if (version == graph_version) read_maps(file, network);
  validate(network, path);
  if (const auto stored = file.read_string("/", "content_hash"); stored != content_hash(network)) {
    throw InputError(path, "content_hash is '" + stored + "'", content_hash(network));
  }
  if (origin != nullptr) {
    origin->tool_version = file.read_string("/", "tool_version");
    origin->configuration = file.read_strings("/configuration", 1).front();
  }
  return network;
}

std::string content_hash(const Network& network) {
  Hasher hash;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    hash.add(layer.kind->number);
    const Padding& p = layer.padding;
    hash.add(layer.kernel.height).add(layer.stride.height).add(p.top);
    add(hash, layer.input);
    add(hash, layer.output);
    add(hash, layer.input_format);
    add(hash, layer.has_weights() ? layer.weight_format : binary_format);
    add(hash, layer.accumulator_output ? binary_format : layer.output_format);
    hash.add(layer.accumulator_output);
    if (layer.signed_sum) hash.add(std::string_view("signed sum"));
    hash.add(std::span<const int8_t>(layer.weights));
    hash.add(std::span<const int32_t>(layer.thresholds));
    if (same_in_version_1(layer, static_cast<int>(i))) continue;
    hash.add(beyond_version_1).add(std::span<const int32_t>(layer.inputs));
    hash.add(layer.kernel.width).add(layer.stride.width).add(p.left).add(p.bottom).add(p.right);
    hash.add(layer.groups).add(layer.tables.size());
    for (const CodeTable& table : layer.tables) hash.add(std::span<const int32_t>(table.values));
  }
  if (!network.output_thresholds.empty()) {
    hash.add(std::span<const int32_t>(network.output_thresholds));
  }
  if (!network.input_map.empty()) {
    hash.add(std::string_view("input map"));
    hash.add(std::span<const int32_t>(network.input_map.pixels));
    hash.add(std::span<const int32_t>(network.input_map.integers));
  }
  if (!network.class_map.empty()) {
    hash.add(std::string_view("class map"));
    for (const double value : network.class_map.scale) hash.add(value);
    for (const double value : network.class_map.offset) hash.add(value);
  }
  return hash.hex();
}

}  // namespace stuckat
