#include "workloads/zoo.h"

#include <algorithm>
#include <cmath>

#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr int to_classes = 0;  // LayerRow::channels of the output layer

struct LayerRow {
  LayerKind kind;
  int channels = to_classes;
};

struct ArchitectureRow {
  std::string name;
  Shape input;
  NumberFormat input_format;
  std::vector<LayerRow> layers;
};

struct PrecisionRow {
  std::string name;
  int weight_bits;
  int activation_bits;
};

const std::vector<ArchitectureRow>& architectures() {
  using enum LayerKind;
  static const std::vector<ArchitectureRow> rows = {
      {"cnv",
       {32, 32, 3},
       fixed_point_format,
       {{convolution, 64},
        {convolution, 64},
        {max_pool},
        {convolution, 128},
        {convolution, 128},
        {max_pool},
        {convolution, 256},
        {convolution, 256},
        {dense, 512},
        {dense, 512},
        {dense, to_classes}}},
      {"lfc",
       {28, 28, 1},
       binary_format,
       {{dense, 1024}, {dense, 1024}, {dense, 1024}, {dense, to_classes}}},
      {"tfc",
       {28, 28, 1},
       binary_format,
       {{dense, 64}, {dense, 64}, {dense, 64}, {dense, to_classes}}},
  };
  return rows;
}

const std::vector<PrecisionRow>& precisions() {
  static const std::vector<PrecisionRow> rows = {
      {"w1a1", 1, 1}, {"w1a2", 1, 2}, {"w2a2", 2, 2}, {"w1a3", 1, 3}, {"w1a4", 1, 4},
  };
  return rows;
}

constexpr int convolution_kernel = 3;
constexpr int pool_kernel = 2;

void check_options(const std::string& name, const ZooOptions& options) {
  constexpr double widest = 16;
  constexpr int most = 4096;
  if (!(options.width > 0 && options.width <= widest)) {
    throw InputError(name, "width " + std::to_string(options.width), "above 0, at most 16");
  }
  if (options.input_channels < 0 || options.input_channels > most) {
    throw InputError(name, "input channels " + std::to_string(options.input_channels),
                     "1 to 4096, or 0 for the architecture's own");
  }
  if (options.classes < 1 || options.classes > most) {
    throw InputError(name, "classes " + std::to_string(options.classes), "1 to 4096");
  }
}

/// Before anything is allocated: options that are possible one by one may not be together.
void check_matrix(const Layer& layer, const std::string& name) {
  constexpr int64_t most = int64_t{1} << 28;
  if (int64_t{layer.rows()} * layer.columns() <= most) return;
  throw InputError(name,
                   layer.name + " is a matrix of " + std::to_string(layer.rows()) + " x " +
                       std::to_string(layer.columns()),
                   "a smaller width or fewer input channels");
}

int scaled(int channels, double width) {
  return std::max(1, static_cast<int>(std::lround(channels * width)));
}

Network build(const ArchitectureRow& architecture, const PrecisionRow& precision,
              const std::string& name, const ZooOptions& options) {
  Network network;
  network.name = name;
  Shape shape = architecture.input;
  if (options.input_channels > 0) shape.channels = options.input_channels;
  NumberFormat format = architecture.input_format;
  int layers = 0;
  int pools = 0;
  for (const LayerRow& row : architecture.layers) {
    const bool pool = row.kind == LayerKind::max_pool;
    Layer layer;
    layer.name = pool ? "pool" + std::to_string(pools++) : "layer" + std::to_string(layers++);
    layer.kind = row.kind;
    layer.kernel = pool ? pool_kernel : row.kind == LayerKind::convolution ? convolution_kernel : 1;
    layer.stride = pool ? pool_kernel : 1;
    layer.input = shape;
    layer.output = output_shape(
        layer.kind, shape, layer.kernel, layer.stride, layer.padding,
        row.channels == to_classes ? options.classes : scaled(row.channels, options.width), name);
    layer.input_format = format;
    layer.output_format = pool ? format : quantized_format(precision.activation_bits);
    layer.accumulator_output = !pool && row.channels == to_classes;
    if (!pool) {
      check_matrix(layer, name);
      layer.weight_format = quantized_format(precision.weight_bits);
      layer.weights.assign(static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()),
                           static_cast<int8_t>(layer.weight_format.max_level()));
      layer.thresholds.assign(
          static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.thresholds_per_row()), 0);
    }
    shape = layer.output;
    format = layer.output_format;
    network.layers.push_back(std::move(layer));
  }
  return network;
}

}  // namespace

std::vector<std::string> zoo_names() {
  std::vector<std::string> names;
  for (const auto& architecture : architectures()) {
    for (const auto& precision : precisions()) {
      names.push_back(architecture.name + "-" + precision.name);
    }
  }
  return names;
}

Network zoo_network(const std::string& name, const ZooOptions& options) {
  for (const auto& architecture : architectures()) {
    for (const auto& precision : precisions()) {
      if (name != architecture.name + "-" + precision.name) continue;
      check_options(name, options);
      return build(architecture, precision, name, options);
    }
  }
  throw_unknown_name("zoo", "network", name, zoo_names());
}

}  // namespace stuckat
