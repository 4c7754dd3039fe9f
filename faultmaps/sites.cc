#include "faultmaps/sites.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_rows.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

std::deque<SiteRow> built_in_rows() {
  std::deque<SiteRow> rows;
  // In the order of SiteKind.
  for (const auto& of_part :
       {site_rows::of_pes(), site_rows::of_streams(), site_rows::of_windows(),
        site_rows::of_pools(), site_rows::of_broadcast_memories(),
        site_rows::of_activation_memories(), site_rows::of_rtl_buffers(), site_rows::of_sums()}) {
    rows.insert(rows.end(), of_part.begin(), of_part.end());
  }
  return rows;
}

std::deque<SiteRow>& known_sites() {
  static std::deque<SiteRow> rows = built_in_rows();
  return rows;
}

}  // namespace

const std::deque<SiteRow>& site_table() { return known_sites(); }

SiteKind register_site(SiteRow row) {
  row.kind = static_cast<SiteKind>(known_sites().size());
  const std::string_view pattern = row.pattern;
  const auto brackets = static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '['));
  const bool taken =
      std::any_of(known_sites().begin(), known_sites().end(), [&](const SiteRow& other) {
        return std::string_view(other.name) == row.name ||
               (other.part == row.part && other.pattern == pattern);
      });
  if (taken || brackets != row.coordinates.size() || brackets > Fault{}.coordinates.size() ||
      row.lower == nullptr || row.flips() != (row.lower_flip != nullptr) ||
      (row.value == ValueKind::level && part_row(row.part).levels == nullptr)) {
    throw std::logic_error(std::string("register_site: ") + row.name);
  }
  known_sites().push_back(std::move(row));
  return known_sites().back().kind;
}

void refuse_site(const Fault& fault, const std::string& where) {
  throw InputError(where, name(fault) + ": " + site_row(fault.kind).name + " is not simulated here",
                   "sites of parts that the accelerator has");
}

const SiteRow& site_row(SiteKind kind) {
  const SiteRow& row = known_sites()[static_cast<size_t>(kind)];
  assert(row.kind == kind);
  return row;
}

SiteKind parse_site_kind(std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const SiteRow& row : site_table()) {
    if (row.name == name) return row.kind;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "site kind", name, known);
}

int element_bits(const Placement& placement, int tensor, const Network& network) {
  if (!network.holds_accumulators(tensor)) return network.format(tensor).bits;
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == network.producer(tensor)) return use.accumulator_bits;
    }
  }
  return network.layer(network.producer(tensor)).accumulator_bits();
}

int stream_word_bits(const Placement& placement, const Stream& stream, const Network& network) {
  return stream.channels_per_word * element_bits(placement, stream.tensor, network);
}

std::vector<int> site_values(const SiteRow& row, const Placement& placement, int part,
                             const Network& network) {
  if (row.value == ValueKind::bit) return {0, 1};
  if (row.value == ValueKind::on) return {1};
  return part_row(row.part).levels(placement, part, network);
}

}  // namespace stuckat
