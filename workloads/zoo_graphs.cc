#include "workloads/zoo_graphs.h"

#include <algorithm>
#include <cmath>

namespace stuckat {
namespace {

/// Appends layers; tensors are known by their numbers. Activations are unsigned, as a ReLU leaves
/// them, or signed where a residual add follows; one bit is binary. The first layer and the last
/// have weights of 8 bits, but for those of one bit throughout.
class Builder {
 public:
  Builder(std::string name, Shape input, NumberFormat format, const PrecisionRow& precision,
          const ZooOptions& options)
      : precision_(precision), options_(options) {
    network_.name = std::move(name);
    if (options.input_channels > 0) input.channels = options.input_channels;
    if (options.input_side > 0) input.height = input.width = options.input_side;
    shapes_ = {input};
    formats_ = {format};
  }

  Shape shape(int tensor) const { return shapes_[static_cast<size_t>(tensor)]; }

  /// Pads as TensorFlow's SAME does: the odd pixel below and to the right.
  int convolution(int from, int channels, Extent kernel, Extent stride = Extent(1), int groups = 1,
                  bool is_signed = false) {
    Layer layer = layer_on(LayerKind::convolution, {from});
    layer.kernel = kernel;
    layer.stride = stride;
    const auto [top, bottom] = same(layer.input.height, kernel.height, stride.height);
    const auto [left, right] = same(layer.input.width, kernel.width, stride.width);
    layer.padding = {top, left, bottom, right};
    layer.groups = groups;
    layer.output.channels = channels;
    return push(std::move(layer), activation(is_signed));
  }

  int scaled_convolution(int from, int channels, Extent kernel, Extent stride = Extent(1),
                         bool is_signed = false) {
    return convolution(from, scaled(channels), kernel, stride, 1, is_signed);
  }

  /// A depthwise and a pointwise convolution.
  int separable(int from, int channels, int stride) {
    const int each = shape(from).channels;
    return scaled_convolution(convolution(from, each, Extent(3), Extent(stride), each), channels,
                              Extent(1));
  }

  /// Two 3x3 convolutions and what they are added to, by one of 1x1 where the shape changes.
  int residual(int from, int channels, int stride) {
    const int first = scaled_convolution(from, channels, Extent(3), Extent(stride));
    const int branch = scaled_convolution(first, channels, Extent(3), Extent(1), true);
    const bool same_shape = shape(branch) == shape(from);
    const int shortcut =
        same_shape ? from : scaled_convolution(from, channels, Extent(1), Extent(stride), true);
    Layer layer = layer_on(LayerKind::add, {branch, shortcut});
    layer.output.channels = layer.input.channels;
    for (const int t : layer.inputs) {
      CodeTable table{formats_[static_cast<size_t>(t)], {}};
      for (uint32_t code = 0; code < 1u << table.format.bits; ++code) {
        table.values.push_back(table.format.value(code));
      }
      layer.tables.push_back(std::move(table));
    }
    return push(std::move(layer), activation(false));
  }

  int max_pool(int from) {
    Layer layer = layer_on(LayerKind::max_pool, {from});
    layer.kernel = 2;
    layer.stride = 2;
    return push(std::move(layer), layer.input_format);
  }

  int global_average(int from) {
    Layer layer = layer_on(LayerKind::average_pool, {from});
    layer.kernel = {layer.input.height, layer.input.width};
    return push(std::move(layer), activation(false));
  }

  int dense(int from, int channels) {
    Layer layer = layer_on(LayerKind::dense, {from});
    layer.output.channels = scaled(channels);
    return push(std::move(layer), activation(false));
  }

  Network to_classes(int from, int published_classes) {
    Layer layer = layer_on(LayerKind::dense, {from});
    layer.output.channels = options_.classes > 0 ? options_.classes : published_classes;
    layer.accumulator_output = true;
    push(std::move(layer), {});
    for (Layer* outer : {&network_.layers.front(), &network_.layers.back()}) {
      if (precision_.weight_bits > 1) outer->weight_format = signed_format(8);
    }
    for (Layer& l : network_.layers) {
      l.weights.assign(
          l.has_weights() ? static_cast<size_t>(l.rows()) * static_cast<size_t>(l.columns()) : 0,
          static_cast<int8_t>(l.weight_format.max_level()));
    }
    return std::move(network_);
  }

 private:
  static std::pair<int, int> same(int size, int kernel, int stride) {
    const int outputs = (size + stride - 1) / stride;
    const int all = std::max(0, (outputs - 1) * stride + kernel - size);
    return {all / 2, all - all / 2};
  }

  int scaled(int channels) const {
    return std::max(1, static_cast<int>(std::lround(channels * options_.width)));
  }

  NumberFormat activation(bool is_signed) const {
    const int bits = precision_.activation_bits;
    if (bits == 1) return binary_format;
    return is_signed ? full_format(bits) : unsigned_format(bits);
  }

  Layer layer_on(LayerKind kind, std::vector<int> inputs) const {
    Layer layer;
    layer.kind = kind;
    layer.input = shape(inputs.front());
    layer.input_format = formats_[static_cast<size_t>(inputs.front())];
    layer.inputs = std::move(inputs);
    return layer;
  }

