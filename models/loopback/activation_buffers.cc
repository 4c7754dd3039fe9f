#include "models/loopback/activation_buffers.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "faultmaps/buffer_flips.h"
#include "workloads/reference.h"

namespace stuckat::loopback {

ActivationBuffers::ActivationBuffers(const Network& network, const ActivationMemory& memory)
    : network_(network), memory_(memory), kept_(static_cast<size_t>(network.tensors())) {}

void ActivationBuffers::begin_image() {
  for (Kept& kept : kept_) kept = {};
}

void ActivationBuffers::open(int tensor) {
  const auto found = std::find_if(memory_.tensors.begin(), memory_.tensors.end(),
                                  [&](const auto& stored) { return stored.tensor == tensor; });
  assert(found != memory_.tensors.end());
  open_ = &*found;
  written_.clear();
  constexpr int32_t below_everything = std::numeric_limits<int32_t>::min();
  first_pool_ = 0;
  for (int t = tensor; t <= open_->kept; ++t) {
    const Shape shape = network_.shape(t);
    written_.push_back(
        {shape, std::vector<int32_t>(static_cast<size_t>(shape.size()), below_everything)});
    // Layer t makes of tensor t the next one.
    if (t < open_->kept && network_.layer(t).kind != LayerKind::max_pool) {
      first_pool_ = written_.size();
    }
  }
  const int kept = open_->kept;
  Layout& l = layout_;
  l.buffer = open_->buffer;
  l.address = open_->address;
  l.accumulators = network_.holds_accumulators(kept);
  if (!l.accumulators) l.format = network_.format(kept);
  l.bits = stored_bits(network_, kept);
  l.pixel_bytes = (network_.shape(kept).channels * l.bits + 7) / 8;
  for (Flip& flip : flips_) flip.written = -1;
  cycles_.assign(flips_.empty() ? 0 : written_.front().values.size(), 0);
}

void ActivationBuffers::stick(int buffer, int address, int bit, bool one) {
  stuck_[buffer].stick(address, bit, one);
}

void ActivationBuffers::flip(int buffer, int address, int bit, int64_t cycle) {
  flips_.push_back({buffer, address, bit, cycle});
}

int32_t ActivationBuffers::stored(const Layout& layout, int pixel, int channel, int32_t value,
                                  uint32_t inverted) const {
  const memory::StuckBytes& bytes = stuck_[layout.buffer];
  uint32_t code = layout.accumulators ? static_cast<uint32_t>(value) : layout.format.code(value);
  code ^= inverted;
  for (int b = 0; b < layout.bits; ++b) {
    const int at = channel * layout.bits + b;
    const int byte = layout.address + pixel * layout.pixel_bytes + at / 8;
    const auto written = static_cast<uint8_t>((code >> b & 1u) << at % 8);
    const uint32_t read = bytes.read(byte, written) >> at % 8 & 1u;
    code = (code & ~(1u << b)) | read << b;
  }
  return layout.accumulators ? static_cast<int32_t>(code) : layout.format.value(code);
}

uint32_t ActivationBuffers::bit_of(const Flip& flip, const Layout& layout, int pixel, int channel) {
  const int position = (flip.address - layout.address - pixel * layout.pixel_bytes) * 8 + flip.bit -
                       channel * layout.bits;
  return position >= 0 && position < layout.bits ? 1u << position : 0;
}

/// Flips in the element that come after its last write, up to `cycle`.
void ActivationBuffers::flip_until(int64_t cycle, int pixel, int channel, int32_t& value) {
  uint32_t inverted = 0;
  for (Flip& flip : flips_) {
    if (flip.buffer != layout_.buffer) continue;
    const uint32_t bit = bit_of(flip, layout_, pixel, channel);
    if (bit != 0 && flip.written >= 0 && flip.written < flip.cycle && flip.cycle <= cycle) {
      inverted ^= bit;
    }
  }
  if (inverted != 0) {
    value = stored(layout_, pixel, channel, value, inverted);
  }
}

void ActivationBuffers::write(int pixel, int first_channel, int count, const int32_t* values,
                              int64_t cycle) {
  Tensor& tensor = written_.front();
  const int y = pixel / tensor.shape.width;
  const int x = pixel % tensor.shape.width;
  const bool plain = written_.size() == 1 && is_healthy() && flips_.empty();
  if (plain || first_pool_ > 0) {
    std::copy_n(values, count, &tensor.at(y, x, first_channel));
    const auto at = static_cast<size_t>(pixel * tensor.shape.channels + first_channel);
    for (size_t i = 0; i < static_cast<size_t>(count) && !cycles_.empty(); ++i) {
      cycles_[at + i] = cycle;
    }
    return;
  }
  for (int i = 0; i < count; ++i) write_element(0, y, x, first_channel + i, values[i], cycle);
}

/// A pool after a pool sees running maxima, which end at the right one.
void ActivationBuffers::write_element(size_t level, int y, int x, int channel, int32_t value,
                                      int64_t cycle) {
  int32_t& kept = written_[level].at(y, x, channel);
  const int pixel = y * written_[level].shape.width + x;
  const bool is_kept = level + 1 == written_.size();
  if (is_kept && !flips_.empty()) flip_until(cycle, pixel, channel, kept);
  kept = std::max(kept, value);
  if (is_kept) {
    if (!is_healthy()) kept = stored(layout_, pixel, channel, kept);
    for (Flip& flip : flips_) {
      if (bit_of(flip, layout_, pixel, channel) != 0) flip.written = cycle;
    }
    return;
  }
  // Output windows from o*stride - padding on that hold y.
  const Layer& pool = network_.layer(open_->tensor + static_cast<int>(level));
  const int below_top = y + pool.padding.top;
  const int right_of = x + pool.padding.left;
  const auto first = [](int at, int kernel, int stride) {
    return at < kernel ? 0 : (at - kernel) / stride + 1;
  };
  for (int oy = first(below_top, pool.kernel.height, pool.stride.height);
       oy < pool.output.height && oy * pool.stride.height <= below_top; ++oy) {
    for (int ox = first(right_of, pool.kernel.width, pool.stride.width);
         ox < pool.output.width && ox * pool.stride.width <= right_of; ++ox) {
      write_element(level + 1, oy, ox, channel, value, cycle);
    }
  }
}

/// Layers on the way in that are no max-pools at its end; what they give is written.
void ActivationBuffers::follow() {
  for (size_t i = 0; i < first_pool_; ++i) {
    const int index = open_->tensor + static_cast<int>(i);
    const Layer& layer = network_.layer(index);
    std::vector<const Tensor*> inputs;
    for (const int t : layer.inputs) inputs.push_back(t == index ? &written_[i] : &read(t));
    written_[i + 1] = reference::run_layer(layer, inputs);
  }
  const Tensor last = written_[first_pool_];
  if (first_pool_ + 1 == written_.size() && is_healthy() && flips_.empty()) return;
  const Shape shape = last.shape;
  for (int pixel = 0; pixel < shape.pixels(); ++pixel) {
    int from = pixel;  // the last pixel of the array's tensor that is waited for
    for (size_t i = first_pool_; i > 0 && !cycles_.empty(); --i) {
      from = last_pixel_for(network_.layer(open_->tensor + static_cast<int>(i) - 1), from);
    }
    for (int c = 0; c < shape.channels; ++c) {
      const int channels = written_.front().shape.channels;
      const int64_t cycle = cycles_.empty() ? 0 : cycles_[static_cast<size_t>(from * channels + c)];
      const int y = pixel / shape.width;
      const int x = pixel % shape.width;
      write_element(first_pool_, y, x, c, last.at(y, x, c), cycle);
    }
  }
}

void ActivationBuffers::move(int layer) {
  const Layer& l = network_.layer(layer);
  std::vector<const Tensor*> inputs;
  for (const int t : l.inputs) inputs.push_back(&read(t));
  const Tensor moved = reference::run_layer(l, inputs);
  open(Network::output_tensor(layer));
  const int channels = moved.shape.channels;
  for (int pixel = 0; pixel < moved.shape.pixels(); ++pixel) {
    write(pixel, 0, channels, moved.values.data() + pixel * channels);
  }
  close(0);
}

void ActivationBuffers::close(int64_t cycle) {
  closing_ = cycle;
  if (first_pool_ > 0) follow();
  Tensor& kept = written_.back();
  for (const Flip& flip : flips_) {
    if (flip.buffer != layout_.buffer || flip.written < 0) continue;
    const int pixel = (flip.address - layout_.address) / layout_.pixel_bytes;
    const int bit = (flip.address - layout_.address) % layout_.pixel_bytes * 8 + flip.bit;
    const int channel = bit / layout_.bits;
    if (flip.cycle <= flip.written || flip.cycle > cycle) continue;
    int32_t& value = kept.values[static_cast<size_t>(pixel * kept.shape.channels + channel)];
    value = stored(layout_, pixel, channel, value, 1u << bit % layout_.bits);
  }
}

void ActivationBuffers::keep() {
  kept_[static_cast<size_t>(open_->kept)] = {std::move(written_.back()), layout_, closing_};
}

const int32_t* ActivationBuffers::window(const Layer& layer, int pixel, int group) {
  const Tensor& tensor = read(layer.inputs.front());
  assert(tensor.shape == layer.input);
  if (layer.is_flat()) return tensor.values.data();
  window_.resize(static_cast<size_t>(layer.columns()));
  const int channels = layer.group_channels();
  const int top = pixel / layer.output.width * layer.stride.height - layer.padding.top;
  const int left = pixel % layer.output.width * layer.stride.width - layer.padding.left;
  int32_t* to = window_.data();
  for (int y = top; y < top + layer.kernel.height; ++y) {
    for (int x = left; x < left + layer.kernel.width; ++x, to += channels) {
      if (layer.input.holds(y, x)) {
        const int at = (y * layer.input.width + x) * layer.input.channels + group * channels;
        std::copy_n(tensor.values.data() + at, channels, to);
      } else {
        std::fill_n(to, channels, layer.input_format.padding_value());
      }
    }
  }
  return window_.data();
}

const int32_t* ActivationBuffers::window(const Layer& layer, int pixel, int group,
                                         const int64_t* cycles, int simd) {
  const int32_t* right = window(layer, pixel, group);
  if (right != window_.data()) window_.assign(right, right + layer.columns());
  const Kept& kept = kept_[static_cast<size_t>(layer.inputs.front())];
  const Shape shape = kept.tensor.shape;
  const int channels = layer.group_channels();
  for (int column = 0; column < layer.columns(); ++column) {
    int from = column / channels;  // pixel of the tensor
    if (!layer.is_flat()) {
      const int ky = from / layer.kernel.width;
      const int kx = from % layer.kernel.width;
      const int y = pixel / layer.output.width * layer.stride.height - layer.padding.top + ky;
      const int x = pixel % layer.output.width * layer.stride.width - layer.padding.left + kx;
      if (!shape.holds(y, x)) continue;
      from = y * shape.width + x;
    }
    const int channel = group * channels + column % channels;
    uint32_t inverted = 0;
    for (const Flip& flip : flips_) {
      const bool hit = flip.buffer == kept.layout.buffer && kept.closed < flip.cycle &&
                       flip.cycle <= cycles[column / simd];
      if (hit) inverted ^= bit_of(flip, kept.layout, from, channel);
    }
    if (inverted == 0) continue;
    int32_t& value = window_[static_cast<size_t>(column)];
    value = stored(kept.layout, from, channel, value, inverted);
  }
  return window_.data();
}

}  // namespace stuckat::loopback
