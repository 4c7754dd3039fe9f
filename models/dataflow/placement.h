// Which part of a dataflow accelerator does which operation.
#pragma once

#include "faultmaps/placement.h"
#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// An array "layer0/mvtu" for each layer with weights; a stream "layer0/out" for each FIFO that
/// carries the words of a tensor between parts, "input" for the image. Not listed are streams whose
/// words have no place among the pixels: an input that packs several pixels into one word (LFC),
/// and an output of padded rows that fill further words.
Placement place(const DataflowAccelerator& accelerator, const Network& network);

}  // namespace stuckat::dataflow
