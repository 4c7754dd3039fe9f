#include "trainer/elementwise.h"

#include <algorithm>
#include <cstddef>

#include "trainer/dispatch.h"
#include "trainer/tables.h"

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

template <class Acc>
STUCKAT_INLINE void steps_of(const Acc* acc, int pixels, int channels, const Steps& steps,
                             int samples, int8_t* values) {
  const int count = steps.format.thresholds();
  const auto lowest = static_cast<Acc>(steps.format.level(0));
  const auto height = static_cast<Acc>(steps.format.kind == FormatKind::binary ? 2 : 1);
  Acc present[lanes];
  for (int l = 0; l < lanes; ++l) present[l] = static_cast<Acc>(l < samples ? -1 : 0);
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto sign = static_cast<Acc>(steps.sign[static_cast<size_t>(c)]);
      const int32_t* thresholds = steps.thresholds.data() + static_cast<ptrdiff_t>(c) * count;
      Acc level[lanes];
      for (int l = 0; l < lanes; ++l) level[l] = lowest;
      for (int t = 0; t < count; ++t) {
        const auto threshold = static_cast<Acc>(thresholds[t]);
        for (int l = 0; l < lanes; ++l) {
          level[l] = static_cast<Acc>(
              level[l] + (static_cast<Acc>(acc[l] * sign) > threshold ? height : Acc{0}));
        }
      }
      for (int l = 0; l < lanes; ++l) values[l] = static_cast<int8_t>(level[l] & present[l]);
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
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      const int32_t low = band.low[i];
      const int32_t high = band.high[i];
      const float mean = band.mean[i];
      float* s = sums.data() + i * lanes;
      float* d = products.data() + i * lanes;
      for (int l = 0; l < lanes; ++l) {
        const int32_t a = acc[l];
        const float g = a >= low && a <= high ? gradient[l] : 0.0f;
        gradient[l] = g;
        s[l] += g;
        d[l] += g * (static_cast<float>(a) - mean);
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
      const float scale = k.scale[i];
      const float offset = k.offset[i];
      const float slope = k.slope[i];
      const float mean = k.mean[i];
      for (int l = 0; l < lanes; ++l) {
        const float centred = static_cast<float>(acc[l]) - mean;
        gradient[l] = (scale * gradient[l] - offset - slope * centred) * present[l];
      }
      acc += lanes;
      gradient += lanes;
    }
    const float* in = gradient - static_cast<ptrdiff_t>(channels) * lanes;
    float* out = transposed + p * transposed_pixel;
    // 8 channels of one sample are one store.
    int c = 0;
    for (; c + 8 <= channels; c += 8) {
      for (int l = 0; l < lanes; ++l) {
        for (int j = 0; j < 8; ++j) {
          out[l * transposed_sample + c + j] = in[(c + j) * lanes + l];
        }
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
