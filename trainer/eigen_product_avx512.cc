// eigen_product.h for x86 processors with AVX-512.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define STUCKAT_EIGEN EigenForAvx512
#include "trainer/eigen_product-inl.h"
#endif
