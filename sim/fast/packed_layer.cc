#include "sim/fast/packed_layer.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <limits>
#include <optional>

#include "sim/fast/dense_layer.h"
#include "sim/fast/rounding.h"
#include "workloads/errors.h"

namespace stuckat::fast {
namespace {

constexpr int most_bits_in_planes = 4;
constexpr int never = std::numeric_limits<int32_t>::min() / 2;  // margin of a padding row

std::optional<LayerPath> path_of(const Layer& layer, TensorForm input, TensorForm output) {
  if (layer.part() == HardwarePart::max_pool) {
    return input == TensorForm::planes ? std::optional(LayerPath::pool) : std::nullopt;
  }
  if (input == TensorForm::planes && output != TensorForm::values) return LayerPath::matrix;
  if (input == TensorForm::values && output == TensorForm::planes) return LayerPath::first;
  return {};
}

/// Margins are sums less thresholds, in 32 bits, which hold twice the greatest sum then.
bool margins_fit(const Layer& layer) {
  if (!layer.kind->sums || layer.accumulator_output) return true;
  const auto [least, greatest] = layer.kind->sums_between(layer);
  return greatest - least + 1 < std::numeric_limits<int32_t>::max();
}

void pack_columns(const Layer& layer, PackedLayer& packed) {
  const size_t stride = static_cast<size_t>(packed.rows_padded);
  packed.columns.assign(static_cast<size_t>(layer.columns()) * stride, 0);
  for (int row = 0; row < layer.rows(); ++row) {
    const int8_t* weights = layer.weight_row(row);
    for (int column = 0; column < layer.columns(); ++column) {
      packed.columns[static_cast<size_t>(column) * stride + static_cast<size_t>(row)] =
          weights[column];
      packed.weight_magnitude = std::max(packed.weight_magnitude, std::abs(int{weights[column]}));
    }
  }
  if (packed.path == LayerPath::first) {
    packed.wide_columns.assign(packed.columns.begin(), packed.columns.end());
    const NumberFormat format = layer.input_format;
    const int64_t largest = std::max(std::abs(format.min_value()), std::abs(format.max_level()));
    packed.sums_fit_16_bits =
        layer.columns() * packed.weight_magnitude * largest <= std::numeric_limits<int16_t>::max();
  }
}

void pack_bit_columns(const Layer& layer, PackedLayer& packed) {
  constexpr size_t widest_vector = 8;  // words that a load may read beyond the end
  const bool plus_minus = std::all_of(layer.weights.begin(), layer.weights.end(),
                                      [](int8_t w) { return w == 1 || w == -1; });
  const size_t words = static_cast<size_t>(packed.rows_padded / rows_per_word);
  const size_t columns = static_cast<size_t>(layer.columns());
  const bool fits = (columns + 2) * words <= std::numeric_limits<int32_t>::max();
  if (packed.path != LayerPath::matrix || !plus_minus || !fits) return;
  packed.zero_column = static_cast<int32_t>(columns * words);
  packed.ones_column = static_cast<int32_t>((columns + 1) * words);
  packed.bit_columns.assign((columns + 2) * words + widest_vector, 0);
  std::fill_n(packed.bit_columns.begin() + packed.ones_column, words, ~uint64_t{0});
  for (size_t column = 0; column < columns; ++column) {
    for (int row = 0; row < layer.rows(); ++row) {
      if (layer.weight_row(row)[column] < 0) continue;
      packed.bit_columns[column * words + static_cast<size_t>(row / rows_per_word)] |=
          uint64_t{1} << (row % rows_per_word);
    }
  }
}

void pack_thresholds(const Layer& layer, PackedLayer& packed) {
  const size_t stride = static_cast<size_t>(packed.rows_padded);
  const bool from_values = packed.path == LayerPath::first;
  const int padding_value = from_values ? 0 : layer.input_format.padding_value();
  packed.base.assign(stride, 0);
  packed.base_margin.assign(static_cast<size_t>(packed.thresholds) * stride, never);
  for (int row = 0; row < layer.rows(); ++row) {
    int sum = 0;
    for (int column = 0; column < layer.columns(); ++column) sum += layer.weight_row(row)[column];
    const int base = layer.is_xnor() ? (layer.columns() - sum) / 2 : sum * padding_value;
    packed.base[static_cast<size_t>(row)] = base;
    std::vector<int32_t> sorted(layer.threshold_row(row),
                                layer.threshold_row(row) + packed.thresholds);
    std::sort(sorted.begin(), sorted.end());
    for (int t = 0; t < packed.thresholds; ++t) {
      packed.base_margin[static_cast<size_t>(t) * stride + static_cast<size_t>(row)] =
          margin_of(packed, base, sorted[static_cast<size_t>(t)]);
    }
  }
}

}  // namespace

int base_change(const Layer& layer, int weight_sum_change) {
  return layer.is_xnor() ? -weight_sum_change / 2
                         : weight_sum_change * layer.input_format.padding_value();
}

int32_t margin_of(const PackedLayer& layer, int base, int threshold) {
  // A broken threshold may lie as far away as 32 bits reach: further than any sum is all the same.
  const int64_t margin = int64_t{base} - threshold - 1;
  return floor_divide(static_cast<int>(std::clamp<int64_t>(margin, never, -int64_t{never})),
                      layer.unit);
}

TensorLayout layout_of(const Network& network, int tensor) {
  TensorLayout layout;
  layout.shape = network.shape(tensor);
  if (network.holds_accumulators(tensor)) {
    layout.form = TensorForm::accumulators;
    return layout;
  }
  layout.format = network.format(tensor);
  if (layout.format.bits > most_bits_in_planes) {
    layout.form = TensorForm::values;
    return layout;
  }
  const bool binary = layout.format.kind == FormatKind::binary;
  layout.planes = binary ? 1 : layout.format.max_level() - layout.format.min_value();
  layout.words = (layout.shape.channels + rows_per_word - 1) / rows_per_word;
  layout.reference_level = binary ? 0 : layout.format.padding_value() - layout.format.min_value();
  return layout;
}

bool has_path(const Layer& layer, const TensorLayout& input, const TensorLayout& output) {
  return path_of(layer, input.form, output.form).has_value() && margins_fit(layer);
}

PackedLayer pack_layer(const Layer& layer, const TensorLayout& input, const TensorLayout& output) {
  PackedLayer packed;
  packed.path = path_of(layer, input.form, output.form).value();
  packed.input = layer.input;
  packed.output = layer.output;
  packed.stride = layer.stride;
  packed.padding = layer.padding;
  packed.kernel_height = packed.kernel_width = layer.kernel;
  packed.accumulator_output = layer.accumulator_output;
  if (layer.part() == HardwarePart::max_pool) return packed;
  const bool whole_input =
      layer.is_flat() || (layer.padding == 0 && layer.kernel == layer.input.height &&
                          layer.kernel == layer.input.width);
  if (whole_input) {
    packed.input = {1, layer.input.pixels(), layer.input.channels};
    packed.kernel_height = 1;
    packed.kernel_width = packed.input.width;
    packed.stride = 1;
  }
  packed.rows = layer.rows();
  packed.rows_padded = round_up(layer.rows(), rows_per_word);
  packed.thresholds = layer.thresholds_per_row();
  packed.first_plane = output.planes - packed.thresholds;
  const bool plus_minus = input.form == TensorForm::planes &&
                          layer.input_format.kind == FormatKind::binary && !layer.is_xnor();
  packed.unit = plus_minus ? 2 : 1;
  const int64_t window_columns = int64_t{packed.kernel_height} * packed.kernel_width;
  const int64_t widest =
      (packed.padded_width() + window_columns) * layer.input.channels * packed.rows_padded;
  if (widest > std::numeric_limits<uint32_t>::max()) {
    throw InputError(layer.name, "a row of " + std::to_string(widest) + " channels x rows",
                     "less than 2^32, for the fast engine");
  }
  pack_columns(layer, packed);
  pack_bit_columns(layer, packed);
  pack_thresholds(layer, packed);
  if (packed.path == LayerPath::matrix && packed.thresholds > 0) {
    packed.dense = dense_weights(packed);
  }
  return packed;
}

void planes_from_values(const TensorLayout& layout, const Tensor& values, uint64_t* planes) {
  assert(layout.form == TensorForm::planes && values.shape == layout.shape);
  std::fill_n(planes, layout.total_words(), uint64_t{0});
  const bool binary = layout.format.kind == FormatKind::binary;
  const int32_t* value = values.values.data();
  for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
    uint64_t* words = planes + static_cast<size_t>(pixel) * layout.pixel_words();
    for (int c = 0; c < layout.shape.channels; ++c, ++value) {
      const int level = binary ? (*value > 0 ? 1 : 0) : *value - layout.format.min_value();
      const uint64_t bit = uint64_t{1} << (c % rows_per_word);
      for (int k = 0; k < level; ++k) words[k * layout.words + c / rows_per_word] |= bit;
    }
  }
}

Tensor values_from_planes(const TensorLayout& layout, const uint64_t* planes) {
  Tensor result{layout.shape, {}};
  result.values.reserve(static_cast<size_t>(layout.shape.size()));
  const bool binary = layout.format.kind == FormatKind::binary;
  for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
    const uint64_t* words = planes + static_cast<size_t>(pixel) * layout.pixel_words();
    for (int c = 0; c < layout.shape.channels; ++c) {
      int level = 0;
      for (int k = 0; k < layout.planes; ++k) {
        level += static_cast<int>(
            words[k * layout.words + c / rows_per_word] >> (c % rows_per_word) & 1u);
      }
      result.values.push_back(binary ? 2 * level - 1 : layout.format.min_value() + level);
    }
  }
  return result;
}

void pool_planes(const PackedLayer& layer, const TensorLayout& input, const uint64_t* planes,
                 uint64_t* out) {
  const size_t stride = static_cast<size_t>(input.pixel_words());
  const auto word = [&](int pixel, int w) {
    return planes[static_cast<size_t>(pixel) * stride + static_cast<size_t>(w)];
  };
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel, out += stride) {
    pool_pixel(layer, input, pixel, word, out);
  }
}

}  // namespace stuckat::fast
