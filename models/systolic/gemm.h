// A layer as a systolic array sees it: one matrix product.
#pragma once

#include <cstdint>

namespace stuckat::systolic {

/// M vectors (output pixels) of K operands times K x N weights: N outputs a vector.
struct Gemm {
  int64_t m = 0;
  int64_t k = 0;
  int64_t n = 0;

  int64_t macs() const { return m * k * n; }
  bool operator==(const Gemm&) const = default;
};

/// R rows x C columns of PEs.
struct ArrayShape {
  int64_t rows = 0;
  int64_t columns = 0;

  int64_t pes() const { return rows * columns; }
  bool operator==(const ArrayShape&) const = default;
};

}  // namespace stuckat::systolic
