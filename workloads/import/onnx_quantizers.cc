// What makes levels: the quantizers of QONNX, of ONNX and of Deeploy.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {
namespace {

std::optional<Rounding> rounding_called(const std::string& mode) {
  if (mode == "ROUND" || mode == "HALF_EVEN") return Rounding::half_even;
  if (mode == "CEIL") return Rounding::ceiling;
  if (mode == "FLOOR") return Rounding::floor;
  if (mode == "UP") return Rounding::up;
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO") return Rounding::down;
  if (mode == "HALF_UP") return Rounding::half_away;
  if (mode == "HALF_DOWN") return Rounding::half_toward_zero;
  return {};
}

/// The format of codes low .. high less a zero point.
NumberFormat level_format(int64_t low, int64_t high, int bits, bool is_signed, bool narrow,
                          int64_t zero) {
  if (zero == 0 && is_signed && bits >= 2) return narrow ? signed_format(bits) : full_format(bits);
  if (zero == 0 && !is_signed) return unsigned_format(bits);
  return format_less_zero_point(low, high, zero);
}

}  // namespace

/// y = x / scale + zero point, clamped, then rounded; (y - zero point) * scale. A level k is
/// reached at k - 1/2, a tie by the parity of k.
void OnnxImport::read_quant(const Node& node) {
  const Value& x = value(node, 0);
  const int64_t bits = whole(node, 3);
  const int64_t zero = whole(node, 2);
  if (bits < 1 || bits > 31) refuse(node, std::to_string(bits) + " bits", "1 to 31");
  const bool is_signed = node.number("signed", 1) != 0;
  const bool narrow = node.number("narrow", 0) != 0;
  const std::string mode = node.text("rounding_mode", "ROUND");
  const auto rounding = rounding_called(mode);
  if (!rounding)
    refuse(node, "rounding mode '" + mode + "'", "ROUND, CEIL, FLOOR, UP, DOWN, HALF_UP");
  const int64_t top = int64_t{1} << (is_signed ? bits - 1 : bits);
  const int64_t low = is_signed ? -top + (narrow ? 1 : 0) : 0;
  const int64_t high = top - 1 - (narrow && !is_signed ? 1 : 0);
  if (high <= low) refuse(node, "has one level", "two or more");
  Levels levels;
  levels.scales = per_channel(node, x, constant(node, 1));
  levels.format = level_format(low, high, static_cast<int>(bits), is_signed, narrow, zero);
  levels.base = low - zero;
  for (const Rational& scale : levels.scales) {
    if (scale <= 0) refuse(node, "a scale is not above 0", "positive scales");
    levels.boundaries.push_back(
        Boundaries::uniform(scale, Rational(zero), low + 1, high - low, *rounding));
  }
  set(node, quantized(node, x, std::move(levels)));
}

void OnnxImport::read_bipolar_quant(const Node& node) {
  const Value& x = value(node, 0);
  Levels levels;
  levels.scales = per_channel(node, x, constant(node, 1));
  levels.format = binary_format;
  levels.base = -1;
  levels.boundaries = {Boundaries::listed({Rational(0)})};
  set(node, quantized(node, x, std::move(levels)));
}

