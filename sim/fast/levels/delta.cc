#include "sim/fast/levels/delta.h"

#include <algorithm>

#include "sim/fast/levels/level_kernels.h"

namespace stuckat::fast {
namespace {

constexpr size_t read_behind_runs = 32;

/// Words of two products of one run.
int words(const LevelLayer& layer, size_t channels) {
  const int pixels = layer.run_bytes / layer.input.channels;
  return (pixels * static_cast<int>(channels) + 1) / 2;
}

}  // namespace

bool ChannelDelta::pays(const LevelLayer& layer, size_t channels) {
  return fits(layer) && 4 * words(layer, channels) <= 3 * layer.run_words;
}

void ChannelDelta::gather_weights(const LevelLayer& layer, std::span<const int> channels) {
  if (layer_ == &layer &&
      std::equal(channels.begin(), channels.end(), channels_.begin(), channels_.end())) {
    return;
  }
  layer_ = &layer;
  channels_.assign(channels.begin(), channels.end());
  const size_t run_words = static_cast<size_t>(words(layer, channels.size()));
  const size_t slots = static_cast<size_t>(layer.slots);
  weights_.assign(layer.runs.size() * run_words * slots * 2, 0);
  const int run_pixels = layer.run_bytes / layer.input.channels;
  for (size_t block = 0; block < layer.blocks.size(); ++block) {
    for (size_t run = 0; run < layer.runs.size(); ++run) {
      int16_t* to =
          weights_.data() + (block * layer.runs.size() + run) * run_words * block_rows * 2;
      size_t at = 0;  // in the run
      for (int pixel = 0; pixel < run_pixels; ++pixel) {
        for (const int channel : channels) {
          const size_t column = run * static_cast<size_t>(layer.run_bytes) +
                                static_cast<size_t>(pixel * layer.input.channels + channel);
          const int8_t* from = layer.columns.data() + column * slots + block * block_rows;
          int16_t* pair = to + at / 2 * block_rows * 2 + at % 2;
          for (int row = 0; row < block_rows; ++row) pair[2 * row] = from[row];
          ++at;
        }
      }
    }
  }
}

void ChannelDelta::multiply(const LevelLayer& layer, const LevelTensor& input,
                            const uint8_t* golden, const uint8_t* faulty,
                            std::span<const int> channels, const Area& changed,
                            std::span<const int> pixels, int32_t* changes) {
  gather_weights(layer, channels);
  const size_t count = channels.size();
  const auto all = static_cast<size_t>(input.shape.channels);
  image_.assign(static_cast<size_t>(input.width()) * static_cast<size_t>(input.height()) * count +
                    read_behind_runs,
                0);
  for (int y = changed.top; y < changed.bottom; ++y) {
    for (int x = changed.left; x < changed.right; ++x) {
      const size_t at = input.at[static_cast<size_t>(y * input.shape.width + x)];
      int16_t* to = image_.data() + at / all * count;
      for (const int c : channels) {
        const size_t byte = at + static_cast<size_t>(c);
        *to++ = static_cast<int16_t>(faulty[byte] - golden[byte]);
      }
    }
  }
  kernels::WindowProducts products;
  products.shorts = true;
  products.image = reinterpret_cast<const uint8_t*>(image_.data());
  products.pixel_bytes = static_cast<int>(count * sizeof(int16_t));
  products.corners = layer.corners;
  products.runs = layer.runs;
  products.run_words = words(layer, count);
  products.weights = reinterpret_cast<const int8_t*>(weights_.data());
  kernels::multiply(products, 0, static_cast<int>(layer.blocks.size()), pixels, layer.slots,
                    changes);
}

}  // namespace stuckat::fast
