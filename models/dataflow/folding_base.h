// What the foldings of an exploration are built of.
#pragma once

#include <string>

#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// FINN's parts today: windows, padding and converters in RTL, MVTUs from HLS with their thresholds
/// inside; or (rtl_mvtus) in RTL where FINN has such, and all thresholds apart. Pools take whole
/// pixels where their windows do not overlap. The folding is none that anyone would want.
DataflowAccelerator finn_base(const Network& network, bool rtl_mvtus);

/// "finn", "finn-rtl", or an accelerator as parse_dataflow() takes it, then or not with "dataflow:"
/// in front. Throws InputError.
DataflowAccelerator parse_base(const std::string& text, const Network& network);

/// The PE, SIMD and FIFO depths of `folding` with all else of `base`: how parts are built, which
/// words pools take, latencies, clock. Throws InputError if that is no accelerator.
DataflowAccelerator built_as(const DataflowAccelerator& base, const DataflowAccelerator& folding,
                             const Network& network);

}  // namespace stuckat::dataflow
