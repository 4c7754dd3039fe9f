#include "trainer/elementwise.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "trainer/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/elementwise.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "trainer/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {

template <class Acc>
HWY_INLINE void sums_of(const Acc* acc, int pixels, int channels, Range range, int64_t bound,
                        ChannelSums& sums) {
  // Lane sums of 32 bits, emptied before `pixels_at_once` squares of the greatest size overflow.
  const int64_t square = std::max<int64_t>(1, bound * bound);
  const int64_t fit = int64_t{UINT32_MAX} / square;
  const auto pixels_at_once = static_cast<int>(std::min<int64_t>(fit, pixels));
  const ptrdiff_t step = static_cast<ptrdiff_t>(channels) * lanes;
  const BlockInts d;
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
      const int end = std::min(pixels, first + pixels_at_once);
      for (int j = 0; j < lanes; j += lanes_of<BlockInts>) {
        auto sum = hn::Zero(d);
        auto squares = hn::Zero(d);
        for (int p = first; p < end; ++p) {
          const auto value = load_ints(d, a + p * step + j);
          sum = hn::Add(sum, value);
          squares = hn::Add(squares, hn::Mul(value, value));
        }
        HWY_ALIGN std::array<int32_t, lanes> all;
        HWY_ALIGN std::array<int32_t, lanes> all_squares;
        hn::StoreU(sum, d, all.data());
        hn::StoreU(squares, d, all_squares.data());
        for (size_t l = 0; l < static_cast<size_t>(lanes_of<BlockInts>); ++l) {
          total += all[l];
          total_square += static_cast<uint32_t>(all_squares[l]);
        }
      }
    }
  }
}

void sums_of_real(const float* acc, int pixels, int channels, Range range, RealChannelSums& sums) {
  const ptrdiff_t step = static_cast<ptrdiff_t>(channels) * lanes;
  for (int c = range.begin; c < range.end; ++c) {
    const float* a = acc + static_cast<ptrdiff_t>(c) * lanes;
    std::array<double, lanes> all{};
    std::array<double, lanes> squares{};
    for (int p = 0; p < pixels; ++p, a += step) {
      for (size_t l = 0; l < lanes; ++l) {
        const double value = a[l];
        all[l] += value;
        squares[l] += value * value;
      }
    }
    for (size_t l = 0; l < lanes; ++l) {
      sums.sum[static_cast<size_t>(c)] += all[l];
      sums.square[static_cast<size_t>(c)] += squares[l];
    }
  }
}

void thresholds_of_real(const float* acc, int pixels, int channels, const MultiThreshold& quantizer,
                        int samples, int8_t* values) {
  const BlockFloats d;
  const BlockInts ints;
  const hn::Rebind<int8_t, BlockInts> bytes;
  const int count = quantizer.format.thresholds();
  const auto lowest = hn::Set(ints, int32_t{quantizer.format.level(0)});
  const auto height = hn::Set(ints, int32_t{quantizer.format.kind == FormatKind::binary ? 2 : 1});
  const auto present = hn::Set(ints, int32_t{std::min(samples, lanes)});
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto sign = hn::Set(d, static_cast<float>(quantizer.sign[static_cast<size_t>(c)]));
      const float* edges = quantizer.edges.data() + static_cast<ptrdiff_t>(c) * count;
      for (int j = 0; j < lanes; j += lanes_of<BlockFloats>) {
        const auto a = hn::Mul(hn::LoadU(d, acc + j), sign);
        auto level = lowest;
        for (int k = 0; k < count; ++k) {
          const auto above = hn::RebindMask(ints, hn::Gt(a, hn::Set(d, edges[k])));
          level = hn::Add(level, hn::IfThenElseZero(above, height));
        }
        const auto in_batch = hn::Lt(hn::Iota(ints, int32_t{j}), present);
        hn::StoreU(hn::DemoteTo(bytes, hn::IfThenElseZero(in_batch, level)), bytes, values + j);
      }
      acc += lanes;
      values += lanes;
    }
  }
}

template <class Acc>
HWY_INLINE void thresholds_of(const Acc* acc, int pixels, int channels,
                              const MultiThreshold& quantizer, int samples, int8_t* values) {
  const hn::CappedTag<Acc, lanes> d;
  const hn::Rebind<int8_t, decltype(d)> bytes;
  const int count = quantizer.format.thresholds();
  const auto lowest = hn::Set(d, static_cast<Acc>(quantizer.format.level(0)));
  const auto height =
      hn::Set(d, static_cast<Acc>(quantizer.format.kind == FormatKind::binary ? 2 : 1));
  // The parameters as the loop reads them.
  const std::vector<Acc> sign(quantizer.sign.begin(), quantizer.sign.end());
  const std::vector<Acc> thresholds(quantizer.thresholds.begin(), quantizer.thresholds.end());
  const auto present = hn::Set(d, static_cast<Acc>(std::min(samples, lanes)));
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto of_row = hn::Set(d, sign[static_cast<size_t>(c)]);
      const Acc* t = thresholds.data() + static_cast<ptrdiff_t>(c) * count;
      for (int j = 0; j < lanes; j += lanes_of<decltype(d)>) {
        const auto a = hn::Mul(hn::LoadU(d, acc + j), of_row);
        auto level = lowest;
        for (int k = 0; k < count; ++k) {
          level = hn::Add(level, hn::IfThenElseZero(hn::Gt(a, hn::Set(d, t[k])), height));
        }
        const auto lane = hn::Iota(d, static_cast<Acc>(j));
        hn::StoreU(hn::DemoteTo(bytes, hn::IfThenElseZero(hn::Lt(lane, present), level)), bytes,
                   values + j);
      }
      acc += lanes;
      values += lanes;
    }
  }
}

