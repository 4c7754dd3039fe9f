// Chips with broken memory cells: flips and stuck bits at a rate, one by one or by whole words,
// rows, columns and banks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat {

/// What is wrong with a cell: it is stuck, or it was inverted after it was written and stays so.
/// A flip is a cell stuck at the opposite of what it stores: of a memory that holds one thing.
enum class CellFault : uint8_t { stuck_at_0, stuck_at_1, stuck_at_any, flip };
/// "0", "1", "any", "flip".
const std::vector<std::string>& cell_fault_names();

/// What breaks together, as SiteGrid lays memories out: a cell; the bits of one code (word); all
/// cells of one address of one memory (row: a word line); one cell of every address (column: a bit
/// line); a whole memory (bank). All cells of a unit are stuck at one value, or all flip.
struct MemoryUnit {
  const char* name;
  const char* help;
};
const std::vector<MemoryUnit>& memory_units();
const std::vector<std::string>& memory_unit_names();

struct MemoryFaults {
  std::vector<SiteKind> kinds;  ///< of memories: with a coordinate address, slot or cell
  CellFault cell = CellFault::stuck_at_any;
  std::string unit = "cell";
  double rate = 0;        ///< probability that a unit is broken, independently; 0 to 1
  int bit = -1;           ///< cell: only this bit of each code; -1: all of them
  std::string part = {};  ///< only in this part ("layer1/mvtu"); empty: in all
};

/// What a cell of a memory of weights or thresholds stores, 0 or 1: of one that holds the same all
/// the time. part: of the kind's parts, the fault's.
int stored_bit(const Fault& fault, const Placement& placement, int part, const Network& network);

/// Draws chips of one accelerator, which `sites` and `network` outlive.
class MemoryChips {
 public:
  /// `network`: what is stored. Throws InputError for a kind that is no memory or that the
  /// accelerator or the part does not have, for a bit or rate out of range, and for flips of a
  /// memory that holds one thing after the other (activations, weights of several layers).
  MemoryChips(MemoryFaults faults, const SiteIndex& sites, const Placement& placement,
              const Network& network);

  MemoryChips(const MemoryChips&) = delete;
  MemoryChips& operator=(const MemoryChips&) = delete;

  /// Time grows with the number of broken units. The map is valid.
  FaultMap chip(uint64_t seed) const;
  /// Units that may break, and cells of all of them.
  int64_t units() const;
  int64_t cells() const;

 private:
  struct Space;

  /// visit(site number) for each cell of a unit.
  template <class Visit>
  void for_cells(const Space& space, int64_t unit, const Visit& visit) const;

  struct Space {
    const SiteSpace* sites = nullptr;
    SiteGrid grid;
    int64_t units = 0;
    int bits = 1;  ///< of a code
    int part = 0;
  };

  MemoryFaults faults_;
  const SiteIndex& sites_;
  const Network& network_;
  Placement placement_;
  std::vector<Space> spaces_;
};

}  // namespace stuckat
