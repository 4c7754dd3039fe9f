// The one matrix product of real values: Eigen's, compiled for each instruction set and chosen at
// run time (docs/decisions/0005).
#pragma once

#include <cstddef>

namespace stuckat::trainer {

/// A matrix of floats, row by row.
struct RealMatrix {
  const float* data = nullptr;
  std::ptrdiff_t stride = 0;  ///< from one row to the next
};

/// c[rows][columns] = a[rows][inner] * b[inner][columns], on the calling thread; c row by row
/// without gaps. The order of additions depends on the sizes and the instruction set, on nothing
/// else: integers whose partial sums stay below 2^24 are exact everywhere.
void multiply_real(int rows, int columns, int inner, RealMatrix a, RealMatrix b, float* c);

}  // namespace stuckat::trainer