template <class Acc>
HWY_INLINE void pass_of(const Acc* acc, int pixels, int channels, Range range, const PassBand& band,
                        float* gradient, float* sums, float* products) {
  const BlockFloats d;
  for (int p = 0; p < pixels; ++p) {
    for (int c = range.begin; c < range.end; ++c) {
      const auto i = static_cast<size_t>(c);
      const auto low = hn::Set(d, band.low[i]);
      const auto high = hn::Set(d, band.high[i]);
      const auto mean = hn::Set(d, band.mean[i]);
      const ptrdiff_t row = static_cast<ptrdiff_t>(c) * lanes;
      const ptrdiff_t at = static_cast<ptrdiff_t>(p) * channels * lanes + row;
      for (int j = 0; j < lanes; j += lanes_of<BlockFloats>) {
        const auto a = load_floats(d, acc + at + j);
        const auto g = hn::IfThenElseZero(hn::And(hn::Ge(a, low), hn::Le(a, high)),
                                          hn::LoadU(d, gradient + at + j));
        float* s = sums + row + j;
        float* r = products + row + j;
        hn::StoreU(g, d, gradient + at + j);
        hn::StoreU(hn::Add(hn::LoadU(d, s), g), d, s);
        hn::StoreU(hn::Add(hn::LoadU(d, r), hn::Mul(g, hn::Sub(a, mean))), d, r);
      }
    }
  }
}

template <class Acc>
HWY_INLINE void gradient_of(const Acc* acc, int pixels, int channels, const BatchNormBackward& k,
                            int samples, const float* gradient, float* result) {
  const BlockFloats d;
  const auto count = hn::Set(d, static_cast<float>(samples));
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      const auto scale = hn::Set(d, k.scale[i]);
      const auto offset = hn::Set(d, k.offset[i]);
      const auto slope = hn::Set(d, k.slope[i]);
      const auto mean = hn::Set(d, k.mean[i]);
      for (int j = 0; j < lanes; j += lanes_of<BlockFloats>) {
        const auto centred = hn::Sub(load_floats(d, acc + j), mean);
        const auto scaled = hn::Mul(scale, hn::LoadU(d, gradient + j));
        const auto g = hn::Sub(hn::Sub(scaled, offset), hn::Mul(slope, centred));
        const auto present = hn::Lt(hn::Iota(d, static_cast<float>(j)), count);
        hn::StoreU(hn::IfThenElseZero(present, g), d, result + j);
      }
      acc += lanes;
      gradient += lanes;
      result += lanes;
    }
  }
}

void sums_of_short(const int16_t* acc, int pixels, int channels, Range range, int64_t bound,
                   ChannelSums& sums) {
  sums_of(acc, pixels, channels, range, bound, sums);
}
void sums_of_int(const int32_t* acc, int pixels, int channels, Range range, int64_t bound,
                 ChannelSums& sums) {
  sums_of(acc, pixels, channels, range, bound, sums);
}
void thresholds_of_short(const int16_t* acc, int pixels, int channels,
                         const MultiThreshold& quantizer, int samples, int8_t* values) {
  thresholds_of(acc, pixels, channels, quantizer, samples, values);
}
void thresholds_of_int(const int32_t* acc, int pixels, int channels,
                       const MultiThreshold& quantizer, int samples, int8_t* values) {
  thresholds_of(acc, pixels, channels, quantizer, samples, values);
}
void pass_short(const int16_t* acc, int pixels, int channels, Range range, const PassBand& band,
                float* gradient, float* sums, float* products) {
  pass_of(acc, pixels, channels, range, band, gradient, sums, products);
}
void pass_int(const int32_t* acc, int pixels, int channels, Range range, const PassBand& band,
              float* gradient, float* sums, float* products) {
  pass_of(acc, pixels, channels, range, band, gradient, sums, products);
}
void pass_real(const float* acc, int pixels, int channels, Range range, const PassBand& band,
               float* gradient, float* sums, float* products) {
  pass_of(acc, pixels, channels, range, band, gradient, sums, products);
}
void gradient_short(const int16_t* acc, int pixels, int channels, const BatchNormBackward& k,
                    int samples, const float* gradient, float* result) {
  gradient_of(acc, pixels, channels, k, samples, gradient, result);
}
void gradient_int(const int32_t* acc, int pixels, int channels, const BatchNormBackward& k,
                  int samples, const float* gradient, float* result) {
  gradient_of(acc, pixels, channels, k, samples, gradient, result);
}

