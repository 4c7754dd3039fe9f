// Element by element: scales, biases, batch-norms and clips become a line; adds of two activations
// a layer; shapes are followed.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {

namespace {

/// Which of two inputs is the activation.
size_t activation(const Value& a) { return a.is_constant() ? 1 : 0; }

}  // namespace

void OnnxImport::read_mul(const Node& node) {
  const size_t x_index = activation(value(node, 0));
  Value x = value(node, x_index);
  if (!value(node, 1 - x_index).is_constant()) {
    refuse(node, "multiplies two activations", "a product with a constant");
  }
  const std::vector<Rational> factors = per_channel(node, x, constant(node, 1 - x_index));
  if (factors.size() > 1) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    x.lines[c].multiply(factors[factors.size() == 1 ? 0 : c]);
  }
  record(node, "a scale of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_div(const Node& node) {
  Value x = value(node, 0);
  if (x.is_constant()) refuse(node, "divides by an activation", "a division by a constant");
  const std::vector<Rational> divisors = per_channel(node, x, constant(node, 1));
  if (divisors.size() > 1) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    const Rational& divisor = divisors[divisors.size() == 1 ? 0 : c];
    if (divisor == 0) refuse(node, "divides by 0", "another number");
    x.lines[c].multiply(1 / divisor);
  }
  record(node, "a scale of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_add(const Node& node) {
  const Value& a = value(node, 0);
  const Value& b = value(node, 1);
  if (!a.is_constant() && !b.is_constant()) {
    Value sum = sum_of(node, a, b);
    record(node, "the sums of an add");
    set(node, std::move(sum));
    return;
  }
  const size_t x_index = activation(a);
  Value x = value(node, x_index);
  Constant term = constant(node, 1 - x_index);
  std::vector<Rational> terms;
  if (!term.integers.empty()) {  // a quantized bias, unrounded
    Constant whole_terms = term;
    for (size_t i = 0; i < term.values.size(); ++i) whole_terms.values[i] = term.integers[i];
    Constant scales = term;
    scales.values = term.scales;
    const auto factors = per_channel(node, x, scales);
    terms = per_channel(node, x, whole_terms);
    const size_t count = std::max(factors.size(), terms.size());
    std::vector<Rational> products;
    for (size_t c = 0; c < count; ++c) {
      products.push_back(terms[terms.size() == 1 ? 0 : c] * factors[factors.size() == 1 ? 0 : c]);
    }
    terms = std::move(products);
  } else {
    terms = per_channel(node, x, term);
  }
  if (terms.size() > 1) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) x.lines[c].add(terms[terms.size() == 1 ? 0 : c]);
  record(node, "a term of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_sub(const Node& node) {
  const Value& a = value(node, 0);
  const Value& b = value(node, 1);
  if (!a.is_constant() && !b.is_constant()) {
    Value negative = b;
    for (Line& line : negative.lines) line.multiply(-1);
    Value sum = sum_of(node, a, negative);
    record(node, "the sums of an add");
    set(node, std::move(sum));
    return;
  }
  const bool reversed = a.is_constant();
  Value x = reversed ? b : a;
  const std::vector<Rational> terms = per_channel(node, x, constant(node, reversed ? 0 : 1));
  if (terms.size() > 1) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    const Rational& term = terms[terms.size() == 1 ? 0 : c];
    if (reversed) x.lines[c].multiply(-1);
    x.lines[c].add(reversed ? term : Rational(-term));
  }
  record(node, "a term of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_neg(const Node& node) {
  Value x = value(node, 0);
  for (Line& line : x.lines) line.multiply(-1);
  record(node, "a scale of what it reads");
  set(node, std::move(x));
}

/// (x - mean) / sqrt(variance + epsilon) * scale + bias. The root is rounded to float64.
void OnnxImport::read_batch_norm(const Node& node) {
  Value x = value(node, 0);
  std::vector<const Constant*> parameters;
  for (size_t i = 1; i <= 4; ++i) {
    parameters.push_back(&constant(node, i));
    if (parameters.back()->size() != x.shape.channels ||
        (x.is_channels_last && x.shape.pixels() > 1)) {
      refuse(node, "has " + std::to_string(parameters.back()->size()) + " parameters",
             std::to_string(x.shape.channels) + ", one for each channel");
    }
  }
  spread(x);
  const double epsilon = node.number("epsilon", 1e-5);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    const auto of = [&](size_t i) { return parameters[i]->values[c]; };
    const double variance = of(3) + epsilon;
    if (!(variance > 0)) refuse(node, "has a variance that is not above 0", "positive ones");
    x.lines[c].add(-real(node, of(2)));
    x.lines[c].multiply(real(node, of(0)) / real(node, std::sqrt(variance)));
    x.lines[c].add(real(node, of(1)));
    x.lines[c].is_rounded = true;
  }
  record(node, "a scale and a term of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_relu(const Node& node) {
  Value x = value(node, 0);
  for (Line& line : x.lines) line.clip(Rational(0), std::nullopt);
  record(node, "a clip of what it reads");
  set(node, std::move(x));
}

