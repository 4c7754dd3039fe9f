#include "faultmaps/mitigation/protection_parts.h"

#include <algorithm>
#include <string_view>

#include "faultmaps/lowering.h"
#include "faultmaps/parts.h"

namespace stuckat {
namespace {

constexpr const char* part_names[] = {"voters", "comparators", "spares", "coded memory"};

}  // namespace

const std::string& owner_of(const Placement& placement, const OtherPart& part) {
  const auto index = static_cast<size_t>(part.figures[0]);
  if (part.kind == protection_kinds().memory) {
    if (memory_of(part) == CodedMemory::slots) return placement.streams[index].name;
    if (memory_of(part) == CodedMemory::bytes) return placement.memories[index].name;
  }
  return placement.arrays[index].name;
}

Words words_of(const Placement& placement, int owner, CodedMemory memory, const Network& network) {
  const auto index = static_cast<size_t>(owner);
  if (memory == CodedMemory::slots) {
    const Stream& stream = placement.streams[index];
    return {1, stream.depth, 1,
            stream.channels_per_word * element_bits(placement, stream.tensor, network)};
  }
  if (memory == CodedMemory::bytes) {
    return {placement.memories[index].buffers, placement.memories[index].bytes, 1, 8};
  }
  const PeArray& a = placement.arrays[index];
  Words words;
  for_each_use(placement, network, owner, [&](const ArrayUse& use, const Layer& layer, auto map) {
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
  const Words words = words_of(placement, part.figures[0], memory_of(part), network);
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
  return words_of(p, memory.figures[0], memory_of(memory), n);
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
template <Redundancy kind>
const OtherPart& redundant_at(const Placement& p, int part) {
  return other_part(protection_kinds()[kind].kind, p, part);
}
template <Redundancy kind>
int pes(const Placement& p, int part, const Network&) {
  return static_cast<int>(redundant_at<kind>(p, part).figures.size()) - 1;
}
int copies_left(const Placement&, int, const Network&) { return 2; }
int output_bits(const Placement& p, int part, const Network& n) {
  int bits = 0;
  for_each_use(p, n, redundant_at<Redundancy::copies>(p, part).figures[0],
               [&](const ArrayUse& use, const Layer& layer, const ArrayMap&) {
                 bits = std::max(bits, layer.accumulator_output ? use.accumulator_bits
                                                                : layer.output_format.bits);
               });
  return bits;
}
template <Redundancy kind>
std::vector<int> levels(const Placement& p, int part, const Network& n) {
  return levels_of(level_format(n, array_of(p, redundant_at<kind>(p, part)).uses.front().layer));
}

/// behind_protection() leaves no such fault for the lowering.
void nothing(Lowering&, const Fault&, int) {}

SiteRow check_row(PartKind part) {
  return {
      {},
      "memory/check",
      part,
      "check[][][]",
      {{"pe", memories, "PE, or 1 where a memory broadcasts or a FIFO stores; activation buffer"},
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
          {{"voter", pes<Redundancy::copies>, "PEs in three copies"},
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

SiteRow comparator_row(PartKind part) {
  return {{},
          "comparator/error",
          part,
          "comparator[]/error",
          {{"comparator", pes<Redundancy::duplicates>, "PEs in two copies"}},
          ValueKind::bit,
          "error flag of the comparator of a PE in two copies",
          "none: outputs are the first copy's; at 0 nothing is reported, at 1 everything",
          "a report is no output",
          "docs/mitigation.md, Duplicates and comparators",
          Transient::none,
          nothing,
          nullptr,
          of_protection};
}

/// Of a further PE.
SiteRow dead_row(const char* name, PartKind part, const char* syntax,
                 std::vector<SiteCoordinate> at, const char* help, const char* effect,
                 const char* masked, const char* source) {
  return {{},     name,   part,   syntax,          std::move(at), ValueKind::level, help,
          effect, masked, source, Transient::none, nothing,       nullptr,          of_protection};
}

template <Redundancy kind>
PartKind register_part() {
  return register_part_kind(part_names[static_cast<size_t>(kind)], levels<kind>, true);
}

ProtectionKinds register_protection_kinds() {
  const PartKind voters = register_part<Redundancy::copies>();
  const PartKind memory = register_part_kind(part_names[3], nullptr, true);
  const SiteKind check = register_site(check_row(memory));
  const SiteKind voter = register_site(voter_row(voters));
  const SiteKind replica = register_site(dead_row(
      "replica/dead", voters, "replica[][]/dead",
      {{"voter", pes<Redundancy::copies>, "PEs in three copies"}, {"copy", copies_left, "2"}},
      "every output of the second or third copy of a PE is one level",
      "none: two copies outvote it; with another broken copy what two of the three say",
      "the other copies are whole", "docs/mitigation.md, Copies and voters"));
  const PartKind comparators = register_part<Redundancy::duplicates>();
  const SiteKind error = register_site(comparator_row(comparators));
  const SiteKind duplicate = register_site(
      dead_row("duplicate/dead", comparators, "duplicate[]/dead",
               {{"comparator", pes<Redundancy::duplicates>, "PEs in two copies"}},
               "every output of the second copy of a PE is one level",
               "none: the first copy's outputs are used; the comparator reports it",
               "the first is whole", "docs/mitigation.md, Duplicates and comparators"));
  const PartKind spares = register_part<Redundancy::spares>();
  const SiteKind spare =
      register_site(dead_row("spare/dead", spares, "spare[]/dead",
                             {{"spare", pes<Redundancy::spares>, "PEs that are mapped out"}},
                             "every output of a spare PE is one level",
                             "the channels of the PE that it does the work of are stuck", "never",
                             "docs/mitigation.md, Spares"));
  return {{{{"copies", "/voters", 2, voters, replica},
            {"duplicates", "/comparators", 1, comparators, duplicate},
            {"spares", "/spares", 1, spares, spare}}},
          memory,
          check,
          voter,
          error};
}

}  // namespace

const ProtectionKinds& protection_kinds() {
  static const ProtectionKinds kinds = register_protection_kinds();
  return kinds;
}

std::vector<int> redundant_pes(const Placement& placement, PartKind kind, int array) {
  for (const OtherPart& part : placement.others) {
    if (part.kind == kind && part.figures[0] == array) {
      return {part.figures.begin() + 1, part.figures.end()};
    }
  }
  return {};
}

/// By name: a question about a placement must not register anything.
bool is_protection(const OtherPart& part) {
  const std::string_view kind = part_row(part.kind).name;
  return std::find(std::begin(part_names), std::end(part_names), kind) != std::end(part_names);
}

bool is_protected(const Placement& placement) {
  return std::any_of(placement.others.begin(), placement.others.end(), is_protection);
}

}  // namespace stuckat
