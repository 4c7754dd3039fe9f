// Which part of a dataflow accelerator does which operation.
#pragma once

#include "faultmaps/placement.h"
#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// An array "layer0/mvtu" for each layer with weights; a stream for each FIFO: "input" for the
/// image, "layer0/out" for what a layer gives, and those inside of layers ("layer1/channels",
/// "layer1/windows", ...). Not listed are streams whose words hold parts of codes or of pixels with
/// padded rows, windows of pools and of groups, what comes to a pool in a chain, and images before
/// padding that differs by side.
Placement place(const DataflowAccelerator& accelerator, const Network& network);

}  // namespace stuckat::dataflow
