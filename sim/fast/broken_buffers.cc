// FaultyPass: buffers that hold wrong values between tensors, of windows and of pools.
#include <algorithm>

#include "faultmaps/faulty_values.h"
#include "sim/fast/faulty_pass.h"

namespace stuckat::fast {
namespace {

int level_of(NumberFormat format, int value) {
  return format.kind == FormatKind::binary ? (value > 0 ? 1 : 0) : value - format.min_value();
}

}  // namespace

void FaultyPass::hold_operands(int index, const Effects& effects, int64_t image_index) {
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  held_ = {diff_[from], changed_[from], values_[from], {}, {}};
  const Layer& layer = network_.network().layer(index);
  Tensor input = tensor(network_.input_tensor(index));
  const Tensor padded = padded_operands(layer, index, effects.operands, input, image_index);
  const int width = padded.shape.width;
  const int channels = padded.shape.channels;
  const int padding = layer.input_format.padding_value();
  for (int pixel = 0; pixel < padded.shape.pixels(); ++pixel) {
    const int y = pixel / width - layer.padding;
    const int x = pixel % width - layer.padding;
    const int32_t* values = padded.values.data() + pixel * channels;
    if (y >= 0 && x >= 0 && y < layer.input.height && x < layer.input.width) {
      std::copy_n(values, channels, &input.at(y, x, 0));
    } else if (std::any_of(values, values + channels, [&](int v) { return v != padding; })) {
      held_.padding_pixels.push_back(pixel);
      held_.padding_values.insert(held_.padding_values.end(), values, values + channels);
    }
  }
  set_tensor(network_.input_tensor(index), input);
}

void FaultyPass::recompute_windows(int index) {
  if (held_.padding_pixels.empty()) return;
  const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
  const PackedLayer& packed = network_.layer(index);
  PixelSet readers(layer.output.pixels());
  for (const int pixel : held_.padding_pixels) {
    for_each_window(packed, pixel / packed.padded_width(), pixel % packed.padded_width(),
                    [&](int reader) { readers.insert(reader); });
  }
  std::vector<int> pixels;
  readers.for_each([&](int pixel) { pixels.push_back(pixel); });
  apply_rows_at(index, {}, all_rows(index, {}), 0, pixels, WindowEdits(layer, index, {}, 0),
                layer.columns());
}

void FaultyPass::release_operands(int index) {
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  std::swap(diff_[from], held_.diff);
  std::swap(changed_[from], held_.changed);
  std::swap(values_[from], held_.values);
  held_.padding_pixels.clear();
  held_.padding_values.clear();
}

void FaultyPass::apply_pools(int index, const Effects& effects, int64_t image_index) {
  const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
  const TensorLayout& out = network_.output_layout(index);
  const Tensor input = tensor(network_.input_tensor(index));
  const Tensor* const inputs[] = {&input};
  Tensor output;
  if (out.form != TensorForm::planes) output = tensor(network_.output_tensor(index));
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    bool touched = false;
    for (int channel = 0; channel < layer.output.channels; ++channel) {
      const BrokenPool pool = broken_pool_at(effects.pools, index, pixel, channel, image_index);
      if (pool == BrokenPool{}) continue;
      const int32_t value = broken_element(layer, pool, inputs, pixel / layer.output.width,
                                           pixel % layer.output.width, channel);
      touched = true;
      if (out.form == TensorForm::planes)
        set_level(network_.output_tensor(index), pixel, channel,
                  level_of(layer.output_format, value));
      else
        output.values[static_cast<size_t>(pixel * layer.output.channels + channel)] = value;
    }
    if (touched && out.form == TensorForm::planes)
      settle_pixel(network_.output_tensor(index), pixel);
  }
  if (out.form != TensorForm::planes) set_tensor(network_.output_tensor(index), output);
}

}  // namespace stuckat::fast
