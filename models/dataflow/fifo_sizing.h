// Depths of FIFOs for an accelerator whose description says none, as FINN finds them when it
// builds.
#pragma once

#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// FINN's InsertAndSetFIFODepths ("largefifo_rtlsim"): with FIFOs that never fill, and pixels that
/// come no faster than the slowest part takes an image, each FIFO gets the words that it held at
/// most, two at least; one depth for those inside a layer. A run in which no FIFO holds more than
/// its depth is one of FIFOs with that depth, so that no branch of a graph waits for another for
/// ever, however fast pixels come: whether it does is no matter of time. Throws InputError as
/// validate() does.
DataflowAccelerator with_sized_fifos(DataflowAccelerator accelerator, const Network& network);

}  // namespace stuckat::dataflow