void OnnxImport::read_clip(const Node& node) {
  Value x = value(node, 0);
  const auto bound = [&](size_t input, const char* attribute) -> std::optional<Rational> {
    if (!has_input(node, input) && !node.has(attribute)) return {};
    const double at =
        has_input(node, input) ? constant(node, input).values.at(0) : node.number(attribute, 0);
    if (std::isinf(at)) return {};
    return real(node, at);
  };
  if ((has_input(node, 1) && constant(node, 1).size() != 1) ||
      (has_input(node, 2) && constant(node, 2).size() != 1)) {
    refuse(node, "has several bounds", "one of each");
  }
  const auto low = bound(1, "min");
  const auto high = bound(2, "max");
  if (low && high && *low > *high) refuse(node, "has its bounds the wrong way round", "min <= max");
  for (Line& line : x.lines) line.clip(low, high);
  record(node, "a clip of what it reads");
  set(node, std::move(x));
}

/// What rises with its input or picks the greatest: the result is what it reads.
void OnnxImport::read_ending(const Node& node) {
  const Value x = value(node, 0);
  if (ended_.empty()) ended_ = node.name;
  record(node, "left out: the result is what it reads, in the same order");
  for (size_t i = 0; i < node.outputs.size(); ++i) set(node, x, i);
}

void OnnxImport::read_identity(const Node& node) {
  Value x = value(node, 0);
  record(node, "the same values");
  set(node, std::move(x));
}

void OnnxImport::read_reshape(const Node& node) {
  Value x = value(node, 0);
  const std::vector<int64_t> to = reshaped(node, x.dims);
  if (x.window || x.padding != Padding(0))
    refuse(node, "reshapes what is unfolded", "a product first");
  if (to.size() == 4 && to[0] == 1) {
    const auto at = [&](size_t i) { return static_cast<int>(to[i]); };
    const Shape shape =
        x.is_channels_last ? Shape{at(1), at(2), at(3)} : Shape{at(2), at(3), at(1)};
    const bool free = x.source == Source::input ||
                      (x.source == Source::levels && x.tensor == 0 && builder_.layers() == 0);
    if (shape != x.shape && !free) {
      refuse(node, "makes an image of " + shape.text() + " of " + x.shape.text(),
             "images as the layers make them");
    }
    if (shape != x.shape && x.source == Source::levels)
      builder_.set_input(shape, builder_.format(0));
    x.shape = shape;
  }
  x.dims = to;
  record(node, "the same values");
  set(node, std::move(x));
}

void OnnxImport::read_transpose(const Node& node) {
  Value x = value(node, 0);
  const std::vector<int64_t> perm = node.integers("perm");
  bool sane = perm.size() == x.dims.size();
  std::vector<int64_t> wide;  // the order of the dimensions that are not 1
  for (const int64_t p : perm) sane = sane && p >= 0 && p < static_cast<int64_t>(x.dims.size());
  if (!sane) refuse(node, "has no permutation of its dimensions", "one");
  std::vector<int64_t> dims;
  for (const int64_t p : perm) {
    dims.push_back(x.dims[static_cast<size_t>(p)]);
    if (dims.back() != 1) wide.push_back(p);
  }
  if (!std::is_sorted(wide.begin(), wide.end())) {
    const bool to_last = perm == std::vector<int64_t>{0, 2, 3, 1} && !x.is_channels_last;
    const bool to_first = perm == std::vector<int64_t>{0, 3, 1, 2} && x.is_channels_last;
    if (x.dims.size() != 4 || (!to_last && !to_first)) {
      refuse(node, "turns its input in a way that no layer does", "channels first or last");
    }
  }
  if (perm == std::vector<int64_t>{0, 2, 3, 1}) x.is_channels_last = true;
  if (perm == std::vector<int64_t>{0, 3, 1, 2}) x.is_channels_last = false;
  x.dims = dims;
  record(node, "the same values");
  set(node, std::move(x));
}

