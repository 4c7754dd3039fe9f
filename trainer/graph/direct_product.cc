#include "trainer/graph/direct_product.h"

#include <array>

#include "trainer/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/graph/direct_product.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "trainer/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {

using Floats = hn::Vec<BlockFloats>;

HWY_INLINE void put(Floats sum, bool add, float* out) {
  const BlockFloats d;
  hn::StoreU(add ? hn::Add(hn::LoadU(d, out), sum) : sum, d, out);
}
HWY_INLINE void put(Floats sum, bool add, int32_t* out) {
  const BlockInts d;
  const auto whole = hn::NearestInt(sum);
  hn::StoreU(add ? hn::Add(hn::LoadU(d, out), whole) : whole, d, out);
}

/// `Pixels` pixels from number `first` on.
template <int Rows, int Pixels, class Out>
HWY_INLINE void multiply_tile(const PixelRow& row, int first,
                              const std::vector<OperandRun>& operands, const float* weights,
                              int rows, bool add, Out* output) {
  const BlockFloats d;
  const float* input = row.input + first * row.input_pixel;
  for (int half = 0; half < lanes; half += lanes_of<BlockFloats>) {
    Floats sums[Rows][Pixels];
    for (auto& of_row : sums) {
      for (Floats& sum : of_row) sum = hn::Zero(d);
    }
    const float* w = weights;
    for (const OperandRun& run : operands) {
      const float* x = input + run.input + half;
      for (int k = 0; k < run.count; ++k, x += lanes, w += Rows) {
        Floats operand[Pixels];
        for (int p = 0; p < Pixels; ++p) operand[p] = hn::LoadU(d, x + p * row.input_pixel);
        for (int r = 0; r < Rows; ++r) {
          const Floats weight = hn::Set(d, w[r]);
          for (int p = 0; p < Pixels; ++p) {
            sums[r][p] = hn::MulAdd(weight, operand[p], sums[r][p]);
          }
        }
      }
    }
    for (int p = 0; p < Pixels; ++p) {
      Out* out = output + (first + p) * row.output_pixel + half;
      for (int r = 0; r < Rows; ++r) {
        if (r < rows) put(sums[r][p], add, out + r * lanes);
      }
    }
  }
}

template <int Rows, class Out>
HWY_INLINE void multiply_row(const PixelRow& row, const std::vector<OperandRun>& operands,
                             const float* weights, int rows, bool add, Out* output) {
  // As many sums as there are registers for.
  constexpr bool many = lanes_of<BlockFloats> == lanes;
  constexpr int at_once = Rows == 1 ? (many ? 8 : 4) : (many ? 2 : 1);
  int p = 0;
  for (; p + at_once <= row.pixels; p += at_once) {
    multiply_tile<Rows, at_once>(row, p, operands, weights, rows, add, output);
  }
  for (; p < row.pixels; ++p) multiply_tile<Rows, 1>(row, p, operands, weights, rows, add, output);
}

void multiply_real(const PixelRow& row, const std::vector<OperandRun>& operands,
                   const float* weights, int tile, int rows, bool add, float* output) {
  if (tile == 1) return multiply_row<1>(row, operands, weights, rows, add, output);
  multiply_row<product_rows>(row, operands, weights, rows, add, output);
}
void multiply_whole(const PixelRow& row, const std::vector<OperandRun>& operands,
                    const float* weights, int tile, int rows, bool add, int32_t* output) {
  if (tile == 1) return multiply_row<1>(row, operands, weights, rows, add, output);
  multiply_row<product_rows>(row, operands, weights, rows, add, output);
}

/// Columns first .. first+Columns-1 of the tile.
template <int Rows, int Columns>
HWY_INLINE void add_tile(const PixelArea& area, const float* input, const ptrdiff_t* columns,
                         int first, const float* gradient, float* sums) {
  const BlockFloats d;
  for (int half = 0; half < lanes; half += lanes_of<BlockFloats>) {
    Floats total[Rows][Columns];
    const auto place = [&](int r, int c) {
      return sums + (r * gradient_columns + first + c) * lanes + half;
    };
    for (int r = 0; r < Rows; ++r) {
      for (int c = 0; c < Columns; ++c) total[r][c] = hn::LoadU(d, place(r, c));
    }
    for (int y = 0; y < area.height; ++y) {
      const float* x = input + y * area.input_line + half;
      const float* g = gradient + y * area.gradient_line + half;
      for (int p = 0; p < area.width; ++p, x += area.input_pixel, g += area.gradient_pixel) {
        Floats by[Rows];
        for (int r = 0; r < Rows; ++r) by[r] = hn::LoadU(d, g + r * lanes);
        for (int c = 0; c < Columns; ++c) {
          const Floats operand = hn::LoadU(d, x + columns[first + c]);
          for (int r = 0; r < Rows; ++r) total[r][c] = hn::MulAdd(by[r], operand, total[r][c]);
        }
      }
    }
    for (int r = 0; r < Rows; ++r) {
      for (int c = 0; c < Columns; ++c) hn::StoreU(total[r][c], d, place(r, c));
    }
  }
}

template <int Rows>
HWY_INLINE void add_tiles(const PixelArea& area, const float* input, const ptrdiff_t* columns,
                          const float* gradient, float* sums) {
  constexpr int at_once = lanes_of<BlockFloats> == lanes ? gradient_columns : gradient_columns / 3;
  for (int first = 0; first < gradient_columns; first += at_once) {
    add_tile<Rows, at_once>(area, input, columns, first, gradient, sums);
  }
}

void add_products(const PixelArea& area, const float* input, const ptrdiff_t* columns,
                  const float* gradient, int tile, float* sums) {
  if (tile == 1) return add_tiles<1>(area, input, columns, gradient, sums);
  add_tiles<gradient_rows>(area, input, columns, gradient, sums);
}

void floats_of(const int16_t* values, size_t count, float* real) {
  const BlockFloats d;
  constexpr auto step = static_cast<size_t>(lanes_of<BlockFloats>);
  size_t i = 0;
  for (; i + step <= count; i += step) hn::StoreU(load_floats(d, values + i), d, real + i);
  for (; i < count; ++i) real[i] = values[i];
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::trainer {

HWY_EXPORT(multiply_real);
HWY_EXPORT(multiply_whole);
HWY_EXPORT(add_products);
HWY_EXPORT(floats_of);

void multiply_pixels(const PixelRow& row, const std::vector<OperandRun>& operands,
                     const float* weights, int tile, int rows, bool add, float* output) {
  HWY_DYNAMIC_DISPATCH(multiply_real)(row, operands, weights, tile, rows, add, output);
}
void multiply_pixels(const PixelRow& row, const std::vector<OperandRun>& operands,
                     const float* weights, int tile, int rows, bool add, int32_t* output) {
  HWY_DYNAMIC_DISPATCH(multiply_whole)(row, operands, weights, tile, rows, add, output);
}
void add_weight_products(const PixelArea& area, const float* input, const ptrdiff_t* columns,
                         const float* gradient, int tile, float* sums) {
  HWY_DYNAMIC_DISPATCH(add_products)(area, input, columns, gradient, tile, sums);
}
void to_floats(const int16_t* values, size_t count, float* real) {
  HWY_DYNAMIC_DISPATCH(floats_of)(values, count, real);
}

}  // namespace stuckat::trainer
#endif