Levels OnnxImport::threshold_levels(const Node& node, const Constant& thresholds, int channels,
                                    const std::string& datatype, double scale, double bias) const {
  const bool shaped = thresholds.dims.size() == 2 &&
                      (thresholds.dims[0] == 1 || thresholds.dims[0] == channels) &&
                      thresholds.dims[1] >= 1 && thresholds.dims[1] <= (1 << 16) - 1;
  if (!shaped) {
    refuse(node, "has thresholds that do not fit",
           "a matrix of 1 or " + std::to_string(channels) + " rows");
  }
  const int64_t count = thresholds.dims[1];
  const Rational s = real(node, scale);
  const Rational b = real(node, bias);
  if (s <= 0) refuse(node, "an output scale that is not above 0", "a positive one");
  Levels levels;
  for (int64_t row = 0; row < thresholds.dims[0]; ++row) {
    std::vector<Rational> values;
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(real(node, thresholds.values[static_cast<size_t>(row * count + i)]));
    }
    levels.boundaries.push_back(Boundaries::listed(std::move(values)));
  }
  if (datatype == "BIPOLAR" && count == 1) {
    levels.format = binary_format;
    levels.base = -1;
    levels.scales = {s / 2};
    levels.offset = b + s / 2;
    return levels;
  }
  const Rational first = b / s;
  levels.base =
      is_integer(first) && abs(first) <= 1 << 15 ? floor_of(first).convert_to<int64_t>() : 0;
  levels.format = format_holding(levels.base, levels.base + count);
  if (const auto said = finn_format(datatype); said && said->kind != FormatKind::binary &&
                                               said->min_level() <= levels.base &&
                                               said->max_level() >= levels.base + count) {
    levels.format = *said;
    const NumberFormat narrow = signed_format(said->bits);
    if (said->kind == FormatKind::signed_full && levels.base == narrow.min_level()) {
      levels.format = narrow;
    }
  }
  levels.scales = {s};
  levels.offset = b - s * levels.base;
  return levels;
}

/// out_scale * (number of thresholds at or below x) + out_bias.
void OnnxImport::read_multi_threshold(const Node& node) {
  Value x = value(node, 0);
  if (x.source == Source::levels || x.source == Source::sums || x.source == Source::input) {
    const bool last = node.text("data_layout", "NCHW").ends_with("C") &&
                      node.text("data_layout", "NCHW").size() > 2;
    if (x.dims.size() == 4 && last != x.is_channels_last && x.shape.pixels() > 1) {
      refuse(node, "its data_layout is not that of its input", "one layout");
    }
  }
  set(node, quantized(node, x,
                      threshold_levels(node, constant(node, 1), x.shape.channels,
                                       node.text("out_dtype", ""), node.number("out_scale", 1),
                                       node.number("out_bias", 0))));
}

/// Version 1 (five inputs): the scale stays, the integer is shifted. Version 2: out_scale is an
/// input. Both floor unless they say otherwise.
void OnnxImport::read_trunc(const Node& node) {
  const Value& x = value(node, 0);
  const bool second = node.inputs.size() > 5;
  const double scale = scalar(node, 1);
  const int64_t zero = whole(node, 2);
  const int64_t bits = whole(node, second ? 5 : 4);
  const double out_scale = second ? scalar(node, 4) : scale;
  const double shift = second ? std::round(std::log2(out_scale / scale))
                              : static_cast<double>(whole(node, 3) - bits);
  const auto rounding = rounding_called(node.text("rounding_mode", "FLOOR"));
  if (!rounding || !(scale > 0) || !(out_scale > 0) || bits < 1 || bits > 16 ||
      !(std::abs(shift) < 32)) {
    refuse(node, "has a mode, scale or width that makes no sense", "FLOOR, 1 to 16 bits");
  }
  const bool is_signed = node.number("signed", 1) != 0;
  const bool narrow = node.number("narrow", 0) != 0;
  const Rational in_scale = real(node, scale);
  for (const Line& line : x.lines) {
    // It rounds x / scale first, which must change nothing.
    if (is_integer(line.slope / in_scale) && is_integer(line.offset / in_scale)) continue;
    refuse(node, "its input is no multiple of its scale", "the scale of what it truncates");
  }
  const Rational divisor = shift >= 0 ? Rational(Integer(1) << static_cast<unsigned>(shift))
                                      : Rational(1, Integer(1) << static_cast<unsigned>(-shift));
  // One more bit where version 1 does not say whether it is signed: it does not clamp.
  const int64_t top = int64_t{1} << (second && is_signed ? bits - 1 : bits);
  const bool below_zero = second ? is_signed : true;
  const int64_t low = below_zero ? -top + (second && narrow ? 1 : 0) : 0;
  const int64_t high = top - 1 - (second && narrow && !is_signed ? 1 : 0);
  Levels levels;
  levels.base = low - zero;
  levels.format = format_holding(low - zero, high - zero);
  // y = (x / scale + zero) / divisor
  levels.boundaries = {Boundaries::uniform(in_scale * divisor, Rational(zero) / divisor, low + 1,
                                           high - low, *rounding)};
  levels.scales = {real(node, out_scale)};
  if (!second) narrow_levels(x, levels);
  set(node, quantized(node, x, std::move(levels)));
}

