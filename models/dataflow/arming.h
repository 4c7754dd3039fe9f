// Stuck bits in the storage of streams, as fault maps name them.
#pragma once

#include "faultmaps/fault_map.h"
#include "models/dataflow/chain.h"
#include "sim/kernel/stamped_fifo.h"

namespace stuckat::dataflow {

/// Breaks a stream at a stream_wire, stream_slot or stream_word site. A dead slot gives the code of
/// its level in every lane; the level of an accumulator stands for the same share of its range
/// (lowest level: accumulator_min(), greatest: accumulator_max(), rounded down).
void arm_stream(kernel::StampedFifo& fifo, const StreamSpec& stream, const Network& network,
                const Fault& fault);

}  // namespace stuckat::dataflow