  int push(Layer layer, NumberFormat output) {
    const std::string prefix = layer.has_weights()            ? "layer"
                               : layer.kind == LayerKind::add ? "add"
                                                              : "pool";
    int number = 0;
    for (const Layer& l : network_.layers) number += l.name.starts_with(prefix) ? 1 : 0;
    layer.name = prefix + std::to_string(number);
    if (layer.has_weights()) layer.weight_format = quantized_format(precision_.weight_bits);
    layer.output_format = output;
    layer.output = layer.kind->output(layer, network_.name);
    layer.thresholds.assign(
        static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.thresholds_per_row()), 0);
    shapes_.push_back(layer.output);
    formats_.push_back(output);
    network_.add(std::move(layer));
    return static_cast<int>(shapes_.size()) - 1;
  }

  const PrecisionRow& precision_;
  const ZooOptions& options_;
  Network network_;
  std::vector<Shape> shapes_;          // [tensor]
  std::vector<NumberFormat> formats_;  // [tensor]
};

/// He et al. 2016, section 4.2: three stages of 16, 32 and 64 channels. Shortcuts that change the
/// shape are 1x1 convolutions, as in MLPerf Tiny's ResNet-8 (Banbury et al. 2021).
Network resnet(Builder& b, int blocks, int classes) {
  int t = b.scaled_convolution(0, 16, Extent(3));
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < blocks; ++block) {
      t = b.residual(t, 16 << stage, stage > 0 && block == 0 ? 2 : 1);
    }
  }
  return b.to_classes(b.global_average(t), classes);
}

Network resnet_8(Builder& b, int classes) { return resnet(b, 1, classes); }
Network resnet_20(Builder& b, int classes) { return resnet(b, 3, classes); }

/// Simonyan and Zisserman 2015, configuration A, with one dense layer as on CIFAR-10.
Network vgg_11(Builder& b, int classes) {
  int t = 0;
  for (const std::vector<int>& stage :
       {std::vector{64}, {128}, {256, 256}, {512, 512}, {512, 512}}) {
    for (const int channels : stage) t = b.scaled_convolution(t, channels, Extent(3));
    t = b.max_pool(t);
  }
  return b.to_classes(t, classes);
}

/// Howard et al. 2017 at a quarter of the width, 96x96 as in MLPerf Tiny's visual wake words.
Network mobilenet(Builder& b, int classes) {
  int t = b.scaled_convolution(0, 8, Extent(3), Extent(2));
  const std::pair<int, int> rows[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},
                                      {128, 2}, {128, 1}, {128, 1}, {128, 1}, {128, 1},
                                      {128, 1}, {256, 2}, {256, 1}};
  for (const auto& [channels, stride] : rows) t = b.separable(t, channels, stride);
  return b.to_classes(b.global_average(t), classes);
}

/// Zhang et al. 2017 (keywords from 49 frames of 10 coefficients), as in MLPerf Tiny.
Network ds_cnn(Builder& b, int classes) {
  int t = b.scaled_convolution(0, 64, {10, 4}, Extent(2));
  for (int i = 0; i < 4; ++i) t = b.separable(t, 64, 1);
  return b.to_classes(b.global_average(t), classes);
}

/// Zhang et al. 2018 (FAP): 784-256-256-256-10.
Network mlp(Builder& b, int classes) {
  int t = 0;
  for (int i = 0; i < 3; ++i) t = b.dense(t, 256);
  return b.to_classes(t, classes);
}

struct GraphRow {
  std::string name;
  Shape input;
  NumberFormat format;
  int classes;
  std::vector<PrecisionRow> precisions;
  Network (*build)(Builder& builder, int classes);
};

const std::vector<GraphRow>& graphs() {
  static const std::vector<PrecisionRow> some = {{"w8a8", 8, 8}, {"w4a4", 4, 4}, {"w2a2", 2, 2}};
  static const std::vector<PrecisionRow> all = {
      {"w8a8", 8, 8}, {"w4a4", 4, 4}, {"w2a2", 2, 2}, {"w1a1", 1, 1}};
  static const std::vector<GraphRow> rows = {
      {"resnet-8", {32, 32, 3}, fixed_point_format, 10, some, resnet_8},
      {"resnet-20", {32, 32, 3}, fixed_point_format, 10, some, resnet_20},
      {"vgg-11", {32, 32, 3}, fixed_point_format, 10, all, vgg_11},
      {"mobilenet-0.25", {96, 96, 3}, fixed_point_format, 2, some, mobilenet},
      {"ds-cnn", {49, 10, 1}, full_format(8), 12, some, ds_cnn},
      {"mlp", {28, 28, 1}, fixed_point_format, 10, all, mlp},
  };
  return rows;
}

}  // namespace

std::vector<std::string> zoo_graph_names() {
  std::vector<std::string> names;
  for (const GraphRow& row : graphs()) {
    for (const PrecisionRow& precision : row.precisions) {
      names.push_back(row.name + "-" + precision.name);
    }
  }
  return names;
}

Network zoo_graph(const std::string& name, const ZooOptions& options) {
  for (const GraphRow& row : graphs()) {
    for (const PrecisionRow& precision : row.precisions) {
      if (name != row.name + "-" + precision.name) continue;
      Builder builder(name, row.input, row.format, precision, options);
      return row.build(builder, row.classes);
    }
  }
  return {};
}

}  // namespace stuckat
