#include "models/loopback/activation_buffers.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace stuckat::loopback {

void ActivationBuffers::open(const Network& network, int tensor) {
  pools_.clear();
  written_.clear();
  constexpr int32_t below_everything = std::numeric_limits<int32_t>::min();
  auto add = [&](Shape shape) {
    written_.push_back(
        {shape, std::vector<int32_t>(static_cast<size_t>(shape.size()), below_everything)});
  };
  add(network.tensor_shape(tensor));
  for (size_t i = static_cast<size_t>(tensor); i < network.layers.size(); ++i) {
    if (network.layers[i].kind != LayerKind::max_pool) break;
    pools_.push_back(&network.layers[i]);
    add(network.layers[i].output);
  }
}

void ActivationBuffers::write(int pixel, int first_channel, int count, const int32_t* values) {
  Tensor& tensor = written_.front();
  const int y = pixel / tensor.shape.width;
  const int x = pixel % tensor.shape.width;
  if (pools_.empty()) {
    std::copy_n(values, count, &tensor.at(y, x, first_channel));
    return;
  }
  for (int i = 0; i < count; ++i) write_element(0, y, x, first_channel + i, values[i]);
}

/// A pool behind a pool sees running maxima, which end at the right one.
void ActivationBuffers::write_element(size_t level, int y, int x, int channel, int32_t value) {
  int32_t& kept = written_[level].at(y, x, channel);
  kept = std::max(kept, value);
  if (level == pools_.size()) return;
  // Output windows [oy*stride, oy*stride + kernel) that hold y.
  const Layer& pool = *pools_[level];
  const auto first = [&](int i) { return std::max(0, (i - pool.kernel) / pool.stride); };
  for (int oy = first(y); oy < pool.output.height && oy * pool.stride <= y; ++oy) {
    if (oy * pool.stride + pool.kernel <= y) continue;
    for (int ox = first(x); ox < pool.output.width && ox * pool.stride <= x; ++ox) {
      if (ox * pool.stride + pool.kernel <= x) continue;
      write_element(level + 1, oy, ox, channel, value);
    }
  }
}

void ActivationBuffers::swap() { read_ = std::move(written_.back()); }

const int32_t* ActivationBuffers::window(const Layer& layer, int pixel) {
  assert(read_.shape == layer.input);
  if (layer.kind == LayerKind::dense) return read_.values.data();
  window_.resize(static_cast<size_t>(layer.columns()));
  const int channels = layer.input.channels;
  const int top = pixel / layer.output.width * layer.stride - layer.padding;
  const int left = pixel % layer.output.width * layer.stride - layer.padding;
  int32_t* to = window_.data();
  for (int y = top; y < top + layer.kernel; ++y) {
    for (int x = left; x < left + layer.kernel; ++x, to += channels) {
      const bool inside = y >= 0 && x >= 0 && y < layer.input.height && x < layer.input.width;
      if (inside)
        std::copy_n(read_.values.data() + (y * layer.input.width + x) * channels, channels, to);
      else
        std::fill_n(to, channels, layer.input_format.padding_value());
    }
  }
  return window_.data();
}

}  // namespace stuckat::loopback
