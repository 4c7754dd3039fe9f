// The injection layer of FAT (methods.md, section 1): random elements of a tensor take a level.
#pragma once

#include <cstdint>

#include "trainer/buffer.h"
#include "trainer/product.h"
#include "trainer/random.h"
#include "trainer/workers.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// channel: all pixels of a channel; pixel: all channels of a pixel; element: single ones.
enum class InjectionKind : uint8_t { channel, pixel, element };

/// What to draw for one tensor. Each sample draws for itself.
struct Injection {
  InjectionKind kind = InjectionKind::channel;
  double percent = 0;  ///< p of the paper, 0 .. 100: each of K levels is injected with p/(100 K)
  bool zeros = false;  ///< Dropout and Dropout2D: 0 instead of a level
};

/// The positions of one tensor that were overwritten, for a batch.
class InjectionMask {
 public:
  /// Draws for `samples` samples: r uniform in [0, 1) per channel, pixel or element, and level j
  /// where r lies in the j-th of K equal parts of [0, percent/100).
  /// wide: for apply() to values of 16 bits.
  void draw(const Injection& injection, Shape shape, NumberFormat format, int samples,
            const Sequence& random, Workers& workers, bool wide = false);
  /// Overwrites values[block][pixel][channel][16].
  void apply(int8_t* values, Workers& workers) const;
  void apply(int16_t* values, Workers& workers) const;
  /// Sets the gradient to 0 where a value was overwritten: row[x][channel][16] of one block's
  /// image row y, in channels `range`.
  void clear_gradient(int block, int y, Range range, float* row) const;
  /// What was put at (sample, pixel, channel), or `untouched`.
  int at(int sample, int pixel, int channel) const;

  static constexpr int untouched = INT16_MAX;

 private:
  template <class Value, class Level>
  void draw_into(const Injection& injection, int samples, const Sequence& random, Workers& workers,
                 Value none, const Level& level_of, Buffer<Value>& values) const;

  InjectionKind kind_ = InjectionKind::channel;
  Shape shape_;
  int blocks_ = 0;
  bool wide_ = false;            // levels that 8 bits don't hold, or only just
  Buffer<int8_t> values_;        // [block][drawn position][16]
  Buffer<int16_t> wide_values_;  // instead
};

}  // namespace stuckat::trainer
