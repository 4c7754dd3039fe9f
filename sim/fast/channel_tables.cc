#include "sim/fast/channel_tables.h"

#include "sim/fast/channel_rows.h"

namespace stuckat::fast {

bool ChannelTable::fits(const PackedLayer& layer, const TensorLayout& input, int variable_planes) {
  constexpr int widest_kernel = 4;
  const int most = variable_planes * layer.kernel_width * layer.kernel_height;
  return layer.path == LayerPath::matrix && !layer.accumulator_output && ChannelRows::fits(input) &&
         layer.kernel_width <= widest_kernel && layer.padded_width() <= ChannelRows::most_columns &&
         layer.output.pixels() > 1 && most <= layer.additions_in_8_bits();
}

ChannelTable::ChannelTable(const PackedLayer& layer, int channel)
    : patterns_(1 << layer.kernel_width), row_bytes_(int64_t{patterns_} * layer.rows_padded) {
  sums_.resize(static_cast<size_t>(row_bytes_ * layer.kernel_height));
  const size_t rows = static_cast<size_t>(layer.rows_padded);
  int8_t* to = sums_.data();
  for (int ky = 0; ky < layer.kernel_height; ++ky) {
    for (int pattern = 0; pattern < patterns_; ++pattern, to += rows) {
      for (int kx = 0; kx < layer.kernel_width; ++kx) {
        if ((pattern >> kx & 1) == 0) continue;
        const int column = (ky * layer.kernel_width + kx) * layer.input.channels + channel;
        const int8_t* weights = layer.columns.data() + static_cast<size_t>(column) * rows;
        for (size_t row = 0; row < rows; ++row)
          to[row] = static_cast<int8_t>(to[row] + weights[row]);
      }
    }
  }
}

}  // namespace stuckat::fast
