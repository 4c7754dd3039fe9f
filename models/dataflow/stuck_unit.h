// Dataflow hardware that does just what a stuck channel or pixel does.
#pragma once

#include "models/family.h"

namespace stuckat::dataflow {

/// A channel: an MVTU with a PE of its own for each, one of which is dead. A pixel: a FIFO that
/// holds a whole image, the slots of which that carry it give one level. Throws InputError(where,
/// ...) as parse_fault() does.
BrokenHardware stuck_unit(const Network& network, const StuckUnit& unit, const std::string& where);

}  // namespace stuckat::dataflow