/// Only the levels that a value can reach.
void OnnxImport::narrow_levels(const Value& x, Levels& levels) const {
  if (x.source != Source::sums) return;
  int64_t low = INT64_MAX;
  int64_t high = INT64_MIN;
  const auto [least, greatest] = x.layer->kind->sums_between(*x.layer);
  for (const Line& line : x.lines) {
    for (const int64_t sum : {least, greatest}) {
      const int64_t reached = levels.boundaries[0].reached(line.at(sum));
      low = std::min(low, reached);
      high = std::max(high, reached);
    }
  }
  levels.format = format_holding(levels.base + low, levels.base + high);
}

/// saturate(round_half_even(x / s) + zp): the tie is decided before the zero point is added. Bits
/// are those of the type, or of a Clip that follows.
void OnnxImport::read_quantize_linear(const Node& node) {
  const Value& x = value(node, 0);
  Constant scale = constant(node, 1);
  const int64_t zero = has_input(node, 2) ? whole(node, 2) : 0;
  const bool is_signed = has_input(node, 2) && constant(node, 2).is_signed_type;
  int64_t low = is_signed ? -128 : 0;
  int64_t high = is_signed ? 127 : 255;
  if (const Node* const next = only_reader(node); next != nullptr && next->operation == "Clip") {
    const auto bound = [&](size_t input, const char* attribute, double otherwise) {
      if (!has_input(*next, input)) return next->number(attribute, otherwise);
      const auto found = values_.find(next->inputs[input]);
      const bool known = found != values_.end() && found->second.is_constant() &&
                         found->second.constant->size() == 1;
      return known ? found->second.constant->values[0] : otherwise;
    };
    low = std::max(low, static_cast<int64_t>(std::ceil(bound(1, "min", -128))));
    high = std::min(high, static_cast<int64_t>(std::floor(bound(2, "max", 255))));
  }
  if (high <= low) refuse(node, "has one level", "two or more");
  if (scale.size() > 1) {
    const auto axis = static_cast<size_t>(node.number("axis", 1));
    scale.dims.assign(x.dims.size(), 1);
    if (axis < scale.dims.size()) scale.dims[axis] = scale.size();
  }
  Levels levels;
  levels.base = low - zero;
  levels.format = format_less_zero_point(low, high, zero);
  if (levels.format.has_zero_point() && is_added(node)) {  // its table knows the zero point
    levels.base = low;
    levels.format = format_holding(low, high);
  }
  const int bits = levels.format.bits;
  if (levels.base == signed_format(bits).min_level() &&
      levels.format.kind == FormatKind::signed_full) {
    levels.format = signed_format(bits);
  }
  for (const Rational& s : per_channel(node, x, scale)) {
    if (s <= 0) refuse(node, "a scale is not above 0", "positive scales");
    levels.boundaries.push_back(
        Boundaries::uniform(s, Rational(0), low - zero + 1, high - low, Rounding::half_even));
  }
  levels.scales = {Rational(1)};  // an integer: DequantizeLinear scales it
  levels.offset = levels.base == low ? Rational(0) : Rational(zero);
  set(node, quantized(node, x, std::move(levels)));
}

/// Whether what QuantizeLinear makes goes through DequantizeLinear into adds of activations alone.
bool OnnxImport::is_added(const Node& node) const {
  const Node* const scaled = only_reader(node);
  const Node* const add =
      scaled != nullptr && scaled->operation == "DequantizeLinear" ? only_reader(*scaled) : nullptr;
  if (add == nullptr || add->operation != "Add") return false;
  return std::none_of(add->inputs.begin(), add->inputs.end(), [&](const std::string& name) {
    const auto found = values_.find(name);
    return found != values_.end() && found->second.is_constant();
  });
}

