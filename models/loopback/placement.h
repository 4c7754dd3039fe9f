// Which PE of a loopback array computes what.
#pragma once

#include <vector>

#include "faultmaps/placement.h"
#include "models/loopback/accelerator.h"
#include "workloads/network.h"

namespace stuckat::loopback {

/// Indices of the layers that run on the array, ascending: all with weights, without the first and
/// the last of them if accelerator.host_first_last. Throws InputError if none is left.
std::vector<int> array_layers(const LoopbackAccelerator& accelerator, const Network& network);

/// One PE array, "array", with a use for each of array_layers(); no streams: between the array and
/// its buffers nothing is queued; the two activation buffers, "activations". Every use has the
/// array's accumulator and threshold widths, the greatest that a layer on it needs, broken weights
/// (-2 in 2 bits) included. Throws InputError as validate() does, and if the widths that the
/// accelerator asks for are too small.
Placement place(const LoopbackAccelerator& accelerator, const Network& network);

}  // namespace stuckat::loopback
