// Redundancy as parts of a placement: PEs in three copies with a voter after them, in two with a
// comparator, or replaced by spare ones; memories of weights, thresholds and activations whose
// words are stored with check bits. What is left of a chip's faults after them is again a fault
// map, of the same hardware without them: so every engine is exact, and none of them knows a code
// or a voter.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/mitigation/memory_code.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "workloads/network.h"

namespace stuckat {

/// Ways in which PEs are there more than once.
enum class Redundancy : uint8_t {
  copies,      ///< three times, with a bitwise majority voter after their outputs
  duplicates,  ///< twice, with a comparator that reports outputs which differ; the first's are used
  spares       ///< mapped out (they are known to be broken), a spare one does their work
};
struct RedundancyRow {
  const char* name;  ///< "copies": key in files, and name of the measure
  const char* part;  ///< "/voters": after the name of the array
  int further;       ///< PEs beside each
  PartKind kind;     ///< figures {array, PE, PE, ...}
  SiteKind dead;     ///< a level of a further PE
};

struct ProtectionKinds {
  std::array<RedundancyRow, 3> redundancies;  ///< by Redundancy
  PartKind memory;            ///< figures {array, CodedMemory, index in memory_codes()}
  SiteKind check;             ///< memory/check
  SiteKind voter_output;      ///< voter/output
  SiteKind comparator_error;  ///< comparator/error

  const RedundancyRow& operator[](Redundancy r) const {
    return redundancies[static_cast<size_t>(r)];
  }
};
/// Before the first placement is made, by one thread: registers them at the first call.
const ProtectionKinds& protection_kinds();

/// PEs by array.
using RedundantPes = std::map<Redundancy, std::map<std::string, std::vector<int>>>;

/// PEs of an array that are there more than once: a part "ARRAY/voters", say. The first copy has
/// the sites of the PE. Throws InputError(placement.accelerator, ...) for an array or a PE that is
/// not there or is redundant already.
void add_redundancy(Placement& placement, Redundancy redundancy, const std::string& array,
                    std::vector<int> pes);

/// A word is what is read at one address.
enum class CodedMemory : uint8_t {
  weights,     ///< of an array, of each PE or of all: SIMD weights, lane l in bits [l*b, (l+1)*b)
  thresholds,  ///< of an array: all thresholds of a row
  slots,       ///< of a stream's FIFO: its words
  bytes        ///< of activation buffers
};
/// Where the sites of a kind are; nothing for what no code covers.
std::optional<CodedMemory> coded_memory_of(SiteKind kind);
/// Whether what is stored depends on the image.
inline bool holds_data(CodedMemory memory) { return memory >= CodedMemory::slots; }
/// The name of the part that encode() adds: "layer1/mvtu/weights", "layer1/out/slots". `owner`: an
/// array, a stream, an activation memory.
std::string coded_memory_part(const std::string& owner, CodedMemory memory);
/// Owner and memory of such a name. Throws InputError(where, ...) for any other.
std::pair<std::string, CodedMemory> parse_coded_memory(const std::string& part,
                                                       const std::string& where);

/// The words of a memory with the check bits of a code. Throws InputError as add_redundancy().
void encode(Placement& placement, const std::string& owner, CodedMemory memory, int code);

/// What such parts take beside the accelerator.
struct ProtectionCost {
  int64_t pes = 0;  ///< RedundancyRow::further for each
  int64_t multipliers = 0;
  int64_t memory_bits = 0;  ///< copies of memories, and check bits, those of copies included
};
ProtectionCost protection_cost(const Placement& placement, const Network& network);

/// Bits of a PE's memories of weights and thresholds, check bits left out: of an array for several
/// layers, what the greatest of them takes.
int64_t pe_memory_bits(const Placement& placement, int array, const Network& network);

struct Residual {
  FaultMap left;                       ///< what acts behind the protection, of sites without it
  std::vector<std::string> corrected;  ///< words, voters, spares that hide a fault and know it
  std::vector<std::string> detected;   ///< words and PEs known to be wrong and used all the same
};

/// Of a validated map. Check bits are stuck like any others. A word reads as its decoder gives it:
/// corrected, as stored where that detects without correcting, or another one where more bits are
/// wrong than the code is made for. A voted PE computes what two of its copies do: with one broken
/// copy nothing is left. A voter's stuck output bit is left as that of its PE. A comparator reports
/// a PE of which one copy is broken (where it changes an output, in that image), or whose copies
/// are dead at two levels; other two broken copies may agree, and are not called detected. Of a PE
/// that is mapped out nothing is left but what its spare does. Throws
/// InputError(placement.accelerator, ...) where that is no fault map: words of FIFOs and activation
/// buffers with more than one broken bit and a code that corrects (what the decoder makes of them
/// depends on the image), two copies of a PE broken
/// (but dead at the same level), a word of an array for several layers that reads wrongly in a bit
/// in which it is right in another layer, or a transient in a word with another fault.
Residual behind_protection(const FaultMap& map, const Placement& placement, const Network& network);

/// For a model whose FIFOs and activation buffers are not coded words: only what is behind the
/// codes of these, everything else as it is. Throws as behind_protection() does.
FaultMap behind_data_codes(const FaultMap& map, const Placement& placement, const Network& network);

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
  std::array<std::vector<int>, 3> pes;  ///< by Redundancy, ascending
  CodedWords weights;
  CodedWords thresholds;

  const std::vector<int>& of(Redundancy r) const { return pes[static_cast<size_t>(r)]; }
};
ArrayProtection protection_of(const Placement& placement, const std::string& array,
                              const Network& network);
/// The array (or stream, or memory) whose redundant PEs or coded memory a part is; any other name
/// is given back.
const std::string& protected_array(const Placement& placement, const std::string& part);

}  // namespace stuckat
