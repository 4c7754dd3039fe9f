// From sums, levels and the input to levels: thresholds that are exact.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/input_meaning.h"
#include "workloads/import/onnx_import.h"
#include "workloads/sum_width.h"

namespace stuckat::importing {
namespace {

constexpr int most_bits = 16;  // of a tensor

const Boundaries& boundaries_of(const Levels& levels, int row) {
  return levels.boundaries[levels.boundaries.size() == 1 ? 0 : static_cast<size_t>(row)];
}

int64_t below(const Levels& levels) { return levels.base - levels.format.min_level(); }

/// What a level count means as a value of the format.
int64_t value_of(const Levels& levels, int64_t reached) {
  return levels.format.kind == FormatKind::binary ? (reached > 0 ? 1 : -1) : levels.base + reached;
}

bool has_effective_clip(const Line& line, const NumberFormat& format) {
  const Rational a = line.slope * format.min_value() + line.offset;
  const Rational b = line.slope * format.max_level() + line.offset;
  const Rational& least = a < b ? a : b;
  const Rational& greatest = a < b ? b : a;
  return (line.low && *line.low > least) || (line.high && *line.high < greatest);
}

bool all_same(const std::vector<Line>& lines) {
  return std::all_of(lines.begin(), lines.end(), [&](const Line& l) { return l == lines[0]; });
}

/// What pixel bytes are to a float network, exactly.
class ExactPixels {
 public:
  ExactPixels(const ImportOptions& options, bool integers, int channels, const std::string& where)
      : meaning_(options, channels, where), options_(options) {
    kind_ = options.pixels == "auto" ? (integers ? "byte" : "unit") : options.pixels;
  }

  int channels() const { return meaning_.channels(); }
  bool is_code() const { return meaning_.is_code(); }
  Line line(int channel) const {
    const auto of = [&](const std::vector<double>& list, double otherwise) {
      return exact(list.empty() ? otherwise
                                : list[list.size() == 1 ? 0 : static_cast<size_t>(channel)]);
    };
    Line line;
    if (kind_ == "unit") line.slope = Rational(1, 255);
    if (kind_ == "signed") {
      line.slope = Rational(2, 255);
      line.offset = -1;
    }
    line.add(-of(options_.mean, 0));
    line.multiply(1 / of(options_.deviation, 1));
    return line;
  }

