// Redundancy as parts of a placement: PEs in three copies with a voter after them, and memories of
// weights and thresholds whose words are stored with check bits. What is left of a chip's faults
// after them is again a fault map, of the same hardware without them: so every engine is exact,
// and none of them knows a code or a voter.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/mitigation/memory_code.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "workloads/network.h"

namespace stuckat {

struct ProtectionKinds {
  PartKind voters;        ///< figures {array, PE, PE, ...}
  PartKind memory;        ///< figures {array, CodedMemory, index in memory_codes()}
  SiteKind check;         ///< memory/check
  SiteKind voter_output;  ///< voter/output
  SiteKind replica_dead;  ///< replica/dead
};
/// Before the first placement is made, by one thread: registers them at the first call.
const ProtectionKinds& protection_kinds();

/// PEs of an array in three copies, with a bitwise majority voter after their outputs: "ARRAY/
/// voters". Copy 0 has the sites of the PE. Throws InputError(placement.accelerator, ...) for an
/// array or a PE that is not there or has voters already.
void triplicate(Placement& placement, const std::string& array, std::vector<int> pes);

enum class CodedMemory : uint8_t { weights, thresholds };
/// The name of the part that encode() adds for an array's memory: "layer1/mvtu/weights".
std::string coded_memory_part(const std::string& array, CodedMemory memory);
/// Array and memory of such a name. Throws InputError(where, ...) for any other.
std::pair<std::string, CodedMemory> parse_coded_memory(const std::string& part,
                                                       const std::string& where);

/// Words of an array's memories, each PE's (or of the one that broadcasts), with the check bits of
/// a code. A word is what is read at one address: SIMD weights
/// (lane l in bits [l*b, (l+1)*b)), or all thresholds of a row. Throws InputError as triplicate().
void encode(Placement& placement, const std::string& array, CodedMemory memory, int code);

/// What such parts take beside the accelerator.
struct ProtectionCost {
  int64_t pes = 0;  ///< two for each that is triplicated
  int64_t multipliers = 0;
  int64_t memory_bits = 0;  ///< copies of memories, and check bits, those of copies included
};
ProtectionCost protection_cost(const Placement& placement, const Network& network);

/// Bits of a PE's memories of weights and thresholds, check bits left out: of an array for several
/// layers, what the greatest of them takes.
int64_t pe_memory_bits(const Placement& placement, int array, const Network& network);

struct Residual {
  FaultMap left;                       ///< what acts behind the protection, of sites without it
  std::vector<std::string> corrected;  ///< words and voters that hide a fault and know it
  std::vector<std::string> detected;   ///< words that are known to be wrong and used all the same
};

/// Of a validated map. Check bits are stuck like any others. A word reads as its decoder gives it:
/// corrected, as stored where that detects without correcting, or another one where more bits are
/// wrong than the code is made for. A voted PE computes what two of its copies do: with one broken
/// copy nothing is left. A voter's stuck output bit is left as that of its PE.
/// Throws InputError(placement.accelerator, ...) where that is no fault map: two copies of a PE
/// broken (but dead at the same level), a word of an array for several layers that reads wrongly in
/// a bit in which it is right in another layer, or a transient in a word with another fault.
Residual behind_protection(const FaultMap& map, const Placement& placement, const Network& network);

/// Whether the placement has such parts.
bool is_protected(const Placement& placement);

/// Words of a memory with a code; fields (lanes, or thresholds) of so many bits each.
struct CodedWords {
  const MemoryCodeRow* code = nullptr;  ///< null: no check bits
  int fields = 0;
  int field_bits = 0;
};
/// What is around one array, for the model that is the hardware.
struct ArrayProtection {
  std::vector<int> voted;  ///< PEs in three copies, ascending
  CodedWords weights;
  CodedWords thresholds;
};
ArrayProtection protection_of(const Placement& placement, const std::string& array,
                              const Network& network);
/// The array whose voters or coded memory a part is; any other name is given back.
const std::string& protected_array(const Placement& placement, const std::string& part);

}  // namespace stuckat
