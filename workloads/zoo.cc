#include "workloads/zoo.h"

#include <algorithm>
#include <cmath>

#include "workloads/errors.h"
#include "workloads/zoo_graphs.h"

namespace stuckat {
namespace {

constexpr int own_classes = 10;
constexpr int to_classes = 0;  // LayerRow::channels of the output layer

struct LayerRow {
  LayerKind kind;
  int channels = to_classes;
  int kernel = 1;
  int stride = 1;
  int padding = 0;
};

constexpr LayerRow convolution(int channels, int kernel = 3, int stride = 1, int padding = 0) {
  return {LayerKind::convolution, channels, kernel, stride, padding};
}
constexpr LayerRow max_pool(int kernel, int stride) {
  return {LayerKind::max_pool, 0, kernel, stride};
}
constexpr LayerRow dense(int channels) { return {LayerKind::dense, channels}; }

struct ArchitectureRow {
  std::string name;
  Shape input;
  NumberFormat input_format;
  std::vector<PrecisionRow> precisions;
  NumberFormat (*activation)(int bits);
  int outer_weight_bits;  // of the first and the last layer; 0: as the others
  std::vector<LayerRow> layers;
};

NumberFormat signed_levels(int bits) { return quantized_format(bits); }
NumberFormat unsigned_levels(int bits) { return unsigned_format(bits); }

/// DoReFa-Net's AlexNet (Zhou et al. 2016; the authors' alexnet-dorefa.py) by its channels. The
/// published pools pad, which pools do not do here: conv0 pads instead, so that maps are 55, 27, 13
/// and 6 pixels wide where the published ones are 54, 27, 14 and 6, and all matrices but the
/// grouped ones have the published sizes (docs/choices.md).
std::vector<LayerRow> dorefa(int conv0, int conv1, int conv2, int conv3, int conv4) {
  return {convolution(conv0, 12, 4, 2),
          convolution(conv1, 5, 1, 2),
          max_pool(3, 2),
          convolution(conv2, 3, 1, 1),
          max_pool(3, 2),
          convolution(conv3, 3, 1, 1),
          convolution(conv4, 3, 1, 1),
          max_pool(3, 2),
          dense(4096),
          dense(4096),
          dense(to_classes)};
}

const std::vector<ArchitectureRow>& architectures() {
  static const std::vector<PrecisionRow> brevitas = {
      {"w1a1", 1, 1}, {"w1a2", 1, 2}, {"w2a2", 2, 2},
      {"w1a3", 1, 3}, {"w1a4", 1, 4}, {"w4a4", 4, 4},
  };
  static const std::vector<PrecisionRow> w1a2 = {{"w1a2", 1, 2}};
  constexpr Shape photograph = {224, 224, 3};
  static const std::vector<ArchitectureRow> rows = {
      {"cnv",
       {32, 32, 3},
       fixed_point_format,
       brevitas,
       signed_levels,
       0,
       {convolution(64), convolution(64), max_pool(2, 2), convolution(128), convolution(128),
        max_pool(2, 2), convolution(256), convolution(256), dense(512), dense(512),
        dense(to_classes)}},
      {"lfc",
       {28, 28, 1},
       binary_format,
       brevitas,
       signed_levels,
       0,
       {dense(1024), dense(1024), dense(1024), dense(to_classes)}},
      {"tfc",
       {28, 28, 1},
       binary_format,
       brevitas,
       signed_levels,
       0,
       {dense(64), dense(64), dense(64), dense(to_classes)}},
      {"dorefa", photograph, fixed_point_format, w1a2, unsigned_levels, 8,
       dorefa(96, 256, 384, 384, 256)},
      // Channels as FINN-R runs it (Blott et al. 2018), from QNN-MO-PYNQ's dorefanet-layers.json.
      {"dorefa-pruned", photograph, fixed_point_format, w1a2, unsigned_levels, 8,
       dorefa(68, 180, 272, 384, 256)},
  };
  return rows;
}

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
  if (options.classes < 0 || options.classes > most) {
    throw InputError(name, "classes " + std::to_string(options.classes),
                     "1 to 4096, or 0 for the architecture's own");
  }
  if (options.input_side < 0 || options.input_side > most) {
    throw InputError(name, "an input of " + std::to_string(options.input_side) + " pixels a side",
                     "1 to 4096, or 0 for the architecture's own");
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
  if (options.input_side > 0) shape.height = shape.width = options.input_side;
  NumberFormat format = architecture.input_format;
  int layers = 0;
  int pools = 0;
  for (const LayerRow& row : architecture.layers) {
    const bool pool = row.kind == LayerKind::max_pool;
    Layer layer;
    layer.name = pool ? "pool" + std::to_string(pools++) : "layer" + std::to_string(layers++);
    layer.kind = row.kind;
    layer.kernel = row.kernel;
    layer.stride = row.stride;
    layer.padding = row.padding;
    layer.input = shape;
    layer.output.channels = row.channels != to_classes ? scaled(row.channels, options.width)
                            : options.classes > 0      ? options.classes
                                                       : own_classes;
    layer.output = layer.kind->output(layer, name);
    layer.input_format = format;
    layer.output_format = pool ? format : architecture.activation(precision.activation_bits);
    layer.accumulator_output = !pool && row.channels == to_classes;
    if (!pool) {
      check_matrix(layer, name);
      const bool outer = layers == 1 || layer.accumulator_output;
      layer.weight_format = quantized_format(outer && architecture.outer_weight_bits > 0
                                                 ? architecture.outer_weight_bits
                                                 : precision.weight_bits);
      layer.weights.assign(static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()),
                           static_cast<int8_t>(layer.weight_format.max_level()));
      layer.thresholds.assign(
          static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.thresholds_per_row()), 0);
    }
    shape = layer.output;
    format = layer.output_format;
    network.add(std::move(layer));
  }
  return network;
}

}  // namespace

std::vector<std::string> zoo_names() {
  std::vector<std::string> names;
  for (const auto& architecture : architectures()) {
    for (const auto& precision : architecture.precisions) {
      names.push_back(architecture.name + "-" + precision.name);
    }
  }
  for (std::string& name : zoo_graph_names()) names.push_back(std::move(name));
  return names;
}

Network zoo_network(const std::string& name, const ZooOptions& options) {
  for (const auto& architecture : architectures()) {
    for (const auto& precision : architecture.precisions) {
      if (name != architecture.name + "-" + precision.name) continue;
      check_options(name, options);
      return build(architecture, precision, name, options);
    }
  }
  check_options(name, options);
  Network graph = zoo_graph(name, options);
  if (!graph.layers.empty()) return graph;
  throw_unknown_name("zoo", "network", name, zoo_names());
}

}  // namespace stuckat