void gradient_real(const float* acc, int pixels, int channels, const BatchNormBackward& k,
                   int samples, const float* gradient, float* result) {
  gradient_of(acc, pixels, channels, k, samples, gradient, result);
}

void transpose_all(const float* gradient, int pixels, int channels, float* transposed,
                   ptrdiff_t row_block, ptrdiff_t pixel) {
  constexpr int side = tile_side;
  for (int p = 0; p < pixels; ++p) {
    float* out = transposed + p * pixel;
    for (int c = 0; c < channels; c += side) {
      const float* in = gradient + static_cast<ptrdiff_t>(c) * lanes;
      float* to = out + c / lanes * row_block + c % lanes;
      const int width = std::min(side, channels - c);
      for (ptrdiff_t l = 0; l < lanes; l += side) {
        if (width == side) {
          transpose_tile(in + l, lanes, to + l * lanes, lanes);
          continue;
        }
        for (ptrdiff_t n = l; n < l + side; ++n) {
          for (int i = 0; i < width; ++i) to[n * lanes + i] = in[i * lanes + n];
        }
      }
    }
    gradient += static_cast<ptrdiff_t>(channels) * lanes;
  }
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::trainer {

HWY_EXPORT(sums_of_short);
HWY_EXPORT(sums_of_int);
HWY_EXPORT(sums_of_real);
HWY_EXPORT(thresholds_of_short);
HWY_EXPORT(thresholds_of_int);
HWY_EXPORT(thresholds_of_real);
HWY_EXPORT(pass_short);
HWY_EXPORT(pass_int);
HWY_EXPORT(pass_real);
HWY_EXPORT(gradient_short);
HWY_EXPORT(gradient_int);
HWY_EXPORT(gradient_real);
HWY_EXPORT(transpose_all);

void add_sums(const int16_t* acc, int pixels, int channels, Range range, int64_t bound,
              ChannelSums& sums) {
  HWY_DYNAMIC_DISPATCH(sums_of_short)(acc, pixels, channels, range, bound, sums);
}
void add_sums(const int32_t* acc, int pixels, int channels, Range range, int64_t bound,
              ChannelSums& sums) {
  HWY_DYNAMIC_DISPATCH(sums_of_int)(acc, pixels, channels, range, bound, sums);
}
void add_sums(const float* acc, int pixels, int channels, Range range, RealChannelSums& sums) {
  HWY_DYNAMIC_DISPATCH(sums_of_real)(acc, pixels, channels, range, sums);
}
void apply_thresholds(const int16_t* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values) {
  HWY_DYNAMIC_DISPATCH(thresholds_of_short)(acc, pixels, channels, quantizer, samples, values);
}
void apply_thresholds(const int32_t* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values) {
  HWY_DYNAMIC_DISPATCH(thresholds_of_int)(acc, pixels, channels, quantizer, samples, values);
}
void apply_thresholds(const float* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values) {
  HWY_DYNAMIC_DISPATCH(thresholds_of_real)(acc, pixels, channels, quantizer, samples, values);
}
void pass_gradient(const int16_t* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products) {
  HWY_DYNAMIC_DISPATCH(pass_short)(acc, pixels, channels, range, band, gradient, sums, products);
}
void pass_gradient(const int32_t* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products) {
  HWY_DYNAMIC_DISPATCH(pass_int)(acc, pixels, channels, range, band, gradient, sums, products);
}
void pass_gradient(const float* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products) {
  HWY_DYNAMIC_DISPATCH(pass_real)(acc, pixels, channels, range, band, gradient, sums, products);
}
void batch_norm_gradient(const int16_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result) {
  HWY_DYNAMIC_DISPATCH(gradient_short)(acc, pixels, channels, k, samples, gradient, result);
}
void batch_norm_gradient(const int32_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result) {
  HWY_DYNAMIC_DISPATCH(gradient_int)(acc, pixels, channels, k, samples, gradient, result);
}
void batch_norm_gradient(const float* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result) {
  HWY_DYNAMIC_DISPATCH(gradient_real)(acc, pixels, channels, k, samples, gradient, result);
}
void transpose(const float* gradient, int pixels, int channels, float* transposed,
               ptrdiff_t row_block, ptrdiff_t pixel) {
  HWY_DYNAMIC_DISPATCH(transpose_all)(gradient, pixels, channels, transposed, row_block, pixel);
}

}  // namespace stuckat::trainer
#endif
