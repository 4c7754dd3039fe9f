// Foldings of a dataflow accelerator, from the smallest to the most parallel.
#pragma once

#include <vector>

#include "models/dataflow/accelerator.h"

namespace stuckat::explore {

/// Cycles per image of the slowest MVTU or sliding window: what auto_dataflow() bounds.
int64_t slowest_part_cycles(const dataflow::DataflowAccelerator& accelerator,
                            const Network& network);

/// Every folding that auto_dataflow() finds for some target, the slowest first: for each bound on
/// the cycles of an image that any folding can meet, the one with the fewest PE * SIMD. PE divides
/// the rows (PE | MH), SIMD the columns (SIMD | MW).
std::vector<dataflow::DataflowAccelerator> all_foldings(const Network& network);

/// `count` of them, evenly spaced, both ends among them.
std::vector<dataflow::DataflowAccelerator> some_foldings(const Network& network, int64_t count);

}  // namespace stuckat::explore
