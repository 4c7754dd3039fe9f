#include "sim/fast/break_even.h"

#include <algorithm>
#include <bit>

namespace stuckat::fast {
namespace {

// Cycles on a processor with AVX-512 (Sapphire Rapids).
constexpr double cycles_per_change = 12;     // found and listed
constexpr double cycles_per_addition = 2;    // of 64 rows to sums in memory
constexpr double cycles_per_gather = 1.2;    // of 64 rows to sums in registers
constexpr double cycles_per_window = 60;     // a window of the gather
constexpr double cycles_per_popcount = 1.5;  // of 512 bits, with the products and the sum
constexpr double cycles_per_output = 30;     // comparison of 64 rows

}  // namespace

Way cheapest_way(const PackedLayer& layer, const TensorLayout& input, int64_t changes,
                 bool can_scatter) {
  const double words = layer.rows_padded / rows_per_word;
  const double outputs = layer.output.pixels();
  const double positions = double(layer.kernel_height) * layer.kernel_width;
  const double count = static_cast<double>(changes);
  const double stride = double(layer.stride) * layer.stride;
  const double additions = count * std::min(positions / stride, outputs) * words;
  const double listed = count * cycles_per_change;
  const double seen = std::min(outputs, count * positions / stride);
  double best = listed + additions * cycles_per_gather +
                seen * (cycles_per_window + words * layer.thresholds * 4);
  Way way = Way::gather;
  const double scatter = listed + additions * cycles_per_addition + seen * words * 10;
  if (can_scatter && scatter < best) {
    best = scatter;
    way = Way::scatter;
  }
  if (layer.accumulator_output) return way;
  const NumberFormat format = input.format;
  const int largest = format.kind == FormatKind::binary ? 1 : format.max_level();
  const int digits = layer.dense.digits * std::bit_width(static_cast<unsigned>(largest));
  const double products =
      outputs * words * 8 * layer.dense.column_words * digits * (layer.dense.plus_minus ? 1 : 2.5);
  const double dense =
      products * cycles_per_popcount + outputs * words * layer.thresholds * cycles_per_output;
  return dense < best ? Way::dense : way;
}

}  // namespace stuckat::fast
