// eigen_product.h for x86 processors with AVX2 and FMA.
#if defined(__AVX2__) && defined(__FMA__)
#define STUCKAT_EIGEN EigenForAvx2
#include "trainer/eigen_product-inl.h"
#endif
