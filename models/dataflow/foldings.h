// Foldings of a dataflow accelerator, from the smallest to the most parallel.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// The most of layer_cycles(), of the layers that have no more than `at_most`; 0: none.
int64_t slowest_layer_cycles(const DataflowAccelerator& accelerator, const Network& network,
                             int64_t at_most = INT64_MAX);

/// Every folding that auto_folding() finds for some target, the slowest first: for each bound on
/// the cycles of an image the one with the fewest PE * SIMD. PE divides the rows (PE | MH), SIMD
/// the columns (SIMD | MW).
std::vector<DataflowAccelerator> all_foldings(const Network& network);

/// `count` of them, evenly spaced, both ends among them.
std::vector<DataflowAccelerator> some_foldings(const Network& network, int64_t count);

}  // namespace stuckat::dataflow
