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

void InjectionMask::draw(const Injection& injection, Shape shape, NumberFormat format, int samples,
                         const Sequence& random, Workers& workers) {
  kind_ = injection.kind;
  shape_ = shape;
  blocks_ = block_count(samples);
  const int count = positions(kind_, shape);
  values_.grow(static_cast<size_t>(blocks_) * count * lanes);
  const double share = injection.percent / 100;
  const int levels = format.levels();
  workers.run(blocks_, [&](int block) {
    int8_t* out = values_.data() + static_cast<ptrdiff_t>(block) * count * lanes;
    for (int i = 0; i < count; ++i) {
      for (int l = 0; l < lanes; ++l) {
        const int sample = block * lanes + l;
        int8_t value = untouched;
        if (sample < samples) {
          const auto position = static_cast<uint64_t>(sample) * static_cast<uint64_t>(count);
          const double r = random.uniform(position + static_cast<uint64_t>(i));
          if (r < share) {
            const int level = std::min(levels - 1, static_cast<int>(r / share * levels));
            value = static_cast<int8_t>(injection.zeros ? 0 : format.level(level));
          }
        }
        out[i * lanes + l] = value;
      }
    }
  });
}

void InjectionMask::apply(int8_t* values, Workers& workers) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const int count = positions(kind_, shape_);
  workers.run(blocks_, [&](int block) {
    overwrite_masked(values_.data() + static_cast<ptrdiff_t>(block) * count * lanes, strides,
                     untouched, shape_.pixels(), shape_.channels,
                     values + block * block_elements(shape_));
  });
}

void InjectionMask::clear_gradient(int block, int y, Range range, float* row) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const ptrdiff_t positions_before = static_cast<ptrdiff_t>(block) * positions(kind_, shape_);
  clear_masked(values_.data() + positions_before * lanes + y * shape_.width * strides.pixel,
               strides, untouched, shape_.width, shape_.channels, range, row);
}

int InjectionMask::at(int sample, int pixel, int channel) const {
  const MaskStrides strides = strides_of(kind_, shape_);
  const ptrdiff_t block = static_cast<ptrdiff_t>(sample / lanes) * positions(kind_, shape_) * lanes;
  return values_.data()[block + pixel * strides.pixel + channel * strides.channel + sample % lanes];
}

}  // namespace stuckat::trainer
