#include "trainer/injection.h"

#include <algorithm>

#include "trainer/kernels.h"
#include "trainer/product.h"

namespace stuckat::trainer {
namespace {

int positions(InjectionKind kind, Shape shape) {
  switch (kind) {
    case InjectionKind::channel:
      return shape.channels;
    case InjectionKind::pixel:
      return shape.pixels();
    case InjectionKind::element:
      return shape.size();
  }
  return 0;
}

MaskStrides strides_of(InjectionKind kind, Shape shape) {
  switch (kind) {
    case InjectionKind::channel:
      return {0, lanes};
    case InjectionKind::pixel:
      return {lanes, 0};
    case InjectionKind::element:
      return {static_cast<ptrdiff_t>(shape.channels) * lanes, lanes};
  }
  return {};
}

}  // namespace

namespace {

constexpr int8_t untouched_byte = INT8_MAX;  // no format of the tables has this level

}  // namespace

template <class Value, class Level>
void InjectionMask::draw_into(const Injection& injection, int samples, const Sequence& random,
                              Workers& workers, Value none, const Level& level_of,
                              Buffer<Value>& values) const {
  const int count = positions(kind_, shape_);
  values.grow(static_cast<size_t>(blocks_) * count * lanes);
  const double share = injection.percent / 100;
  workers.run(blocks_, [&](int block) {
    Value* out = values.data() + static_cast<ptrdiff_t>(block) * count * lanes;
    for (int i = 0; i < count; ++i) {
      for (int l = 0; l < lanes; ++l) {
        const int sample = block * lanes + l;
        Value value = none;
        if (sample < samples) {
          const auto position = static_cast<uint64_t>(sample) * static_cast<uint64_t>(count);
          const double r = random.uniform(position + static_cast<uint64_t>(i));
          if (r < share) value = static_cast<Value>(level_of(r / share));
        }
        out[i * lanes + l] = value;
      }
    }
  });
}

void InjectionMask::draw(const Injection& injection, Shape shape, NumberFormat format, int samples,
                         const Sequence& random, Workers& workers, bool wide) {
  kind_ = injection.kind;
  shape_ = shape;
  blocks_ = block_count(samples);
  wide_ = wide;
  const int levels = format.levels();
  const auto level_of = [&](double share) {
    const int level = std::min(levels - 1, static_cast<int>(share * levels));
    return injection.zeros ? 0 : format.level(level);
  };
  if (wide) {
    draw_into(injection, samples, random, workers, int16_t{untouched}, level_of, wide_values_);
  } else {
    draw_into(injection, samples, random, workers, untouched_byte, level_of, values_);
  }
}

void InjectionMask::apply(int8_t* values, Workers& workers) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const int count = positions(kind_, shape_);
  workers.run(blocks_, [&](int block) {
    overwrite_masked(values_.data() + static_cast<ptrdiff_t>(block) * count * lanes, strides,
                     untouched_byte, shape_.pixels(), shape_.channels,
                     values + block * block_elements(shape_));
  });
}

void InjectionMask::apply(int16_t* values, Workers& workers) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const ptrdiff_t count = static_cast<ptrdiff_t>(positions(kind_, shape_)) * lanes;
  workers.run(blocks_, [&](int block) {
    int16_t* out = values + block * block_elements(shape_);
    for (int p = 0; p < shape_.pixels(); ++p) {
      for (int c = 0; c < shape_.channels; ++c, out += lanes) {
        const int16_t* mask =
            wide_values_.data() + block * count + p * strides.pixel + c * strides.channel;
        for (int l = 0; l < lanes; ++l) out[l] = mask[l] == untouched ? out[l] : mask[l];
      }
    }
  });
}

void InjectionMask::clear_gradient(int block, int y, Range range, float* row) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const ptrdiff_t first = static_cast<ptrdiff_t>(block) * positions(kind_, shape_) * lanes +
                          y * shape_.width * strides.pixel;
  if (!wide_) {
    clear_masked(values_.data() + first, strides, untouched_byte, shape_.width, shape_.channels,
                 range, row);
    return;
  }
  for (int x = 0; x < shape_.width; ++x) {
    for (int c = range.begin; c < range.end; ++c) {
      const int16_t* mask = wide_values_.data() + first + x * strides.pixel + c * strides.channel;
      float* g = row + (static_cast<ptrdiff_t>(x) * shape_.channels + c) * lanes;
      for (int l = 0; l < lanes; ++l) g[l] = mask[l] == untouched ? g[l] : 0;
    }
  }
}

int InjectionMask::at(int sample, int pixel, int channel) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const ptrdiff_t block = static_cast<ptrdiff_t>(sample / lanes) * positions(kind_, shape_) * lanes;
  const ptrdiff_t at = block + pixel * strides.pixel + channel * strides.channel + sample % lanes;
  if (wide_) return wide_values_.data()[at];
  return values_.data()[at] == untouched_byte ? untouched : values_.data()[at];
}

}  // namespace stuckat::trainer
