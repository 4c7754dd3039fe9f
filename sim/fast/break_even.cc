#include "sim/fast/break_even.h"

#include <algorithm>
#include <bit>

namespace stuckat::fast {
namespace {

// Nanoseconds on one core of a Sapphire Rapids server (AVX-512), fitted to what
// tests/perf/bench_break_even printed for CNV-W1A1, W1A2 and W2A2 on 2026-11-24; that program tells
// how far they are off elsewhere. "Word": 64 rows.
constexpr double per_change = 3;             // found and listed
constexpr double per_scattered_word = 0.65;  // added to sums in memory
constexpr double per_scattered_position = 0.4;
constexpr double per_gathered_word = 0.35;  // added to sums in registers, as bytes
constexpr double per_counted_word = 0.12;   // the same, as bits
constexpr double per_gathered_window = 30;  // also for guessing wrong how many changes it sees
constexpr double per_compared_word = 4;     // with the margin of one threshold
constexpr double per_dense_product = 0.55;  // of 512 pairs of bits
constexpr double per_dense_product_with_zeros = 1.2;  // weights of which some are 0
constexpr double per_dense_word = 12;                 // of one threshold of one output
constexpr double per_dense_layer = 200;
constexpr double per_digit_word = 3;       // of the input, as digits
constexpr double per_excess = 2;           // of a weight at one output
constexpr double per_counted_plane = 0.4;  // 512 pixels of one plane at one position of a window
constexpr double per_shifted_plane = 0.5;
constexpr double per_counted_row = 20;  // 512 pixels

// Rows one by one (row_calculator.h), measured likewise.
constexpr double per_window_column = 0.15;  // of the input, copied for all rows of a window
constexpr double per_calculator = 150;      // of a row, once
constexpr double per_row = 10;
constexpr double per_row_column = 0.1;

/// Nanoseconds of the products of the dense path with weights of so many digits.
double product_time(const PackedLayer& layer, const TensorLayout& input, int weight_digits,
                    bool plus_minus) {
  const double outputs = layer.output.pixels();
  const NumberFormat format = input.format;
  const int largest = format.kind == FormatKind::binary ? 1 : format.max_level();
  const int digits = weight_digits * std::bit_width(static_cast<unsigned>(largest));
  constexpr int tile_rows = 16;  // at once, and at least (32 of +1 and -1)
  const double vectors = (layer.rows + tile_rows - 1) / tile_rows * 2;
  const double products = outputs * vectors * layer.dense.column_words * digits;
  return products * (plus_minus ? per_dense_product : per_dense_product_with_zeros);
}

/// Nanoseconds of the dense path.
double dense_time(const PackedLayer& layer, const TensorLayout& input) {
  const double words = layer.rows_padded / rows_per_word;
  const double outputs = layer.output.pixels();
  return per_dense_layer + product_time(layer, input, layer.dense.digits, layer.dense.plus_minus) +
         outputs * words * layer.thresholds * per_dense_word +
         layer.input.pixels() * input.pixel_words() * per_digit_word;
}

}  // namespace

Way cheapest_way(const PackedLayer& layer, const TensorLayout& input, int64_t changes,
                 bool can_scatter) {
  const double count = static_cast<double>(changes);
  const double words = layer.rows_padded / rows_per_word;
  const double outputs = layer.output.pixels();
  const double positions = double{1} * layer.kernel_height * layer.kernel_width;
  // Windows that see a change, on average over the input.
  const double seen = positions * outputs / layer.input.pixels();
  const double touched = std::min(outputs, count * seen);
  const double compared = touched * words * layer.thresholds * per_compared_word;

  const bool counts = !layer.bit_columns.empty() && words >= 4;
  const bool fits = count * seen < outputs * layer.additions_in_8_bits();
  const double per_word =
      !fits ? 2 * per_gathered_word : (counts ? per_counted_word : per_gathered_word);
  double best =
      count * (per_change + seen * words * per_word) + touched * per_gathered_window + compared;
  Way way = Way::gather;
  const double scatter =
      count * (per_change + positions * (per_scattered_position + words * per_scattered_word)) +
      compared;
  if (can_scatter && scatter < best) {
    best = scatter;
    way = Way::scatter;
  }
  if (layer.accumulator_output) return way;

  return dense_time(layer, input) < best ? Way::dense : way;
}

bool wide_is_cheapest(const PackedLayer& layer, const TensorLayout& input, const Layer& of,
                      int64_t excesses) {
  const double narrow = product_time(layer, input, layer.dense.digits, layer.dense.plus_minus) +
                        static_cast<double>(excesses * layer.output.pixels()) * per_excess;
  return product_time(layer, input, of.weight_format.bits, false) < narrow;
}

bool sliced_is_cheapest(const PackedLayer& layer, const TensorLayout& input, int64_t entries,
                        int vectors) {
  const double shifted =
      double{1} * layer.kernel_height * layer.kernel_width * layer.input.channels * input.planes;
  const double sliced = static_cast<double>(entries) * per_counted_plane +
                        shifted * per_shifted_plane + layer.rows * per_counted_row;
  return sliced * vectors < dense_time(layer, input);
}

bool dense_is_cheapest_for_rows(const PackedLayer& layer, const TensorLayout& input, int64_t rows) {
  const double outputs = layer.output.pixels();
  const double columns = double{1} * layer.kernel_height * layer.window_row_columns();
  const double one_by_one =
      static_cast<double>(rows) * per_calculator +
      outputs * (columns * per_window_column +
                 static_cast<double>(rows) * (per_row + columns * per_row_column));
  return dense_time(layer, input) < one_by_one;
}

}  // namespace stuckat::fast
