// What can be done about broken memory cells without training: other codes, limits on what is read,
// a code that corrects errors. All exact, as effects or maps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"

namespace stuckat {

/// The value nearest to `value` that a word of this format with stuck bits can read as, whatever
/// code is stored; of two as near the smaller one in size, then the lower one.
int nearest_storable(NumberFormat format, CodeMask stuck, int value);

/// One row for each way; `apply` gives the effects that remain of a chip's broken memories.
struct MemoryRepair {
  const char* name;
  const char* help;
  Effects (*apply)(const FaultMap& map, const Placement& placement, const Network& network);
};

/// none:   what lower() says.
/// faq:    the stuck cells are known, and each weight is stored as the code that reads nearest to
///         it (FAQ, nearest storable code). For stuck cells: a flip is not known.
/// clip:   a weight that reads as the code that no quantizer emits (-2^(b-1)) counts as the lowest
///         level that one does.
/// secded: each word of a memory (ParameterMemory::word_addresses) has a code that corrects one
/// wrong
///         bit: words with one read right, those with more read as they are. Check bits do not
///         break.
const std::vector<MemoryRepair>& memory_repairs();
const std::vector<std::string>& memory_repair_names();

}  // namespace stuckat
