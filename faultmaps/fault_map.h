// Fault maps: what is broken. Sites name hardware, never tensor indices.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "workloads/network.h"

namespace stuckat {

/// One broken piece of hardware: "layer1/mvtu/pe[5]/accumulator[3]=1".
struct Fault {
  SiteKind kind = SiteKind::pe_dead;
  std::string part;                     ///< name of the PeArray or Stream in the placement
  std::array<int, 4> coordinates = {};  ///< as site_row(kind).coordinates says, rest 0
  int value = 0;  ///< stuck bit 0 or 1, or the level a part is stuck at; 0 for a flip
  /// A transient: what is stored at the beginning of this cycle of the run has the bit inverted,
  /// and the step that starts in it is the first to see that. -1: permanent.
  int64_t flip_cycle = -1;

  bool is_flip() const { return flip_cycle >= 0; }

  auto operator<=>(const Fault&) const = default;
};

/// The faults of one chip, sorted and unique.
struct FaultMap {
  std::string accelerator;  ///< Placement::accelerator that the map was made for
  std::vector<Fault> faults;
  /// content_hash() of that placement; empty where it is not known, as in maps of older versions.
  std::string accelerator_hash = {};

  bool operator==(const FaultMap&) const = default;
};

/// "layer1/mvtu/pe[5]/accumulator[3]=1" or "...=flip@12345"; parse_fault reads it back.
std::string name(const Fault& fault);
void append_name(const Fault& fault, std::string& text);

/// What stands after the `=`: "1", "-1", "flip@12345".
std::string value_text(const Fault& fault);

/// When a fault like this is without effect: of its site kind, or for a transient.
std::string masked_text(const Fault& fault);

/// Throws InputError(where, ...), with the nearest part or site name suggested.
Fault parse_fault(std::string_view text, const Placement& placement, const Network& network,
                  std::string_view where);

/// Sorts, removes repetitions, and checks every part, coordinate and value against the placement.
/// Throws InputError on a map that was made for another accelerator, or for one of the same name
/// and other content; on a fault that nothing claims, a coordinate out of range, or a site that is
/// stuck both ways. Flips may hit a site that is stuck; the stuck value wins.
void validate(FaultMap& map, const Placement& placement, const Network& network,
              const std::string& where);

/// Every fault that exists at sites of one kind, both stuck values or every level, in canonical
/// order: the universe of exhaustive campaigns and of random maps.
std::vector<Fault> all_faults(SiteKind kind, const Placement& placement, const Network& network);

/// Number of faults that all_faults would list, without listing them.
int64_t count_faults(SiteKind kind, const Placement& placement, const Network& network);

/// The index-th fault of all_faults, without listing them.
Fault fault_at(SiteKind kind, int64_t index, const Placement& placement, const Network& network);

/// Thousands of chips may share one file; schema in faultmaps/FORMAT.md. Writes are atomic.
void write_fault_maps(const std::string& path, const std::vector<FaultMap>& chips,
                      const std::string& configuration = {});
/// Checks structure and ranges that need no placement; validate() does the rest.
std::vector<FaultMap> read_fault_maps(const std::string& path);

}  // namespace stuckat
