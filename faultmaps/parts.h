// The table of part kinds: what a placement consists of, and what sites are at. Names, index and
// lowering read this one table.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

struct PartRow {
  PartKind kind;
  const char* name;  ///< "PE array"
  int (*count)(PartKind, const Placement&);
  const std::string& (*part_name)(PartKind, const Placement&, int part);
  /// The layer that the part belongs to, or -1 if it serves several, or none.
  int (*layer)(PartKind, const Placement&, int part);
  /// Levels that a part, or a word of it, can be stuck at as a whole; null: no such sites.
  std::vector<int> (*levels)(const Placement&, int part, const Network&);
  /// What its faults do is known for any network, not for chains of square windows alone.
  bool any_network = false;
};

const std::deque<PartRow>& part_table();
const PartRow& part_row(PartKind kind);

/// A part kind of one accelerator family or of a test: its parts are Placement::others of the kind
/// returned. Before the first placement is made, by one thread: a kind stays for good.
PartKind register_part_kind(const char* name,
                            std::vector<int> (*levels)(const Placement&, int part,
                                                       const Network&) = nullptr,
                            bool any_network = false);
/// The part-th of the other parts of a kind.
const OtherPart& other_part(PartKind kind, const Placement& placement, int part);

/// Parts of one kind, and the name of one of them.
inline int count_parts(PartKind kind, const Placement& placement) {
  return part_row(kind).count(kind, placement);
}
inline const std::string& part_name(PartKind kind, const Placement& placement, int part) {
  return part_row(kind).part_name(kind, placement, part);
}
/// The last part of a kind with that name; -1: there is none.
inline int find_part(PartKind kind, const Placement& placement, const std::string& name) {
  int part = count_parts(kind, placement) - 1;
  while (part >= 0 && part_name(kind, placement, part) != name) --part;
  return part;
}
/// The layer that the part belongs to, or -1 if it serves several, or none (the image's stream).
inline int part_layer(PartKind kind, const Placement& placement, int part) {
  return part_row(kind).layer(kind, placement, part);
}

/// The format whose levels a dead part of this layer can be stuck at: the output's, or the
/// input's where the layer passes its accumulator out.
NumberFormat level_format(const Network& network, int layer);
/// All of them, ascending.
std::vector<int> levels_of(NumberFormat format);
/// The one nearest to a value, the lower one of two.
int nearest_level(NumberFormat format, int value);

}  // namespace stuckat
