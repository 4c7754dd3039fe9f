// The product of eigen_product.h for the instruction set that this file is compiled for. Eigen's
// namespace gets a name of its own in each (STUCKAT_EIGEN): what is compiled for a newer processor
// must not be linked in the place of what runs on all.
#define Eigen STUCKAT_EIGEN
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Core>

#include "trainer/eigen_product.h"

namespace stuckat::trainer::STUCKAT_EIGEN {

void multiply(int rows, int columns, int inner, RealMatrix a, RealMatrix b, float* c) {
  // Blocks of one size on all processors, so that sums have one order.
  constexpr std::ptrdiff_t kib = 1024;
  static const bool sized = [] {
    ::Eigen::setCpuCacheSizes(32 * kib, 1024 * kib, 2048 * kib);
    return true;
  }();
  static_cast<void>(sized);
  using Matrix = ::Eigen::Matrix<float, ::Eigen::Dynamic, ::Eigen::Dynamic, ::Eigen::RowMajor>;
  using Rows = ::Eigen::Map<const Matrix, 0, ::Eigen::OuterStride<>>;
  const Rows left(a.data, rows, inner, ::Eigen::OuterStride<>(a.stride));
  const Rows right(b.data, inner, columns, ::Eigen::OuterStride<>(b.stride));
  ::Eigen::Map<Matrix>(c, rows, columns).noalias() = left * right;
}

}  // namespace stuckat::trainer::STUCKAT_EIGEN