void OnnxImport::read_pad(const Node& node) {
  Value x = value(node, 0);
  std::vector<int64_t> pads = node.integers("pads");
  if (has_input(node, 1)) {
    pads.clear();
    for (const double p : constant(node, 1).values) pads.push_back(static_cast<int64_t>(p));
  }
  const double filling = has_input(node, 2) ? scalar(node, 2) : node.number("value", 0);
  bool sane = node.text("mode", "constant") == "constant" && filling == 0 && pads.size() == 8 &&
              x.dims.size() == 4 && !x.is_channels_last;
  for (size_t i = 0; sane && i < 8; ++i) {
    const bool pixel = i % 4 >= 2;
    sane = pads[i] >= 0 && pads[i] <= (pixel ? max_dimension : 0);
  }
  if (!sane) refuse(node, "pads something else than pixels with 0", "0 around an image");
  const auto at = [&](size_t i) { return static_cast<int>(pads[i]); };
  x.padding = {x.padding.top + at(2), x.padding.left + at(3), x.padding.bottom + at(6),
               x.padding.right + at(7)};
  x.dims[2] += pads[2] + pads[6];
  x.dims[3] += pads[3] + pads[7];
  record(node, "padding of what follows");
  set(node, std::move(x));
}

/// A residual add: each input through a table, in integers that both scales are multiples of.
Value OnnxImport::sum_of(const Node& node, const Value& a, const Value& b) {
  const Value in[] = {as_levels(node, a), as_levels(node, b)};
  if (in[0].shape != in[1].shape || (in[0].is_channels_last != in[1].is_channels_last &&
                                     in[0].shape.pixels() > 1 && in[0].shape.channels > 1)) {
    refuse(node, "adds " + in[1].shape.text() + " to " + in[0].shape.text(), "one shape");
  }
  for (const Value& x : in) {
    if (x.lines.size() == 1 || std::all_of(x.lines.begin(), x.lines.end(),
                                           [&](const Line& l) { return l == x.lines[0]; })) {
      continue;
    }
    refuse(node, "adds channels with scales of their own", "one scale for each input");
  }
  Value result;
  result.source = Source::sums;
  result.shape = in[0].shape;
  result.dims = in[0].dims;
  result.is_channels_last = in[0].is_channels_last;
  Layer layer = builder_.layer_on(LayerKind::add, {in[0].tensor, in[1].tensor});
  layer.output = layer.input;
  // slope k = common * m[k] with whole m[k]
  const Rational s0 = in[0].lines[0].slope;
  const Rational s1 = in[1].lines[0].slope;
  if (s0 == 0 || s1 == 0) refuse(node, "adds what a scale of 0 has made constant", "scales not 0");
  const Rational ratio = s1 / s0;
  const Integer m0 = denominator(ratio);  // of input 0
  const Integer m1 = numerator(ratio);
  const Rational common = s0 / Rational(m0);
  constexpr int most_factor = 1 << 20;
  const bool exact = m0 <= most_factor && abs(m1) <= most_factor;
  Line& line = result.lines[0];
  if (exact) {
    line.slope = common;
    line.offset = in[0].lines[0].offset + in[1].lines[0].offset;
    const int64_t factors[] = {m0.convert_to<int64_t>(), m1.convert_to<int64_t>()};
    for (size_t k = 0; k < 2; ++k) {
      CodeTable table{builder_.format(in[k].tensor), {}};
      if (table.format.bits > 10) refuse(node, "adds tensors of more than 10 bits", "fewer bits");
      for (uint32_t code = 0; code < 1U << table.format.bits; ++code) {
        table.values.push_back(static_cast<int32_t>(factors[k] * table.format.value(code)));
      }
      layer.tables.push_back(std::move(table));
    }
  } else {
    for (size_t k = 0; k < 2; ++k) {
      const NumberFormat format = builder_.format(in[k].tensor);
      if (format.bits > 9) refuse(node, "adds tensors of unlike scales and more than 9 bits", "8");
      result.addends.push_back(in[k].lines[0]);
      layer.tables.push_back({format, std::vector<int32_t>(size_t{1} << format.bits, 0)});
    }
  }
  result.layer = std::make_shared<Layer>(std::move(layer));
  return result;
}

}  // namespace stuckat::importing
