#include "models/loopback/activation_buffers.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "faultmaps/placement.h"

namespace stuckat::loopback {

void ActivationBuffers::open(const Network& network, int tensor) {
  pools_.clear();
  written_.clear();
  constexpr int32_t below_everything = std::numeric_limits<int32_t>::min();
  auto add = [&](Shape shape) {
    written_.push_back(
        {shape, std::vector<int32_t>(static_cast<size_t>(shape.size()), below_everything)});
  };
  add(network.shape(tensor));
  for (const int pool : network.pools_after(tensor)) {
    pools_.push_back(&network.layer(pool));
    add(network.layer(pool).output);
  }
  const int kept = network.after_pools(tensor);
  Layout& l = layout_;
  l.accumulators = network.holds_accumulators(kept);
  if (!l.accumulators) l.format = network.format(kept);
  l.bits = stored_bits(network, kept);
  l.pixel_bytes = (network.shape(kept).channels * l.bits + 7) / 8;
  for (Flip& flip : flips_) flip.written = -1;
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

void ActivationBuffers::flip(int buffer, int address, int bit, int64_t cycle) {
  flips_.push_back({buffer, address, bit, cycle});
}

int32_t ActivationBuffers::stored(const StuckBytes& bytes, const Layout& layout, int pixel,
                                  int channel, int32_t value, uint32_t inverted) {
  uint32_t code = layout.accumulators ? static_cast<uint32_t>(value) : layout.format.code(value);
  code ^= inverted;
  for (int b = 0; b < layout.bits; ++b) {
    const int at = channel * layout.bits + b;
    const auto byte = static_cast<size_t>(pixel * layout.pixel_bytes + at / 8);
    if (byte >= bytes.keep.size()) break;
    const uint32_t raw = code >> b & 1u;
    const uint32_t read = (raw & bytes.keep[byte] >> at % 8) | (bytes.set[byte] >> at % 8 & 1u);
    code = (code & ~(1u << b)) | read << b;
  }
  return layout.accumulators ? static_cast<int32_t>(code) : layout.format.value(code);
}

uint32_t ActivationBuffers::bit_of(const Flip& flip, const Layout& layout, int pixel, int channel) {
  const int position =
      (flip.address - pixel * layout.pixel_bytes) * 8 + flip.bit - channel * layout.bits;
  return position >= 0 && position < layout.bits ? 1u << position : 0;
}

/// Flips in the element that come after its last write, up to `cycle`.
void ActivationBuffers::flip_until(int64_t cycle, int pixel, int channel, int32_t& value) {
  uint32_t inverted = 0;
  for (Flip& flip : flips_) {
    if (flip.buffer != static_cast<int>(writes_to_)) continue;
    const uint32_t bit = bit_of(flip, layout_, pixel, channel);
    if (bit != 0 && flip.written >= 0 && flip.written < flip.cycle && flip.cycle <= cycle) {
      inverted ^= bit;
    }
  }
  if (inverted != 0) {
    value = stored(stuck_[writes_to_], layout_, pixel, channel, value, inverted);
  }
}

void ActivationBuffers::write(int pixel, int first_channel, int count, const int32_t* values,
                              int64_t cycle) {
  Tensor& tensor = written_.front();
  const int y = pixel / tensor.shape.width;
  const int x = pixel % tensor.shape.width;
  if (pools_.empty() && stuck_[writes_to_].keep.empty() && flips_.empty()) {
    std::copy_n(values, count, &tensor.at(y, x, first_channel));
    return;
  }
  for (int i = 0; i < count; ++i) write_element(0, y, x, first_channel + i, values[i], cycle);
}

/// A pool after a pool sees running maxima, which end at the right one.
void ActivationBuffers::write_element(size_t level, int y, int x, int channel, int32_t value,
                                      int64_t cycle) {
  int32_t& kept = written_[level].at(y, x, channel);
  const int pixel = y * written_[level].shape.width + x;
  const bool is_kept = level == pools_.size();
  if (is_kept && !flips_.empty()) flip_until(cycle, pixel, channel, kept);
  kept = std::max(kept, value);
  if (is_kept) {
    const bool healthy = stuck_[writes_to_].keep.empty();
    if (!healthy) kept = stored(stuck_[writes_to_], layout_, pixel, channel, kept);
    for (Flip& flip : flips_) {
      if (bit_of(flip, layout_, pixel, channel) != 0) flip.written = cycle;
    }
    return;
  }
  // Output windows [oy*stride, oy*stride + kernel) that hold y.
  const Layer& pool = *pools_[level];
  const auto first = [&](int i) { return std::max(0, (i - pool.kernel) / pool.stride); };
  for (int oy = first(y); oy < pool.output.height && oy * pool.stride <= y; ++oy) {
    if (oy * pool.stride + pool.kernel <= y) continue;
    for (int ox = first(x); ox < pool.output.width && ox * pool.stride <= x; ++ox) {
      if (ox * pool.stride + pool.kernel <= x) continue;
      write_element(level + 1, oy, ox, channel, value, cycle);
    }
  }
}

void ActivationBuffers::close(int64_t cycle) {
  closing_ = cycle;
  Tensor& kept = written_.back();
  for (const Flip& flip : flips_) {
    if (flip.buffer != static_cast<int>(writes_to_) || flip.written < 0) continue;
    const int pixel = flip.address / layout_.pixel_bytes;
    const int bit = flip.address % layout_.pixel_bytes * 8 + flip.bit;
    const int channel = bit / layout_.bits;
    if (flip.cycle <= flip.written || flip.cycle > cycle) continue;
    int32_t& value = kept.values[static_cast<size_t>(pixel * kept.shape.channels + channel)];
    value = stored(stuck_[writes_to_], layout_, pixel, channel, value, 1u << bit % layout_.bits);
  }
}

void ActivationBuffers::swap() {
  read_ = std::move(written_.back());
  read_layout_ = layout_;
  closed_ = closing_;
  writes_to_ = 1 - writes_to_;
}

const int32_t* ActivationBuffers::window(const Layer& layer, int pixel) {
  assert(read_.shape == layer.input);
  if (layer.is_flat()) return read_.values.data();
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

const int32_t* ActivationBuffers::window(const Layer& layer, int pixel, const int64_t* cycles,
                                         int simd) {
  const int32_t* right = window(layer, pixel);
  if (right != window_.data()) window_.assign(right, right + layer.columns());
  const int buffer = static_cast<int>(1 - writes_to_);
  const Shape shape = read_.shape;
  for (int column = 0; column < layer.columns(); ++column) {
    int from = column / shape.channels;  // pixel of the tensor
    if (!layer.is_flat()) {
      const int y = pixel / layer.output.width * layer.stride - layer.padding + from / layer.kernel;
      const int x = pixel % layer.output.width * layer.stride - layer.padding + from % layer.kernel;
      if (y < 0 || x < 0 || y >= shape.height || x >= shape.width) continue;
      from = y * shape.width + x;
    }
    const int channel = column % shape.channels;
    uint32_t inverted = 0;
    for (const Flip& flip : flips_) {
      const bool hit =
          flip.buffer == buffer && closed_ < flip.cycle && flip.cycle <= cycles[column / simd];
      if (hit) inverted ^= bit_of(flip, read_layout_, from, channel);
    }
    if (inverted == 0) continue;
    int32_t& value = window_[static_cast<size_t>(column)];
    value = stored(stuck_[buffer], read_layout_, from, channel, value, inverted);
  }
  return window_.data();
}

}  // namespace stuckat::loopback
