#include "trainer/elementwise.h"

#include <algorithm>
#include <cstddef>

#include "trainer/tables.h"
#include "trainer/vectors.h"

namespace stuckat::trainer {
namespace {

template <class Acc>
STUCKAT_INLINE void sums_of(const Acc* acc, int pixels, int channels, int64_t bound,
                            ChannelSums& sums) {
  // Lane sums of 32 bits, emptied before `pixels_at_once` squares of the greatest size overflow.
  const int64_t square = std::max<int64_t>(1, bound * bound);
  const int64_t fit = int64_t{UINT32_MAX} / square;
  if (fit == 0) {
    for (int p = 0; p < pixels; ++p) {
      for (int i = 0; i < channels * lanes; ++i) {
        const int64_t a = acc[static_cast<ptrdiff_t>(p) * channels * lanes + i];
        sums.sum[static_cast<size_t>(i / lanes)] += a;
        sums.square[static_cast<size_t>(i / lanes)] += a * a;
      }
    }
    return;
  }
  const int pixels_at_once = static_cast<int>(std::min<int64_t>(fit, pixels));
  const auto size = static_cast<size_t>(channels) * lanes;
  std::vector<int32_t> sum(size);
  std::vector<uint32_t> squares(size);
  for (int first = 0; first < pixels; first += pixels_at_once) {
    std::fill(sum.begin(), sum.end(), 0);
    std::fill(squares.begin(), squares.end(), 0u);
    for (int p = first; p < std::min(pixels, first + pixels_at_once); ++p) {
      const Acc* a = acc + static_cast<ptrdiff_t>(p) * channels * lanes;
      for (size_t i = 0; i < size; ++i) {
        const int32_t value = a[i];
        sum[i] += value;
        squares[i] += static_cast<uint32_t>(value) * static_cast<uint32_t>(value);
      }
    }
    for (size_t i = 0; i < size; ++i) {
      sums.sum[i / lanes] += sum[i];
      sums.square[i / lanes] += squares[i];
    }
  }
}

/// Brings the low bytes of 16 levels into memory.
STUCKAT_INLINE void store_levels(const Vector<int16_t>* levels, int8_t* values) {
  using Levels [[gnu::vector_size(16), gnu::may_alias, gnu::aligned(1)]] = int8_t;
  *reinterpret_cast<Levels*>(values) = __builtin_convertvector(levels[0], Levels);
}
STUCKAT_INLINE void store_levels(const Vector<int32_t>* levels, int8_t* values) {
  for (ptrdiff_t j = 0; j < 2; ++j) {
    *reinterpret_cast<Bytes*>(values + 8 * j) = __builtin_convertvector(levels[j], Bytes);
  }
}

template <class Acc>
STUCKAT_INLINE void steps_of(const Acc* acc, int pixels, int channels, const Steps& steps,
                             int samples, int8_t* values) {
  constexpr int pieces = lanes / per_vector<Acc>;
  const int count = steps.format.thresholds();
  const auto lowest = static_cast<Acc>(steps.format.level(0));
  const auto height = static_cast<Acc>(steps.format.kind == FormatKind::binary ? 2 : 1);
  Vector<Acc> present[pieces];
  for (int l = 0; l < lanes; ++l) {
    present[l / per_vector<Acc>][l % per_vector<Acc>] = static_cast<Acc>(l < samples ? -1 : 0);
  }
  // The parameters as the loop reads them.
  std::vector<Acc> sign(steps.sign.begin(), steps.sign.end());
  std::vector<Acc> thresholds(steps.thresholds.begin(), steps.thresholds.end());
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const Acc* t = thresholds.data() + static_cast<ptrdiff_t>(c) * count;
      Vector<Acc> level[pieces];
      for (int j = 0; j < pieces; ++j) {
        const Vector<Acc> a = *reinterpret_cast<const Vector<Acc>*>(acc + j * per_vector<Acc>) *
                              sign[static_cast<size_t>(c)];
        // A comparison that holds is -1.
        Vector<Acc> above = {};
        for (int i = 0; i < count; ++i) above += a > t[i];
        level[j] = (lowest - above * height) & present[j];
      }
      store_levels(level, values);
      acc += lanes;
      values += lanes;
    }
  }
}

