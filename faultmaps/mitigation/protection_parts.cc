#include "faultmaps/mitigation/protection_parts.h"

#include <algorithm>
#include <string_view>

#include "faultmaps/lowering.h"
#include "faultmaps/parts.h"

namespace stuckat {
namespace {

constexpr const char* voters_name = "voters";
constexpr const char* coded_memory_name = "coded memory";

}  // namespace

Words words_of(const Placement& placement, int array, CodedMemory memory, const Network& network) {
  const PeArray& a = placement.arrays[static_cast<size_t>(array)];
  Words words;
  for_each_use(placement, network, array, [&](const ArrayUse& use, const Layer& layer, auto map) {
    words.memories = map.broadcasts() ? 1 : a.pe;
    if (memory == CodedMemory::weights) {
      words.addresses = std::max(words.addresses, map.weight_addresses());
      words.fields = a.simd;
      words.field_bits = std::max(words.field_bits, layer.weight_format.bits);
    } else if (!layer.accumulator_output) {
      words.addresses = std::max(words.addresses, map.folds());
      words.fields = std::max(words.fields, layer.thresholds_per_row());
      words.field_bits = std::max(words.field_bits, use.threshold_bits);
    }
  });
  return words;
}

int check_bits_of(const Placement& placement, const OtherPart& part, const Network& network) {
  const Words words =
      words_of(placement, part.figures[0], static_cast<CodedMemory>(part.figures[1]), network);
  if (words.addresses == 0) return 0;
  return memory_codes()[static_cast<size_t>(part.figures[2])].check_bits(words.bits());
}

namespace {

// Counts of coordinates.
const OtherPart& memory_at(const Placement& p, int part) {
  return other_part(protection_kinds().memory, p, part);
}
Words words_at(const Placement& p, int part, const Network& n) {
  const OtherPart& memory = memory_at(p, part);
  return words_of(p, memory.figures[0], static_cast<CodedMemory>(memory.figures[1]), n);
}
int memories(const Placement& p, int part, const Network& n) {
  return words_at(p, part, n).memories;
}
int addresses(const Placement& p, int part, const Network& n) {
  return words_at(p, part, n).addresses;
}
int check_bits(const Placement& p, int part, const Network& n) {
  return check_bits_of(p, memory_at(p, part), n);
}
int voters(const Placement& p, int part, const Network&) {
  return static_cast<int>(other_part(protection_kinds().voters, p, part).figures.size()) - 1;
}
int spare_copies(const Placement&, int, const Network&) { return 2; }
int output_bits(const Placement& p, int part, const Network& n) {
  int bits = 0;
  for_each_use(p, n, other_part(protection_kinds().voters, p, part).figures[0],
               [&](const ArrayUse& use, const Layer& layer, const ArrayMap&) {
                 bits = std::max(bits, layer.accumulator_output ? use.accumulator_bits
                                                                : layer.output_format.bits);
               });
  return bits;
}
std::vector<int> voter_levels(const Placement& p, int part, const Network& n) {
  const PeArray& array = array_of(p, other_part(protection_kinds().voters, p, part));
  return levels_of(level_format(n, array.uses.front().layer));
}

/// behind_protection() leaves no such fault for the lowering.
void nothing(Lowering&, const Fault&, int) {}

SiteRow check_row(PartKind part) {
  return {{},
          "memory/check",
          part,
          "check[][][]",
          {{"pe", memories, "PE, or 1 where a memory broadcasts"},
           {"address", addresses, "addresses of the memory"},
           {"bit", check_bits, "check bits of the code for a word"}},
          ValueKind::bit,
          "check bit of a word of a memory with a code",
          "none alone, where the code corrects; with broken bits of the same word what the decoder "
          "makes of them",
          "the code corrects it, or leaves the word as it is",
          "docs/mitigation.md, Memory codes",
          Transient::stored,
          nothing,
          nothing,
          of_protection};
}

SiteRow voter_row(PartKind part) {
  return {{},
          "voter/output",
          part,
          "voter[][]",
          {{"voter", voters, "PEs in three copies"},
           {"bit", output_bits,
            "bits of an output code; accumulator width where a layer passes it out"}},
          ValueKind::bit,
          "bit of the output code behind the majority voter of a PE in three copies",
          "one bit of the channels of its PE is stuck",
          "every output has that bit",
          "docs/mitigation.md, Copies and voters",
          Transient::none,
          nothing,
          nullptr,
          of_protection};
}

SiteRow replica_row(PartKind part) {
  return {{},
          "replica/dead",
          part,
          "replica[][]/dead",
          {{"voter", voters, "PEs in three copies"}, {"copy", spare_copies, "2"}},
          ValueKind::level,
          "every output of the second or third copy of a PE is one level",
          "none: two copies outvote it; with another broken copy what two of the three say",
          "the other copies are whole",
          "docs/mitigation.md, Copies and voters",
          Transient::none,
          nothing,
          nullptr,
          of_protection};
}

ProtectionKinds register_protection_kinds() {
  const PartKind voters = register_part_kind(voters_name, voter_levels, true);
  const PartKind memory = register_part_kind(coded_memory_name, nullptr, true);
  return {voters, memory, register_site(check_row(memory)), register_site(voter_row(voters)),
          register_site(replica_row(voters))};
}

}  // namespace

const ProtectionKinds& protection_kinds() {
  static const ProtectionKinds kinds = register_protection_kinds();
  return kinds;
}

/// By name: a question about a placement must not register anything.
bool is_protected(const Placement& placement) {
  return std::any_of(placement.others.begin(), placement.others.end(), [](const OtherPart& part) {
    const std::string_view kind = part_row(part.kind).name;
    return kind == voters_name || kind == coded_memory_name;
  });
}

}  // namespace stuckat
