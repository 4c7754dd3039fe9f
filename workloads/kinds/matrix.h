// What the kinds that multiply a matrix with columns of the input have in common. Inside workloads
// only.
#pragma once

#include <span>
#include <utility>

#include "workloads/network.h"

namespace stuckat {

/// Every row on the columns of every output pixel (docs/hardware.md, MVTU).
Tensor run_matrix(const Layer& layer, std::span<const Tensor* const> inputs);

/// 0 .. columns if XNOR, else the greatest product times the columns, of either sign.
std::pair<int64_t, int64_t> matrix_sums(const Layer& layer);

}  // namespace stuckat
