#define STUCKAT_EIGEN EigenForAll
#include "trainer/eigen_product-inl.h"

// after Eigen, whose name is another one here
#include <hwy/targets.h>

namespace stuckat::trainer {

#ifdef STUCKAT_EIGEN_X86
namespace EigenForAvx2 {
void multiply(int rows, int columns, int inner, RealMatrix a, RealMatrix b, float* c);
}
namespace EigenForAvx512 {
void multiply(int rows, int columns, int inner, RealMatrix a, RealMatrix b, float* c);
}
#endif

void multiply_real(int rows, int columns, int inner, RealMatrix a, RealMatrix b, float* c) {
#ifdef STUCKAT_EIGEN_X86
  const auto targets = hwy::SupportedTargets();
  if ((targets & HWY_AVX3) != 0) return EigenForAvx512::multiply(rows, columns, inner, a, b, c);
  if ((targets & HWY_AVX2) != 0) return EigenForAvx2::multiply(rows, columns, inner, a, b, c);
#endif
  EigenForAll::multiply(rows, columns, inner, a, b, c);
}

}  // namespace stuckat::trainer
