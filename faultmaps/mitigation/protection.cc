#include "faultmaps/mitigation/protection.h"

#include <algorithm>
#include <map>

#include "faultmaps/mitigation/protection_parts.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

template <typename Part>
int find(const std::vector<Part>& parts, const std::string& name, const char* what,
         const Placement& placement) {
  std::vector<std::string> known;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].name == name) return static_cast<int>(i);
    known.push_back(parts[i].name);
  }
  throw_unknown_name(placement.accelerator, what, name, known);
}

int find_array(const Placement& placement, const std::string& array) {
  return find(placement.arrays, array, "array of PEs", placement);
}

int find_owner(const Placement& placement, CodedMemory memory, const std::string& owner) {
  if (memory == CodedMemory::slots) return find(placement.streams, owner, "stream", placement);
  if (memory == CodedMemory::bytes) {
    return find(placement.memories, owner, "activation memory", placement);
  }
  return find_array(placement, owner);
}

constexpr const char* memory_paths[] = {"/weights", "/thresholds", "/slots", "/bytes"};

const char* path_of_memory(CodedMemory memory) { return memory_paths[static_cast<size_t>(memory)]; }

void add_part(Placement& placement, OtherPart part) {
  for (const OtherPart& other : placement.others) {
    if (other.name == part.name) {
      throw InputError(placement.accelerator, "'" + part.name + "' is there already",
                       "one for each array");
    }
  }
  placement.others.push_back(std::move(part));
}

}  // namespace

void add_redundancy(Placement& placement, Redundancy redundancy, const std::string& array,
                    std::vector<int> pes) {
  const RedundancyRow& row = protection_kinds()[redundancy];
  const int index = find_array(placement, array);
  std::sort(pes.begin(), pes.end());
  pes.erase(std::unique(pes.begin(), pes.end()), pes.end());
  const int count = placement.arrays[static_cast<size_t>(index)].pe;
  if (pes.empty() || pes.front() < 0 || pes.back() >= count) {
    throw InputError(
        placement.accelerator,
        "'" + std::string(row.name) + "' of '" + array + "': " +
            (pes.empty() ? "none" : std::to_string(pes.front() < 0 ? pes.front() : pes.back())),
        "0 to " + std::to_string(count - 1));
  }
  for (const RedundancyRow& other : protection_kinds().redundancies) {
    for (const int pe : redundant_pes(placement, other.kind, index)) {
      if (!std::binary_search(pes.begin(), pes.end(), pe)) continue;
      throw InputError(placement.accelerator,
                       array + "/pe[" + std::to_string(pe) + "] is in '" + other.name + "' already",
                       "one kind of redundancy for each PE");
    }
  }
  OtherPart part{row.kind, array + row.part, -1, {index}};
  part.figures.insert(part.figures.end(), pes.begin(), pes.end());
  const auto& uses = placement.arrays[static_cast<size_t>(index)].uses;
  if (uses.size() == 1) part.layer = uses.front().layer;
  add_part(placement, std::move(part));
}

std::optional<CodedMemory> coded_memory_of(SiteKind kind) {
  const SiteRow& row = site_row(kind);
  if (row.is(weight_memory)) return CodedMemory::weights;
  if (row.is(threshold_memory)) return CodedMemory::thresholds;
  if (kind == SiteKind::stream_slot || kind == SiteKind::stream_word) return CodedMemory::slots;
  if (kind == SiteKind::buffer_activation) return CodedMemory::bytes;
  return {};
}

std::string coded_memory_part(const std::string& owner, CodedMemory memory) {
  return owner + path_of_memory(memory);
}

std::pair<std::string, CodedMemory> parse_coded_memory(const std::string& part,
                                                       const std::string& where) {
  for (size_t m = 0; m < std::size(memory_paths); ++m) {
    const std::string name = memory_paths[m];
    if (!part.ends_with(name)) continue;
    return {part.substr(0, part.size() - name.size()), static_cast<CodedMemory>(m)};
  }
  throw InputError(where, "'" + part + "' is no memory that can have a code",
                   "ARRAY/weights, ARRAY/thresholds, STREAM/slots or BUFFERS/bytes");
}

void encode(Placement& placement, const std::string& owner, CodedMemory memory, int code) {
  const int index = find_owner(placement, memory, owner);
  OtherPart part{protection_kinds().memory,
                 coded_memory_part(owner, memory),
                 -1,
                 {index, static_cast<int>(memory), code}};
  if (!holds_data(memory)) {
    const auto& uses = placement.arrays[static_cast<size_t>(index)].uses;
    if (uses.size() == 1) part.layer = uses.front().layer;
  }
  add_part(placement, std::move(part));
}

int64_t pe_memory_bits(const Placement& placement, int array, const Network& network) {
  int64_t bits = 0;
  for (const CodedMemory memory : {CodedMemory::weights, CodedMemory::thresholds}) {
    const Words words = words_of(placement, array, memory, network);
    if (words.memories == 1 && placement.arrays[static_cast<size_t>(array)].pe > 1) continue;
    bits += int64_t{words.addresses} * words.bits();
  }
  return bits;
}

ProtectionCost protection_cost(const Placement& placement, const Network& network) {
  ProtectionCost cost;
  if (!is_protected(placement)) return cost;
  std::map<int, int64_t> check_bits_of_pe;  // by array
  for (const OtherPart& part : placement.others) {
    if (part.kind != protection_kinds().memory) continue;
    const Words words = words_of(placement, part.figures[0], memory_of(part), network);
    const int64_t bits = int64_t{words.addresses} * check_bits_of(placement, part, network);
    cost.memory_bits += words.memories * bits;
    if (holds_data(memory_of(part))) continue;
    if (words.memories == array_of(placement, part).pe) check_bits_of_pe[part.figures[0]] += bits;
  }
  for (const OtherPart& part : placement.others) {
    for (const RedundancyRow& row : protection_kinds().redundancies) {
      if (part.kind != row.kind) continue;
      const int64_t pes = row.further * (static_cast<int64_t>(part.figures.size()) - 1);
      cost.pes += pes;
      cost.multipliers += pes * array_of(placement, part).simd;
      cost.memory_bits += pes * (pe_memory_bits(placement, part.figures[0], network) +
                                 check_bits_of_pe[part.figures[0]]);
    }
  }
  return cost;
}

ArrayProtection protection_of(const Placement& placement, const std::string& array,
                              const Network& network) {
  ArrayProtection found;
  if (!is_protected(placement)) return found;
  const ProtectionKinds& kinds = protection_kinds();
  const auto index = static_cast<int>(std::find_if(placement.arrays.begin(), placement.arrays.end(),
                                                   [&](const auto& a) { return a.name == array; }) -
                                      placement.arrays.begin());
  for (size_t r = 0; r < found.pes.size(); ++r) {
    found.pes[r] = redundant_pes(placement, kinds.redundancies[r].kind, index);
  }
  for (const OtherPart& part : placement.others) {
    if (part.kind != kinds.memory || part.figures[0] != index) continue;
    const CodedMemory memory = memory_of(part);
    if (holds_data(memory)) continue;
    const Words words = words_of(placement, part.figures[0], memory, network);
    (memory == CodedMemory::weights ? found.weights : found.thresholds) = {
        &memory_codes()[static_cast<size_t>(part.figures[2])], words.fields, words.field_bits};
  }
  return found;
}

const std::string& protected_array(const Placement& placement, const std::string& part) {
  if (!is_protected(placement)) return part;
  for (const OtherPart& other : placement.others) {
    if (other.name == part && is_protection(other)) return owner_of(placement, other);
  }
  return part;
}

}  // namespace stuckat
