// What sets the pace of a dataflow accelerator: a part that works all the time, or a FIFO that
// makes parts wait.
#pragma once

#include <string>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/timing.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

/// A part that is busy for this share of the interval works all the time: a pipeline drains after
/// each image, a few steps in a thousand.
inline constexpr double works_all_the_time = 0.99;

/// `timing` of a run of `images`, `interval` its steady one. The busiest part, where it works in
/// all cycles from image to image but what its pipeline needs at the end of each. Else parts wait:
/// each FIFO in turn gets room for roomy_depth words, and the one that shortens the interval most
/// is what sets the pace: "the FIFO after layer1 (2 words)", "the FIFOs inside layer1 (2 words)",
/// "the FIFO of the input (2 words)". "FIFOs, no single one" where only several together would;
/// "waits behind layer1/mvtu", the busiest part, where no FIFO is the reason.
std::string pace_setter(const Network& network, const DataflowAccelerator& accelerator,
                        const DataflowTiming& timing, int64_t images, const Interval& interval);

}  // namespace stuckat::dataflow
