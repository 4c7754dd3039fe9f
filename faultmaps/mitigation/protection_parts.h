// What the parts of a protection are in a placement, for those that read them.
#pragma once

#include "faultmaps/array_map.h"
#include "faultmaps/mitigation/protection.h"
#include "faultmaps/placement.h"

namespace stuckat {

/// The array that a part belongs to.
inline const PeArray& array_of(const Placement& placement, const OtherPart& part) {
  return placement.arrays[static_cast<size_t>(part.figures[0])];
}

/// The memory that a coded memory is.
inline CodedMemory memory_of(const OtherPart& part) {
  return static_cast<CodedMemory>(part.figures[1]);
}
/// The name of the array, stream or activation memory that a part belongs to.
const std::string& owner_of(const Placement& placement, const OtherPart& part);

/// visit(use, layer, map) for every use of an array.
template <typename Visit>
void for_each_use(const Placement& placement, const Network& network, int array, Visit visit) {
  const PeArray& a = placement.arrays[static_cast<size_t>(array)];
  for (const ArrayUse& use : a.uses) {
    const Layer& layer = network.layer(use.layer);
    visit(use, layer, ArrayMap(a, use, layer));
  }
}

/// The PEs in such a part of an array, ascending; none where it is not there.
std::vector<int> redundant_pes(const Placement& placement, PartKind kind, int array);

/// Redundant PEs, or a coded memory.
bool is_protection(const OtherPart& part);

/// The words of a memory: their number, and the bits of one. Of an array for several layers those
/// of the greatest.
struct Words {
  int memories = 1;  ///< PEs, or one that broadcasts; buffers
  int addresses = 0;
  int fields = 0;  ///< lanes, or thresholds; 1 where data are stored
  int field_bits = 0;
  int bits() const { return fields * field_bits; }
};
/// `owner`: index of the array, stream or activation memory.
Words words_of(const Placement& placement, int owner, CodedMemory memory, const Network& network);
/// Check bits of a word of a coded memory; 0 where it has no words.
int check_bits_of(const Placement& placement, const OtherPart& part, const Network& network);

}  // namespace stuckat
