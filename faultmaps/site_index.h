// Every site of an accelerator, indexed: what names, validation and generators look up. Made once
// for a placement; holds copies, so it outlives the placement.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "workloads/network.h"

namespace stuckat {

/// The sites of one kind at one part: a box of coordinates.
struct SiteSpace {
  const SiteRow* row = nullptr;
  std::string part;             ///< name of the part
  std::array<int, 4> counts{};  ///< positions of each coordinate; 1 for those the row has not
  std::vector<int> values;      ///< what a site can be stuck at

  int coordinates() const { return static_cast<int>(row->coordinates.size()); }
  /// 0 where the part has no such site.
  int64_t sites() const;
  /// Site number `site`, the last coordinate fastest, stuck at 0.
  Fault at(int64_t site) const;
  int64_t site_of(const Fault& fault) const;
};

SiteSpace site_space(const SiteRow& row, const Placement& placement, int part,
                     const Network& network);

/// A space as it is laid out in hardware: planes of rows x columns of cells, each cell with `depth`
/// sites. Site number = ((plane*rows + row)*columns + column)*depth + inside.
///   memories (a coordinate "address", "slot" or "cell"): a plane for each memory; row = that
///     coordinate, column = all that follow (lane * bits + bit), depth 1;
///   parts of a PE (a coordinate "pe", no memory): row = PE, column = lane or the only one, depth =
///     what follows (bits);
///   all others: one row, column = everything.
struct SiteGrid {
  int64_t planes = 1;
  int64_t rows = 1;
  int64_t columns = 1;
  int64_t depth = 1;
  bool is_memory = false;
  int plane_coordinates = 0;  ///< how many coordinates select the plane
};
SiteGrid grid_of(const SiteSpace& space);

class SiteIndex {
 public:
  SiteIndex(const Placement& placement, const Network& network);

  const std::string& accelerator() const { return accelerator_; }
  /// content_hash() of the placement.
  const std::string& accelerator_hash() const { return accelerator_hash_; }
  /// A chip of this accelerator on which nothing is broken.
  FaultMap healthy() const { return {accelerator_, {}, accelerator_hash_}; }
  /// Throws InputError(where, ...) for what was made for another accelerator, or for one of the
  /// same name with other content. Texts that are empty say nothing.
  void check_made_for(const std::string& accelerator, const std::string& hash,
                      const std::string& where) const;
  /// By kind in table order, then by part in placement order.
  const std::vector<SiteSpace>& spaces() const { return spaces_; }
  std::span<const SiteSpace> of(SiteKind kind) const;
  /// nullptr if the accelerator has no such part with such sites.
  const SiteSpace* find(SiteKind kind, std::string_view part) const;
  /// The spaces of one part, by kind; empty if there is no such part.
  std::vector<const SiteSpace*> of_part(std::string_view part) const;
  /// Names of all parts, in placement order.
  const std::vector<std::string>& parts() const { return parts_; }

  /// Throws InputError(where, ...) unless part, coordinates and value exist.
  void check(const Fault& fault, const std::string& where) const;
  /// Of all, one after the other.
  void check(std::span<const Fault> faults, const std::string& where) const;
  /// "layer1/mvtu/pe[5]/accumulator[3]=1". Throws InputError(where, ...) with the nearest name.
  Fault parse(std::string_view text, std::string_view where) const;
  /// "layer1/mvtu/pe[*]/weight[2-5][*][0]=1": brackets hold a number, a range or `*` for all, and
  /// the name of the part may hold `*` for any characters. In canonical order, without repetition.
  /// Throws InputError(where, ...) if no fault matches.
  std::vector<Fault> expand(std::string_view pattern, std::string_view where) const;

 private:
  /// Throws InputError(where, ...) if there is no such part with such sites.
  const SiteSpace& space_of(const Fault& fault, const std::string& where) const;

  std::string accelerator_;
  std::string accelerator_hash_;
  std::vector<std::string> parts_;
  std::vector<SiteSpace> spaces_;
  std::vector<size_t> first_of_kind_;
  std::map<std::string, std::vector<size_t>, std::less<>> by_part_;
};

/// As validate(map, placement, network, where), for many maps of one accelerator. Takes time
/// proportional to the number of faults where those of each part are sorted already.
void validate(FaultMap& map, const SiteIndex& sites, const std::string& where);

/// A fault's name without the accelerator: the site of the longest pattern that fits, of whatever
/// part stands before it. Part, ranges and value remain to be checked by validate(). Throws
/// InputError(where, ...).
Fault parse_fault_anywhere(std::string_view text, std::string_view where);

}  // namespace stuckat
