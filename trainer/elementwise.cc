#include "trainer/elementwise.h"

#include <algorithm>
#include <cstddef>

#include "trainer/tables.h"
#include "trainer/vectors.h"

namespace stuckat::trainer {
namespace {

template <class Acc>
STUCKAT_INLINE void sums_of(const Acc* acc, int pixels, int channels, Range range, int64_t bound,
                            ChannelSums& sums) {
  // Lane sums of 32 bits, emptied before `pixels_at_once` squares of the greatest size overflow.
  const int64_t square = std::max<int64_t>(1, bound * bound);
  const int64_t fit = int64_t{UINT32_MAX} / square;
  const auto pixels_at_once = static_cast<int>(std::min<int64_t>(fit, pixels));
  const ptrdiff_t step = static_cast<ptrdiff_t>(channels) * lanes;
  for (int c = range.begin; c < range.end; ++c) {
    const Acc* a = acc + static_cast<ptrdiff_t>(c) * lanes;
    auto& total = sums.sum[static_cast<size_t>(c)];
    auto& total_square = sums.square[static_cast<size_t>(c)];
    if (fit == 0) {
      for (int p = 0; p < pixels; ++p) {
        for (int l = 0; l < lanes; ++l) {
          const int64_t value = a[p * step + l];
          total += value;
          total_square += value * value;
        }
      }
      continue;
    }
    for (int first = 0; first < pixels; first += pixels_at_once) {
      Ints sum[2] = {};
      Vector<uint32_t> squares[2] = {};
      for (int p = first; p < std::min(pixels, first + pixels_at_once); ++p) {
        for (int j = 0; j < 2; ++j) {
          const Ints value = load_ints(a + p * step + 8 * j);
          sum[j] += value;
          squares[j] += reinterpret_cast<Vector<uint32_t>>(value * value);
        }
      }
      for (int l = 0; l < lanes; ++l) {
        total += sum[l / 8][l % 8];
        total_square += squares[l / 8][l % 8];
      }
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
STUCKAT_INLINE void pass_of(const Acc* acc, int pixels, int channels, Range range,
                            const PassBand& band, float* gradient, float* sums, float* products) {
  for (int p = 0; p < pixels; ++p) {
    for (int c = range.begin; c < range.end; ++c) {
      const auto i = static_cast<size_t>(c);
      const ptrdiff_t row = static_cast<ptrdiff_t>(c) * lanes;
      const ptrdiff_t at = static_cast<ptrdiff_t>(p) * channels * lanes + row;
      for (int j = 0; j < lanes; j += 8) {
        const Floats a = load_floats(acc + at + j);
        const Floats g =
            masked(load_floats(gradient + at + j), (a >= band.low[i]) & (a <= band.high[i]));
        float* s = sums + row + j;
        float* d = products + row + j;
        store(gradient + at + j, g);
        store(s, load_floats(s) + g);
        store(d, load_floats(d) + g * (a - band.mean[i]));
      }
    }
  }
}

template <class Acc>
STUCKAT_INLINE void gradient_of(const Acc* acc, int pixels, int channels,
                                const BatchNormBackward& k, int samples, const float* gradient,
                                float* result) {
  Ints present[2] = {};
  for (int l = 0; l < lanes; ++l) present[l / 8][l % 8] = l < samples ? -1 : 0;
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      for (int j = 0; j < lanes; j += 8) {
        const Floats centred = load_floats(acc + j) - k.mean[i];
        const Floats g =
            k.scale[i] * load_floats(gradient + j) - k.offset[i] - k.slope[i] * centred;
        store(result + j, masked(g, present[j / 8]));
      }
      acc += lanes;
      gradient += lanes;
      result += lanes;
    }
  }
}

}  // namespace

STUCKAT_MULTIVERSION void add_sums(const int16_t* acc, int pixels, int channels, Range range,
                                   int64_t bound, ChannelSums& sums) {
  sums_of(acc, pixels, channels, range, bound, sums);
}
STUCKAT_MULTIVERSION void add_sums(const int32_t* acc, int pixels, int channels, Range range,
                                   int64_t bound, ChannelSums& sums) {
  sums_of(acc, pixels, channels, range, bound, sums);
}
STUCKAT_MULTIVERSION void apply_steps(const int16_t* acc, int pixels, int channels,
                                      const Steps& steps, int samples, int8_t* values) {
  steps_of(acc, pixels, channels, steps, samples, values);
}
STUCKAT_MULTIVERSION void apply_steps(const int32_t* acc, int pixels, int channels,
                                      const Steps& steps, int samples, int8_t* values) {
  steps_of(acc, pixels, channels, steps, samples, values);
}
STUCKAT_MULTIVERSION void pass_gradient(const int16_t* acc, int pixels, int channels, Range range,
                                        const PassBand& band, float* gradient, float* sums,
                                        float* products) {
  pass_of(acc, pixels, channels, range, band, gradient, sums, products);
}
STUCKAT_MULTIVERSION void pass_gradient(const int32_t* acc, int pixels, int channels, Range range,
                                        const PassBand& band, float* gradient, float* sums,
                                        float* products) {
  pass_of(acc, pixels, channels, range, band, gradient, sums, products);
}
STUCKAT_MULTIVERSION void batch_norm_gradient(const int16_t* acc, int pixels, int channels,
                                              const BatchNormBackward& k, int samples,
                                              const float* gradient, float* result) {
  gradient_of(acc, pixels, channels, k, samples, gradient, result);
}
STUCKAT_MULTIVERSION void batch_norm_gradient(const int32_t* acc, int pixels, int channels,
                                              const BatchNormBackward& k, int samples,
                                              const float* gradient, float* result) {
  gradient_of(acc, pixels, channels, k, samples, gradient, result);
}

STUCKAT_MULTIVERSION void transpose(const float* gradient, int pixels, int channels,
                                    float* transposed, ptrdiff_t row_block, ptrdiff_t pixel) {
  for (int p = 0; p < pixels; ++p) {
    float* out = transposed + p * pixel;
    for (int c = 0; c < channels; c += 8) {
      const float* in = gradient + static_cast<ptrdiff_t>(c) * lanes;
      float* to = out + c / lanes * row_block + c % lanes;
      const int width = std::min(8, channels - c);
      for (ptrdiff_t l = 0; l < lanes; l += 8) {
        if (width == 8) {
          transpose8(in + l, lanes, to + l * lanes, lanes);
          continue;
        }
        for (ptrdiff_t n = l; n < l + 8; ++n) {
          for (int i = 0; i < width; ++i) to[n * lanes + i] = in[i * lanes + n];
        }
      }
    }
    gradient += static_cast<ptrdiff_t>(channels) * lanes;
  }
}

}  // namespace stuckat::trainer