 private:
  PixelMeaning meaning_;
  const ImportOptions& options_;
  std::string kind_;
};

int code_of(int byte) { return byte > 127 ? byte - 256 : byte; }

}  // namespace

Layer OnnxImport::identity_layer(const Value& value) const {
  const bool falls = std::any_of(value.lines.begin(), value.lines.end(),
                                 [](const Line& line) { return line.slope < 0; });
  Layer layer =
      builder_.layer_on(falls ? LayerKind::convolution : LayerKind::average_pool, {value.tensor});
  if (!falls) return layer;
  // What falls with the value needs a weight of -1.
  layer.groups = layer.input.channels;
  layer.weight_format = signed_format(2);
  layer.weights.assign(static_cast<size_t>(layer.input.channels), 1);
  return layer;
}

void OnnxImport::negate_row(const Node& node, Layer& layer, int row, Line& line) const {
  if (layer.has_weights()) {
    int8_t* const weights =
        layer.weights.data() + static_cast<size_t>(row) * static_cast<size_t>(layer.columns());
    for (int i = 0; i < layer.columns(); ++i) {
      if (weights[i] == -128) {
        refuse(node, "needs the weight -128 negated",
               "weights from -127 on before a scale below 0");
      }
      weights[i] = static_cast<int8_t>(-weights[i]);
    }
    if (layer.weight_format.kind == FormatKind::signed_full) {
      layer.weight_format = weight_format_holding(layer.weights, layer.weight_format.bits, false);
    }
    line.substitute(-1, layer.is_xnor() ? layer.columns() : 0);
    return;
  }
  if (layer.kind != LayerKind::add) {
    refuse(node, "falls with what it pools", "a scale above 0 after a pool");
  }
  if (row == 0) {
    for (CodeTable& table : layer.tables) {
      for (int32_t& value : table.values) value = -value;
    }
  }
  line.substitute(-1, 0);
}

bool OnnxImport::is_unchanged(const Value& value, const Levels& levels) const {
  const NumberFormat format = builder_.format(value.tensor);
  if (format != levels.format) return false;
  const int lines = static_cast<int>(std::max(value.lines.size(), levels.boundaries.size()));
  for (int row = 0; row < lines; ++row) {
    for (int i = 0; i < format.levels(); ++i) {
      const int v = format.level(i);
      const Rational meant = value.line(row).at(v);
      if (value_of(levels, boundaries_of(levels, row).reached(meant)) != v) return false;
    }
  }
  return true;
}

/// Formats beyond 8 bits: only as wide as the sums that inputs can give ask for.
void OnnxImport::narrow_to_reachable(const Node& node, const Layer& layer, const Value& value,
                                     Levels& levels) const {
  int64_t low = INT64_MAX;
  int64_t high = INT64_MIN;
  for (int row = 0; row < layer.rows(); ++row) {
    const auto [least, greatest] = reachable_sums(layer, row);
    int64_t a = boundaries_of(levels, row).reached(value.line(row).at(least));
    int64_t b = boundaries_of(levels, row).reached(value.line(row).at(greatest));
    if (a > b) std::swap(a, b);
    low = std::min(low, a);
    high = std::max(high, b);
  }
  levels.format = format_holding(levels.base + low, levels.base + high);
  if (levels.format.bits > most_bits) {
    refuse(node, "makes levels of " + std::to_string(levels.format.bits) + " bits", "at most 16");
  }
}

Value OnnxImport::quantized(const Node& node, Value value, Levels levels) {
  if (value.source == Source::input) return quantized_input(node, value, levels);
  if (value.padding != Padding(0) || value.window) {
    refuse(node, "quantizes what is padded or unfolded for a product", "that before it");
  }
  if (value.source == Source::levels && is_unchanged(value, levels)) {
    record(node, "the same levels");
    return levels_value(value, value.tensor, levels);
  }
  Layer layer = value.source == Source::levels ? identity_layer(value) : *value.layer;
  check_sums(node, layer);
  if (levels.format.bits > 8 && value.addends.empty()) {
    narrow_to_reachable(node, layer, value, levels);
  }
  layer.output_format = levels.format;
  if (!value.addends.empty()) {
    fit_add_tables(node, layer, value, levels);
  } else {
    check_signs(node, layer, value);
    for (int row = 0; row < layer.rows(); ++row) {
      Line line = value.line(row);
      if (line.slope < 0) negate_row(node, layer, row, line);
      set_thresholds(layer, row, line, boundaries_of(levels, row), below(levels), is_close_);
    }
  }
  const int tensor = builder_.add(std::move(layer));
  record(node, in_short(builder_.producer(tensor)));
  return levels_value(value, tensor, levels);
}

void OnnxImport::check_signs(const Node& node, const Layer& layer, const Value& value) const {
  if (layer.kind != LayerKind::add) return;
  const bool falls = value.lines[0].slope < 0;
  for (const Line& line : value.lines) {
    if ((line.slope < 0) != falls) {
      refuse(node, "scales of both signs after an add", "scales above 0");
    }
  }
}

void OnnxImport::check_sums(const Node& node, const Layer& layer) const {
  const auto [least, greatest] = layer.kind->sums_between(layer);
  const std::string wide = too_wide(least, greatest);
  if (!wide.empty()) refuse(node, "has " + wide, narrow_sums);
}

Value OnnxImport::levels_value(const Value& like, int tensor, const Levels& levels) const {
  Value result;
  result.source = Source::levels;
  result.dims = like.dims;
  result.is_channels_last = like.is_channels_last;
  result.shape = like.shape;
  result.tensor = tensor;
  result.lines.clear();
  for (const Rational& scale : levels.scales) {
    Line line;
    line.slope = scale;
    line.offset = levels.offset;
    result.lines.push_back(std::move(line));
  }
  return result;
}

Value OnnxImport::quantized_by(const Node& node, const Value& value, const Levels& levels,
                               const std::function<int64_t(int, int64_t)>& level) {
  if (value.source == Source::input) {
    return quantized_by(node, raw_levels(node, value), levels, level);
  }
  if (!value.addends.empty()) refuse(node, "adds what has no common scale", "integers");
  Layer layer = value.source == Source::levels ? identity_layer(value) : *value.layer;
  check_sums(node, layer);
  check_signs(node, layer, value);
  layer.output_format = levels.format;
  for (int row = 0; row < layer.rows(); ++row) {
    Line line = value.line(row);
    if (line.slope < 0) negate_row(node, layer, row, line);
    if (!is_integer(line.slope) || !is_integer(line.offset) || line.slope == 0 || line.low ||
        line.high) {
      refuse(node, "reads what are no integers", "an integer network before it");
    }
    const auto slope = nearest(line.slope);
    const auto offset = nearest(line.offset);
    if (std::abs(slope) > 1e6 || std::abs(offset) > 1e15) {
      refuse(node, "reads integers beyond its bounds", "32 bits");
    }
    const auto m = static_cast<int64_t>(slope);
    const auto b = static_cast<int64_t>(offset);
    search_thresholds(layer, row, [&](int64_t sum) { return level(row, m * sum + b); });
  }
  const int tensor = builder_.add(std::move(layer));
  record(node, in_short(builder_.producer(tensor)));
  return levels_value(value, tensor, levels);
}

/// Integer tables whose sum is in the same order as the sum of unlike scales, at every boundary:
/// found by trying, proved by all pairs of codes.
void OnnxImport::fit_add_tables(const Node& node, Layer& layer, const Value& value,
                                const Levels& levels) const {
  if (!all_same(value.lines) || levels.boundaries.size() != 1) {
    refuse(node, "scales channels apart after an add of unlike scales", "one scale");
  }
  const Line& outer = value.lines[0];
  const Boundaries& boundaries = levels.boundaries[0];
  std::vector<std::vector<Rational>> meant;
  Rational greatest = 0;
  for (size_t k = 0; k < 2; ++k) {
    const NumberFormat format = builder_.format(layer.inputs[k]);
    layer.tables[k] = {format, {}};
    meant.emplace_back();
    for (uint32_t code = 0; code < 1U << format.bits; ++code) {
      Rational r = value.addends[k].at(format.value(code));
      const Rational size = abs(r);
      if (size > greatest) greatest = size;
      if (outer.slope < 0) r = -r;
      meant[k].push_back(std::move(r));
    }
  }
  std::vector<int64_t> reached;
  reached.reserve(meant[0].size() * meant[1].size());
  for (const Rational& a : meant[0]) {
    for (const Rational& b : meant[1]) {
      const Rational sum = outer.slope < 0 ? Rational(-(a + b)) : Rational(a + b);
      reached.push_back(boundaries.reached(outer.at(sum)));
    }
  }
  constexpr int tries = 24;
  const Rational most = Rational(int64_t{1} << 29) / (greatest == 0 ? Rational(1) : greatest);
  for (int t = 0; t < tries; ++t) {
    const Rational factor = most * Rational(1000 - 37 * t, 1000);
    for (size_t k = 0; k < 2; ++k) {
      layer.tables[k].values.clear();
      for (const Rational& r : meant[k]) {
        layer.tables[k].values.push_back(
            floor_of(r * factor + Rational(1, 2)).convert_to<int32_t>());
      }
    }
    const auto levels_there = static_cast<size_t>(boundaries.count()) + 1;
    std::vector<int64_t> least(levels_there, INT64_MAX);
    std::vector<int64_t> most_of(levels_there, INT64_MIN);
    size_t pair = 0;
    for (const int32_t a : layer.tables[0].values) {
      for (const int32_t b : layer.tables[1].values) {
        const auto n = static_cast<size_t>(reached[pair++]);
        const int64_t sum = int64_t{a} + b;
        least[n] = std::min(least[n], sum);
        most_of[n] = std::max(most_of[n], sum);
      }
    }
    const auto [low, high] = layer.kind->sums_between(layer);
    std::vector<int64_t> thresholds;
    int64_t so_far = low - 1;
    bool ordered = true;
    for (size_t n = 0; n + 1 < levels_there; ++n) {
      so_far = std::max(so_far, most_of[n]);
      thresholds.push_back(so_far);
    }
    int64_t above = INT64_MAX;
    for (size_t n = levels_there - 1; n > 0; --n) {
      above = std::min(above, least[n]);
      ordered = ordered && above > thresholds[n - 1];
    }
    if (!ordered) continue;
    for (int row = 0; row < layer.rows(); ++row) {
      for (int64_t i = 0; i < layer.output_format.thresholds(); ++i) {
        const int64_t b = i - below(levels);
        const int64_t found = b < 0                     ? low - 1
                              : b >= boundaries.count() ? high
                                                        : thresholds[static_cast<size_t>(b)];
        layer.thresholds.push_back(static_cast<int32_t>(std::clamp(found, low - 1, high)));
      }
    }
    return;
  }
  refuse(node, "adds scales for which no integer tables of 30 bits keep all ties apart",
         "one scale for both branches (a shared quantizer)");
}

Value OnnxImport::quantized_input(const Node& node, const Value& value, const Levels& levels) {
  const bool integers = has_integer_input();
  const ExactPixels pixels(options_, integers, value.shape.channels, builder_.where());
  const auto rows = static_cast<int>(std::max(
      {static_cast<size_t>(pixels.channels()), value.lines.size(), levels.boundaries.size()}));
  const int64_t least = value_of(levels, 0);
  const int64_t most = value_of(levels, boundaries_of(levels, 0).count());
  InputMap map;
  const auto stored = [&](int64_t code) {  // of the quantizer
    if (levels.format.kind == FormatKind::binary) return code > 0 ? 1 : -1;
    return static_cast<int>(std::clamp(code, least, most));
  };
  for (int row = 0; row < rows; ++row) {
    Line line = value.line(row);
    const Line of_pixel = pixels.line(row);
    line.substitute(of_pixel.slope, of_pixel.offset);
    for (int byte = 0; byte < 256; ++byte) {
      const int64_t reached = boundaries_of(levels, row).reached(line.at(byte));
      map.pixels.push_back(pixels.is_code() ? stored(code_of(byte))
                                            : static_cast<int>(value_of(levels, reached)));
    }
  }
  map.integers = byte_codes([&](int code) {
                   if (!integers) return stored(code);
                   return static_cast<int>(
                       value_of(levels, boundaries_of(levels, 0).reached(value.line(0).at(code))));
                 }).integers;
  set_input(node, value, levels.format, map);
  record(node, "the input: " + value.shape.text() + " " + levels.format.name());
  return levels_value(value, 0, levels);
}

void OnnxImport::set_input(const Node& node, const Value& value, NumberFormat format,
                           const InputMap& map) {
  if (has_input_ && (map != input_map_ || builder_.format(0) != format)) {
    refuse(node, "quantizes the input once more, in another way", "one quantizer for the input");
  }
  has_input_ = true;
  input_map_ = map;
  builder_.set_input(value.shape, format);
}

bool OnnxImport::has_integer_input() const {
  const OnnxInterface& input = file_.inputs.front();
  if (input.type != onnx_type::float32 && input.type != onnx_type::float64) return true;
  if (file_.datatypes.count(input.name) > 0 && finn_format(file_.datatypes.at(input.name))) {
    return true;
  }
  return std::any_of(file_.nodes.begin(), file_.nodes.end(),
                     [](const OnnxNode& n) { return n.operation == "RequantShift"; });
}

Value OnnxImport::raw_levels(const Node& node, const Value& value) {
  const OnnxInterface& input = file_.inputs.front();
  const bool integers = has_integer_input();
  const ExactPixels pixels(options_, integers, value.shape.channels, builder_.where());
  NumberFormat format =
      pixels.is_code() || input.type == onnx_type::int8 ? full_format(8) : unsigned_format(8);
  if (const auto said = file_.datatypes.find(input.name); said != file_.datatypes.end()) {
    format = finn_format(said->second).value_or(format);
  }
  const bool is_binary = format.kind == FormatKind::binary;
  const auto held = [&](int integer) {
    if (is_binary) return integer > 0 ? 1 : -1;
    return std::clamp(integer, format.min_level(), format.max_level());
  };
  InputMap map;
  for (int byte = 0; byte < 256; ++byte) {
    map.pixels.push_back(is_binary ? (byte > 127 ? 1 : -1)
                         : format == full_format(8) && !pixels.is_code()
                             ? byte - 128
                             : held(pixels.is_code() ? code_of(byte) : byte));
  }
  if (format != unsigned_format(8)) map.integers = byte_codes(held).integers;
  set_input(node, value, format, map);
  Value result = value;
  result.source = Source::levels;
  result.tensor = 0;
  if (pixels.channels() > 1) spread(result);
  for (size_t c = 0; c < result.lines.size(); ++c) {
    if (pixels.is_code() || format != unsigned_format(8)) continue;
    const Line of_pixel = pixels.line(static_cast<int>(c));
    result.lines[c].substitute(of_pixel.slope, of_pixel.offset);
  }
  return result;
}

Value OnnxImport::as_levels(const Node& node, Value value) {
  if (value.is_constant()) refuse(node, "reads a constant", "what is computed from the input");
  if (value.source == Source::input) value = raw_levels(node, value);
  if (value.source == Source::levels) {
    const NumberFormat format = builder_.format(value.tensor);
    bool clips = false;
    for (Line& line : value.lines) {
      clips = clips || has_effective_clip(line, format);
      if (has_effective_clip(line, format)) continue;
      line.low = line.high = std::nullopt;
    }
    if (!clips) return value;
  } else if (value.layer->has_weights() || !value.addends.empty()) {
    refuse(node, "reads sums that no quantizer has made levels of",
           "a quantizer (Quant, QuantizeLinear, MultiThreshold) before it");
  }
  return on_grid(node, std::move(value));
}

/// Levels, or the sums of an add or pool, as levels of their own: clips cut the range.
Value OnnxImport::on_grid(const Node& node, Value value) {
  const Line line = value.lines[0];
  if (!all_same(value.lines) || line.slope <= 0) {
    refuse(node, "reads clipped or added levels with several scales", "a quantizer before it");
  }
  std::pair<int64_t, int64_t> range;
  if (value.source == Source::levels) {
    const NumberFormat format = builder_.format(value.tensor);
    range = {format.min_level(), format.max_level()};
  } else {
    range = value.layer->kind->sums_between(*value.layer);
  }
  const auto level_at = [&](const Rational& y) {
    const Rational x = (y - line.offset) / line.slope;
    if (!is_integer(x)) {
      refuse(node, "clips between two levels", "a clip at a level, or a quantizer after it");
    }
    return floor_of(x).convert_to<int64_t>();
  };
  if (line.low) range.first = std::max(range.first, level_at(*line.low));
  if (line.high) range.second = std::min(range.second, level_at(*line.high));
  if (range.second <= range.first || range.second - range.first > (1 << most_bits) - 1) {
    refuse(node, "reads levels of more than 16 bits", "a quantizer before it");
  }
  Levels levels;
  levels.format = format_holding(range.first, range.second);
  levels.base = range.first;
  levels.boundaries = {Boundaries::uniform(line.slope, -line.offset / line.slope, range.first + 1,
                                           range.second - range.first, Rounding::half_even)};
  levels.scales = {line.slope};
  levels.offset = line.offset;
  return quantized(node, std::move(value), std::move(levels));
}

}  // namespace stuckat::importing
