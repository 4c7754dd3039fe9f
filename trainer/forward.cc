#include "trainer/forward.h"

#include <algorithm>
#include <cstring>

#include "trainer/kernels.h"
#include "trainer/model.h"
#include "trainer/real_product.h"

namespace stuckat::trainer {
ForwardLayer::ForwardLayer(const Layer& described, Values inputs, bool with_backward)
    : layer(described),
      geometry(geometry_of(described)),
      bound(sum_bound(described)),
      activation_digits(digits_for(described.input_format, inputs)),
      with_backward_(with_backward) {
  layer.weights.clear();
  layer.thresholds.clear();
  widen(false);
}

void ForwardLayer::widen(bool always) { wide = always || bound > INT16_MAX - 1; }

void ForwardLayer::set_weights(const int8_t* values, Workers& workers) {
  const size_t size = static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns());
  // A broken memory cell can read the lowest code, which a batch-norm of negative scale negates; it
  // costs a wider radix. Where PEs are bypassed a binary weight is 0.
  const bool narrow = std::all_of(values, values + size, [&](int8_t w) {
    return w >= layer.weight_format.min_level() && w <= layer.weight_format.max_level();
  });
  const bool is_binary = layer.weight_format.kind == FormatKind::binary;
  const bool pruned = is_binary && std::find(values, values + size, 0) != values + size;
  const Digits digits = digits_for(layer.weight_format, pruned   ? Values::levels_and_zero
                                                        : narrow ? Values::levels
                                                                 : Values::codes_of_either_sign);
  const int entry_bytes = wide ? forward_entry_bytes<int32_t>() : forward_entry_bytes<int16_t>();
  weights.pack(geometry, digits, values, entry_bytes, with_backward_, workers);
}

void ForwardLayer::run(const int8_t* input, int samples, const RowDone& done, Workers& workers,
                       const Edit& edit) {
  const int blocks = block_count(samples);
  real = false;
  input_ = input;
  if (layer.padding > 0 || edit) {
    padded_.grow(blocks * block_elements(geometry.in));
    const size_t row = static_cast<size_t>(layer.input.width) * layer.input.channels * lanes;
    workers.run(blocks, [&](int block) {
      int8_t* out = padded_.data() + block * block_elements(geometry.in);
      const int present = std::min(lanes, samples - block * lanes);
      for (size_t i = 0; i < block_elements(geometry.in); ++i) {
        const bool sample = static_cast<int>(i % lanes) < present;
        out[i] = static_cast<int8_t>(sample ? layer.input_format.padding_value() : 0);
      }
      const int8_t* in = input + block * block_elements(layer.input);
      for (int y = 0; y < layer.input.height; ++y) {
        const size_t to = (static_cast<size_t>(y + layer.padding) * geometry.in.width +
                           static_cast<size_t>(layer.padding)) *
                          layer.input.channels * lanes;
        std::memcpy(out + to, in + y * row, row);
      }
    });
    if (edit) edit(padded_.data());
    input_ = padded_.data();
  }
  const size_t size = blocks * block_elements(layer.output);
  if (wide) {
    acc32.grow(size);
    forward_product(geometry, weights, blocks, input_, acc32.data(), done, workers);
  } else {
    acc16.grow(size);
    forward_product(geometry, weights, blocks, input_, acc16.data(), done, workers);
  }
}

void ForwardLayer::add_offsets(const float* offsets, int samples, Buffer<float>& real_input,
                               Workers& workers) {
  const int blocks = block_count(samples);
  const size_t block_size = block_elements(layer.output);
  acc_real.grow(blocks * block_size);
  workers.run(blocks, [&](int block) {
    float* out = acc_real.data() + block * block_size;
    with_accumulators([&](const auto* acc) {
      const auto* in = acc + block * block_size;
      for (size_t i = 0; i < block_size; ++i) out[i] = static_cast<float>(in[i]);
    });
  });
  add_real_product(geometry, offsets, samples, input_, real_input, acc_real.data(), workers);
  real = true;
}

void pool_forward(const Layer& layer, const int8_t* input, int blocks, int8_t* output,
                  Workers& workers) {
  workers.run(blocks, [&](int block) {
    pool_block(layer, input + block * block_elements(layer.input),
               output + block * block_elements(layer.output));
  });
}

void pool_backward(const Layer& layer, const int8_t* input, const float* gradient, int blocks,
                   float* input_gradient, const RowDone& done, Workers& workers) {
  const size_t row = static_cast<size_t>(layer.input.width) * layer.input.channels * lanes;
  const size_t output_row = static_cast<size_t>(layer.output.width) * layer.output.channels * lanes;
  workers.run(blocks, [&](int block) {
    const int8_t* in = input + block * block_elements(layer.input);
    const float* from = gradient + block * block_elements(layer.output);
    float* out = input_gradient + block * block_elements(layer.input);
    int begun = 0;
    int finished = 0;
    for (int y = 0; y <= layer.output.height; ++y) {
      const bool last = y == layer.output.height;
      const int reached = last ? layer.input.height : y * layer.stride + layer.kernel;
      if (reached > begun) std::fill_n(out + begun * row, (reached - begun) * row, 0.0f);
      begun = std::max(begun, reached);
      if (!last) unpool_row(layer, y, in, from + y * output_row, out);
      const int complete = last ? layer.input.height : std::min(begun, (y + 1) * layer.stride);
      for (; finished < complete; ++finished) done(block, finished, {0, layer.input.channels});
    }
  });
}

}  // namespace stuckat::trainer
