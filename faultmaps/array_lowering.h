// What sites of an array of PEs do: named by the rows in array_sites.cc. `part`: the array.
#pragma once

#include "faultmaps/lowering.h"

namespace stuckat::array_sites {

// Stuck bits (array_lowering.cc).
void stick_input(Lowering& lowering, const Fault& fault, int part);
void stick_weight(Lowering& lowering, const Fault& fault, int part);
void stick_product(Lowering& lowering, const Fault& fault, int part);
void stick_accumulator(Lowering& lowering, const Fault& fault, int part);
void stick_threshold(Lowering& lowering, const Fault& fault, int part);
void stick_comparator(Lowering& lowering, const Fault& fault, int part);
void stick_output(Lowering& lowering, const Fault& fault, int part);
void stick_shared_weight(Lowering& lowering, const Fault& fault, int part);
void kill_pe(Lowering& lowering, const Fault& fault, int part);

// Transients (array_flips.cc).
void flip_input(Lowering& lowering, const Fault& fault, int part);
void flip_weight(Lowering& lowering, const Fault& fault, int part);
void flip_product(Lowering& lowering, const Fault& fault, int part);
void flip_accumulator(Lowering& lowering, const Fault& fault, int part);
void flip_threshold(Lowering& lowering, const Fault& fault, int part);
void flip_comparator(Lowering& lowering, const Fault& fault, int part);
void flip_output(Lowering& lowering, const Fault& fault, int part);
void flip_shared_weight(Lowering& lowering, const Fault& fault, int part);
void flip_shared_threshold(Lowering& lowering, const Fault& fault, int part);

// What memories hold, a PE's own and those that broadcast (array_lowering.cc).
const ParameterMemory& weights_of_array();
const ParameterMemory& thresholds_of_array();

}  // namespace stuckat::array_sites
