#include "workloads/model_file.h"

#include "workloads/capabilities.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"

namespace stuckat {
namespace {

constexpr const char* schema = "stuckat-model";
constexpr int64_t schema_version = 1;
constexpr int64_t most_layers = 1000;
constexpr int64_t greatest_dimension = 1 << 16;
constexpr int64_t most_elements = int64_t{1} << 28;

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
  if (elements > most_elements) {
    throw InputError(file.path(), "'" + name + "' has " + std::to_string(elements) + " elements",
                     "at most 2^28");
  }
  return {extents[0], extents[1], extents[2]};
}

void write_format(Hdf5File& file, const std::string& group, const std::string& name,
                  NumberFormat format) {
  parse_number_format(format.name(), file.path());  // only what a reader knows
  file.write_string(group, name, format.name());
}

NumberFormat read_format(const Hdf5File& file, const std::string& group, const std::string& name) {
  return parse_number_format(file.read_string(group, name), file.path() + ": " + group);
}

void write_layer(Hdf5File& file, const std::string& group, const Layer& layer) {
  file.create_group(group);
  file.write_string(group, "name", layer.name);
  file.write_string(group, "kind", layer.kind->name);
  file.write_int(group, "kernel", layer.kernel);
  file.write_int(group, "stride", layer.stride);
  file.write_int(group, "padding", layer.padding);
  file.write_int(group, "accumulator_output", layer.accumulator_output ? 1 : 0);
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

Layer read_layer(const Hdf5File& file, const std::string& group) {
  Layer layer;
  layer.name = file.read_string(group, "name");
  layer.kind = parse_layer_kind(file.read_string(group, "kind"), file.path() + ": " + group);
  layer.kernel = static_cast<int>(file.read_int(group, "kernel", 1, greatest_dimension));
  layer.stride = static_cast<int>(file.read_int(group, "stride", 1, greatest_dimension));
  layer.padding = static_cast<int>(file.read_int(group, "padding", 0, greatest_dimension));
  layer.accumulator_output = file.read_int(group, "accumulator_output", 0, 1) == 1;
  layer.input_format = read_format(file, group, "input_format");
  layer.output_format = read_format(file, group, "output_format");
  layer.input = read_shape(file, group + "/input");
  layer.output = read_shape(file, group + "/output");
  if (layer.has_weights()) {
    layer.weight_format = read_format(file, group, "weight_format");
    layer.weights =
        file.read_array<int8_t>(group + "/weights", {layer.rows(), layer.wide_columns()});
  }
  if (layer.accumulator_output || !layer.kind->sums) return layer;
  layer.thresholds =
      file.read_array<int32_t>(group + "/thresholds", {layer.rows(), layer.thresholds_per_row()});
  return layer;
}

void add(Hasher& hash, NumberFormat format) { hash.add(format.kind).add(format.bits); }

void add(Hasher& hash, Shape shape) { hash.add(shape.height).add(shape.width).add(shape.channels); }

}  // namespace

void write_model(const std::string& path, const Network& network, const ModelOrigin& origin) {
  check_supported(network, {"a model file does not hold", layer_kinds()}, path);
  validate(network, path);
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(schema, schema_version);
  file.write_string("/", "name", network.name);
  file.write_string("/", "content_hash", content_hash(network));
  file.write_string("/", "tool_version", origin.tool_version);
  file.write_int("/", "layers", static_cast<int64_t>(network.layers.size()));
  file.write_strings("/configuration", {origin.configuration});
  file.write_strings("/class_names", network.class_names);
  file.create_group("/layers");
  for (size_t i = 0; i < network.layers.size(); ++i) {
    write_layer(file, group_of(i), network.layers[i]);
  }
  file.commit();
}

Network read_model(const std::string& path, ModelOrigin* origin) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(schema, schema_version);
  Network network;
  network.name = file.read_string("/", "name");
  network.class_names = file.read_strings("/class_names");
  const auto layers = static_cast<size_t>(file.read_int("/", "layers", 1, most_layers));
  for (size_t i = 0; i < layers; ++i) network.layers.push_back(read_layer(file, group_of(i)));
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
  for (const Layer& layer : network.layers) {
    hash.add(layer.kind->number).add(layer.kernel).add(layer.stride).add(layer.padding);
    add(hash, layer.input);
    add(hash, layer.output);
    add(hash, layer.input_format);
    add(hash, layer.has_weights() ? layer.weight_format : binary_format);
    add(hash, layer.accumulator_output ? binary_format : layer.output_format);
    hash.add(layer.accumulator_output);
    hash.add(std::span<const int8_t>(layer.weights));
    hash.add(std::span<const int32_t>(layer.thresholds));
  }
  return hash.hex();
}

}  // namespace stuckat