template <class Acc>
STUCKAT_INLINE void pass_of(const Acc* acc, int pixels, int channels, const PassBand& band,
                            float* gradient, double* sum, double* product) {
  const auto size = static_cast<size_t>(channels) * lanes;
  std::vector<float> sums(size), products(size);  // of one lane over the pixels
  // Sums are below 2^24 in size wherever a comparison can be close: exact as floats.
  std::vector<float> lows(band.low.begin(), band.low.end());
  std::vector<float> highs(band.high.begin(), band.high.end());
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      for (int j = 0; j < lanes; j += 8) {
        const Floats a = load_floats(acc + j);
        const Floats g = masked(load_floats(gradient + j), (a >= lows[i]) & (a <= highs[i]));
        float* s = sums.data() + i * lanes + j;
        float* d = products.data() + i * lanes + j;
        store(gradient + j, g);
        store(s, load_floats(s) + g);
        store(d, load_floats(d) + g * (a - band.mean[i]));
      }
      acc += lanes;
      gradient += lanes;
    }
  }
  for (size_t i = 0; i < size; ++i) {
    sum[i / lanes] += static_cast<double>(sums[i]);
    product[i / lanes] += static_cast<double>(products[i]);
  }
}

template <class Acc>
STUCKAT_INLINE void gradient_of(const Acc* acc, int pixels, int channels,
                                const BatchNormBackward& k, int samples, float* gradient,
                                float* transposed, ptrdiff_t transposed_pixel,
                                ptrdiff_t transposed_sample) {
  float present[lanes];
  for (int l = 0; l < lanes; ++l) present[l] = l < samples ? 1.0f : 0.0f;
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      for (int j = 0; j < lanes; j += 8) {
        const Floats centred = load_floats(acc + j) - k.mean[i];
        const Floats g =
            k.scale[i] * load_floats(gradient + j) - k.offset[i] - k.slope[i] * centred;
        store(gradient + j, g * load_floats(present + j));
      }
      acc += lanes;
      gradient += lanes;
    }
    const float* in = gradient - static_cast<ptrdiff_t>(channels) * lanes;
    float* out = transposed + p * transposed_pixel;
    int c = 0;
    for (; c + 8 <= channels; c += 8) {
      for (ptrdiff_t l = 0; l < lanes; l += 8) {
        transpose8(in + ptrdiff_t{c} * lanes + l, lanes, out + l * transposed_sample + c,
                   transposed_sample);
      }
    }
    for (; c < channels; ++c) {
      for (int l = 0; l < lanes; ++l) out[l * transposed_sample + c] = in[c * lanes + l];
    }
  }
}

}  // namespace

STUCKAT_MULTIVERSION void add_sums(const int16_t* acc, int pixels, int channels, int64_t bound,
                                   ChannelSums& sums) {
  sums_of(acc, pixels, channels, bound, sums);
}
STUCKAT_MULTIVERSION void add_sums(const int32_t* acc, int pixels, int channels, int64_t bound,
                                   ChannelSums& sums) {
  sums_of(acc, pixels, channels, bound, sums);
}
STUCKAT_MULTIVERSION void apply_steps(const int16_t* acc, int pixels, int channels,
                                      const Steps& steps, int samples, int8_t* values) {
  steps_of(acc, pixels, channels, steps, samples, values);
}
STUCKAT_MULTIVERSION void apply_steps(const int32_t* acc, int pixels, int channels,
                                      const Steps& steps, int samples, int8_t* values) {
  steps_of(acc, pixels, channels, steps, samples, values);
}
STUCKAT_MULTIVERSION void pass_gradient(const int16_t* acc, int pixels, int channels,
                                        const PassBand& band, float* gradient, double* sum,
                                        double* product) {
  pass_of(acc, pixels, channels, band, gradient, sum, product);
}
STUCKAT_MULTIVERSION void pass_gradient(const int32_t* acc, int pixels, int channels,
                                        const PassBand& band, float* gradient, double* sum,
                                        double* product) {
  pass_of(acc, pixels, channels, band, gradient, sum, product);
}
STUCKAT_MULTIVERSION void batch_norm_gradient(const int16_t* acc, int pixels, int channels,
                                              const BatchNormBackward& k, int samples,
                                              float* gradient, float* transposed,
                                              ptrdiff_t transposed_pixel,
                                              ptrdiff_t transposed_sample) {
  gradient_of(acc, pixels, channels, k, samples, gradient, transposed, transposed_pixel,
              transposed_sample);
}
STUCKAT_MULTIVERSION void batch_norm_gradient(const int32_t* acc, int pixels, int channels,
                                              const BatchNormBackward& k, int samples,
                                              float* gradient, float* transposed,
                                              ptrdiff_t transposed_pixel,
                                              ptrdiff_t transposed_sample) {
  gradient_of(acc, pixels, channels, k, samples, gradient, transposed, transposed_pixel,
              transposed_sample);
}

}  // namespace stuckat::trainer
