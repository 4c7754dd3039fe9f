#include "trainer/kernels.h"

#include <algorithm>

#include "trainer/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "trainer/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {

using BlockBytes = hn::CappedTag<int8_t, lanes>;

void overwrite_all(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels,
                   int channels, int8_t* values) {
  const BlockBytes d;
  const auto kept = hn::Set(d, untouched);
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      const int8_t* m = mask + p * strides.pixel + c * strides.channel;
      for (int l = 0; l < lanes; l += lanes_of<BlockBytes>) {
        const auto levels = hn::LoadU(d, m + l);
        const auto old = hn::LoadU(d, values + l);
        hn::StoreU(hn::IfThenElse(hn::Eq(levels, kept), old, levels), d, values + l);
      }
      values += lanes;
    }
  }
}

void clear_all(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels, int channels,
               Range range, float* gradient) {
  const BlockFloats d;
  const BlockInts ints;
  const auto kept = hn::Set(ints, int32_t{untouched});
  for (int p = 0; p < pixels; ++p) {
    for (int c = range.begin; c < range.end; ++c) {
      const int8_t* m = mask + p * strides.pixel + c * strides.channel;
      float* g = gradient + (static_cast<ptrdiff_t>(p) * channels + c) * lanes;
      for (int l = 0; l < lanes; l += lanes_of<BlockFloats>) {
        const auto passes = hn::RebindMask(d, hn::Eq(load_ints(ints, m + l), kept));
        hn::StoreU(hn::IfThenElseZero(passes, hn::LoadU(d, g + l)), d, g + l);
      }
    }
  }
}

void pool_all(const Layer& layer, const int8_t* in, int8_t* out) {
  const BlockBytes d;
  const int size = layer.input.channels * lanes;
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      const int8_t* corner =
          in + static_cast<ptrdiff_t>(y * layer.input.width + x) * layer.stride * size;
      for (int i = 0; i < size; i += lanes_of<BlockBytes>) {
        auto best = hn::LoadU(d, corner + i);
        for (int k = 1; k < layer.kernel * layer.kernel; ++k) {
          const ptrdiff_t tap = k / layer.kernel * layer.input.width + k % layer.kernel;
          best = hn::Max(best, hn::LoadU(d, corner + tap * size + i));
        }
        hn::StoreU(best, d, out + i);
      }
      out += size;
    }
  }
}

void unpool_all(const Layer& layer, int y, const int8_t* in, const float* gradient, float* out) {
  const BlockFloats d;
  const BlockInts ints;
  const int size = layer.input.channels * lanes;
  for (int x = 0; x < layer.output.width; ++x) {
    const ptrdiff_t corner =
        static_cast<ptrdiff_t>(y * layer.input.width + x) * layer.stride * size;
    for (int first = 0; first < size; first += lanes_of<BlockFloats>) {
      const auto at = [&](int k) {
        const ptrdiff_t tap = k / layer.kernel * layer.input.width + k % layer.kernel;
        return corner + first + tap * size;
      };
      auto best = load_ints(ints, in + at(0));
      for (int k = 1; k < layer.kernel * layer.kernel; ++k) {
        best = hn::Max(best, load_ints(ints, in + at(k)));
      }
      auto left = hn::LoadU(d, gradient + first);
      for (int k = 0; k < layer.kernel * layer.kernel; ++k) {
        const auto taken = hn::RebindMask(d, hn::Eq(load_ints(ints, in + at(k)), best));
        const auto sum = hn::Add(hn::LoadU(d, out + at(k)), hn::IfThenElseZero(taken, left));
        hn::StoreU(sum, d, out + at(k));
        left = hn::IfThenZeroElse(taken, left);
      }
    }
    gradient += size;
  }
}

/// whole(i) for full vectors, then single(i) for what is left.
template <class D, class Whole, class Single>
HWY_INLINE void for_all(D, size_t count, const Whole& whole, const Single& single) {
  constexpr auto step = static_cast<size_t>(lanes_of<D>);
  size_t i = 0;
  for (; i + step <= count; i += step) whole(D(), i);
  for (; i < count; ++i) single(hn::CappedTag<float, 1>(), i);
}

