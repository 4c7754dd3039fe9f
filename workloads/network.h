// Quantized networks as integers: the layer graph (a chain) with its parameters.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/layer_kind.h"
#include "workloads/number_format.h"

namespace stuckat {

/// Bounds every dimension, so that sizes never overflow 32 bits, whatever a file says.
inline constexpr int max_dimension = 1 << 16;

/// Height x width x channels. Element (y, x, c) of a tensor lies at (y*width + x)*channels + c:
/// pixels in raster order, channels fastest, as words travel in a stream.
struct Shape {
  int height = 1;
  int width = 1;
  int channels = 1;

  int pixels() const { return height * width; }
  int size() const { return pixels() * channels; }
  std::string text() const;  ///< "32x32x3"
  bool holds(int y, int x) const { return y >= 0 && x >= 0 && y < height && x < width; }
  bool operator==(const Shape&) const = default;
};

/// Values (not codes) of one image at one edge of the network; accumulators at the last edge.
struct Tensor {
  Shape shape;
  std::vector<int32_t> values;  // [shape.size()]

  int32_t& at(int y, int x, int c) {
    return values[static_cast<size_t>((y * shape.width + x) * shape.channels + c)];
  }
  int32_t at(int y, int x, int c) const {
    return values[static_cast<size_t>((y * shape.width + x) * shape.channels + c)];
  }
  bool operator==(const Tensor&) const = default;
};

/// Pixels in y and x.
struct Extent {
  int height = 1;
  int width = 1;

  constexpr Extent() = default;
  constexpr Extent(int h, int w) : height(h), width(w) {}
  constexpr explicit Extent(int side) : height(side), width(side) {}
  constexpr Extent& operator=(int side) { return *this = Extent(side); }
  /// The side of a square: for engines that have no others (Capabilities::any_window).
  constexpr operator int() const {
    assert(height == width);
    return height;
  }
  bool operator==(const Extent&) const = default;
};

/// Pixels around an image.
struct Padding {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;

  constexpr Padding() = default;
  constexpr Padding(int t, int l, int b, int r) : top(t), left(l), bottom(b), right(r) {}
  constexpr explicit Padding(int all) : top(all), left(all), bottom(all), right(all) {}
  constexpr Padding& operator=(int all) { return *this = Padding(all); }
  /// The same on all sides: for engines that have nothing else (Capabilities::any_window).
  constexpr operator int() const {
    assert(top == left && top == bottom && top == right);
    return top;
  }
  bool operator==(const Padding&) const = default;
};

/// What a layer makes of the codes of one of its inputs before it adds.
struct CodeTable {
  NumberFormat format;          ///< of the input
  std::vector<int32_t> values;  ///< [2^bits], by stored code
  bool operator==(const CodeTable&) const = default;
};

/// One layer. Rows are output channels (MH); columns (MW) are the window in the order ky, kx,
/// channel with the channel fastest (docs/hardware.md, MVTU), so that a dense layer on the tensor
/// order is the same matrix product. With `groups` the channels of input and output are divided
/// into as many equal parts, and a row looks at the channels of its own part: depthwise is
/// groups = channels.
struct Layer {
  std::string name;  ///< unique in the network: "layer0", "layer1", "pool0", ...
  LayerKind kind = LayerKind::convolution;
  std::vector<int> inputs;  ///< tensors that it reads: made before it; Network::add() fills it in
  Extent kernel;
  Extent stride;
  Padding padding;
  int groups = 1;

  Shape input;  ///< of inputs[0]
  Shape output;
  NumberFormat input_format;        ///< of inputs[0]
  NumberFormat weight_format;       ///< only with weights
  NumberFormat output_format;       ///< not if accumulator_output
  bool accumulator_output = false;  ///< the last layer passes its sums out, no thresholds
  /// Binary weights on binary activations are summed as -1 and +1, as all others are, instead of
  /// counting matches: which of both is the hardware's choice (BNN-PYNQ's LFC-W1A2 sums in its
  /// first layer).
  bool signed_sum = false;

  std::vector<int8_t> weights;      ///< values, [rows()][columns()]
  std::vector<int32_t> thresholds;  ///< [rows()][output_format.thresholds()]
  std::vector<CodeTable> tables;    ///< [inputs] of an add

  bool has_weights() const { return kind->has_weights; }
  HardwarePart part() const { return kind->part; }
  /// Dense: no windows, every row looks at the whole input.
  bool is_flat() const { return kind->reads == Reads::everything; }
  int rows() const { return output.channels; }
  int columns() const { return static_cast<int>(wide_columns()); }
  /// Before validate() has bounded it.
  int64_t wide_columns() const {
    return is_flat() ? input.size() : int64_t{kernel.height} * kernel.width * group_channels();
  }
  int thresholds_per_row() const {
    return accumulator_output || !kind->sums ? 0 : output_format.thresholds();
  }

  /// Both operands have one bit: -1 and +1.
  bool is_binary() const {
    return kind->has_weights && input_format.kind == FormatKind::binary &&
           weight_format.kind == FormatKind::binary;
  }
  /// The accumulator is the popcount of matches, 0 .. columns(). Otherwise it is the signed sum of
  /// weight * activation (docs/hardware.md, MVTU).
  bool is_xnor() const { return is_binary() && !signed_sum; }
  /// Bounds on the accumulator and every partial sum over all weights and inputs that stored codes
  /// can mean, broken ones (-2 in 2 bits) included: not the values that happen to occur.
  int accumulator_min() const;
  int accumulator_max() const;
  /// Bits of a product in two's complement, binary operands too.
  int signed_product_bits() const { return weight_format.bits + input_format.operand_bits(); }
  /// Width of a lane's product: 1 if XNOR, else in two's complement.
  int product_bits() const { return is_xnor() ? 1 : signed_product_bits(); }
  /// Bits that hold every partial sum: unsigned if XNOR, else two's complement.
  int accumulator_bits() const;
  /// Bits of a stored threshold, two's complement: accumulator_min()-1 .. accumulator_max().
  int threshold_bits() const;

