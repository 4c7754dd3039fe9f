#include "sim/fast/levels/level_layers.h"

#include <algorithm>

#include "sim/fast/levels/level_kernels.h"

namespace stuckat::fast {
namespace {

/// visit(where a pixel under the window at (y, x) begins) for pixels of the image.
template <typename Visit>
void for_each_under(const LevelLayer& layer, const LevelTensor& input, int pixel,
                    const Visit& visit) {
  const int top = pixel / layer.output.width * layer.stride.height - layer.padding.top;
  const int left = pixel % layer.output.width * layer.stride.width - layer.padding.left;
  const int bottom = std::min(top + layer.kernel.height, layer.input.height);
  const int right = std::min(left + layer.kernel.width, layer.input.width);
  for (int y = std::max(0, top); y < bottom; ++y) {
    for (int x = std::max(0, left); x < right; ++x) {
      visit(input.at[static_cast<size_t>(y * layer.input.width + x)]);
    }
  }
}

void sum_matrix(const LevelLayer& layer, const uint8_t* image, std::span<const int> blocks,
                std::span<const int> pixels, int32_t* sums) {
  const int channels = layer.input.channels / layer.groups;
  kernels::WindowProducts products;
  products.pixel_bytes = layer.input.channels;
  products.corners = layer.corners;
  products.runs = layer.runs;
  products.run_words = layer.run_words;
  products.weights = layer.weights.data();
  for (size_t i = 0; i < blocks.size();) {
    const int group = layer.blocks[static_cast<size_t>(blocks[i])].group;
    size_t end = i + 1;
    while (end < blocks.size() && blocks[end] == blocks[end - 1] + 1 &&
           layer.blocks[static_cast<size_t>(blocks[end])].group == group) {
      ++end;
    }
    products.image = image + static_cast<std::ptrdiff_t>(group) * channels;
    kernels::multiply(products, blocks[i], static_cast<int>(end - i), pixels, layer.slots, sums);
    i = end;
  }
}

void sum_windows(const LevelLayer& layer, const LevelTensor& input, const uint8_t* image,
                 std::span<const int> pixels, int32_t* sums) {
  const int channels = layer.input.channels;
  for (const int pixel : pixels) {
    std::fill_n(sums, layer.slots, 0);
    int count = 0;
    for_each_under(layer, input, pixel, [&](uint32_t at) {
      const uint8_t* levels = image + at;
      for (int c = 0; c < channels; ++c) sums[c] += levels[c];
      ++count;
    });
    for (int c = 0; c < channels; ++c) sums[c] = input.scale * sums[c] + count * input.lowest;
    sums += layer.slots;
  }
}

void sum_tables(const LevelNetwork& network, const LevelLayer& layer, LevelInputs inputs,
                std::span<const int> pixels, int32_t* sums) {
  for (const int pixel : pixels) {
    std::fill_n(sums, layer.slots, 0);
    for (size_t k = 0; k < inputs.size(); ++k) {
      const uint8_t* levels =
          inputs[k] + network.tensor(layer.inputs[k]).at[static_cast<size_t>(pixel)];
      const int32_t* table = layer.tables[k].data();
      for (int c = 0; c < layer.output.channels; ++c) sums[c] += table[levels[c]];
    }
    sums += layer.slots;
  }
}

}  // namespace

void list_pixels(const Area& area, int width, std::vector<int>& pixels) {
  pixels.clear();
  for (int y = area.top; y < area.bottom; ++y) {
    for (int x = area.left; x < area.right; ++x) pixels.push_back(y * width + x);
  }
}

bool has_sums(const LevelLayer& layer) {
  return layer.work != LevelWork::maximum && layer.work != LevelWork::concat;
}

void sum_layer(const LevelNetwork& network, const LevelLayer& layer, LevelInputs inputs,
               std::span<const int> blocks, std::span<const int> pixels, int32_t* sums) {
  switch (layer.work) {
    case LevelWork::matrix:
      return sum_matrix(layer, inputs[0], blocks, pixels, sums);
    case LevelWork::depthwise:
      return kernels::multiply_depthwise(layer, inputs[0], blocks, pixels, sums);
    case LevelWork::average:
      return sum_windows(layer, network.tensor(layer.inputs[0]), inputs[0], pixels, sums);
    case LevelWork::add:
      return sum_tables(network, layer, inputs, pixels, sums);
    case LevelWork::maximum:
    case LevelWork::concat:
      return;
  }
}

void move_levels(const LevelNetwork& network, int index, LevelInputs inputs,
                 std::span<const int> pixels, uint8_t* to) {
  const LevelLayer& layer = network.layer(index);
  const LevelTensor& output = network.tensor(Network::output_tensor(index));
  const auto input_at = [&](size_t k, int pixel) {
    return inputs[k] + network.tensor(layer.inputs[k]).at[static_cast<size_t>(pixel)];
  };
  for (const int pixel : pixels) {
    uint8_t* levels = to + output.at[static_cast<size_t>(pixel)];
    if (layer.work == LevelWork::maximum) {
      std::fill_n(levels, layer.output.channels, uint8_t{0});
      for_each_under(layer, network.tensor(layer.inputs[0]), pixel, [&](uint32_t at) {
        const uint8_t* from = inputs[0] + at;
        for (int c = 0; c < layer.output.channels; ++c) levels[c] = std::max(levels[c], from[c]);
      });
    } else if (layer.work == LevelWork::concat) {
      for (size_t k = 0; k < inputs.size(); ++k) {
        const int channels = network.tensor(layer.inputs[k]).shape.channels;
        std::copy_n(input_at(k, pixel), channels, levels);
        levels += channels;
      }
    } else {
      look_up_pairs(layer.pairs.data(), static_cast<uint32_t>(layer.tables[1].size()),
                    input_at(0, pixel), input_at(1, pixel), layer.output.channels, levels);
    }
  }
}

void store_sums(const LevelLayer& layer, std::span<const int> pixels, const int32_t* sums,
                const int32_t* golden, int32_t* result) {
  for (const int pixel : pixels) {
    const std::ptrdiff_t at = std::ptrdiff_t{pixel} * layer.slots;
    for (int row = 0; row < layer.rows; ++row) {
      const int slot = layer.slot_of[static_cast<size_t>(row)];
      const int32_t sum = sums[slot] + (golden == nullptr ? 0 : golden[at + slot]);
      const int32_t base = layer.base.empty() ? 0 : layer.base[static_cast<size_t>(slot)];
      result[std::ptrdiff_t{pixel} * layer.rows + row] = base + layer.unit * sum;
    }
    sums += layer.slots;
  }
}

}  // namespace stuckat::fast