void OnnxImport::read_dequantize_linear(const Node& node) {
  Value x = value(node, 0);
  if (x.source == Source::input && file_.inputs.front().type == onnx_type::float32) {
    refuse(node, "takes a float input for integers",
           "an integer input, or QuantizeLinear before it");
  }
  x = x.source == Source::input ? raw_levels(node, x) : x;
  Constant scale = constant(node, 1);
  const Rational zero = has_input(node, 2) ? real(node, scalar(node, 2)) : Rational(0);
  if (scale.size() > 1) {
    const auto axis = static_cast<size_t>(node.number("axis", 1));
    scale.dims.assign(x.dims.size(), 1);
    if (axis < scale.dims.size()) scale.dims[axis] = scale.size();
  }
  const std::vector<Rational> factors = per_channel(node, x, scale);
  if (factors.size() > 1) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    x.lines[c].add(-zero);
    x.lines[c].multiply(factors[factors.size() == 1 ? 0 : c]);
  }
  record(node, "the scale of what it reads");
  set(node, std::move(x));
}

/// (x * mul + add + div / 2) >> log2(div), clipped to n_levels_out levels.
void OnnxImport::read_requant_shift(const Node& node) {
  Value x = value(node, 0);
  // Of so many values they are for the channels, whatever their shape.
  const auto of_channels = [&](size_t index) {
    Constant parameter = constant(node, index);
    if (parameter.size() == x.shape.channels) {
      parameter.dims.assign(x.dims.size(), 1);
      parameter.dims[x.is_channels_last ? x.dims.size() - 1 : 1] = parameter.size();
    }
    return per_channel(node, x, parameter);
  };
  const std::vector<Rational> mul = of_channels(1);
  const std::vector<Rational> add = of_channels(2);
  const double div = node.number("div", 0);
  const double count = node.number("n_levels_out", node.number("n_levels", 256));
  const bool is_signed = node.number("signed", 0) != 0;
  const double shift = std::log2(div);
  if (!(div >= 1) || shift != std::floor(shift) || shift > 31 || count < 2 || count > 65536 ||
      count != std::floor(count)) {
    refuse(node, "divides by " + std::to_string(div) + " to " + std::to_string(count) + " levels",
           "a power of 2, and 2 to 65536 levels");
  }
  std::vector<int64_t> factors, terms;
  for (const auto* list : {&mul, &add}) {
    for (const Rational& r : *list) {
      const bool sane = is_integer(r) && abs(r) < Integer(1) << 31;
      if (!sane) refuse(node, "has factors or terms that are no integers of 32 bits", "integers");
      (list == &mul ? factors : terms).push_back(floor_of(r).convert_to<int64_t>());
    }
  }
  // A factor below 0 is one above it on the negative of what is read.
  if (factors.size() > 1 && *std::min_element(factors.begin(), factors.end()) < 0) spread(x);
  for (size_t c = 0; c < x.lines.size(); ++c) {
    if (factors[factors.size() == 1 ? 0 : c] < 0) x.lines[c].multiply(-1);
  }
  for (int64_t& factor : factors) factor = std::abs(factor);
  const auto n = static_cast<int64_t>(count);
  const int64_t low = is_signed ? -(n / 2) : 0;
  const int64_t high = low + n - 1;
  const auto right = static_cast<int>(shift);
  const int64_t half = right == 0 ? 0 : int64_t{1} << (right - 1);
  constexpr int64_t most_product = int64_t{1} << 62;
  Levels levels;
  levels.format = format_holding(low, high);
  levels.base = low;
  levels.scales = {Rational(1)};
  set(node, quantized_by(node, x, levels, [&](int row, int64_t integer) {
        const int64_t m = factors[factors.size() == 1 ? 0 : static_cast<size_t>(row)];
        const int64_t b = terms[terms.size() == 1 ? 0 : static_cast<size_t>(row)];
        int64_t product = 0;  // beyond 64 bits it is beyond all levels: right <= 31
        if (__builtin_mul_overflow(integer, m, &product)) return integer < 0 ? low : high;
        product = std::clamp(product, -most_product, most_product);
        return std::clamp((product + b + half) >> right, low, high);
      }));
}

}  // namespace stuckat::importing