  /// Input channels that a row looks at. No division where there is one group: it is asked often.
  int group_channels() const { return groups == 1 ? input.channels : input.channels / groups; }
  /// Which of the groups a row is of.
  int group_of(int row) const { return row / (rows() / groups); }
  const int8_t* weight_row(int row) const {
    return weights.data() + static_cast<size_t>(row) * static_cast<size_t>(columns());
  }
  const int32_t* threshold_row(int row) const {
    return thresholds.data() + static_cast<size_t>(row) * static_cast<size_t>(thresholds_per_row());
  }
  bool operator==(const Layer&) const = default;
};

/// What the bytes of a data set become at the input of an imported network. A network without one
/// takes pixels as its input format says (dataset.h, input_tensor()).
struct InputMap {
  /// [256] by pixel byte 0 .. 255, or [channels][256]; empty: it does not take pixels.
  std::vector<int32_t> pixels;
  /// [256] by integer -128 .. 127 of a raw data set; empty: it does not take signed integers.
  std::vector<int32_t> integers;

  bool empty() const { return pixels.empty() && integers.empty(); }
  bool operator==(const InputMap&) const = default;
};

/// What class c's value v of the result means: scale[c] * v + offset[c], in double arithmetic. The
/// class is that of the greatest. Both [classes()]; empty: the values are compared as they are.
struct ClassMap {
  std::vector<double> scale;
  std::vector<double> offset;

  bool empty() const { return scale.empty(); }
  bool operator==(const ClassMap&) const = default;
};

/// Layers, each after those whose tensors it reads. Tensor 0 is the input image; tensor i+1 is what
/// layers[i] makes; what the last one makes is the result. All others are read by some layer.
struct Network {
  std::string name;  ///< "cnv-w1a1"
  std::vector<Layer> layers;
  std::vector<std::string> class_names;  ///< [classes()] or empty
  /// [classes()] or empty: hardware that sends bit c = (accumulator c > output_thresholds[c]),
  /// whose host takes the highest bit that is set for the class (BNN-PYNQ's LFC). Everything else
  /// here takes the greatest accumulator.
  std::vector<int32_t> output_thresholds;
  std::string data;  ///< name of the data set that it was trained for, "" if unknown
  InputMap input_map;
  ClassMap class_map;

  /// Appends a layer that reads the tensor before it, unless it says what it reads.
  void add(Layer layer);
  const Layer& layer(int index) const { return layers[static_cast<size_t>(index)]; }
  Shape input() const { return layers.front().input; }
  int classes() const { return layers.back().output.channels; }
  int tensors() const { return static_cast<int>(layers.size()) + 1; }
  /// The layer that makes tensor `tensor`; -1: the input image.
  static constexpr int producer(int tensor) { return tensor - 1; }
  /// The tensor that layer `layer` makes: the opposite of producer().
  static constexpr int output_tensor(int layer) { return layer + 1; }
  /// The tensor that layer `index` reads, the first of several.
  int input_tensor(int index) const { return layer(index).inputs.front(); }
  /// The layers that read tensor `tensor`, ascending; none reads the last.
  std::vector<int> consumers(int tensor) const;
  /// The layer that alone reads tensor `tensor`; -1: none does, or several do.
  int only_consumer(int tensor) const;
  /// "input", or the name of the layer that makes the tensor.
  std::string tensor_name(int tensor) const;
  Shape shape(int tensor) const;
  /// Asserts !holds_accumulators(tensor): those have no format.
  NumberFormat format(int tensor) const;
  bool holds_accumulators(int tensor) const;
  /// The max-pools that directly follow tensor `tensor`, each the only consumer of what it reads.
  std::vector<int> pools_after(int tensor) const;
  /// The tensor that the last of them makes; tensor `tensor` itself if none follows.
  int after_pools(int tensor) const;
  /// Index of the layer called `name`, or -1.
  int find_layer(const std::string& name) const;
  /// Layers whose output can be injected: every layer with weights but the last
  /// (FAT, Algorithm 1: the 10-way output layer is not injected).
  std::vector<int> injectable_layers() const;

  bool operator==(const Network&) const = default;
};

/// Checks every dimension and range: what a layer reads is made before it and has its shape and
/// format, parameter sizes, weights within their format (never beyond min_level()..max_level()),
/// thresholds within accumulator_min()-1 .. accumulator_max() and ascending where a format has more
/// than 8 bits, sums passed out by the last layer only, maps of values that the input can hold.
/// Throws InputError(where, layer and value, expected).
void validate(const Network& network, const std::string& where);

/// Thresholds beyond accumulator_min()-1 .. accumulator_max() brought to the nearer end, which
/// changes no output. Importers and exporters call it before validate().
void clamp_thresholds(Layer& layer);

/// Index of the highest output bit that is set, 0 if none is; [network.output_thresholds].
int class_by_output_bits(const Network& network, const int32_t* logits);

/// Index of the greatest of a result's values, or of what the network's class_map makes of them
/// [classes()]; the lowest index wins a tie.
int predicted_class(const Network& network, const int32_t* values);

/// Index of the greatest logit; the lowest index wins a tie.
int predicted_class(const int32_t* logits, int classes);

}  // namespace stuckat
