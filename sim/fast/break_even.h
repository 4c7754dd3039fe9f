// Which of three ways takes a layer from its changed inputs to its changed outputs the soonest.
#pragma once

#include <cstdint>

#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

/// scatter: every change adds to the outputs that see it. gather: every output adds the changes
/// that it sees. dense: every output is computed afresh.
enum class Way : uint8_t { scatter, gather, dense };

/// By estimated time for `changes` changed planes of the layer's input.
Way cheapest_way(const PackedLayer& layer, const TensorLayout& input, int64_t changes,
                 bool can_scatter);

/// Whether `rows` rows with patched parameters, and what else reaches the layer's output, are done
/// sooner by the dense path for all of its rows than one by one.
bool dense_is_cheapest_for_rows(const PackedLayer& layer, const TensorLayout& input, int64_t rows);

/// Whether the dense path with as many digits as codes of the weights' format have is sooner done
/// than with the layer's and so many excess weights (patched_layer.h).
bool wide_is_cheapest(const PackedLayer& layer, const TensorLayout& input, const Layer& of,
                      int64_t excesses);

/// Whether counting `entries` planes of a layer's input, each of so many vectors, takes less time
/// than the dense path (sliced_layer.h).
bool sliced_is_cheapest(const PackedLayer& layer, const TensorLayout& input, int64_t entries,
                        int vectors);

}  // namespace stuckat::fast
