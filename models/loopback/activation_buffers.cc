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
  const int kept = tensor + static_cast<int>(pools_.size());
  accumulators_ = kept == network.tensors() - 1;
  if (!accumulators_) format_ = network.tensor_format(kept);
  bits_ = accumulators_ ? 32 : format_.bits;
  pixel_bytes_ = (network.tensor_shape(kept).channels * bits_ + 7) / 8;
}

void ActivationBuffers::stick(int buffer, int address, int bit, bool one) {
  StuckBytes& bytes = stuck_[buffer];
  const auto at = static_cast<size_t>(address);
  if (bytes.keep.size() <= at) {
    bytes.keep.resize(at + 1, 0xFF);
    bytes.set.resize(at + 1, 0);
  }
  const auto mask = static_cast<uint8_t>(1u << bit);
  bytes.keep[at] &= static_cast<uint8_t>(~mask);
  if (one) bytes.set[at] |= mask;
}

/// What is read back where `value` was written.
int32_t ActivationBuffers::stored(int pixel, int channel, int32_t value) const {
  const StuckBytes& bytes = stuck_[writes_to_];
  uint32_t code = accumulators_ ? static_cast<uint32_t>(value) : format_.code(value);
  for (int b = 0; b < bits_; ++b) {
    const int at = channel * bits_ + b;
    const auto byte = static_cast<size_t>(pixel * pixel_bytes_ + at / 8);
    if (byte >= bytes.keep.size()) break;
    const uint32_t raw = code >> b & 1u;
    const uint32_t read = (raw & bytes.keep[byte] >> at % 8) | (bytes.set[byte] >> at % 8 & 1u);
    code = (code & ~(1u << b)) | read << b;
  }
  return accumulators_ ? static_cast<int32_t>(code) : format_.value(code);
}

void ActivationBuffers::write(int pixel, int first_channel, int count, const int32_t* values) {
  Tensor& tensor = written_.front();
  const int y = pixel / tensor.shape.width;
  const int x = pixel % tensor.shape.width;
  if (pools_.empty() && stuck_[writes_to_].keep.empty()) {
    std::copy_n(values, count, &tensor.at(y, x, first_channel));
    return;
  }
  for (int i = 0; i < count; ++i) write_element(0, y, x, first_channel + i, values[i]);
}

/// A pool behind a pool sees running maxima, which end at the right one.
void ActivationBuffers::write_element(size_t level, int y, int x, int channel, int32_t value) {
  int32_t& kept = written_[level].at(y, x, channel);
  kept = std::max(kept, value);
  if (level == pools_.size()) {
    const bool healthy = stuck_[writes_to_].keep.empty();
    if (!healthy) kept = stored(y * written_[level].shape.width + x, channel, kept);
    return;
  }
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

void ActivationBuffers::swap() {
  read_ = std::move(written_.back());
  writes_to_ = 1 - writes_to_;
}

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
