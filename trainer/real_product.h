// Products of a layer with weights that are real numbers: forward and data gradient on block
// tensors (product.h), as windows put side by side and one matrix product (eigen_product.h). The
// same bytes on any number of threads; not on every instruction set, as the tables' are.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/buffer.h"
#include "trainer/product.h"

namespace stuckat::trainer {

/// sums[block][pixel][row][16] += sum over columns of weight * activation. weights:
/// [rows][columns]; real_input: memory for the input as floats.
void add_real_product(const Geometry& geometry, const float* weights, int samples,
                      const int8_t* input, Buffer<float>& real_input, float* sums,
                      Workers& workers);

/// As data_gradient() (product.h), with weights [rows][columns].
void real_data_gradient(const Geometry& geometry, const float* weights, int samples,
                        const RowSource& gradient, float* input_gradient, const RowDone& done,
                        Workers& workers);

}  // namespace stuckat::trainer
