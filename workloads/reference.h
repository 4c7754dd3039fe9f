// The definition of what a network computes: the shortest clear integer code, one image at a time.
// Every engine is tested against it. Knows no fault; faultmaps/faulty_reference.h adds effects.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/network.h"

namespace stuckat::reference {

/// The window under output pixel (y, x) in column order (ky, kx, channel of the group), or the
/// whole input where a layer reads everything; [layer.columns()]. Positions outside the image hold
/// layer.input_format.padding_value().
std::vector<int32_t> window(const Layer& layer, const Tensor& input, int y, int x, int group = 0);

/// Accumulator of one row on one window (docs/hardware.md, MVTU): matches if layer.is_xnor(), else
/// the signed sum. Both arrays have layer.columns() values.
int32_t accumulate(const Layer& layer, const int8_t* weights, const int32_t* window);

/// Output value for an accumulator: level number (thresholds strictly below it). `thresholds` has
/// layer.thresholds_per_row() entries, in any order; ascending where the format has more than 8
/// bits.
int32_t threshold(const Layer& layer, const int32_t* thresholds, int32_t accumulator);

/// One layer on the tensors that it reads, of shape layer.input: what its kind's row says.
Tensor run_layer(const Layer& layer, std::span<const Tensor* const> inputs);
Tensor run_layer(const Layer& layer, const Tensor& input);

/// Every tensor of the network for one image: [0] is the image, [i+1] the output of layers[i],
/// the last one the result (logits, if it passes its sums out).
std::vector<Tensor> run(const Network& network, const Tensor& image);

}  // namespace stuckat::reference
