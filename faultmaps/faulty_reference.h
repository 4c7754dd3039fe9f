// The definition of what a network computes under effects: the reference, with them applied.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "workloads/network.h"

namespace stuckat::reference {

/// Every tensor for image number `image_index` of a run, under `effects`; see effects.h for the
/// order. Without effects equal to run(network, image). Obvious and slow: the oracle.
std::vector<Tensor> run(const Network& network, const Tensor& image, const Effects& effects,
                        int64_t image_index = 0);

/// The parts of that. The network's input as the first layer finds it:
Tensor faulty_input(const Network& network, const Tensor& image, const Effects& effects,
                    int64_t image_index);
/// and what layer `index` makes of tensors 0 .. index, which are [index + 1] or more.
Tensor faulty_layer(const Network& network, int index, const std::vector<Tensor>& tensors,
                    const Effects& effects, int64_t image_index);

}  // namespace stuckat::reference
