// Stuck bits in streams, sliding windows and pools, as fault maps name them.
#pragma once

#include "faultmaps/fault_map.h"
#include "models/dataflow/junction.h"
#include "models/dataflow/max_pool.h"
#include "models/dataflow/sliding_window.h"
#include "models/dataflow/sum_pool.h"
#include "models/dataflow/word_ring.h"
#include "sim/kernel/stamped_fifo.h"

namespace stuckat::dataflow {

/// Breaks a stream at a stream_wire, stream_slot or stream_word site. A dead slot gives the code of
/// its level in every lane; the level of an accumulator stands for the same share of its range
/// (lowest level: accumulator_min(), greatest: accumulator_max(), rounded down).
/// The stream carries codes of tensor `tensor`, of lane_bits bits each.
void arm_stream(kernel::StampedFifo& fifo, int tensor, int lane_bits, const Network& network,
                const Fault& fault);

/// Breaks a sliding-window buffer, or a max-pool.
void arm_window(SlidingWindow& window, const Fault& fault);
void arm_sums(SumPool& pool, const Fault& fault);
void arm_adder(Junction& core, const Fault& fault);
void arm_pool(MaxPool& pool, const Fault& fault);
/// Breaks the ring of a sliding window in RTL, or a replay buffer (word_ring.h).
void arm_ring(WordRing& ring, const Fault& fault);

}  // namespace stuckat::dataflow