void binary_all(const float* latent, size_t count, int8_t* weights) {
  for (size_t i = 0; i < count; ++i) weights[i] = static_cast<int8_t>(latent[i] >= 0 ? 1 : -1);
}

void levels_all(const float* latent, size_t count, float limit, float levels, int8_t* weights) {
  const auto quantize = [&](auto d, size_t i) {
    const hn::Rebind<int32_t, decltype(d)> ints;
    const hn::Rebind<int8_t, decltype(d)> bytes;
    const auto most = hn::Set(d, limit);
    const auto cut = hn::Min(hn::Max(hn::LoadU(d, latent + i), hn::Neg(most)), most);
    // Half to even.
    const auto level = hn::ConvertTo(ints, hn::Round(hn::Mul(cut, hn::Set(d, levels))));
    hn::StoreU(hn::DemoteTo(bytes, level), bytes, weights + i);
  };
  for_all(BlockFloats(), count, quantize, quantize);
}

void adam_all(const AdamRates& k, const float* gradient, size_t count, float* first, float* second,
              float* value) {
  const auto update = [&](auto d, size_t i) {
    const auto g = hn::LoadU(d, gradient + i);
    const auto set = [&](float x) { return hn::Set(d, x); };
    const auto mean =
        hn::Add(hn::Mul(set(k.beta1), hn::LoadU(d, first + i)), hn::Mul(set(1 - k.beta1), g));
    const auto square = hn::Add(hn::Mul(set(k.beta2), hn::LoadU(d, second + i)),
                                hn::Mul(hn::Mul(set(1 - k.beta2), g), g));
    hn::StoreU(mean, d, first + i);
    hn::StoreU(square, d, second + i);
    const auto size = hn::Add(hn::Sqrt(hn::Mul(square, set(k.second_scale))), set(k.epsilon));
    const auto next = hn::Sub(hn::LoadU(d, value + i), hn::Div(hn::Mul(set(k.rate), mean), size));
    const auto low = set(-k.limit);
    const auto high = set(k.limit);
    const auto not_above = hn::IfThenElse(hn::Gt(next, high), high, next);
    hn::StoreU(hn::IfThenElse(hn::Lt(next, low), low, not_above), d, value + i);
  };
  for_all(hn::ScalableTag<float>(), count, update, update);
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::trainer {

HWY_EXPORT(overwrite_all);
HWY_EXPORT(clear_all);
HWY_EXPORT(pool_all);
HWY_EXPORT(unpool_all);
HWY_EXPORT(binary_all);
HWY_EXPORT(levels_all);
HWY_EXPORT(adam_all);

void overwrite_masked(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels,
                      int channels, int8_t* values) {
  HWY_DYNAMIC_DISPATCH(overwrite_all)(mask, strides, untouched, pixels, channels, values);
}
void clear_masked(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels,
                  int channels, Range range, float* gradient) {
  HWY_DYNAMIC_DISPATCH(clear_all)(mask, strides, untouched, pixels, channels, range, gradient);
}
void pool_block(const Layer& layer, const int8_t* in, int8_t* out) {
  HWY_DYNAMIC_DISPATCH(pool_all)(layer, in, out);
}
void unpool_row(const Layer& layer, int y, const int8_t* in, const float* gradient, float* out) {
  HWY_DYNAMIC_DISPATCH(unpool_all)(layer, y, in, gradient, out);
}
void quantize_binary(const float* latent, size_t count, int8_t* weights) {
  HWY_DYNAMIC_DISPATCH(binary_all)(latent, count, weights);
}
void quantize_levels(const float* latent, size_t count, float limit, float levels,
                     int8_t* weights) {
  HWY_DYNAMIC_DISPATCH(levels_all)(latent, count, limit, levels, weights);
}
void adam_update(const AdamRates& rates, const float* gradient, size_t count, float* first,
                 float* second, float* value) {
  HWY_DYNAMIC_DISPATCH(adam_all)(rates, gradient, count, first, second, value);
}

}  // namespace stuckat::trainer
#endif
