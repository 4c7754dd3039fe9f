#include "faultmaps/mitigation/protection.h"

#include <algorithm>
#include <map>

#include "faultmaps/mitigation/protection_parts.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

int find_array(const Placement& placement, const std::string& array) {
  std::vector<std::string> known;
  for (size_t i = 0; i < placement.arrays.size(); ++i) {
    if (placement.arrays[i].name == array) return static_cast<int>(i);
    known.push_back(placement.arrays[i].name);
  }
  throw_unknown_name(placement.accelerator, "array of PEs", array, known);
}

const char* path_of_memory(CodedMemory memory) {
  return memory == CodedMemory::weights ? "/weights" : "/thresholds";
}

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

std::string coded_memory_part(const std::string& array, CodedMemory memory) {
  return array + path_of_memory(memory);
}

std::pair<std::string, CodedMemory> parse_coded_memory(const std::string& part,
                                                       const std::string& where) {
  for (const CodedMemory memory : {CodedMemory::weights, CodedMemory::thresholds}) {
    const std::string name = path_of_memory(memory);
    if (part.ends_with(name)) return {part.substr(0, part.size() - name.size()), memory};
  }
  throw InputError(where, "'" + part + "' is no memory of an array",
                   "ARRAY/weights or ARRAY/thresholds");
}

void encode(Placement& placement, const std::string& array, CodedMemory memory, int code) {
  const int index = find_array(placement, array);
  OtherPart part{protection_kinds().memory,
                 coded_memory_part(array, memory),
                 -1,
                 {index, static_cast<int>(memory), code}};
  const auto& uses = placement.arrays[static_cast<size_t>(index)].uses;
  if (uses.size() == 1) part.layer = uses.front().layer;
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
    const Words words =
        words_of(placement, part.figures[0], static_cast<CodedMemory>(part.figures[1]), network);
    const int64_t bits = int64_t{words.addresses} * check_bits_of(placement, part, network);
    cost.memory_bits += words.memories * bits;
    const PeArray& array = array_of(placement, part);
    if (words.memories == array.pe) check_bits_of_pe[part.figures[0]] += bits;
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
    const auto memory = static_cast<CodedMemory>(part.figures[1]);
    const Words words = words_of(placement, part.figures[0], memory, network);
    (memory == CodedMemory::weights ? found.weights : found.thresholds) = {
        &memory_codes()[static_cast<size_t>(part.figures[2])], words.fields, words.field_bits};
  }
  return found;
}

const std::string& protected_array(const Placement& placement, const std::string& part) {
  if (!is_protected(placement)) return part;
  for (const OtherPart& other : placement.others) {
    if (other.name == part && is_protection(other)) return array_of(placement, other).name;
  }
  return part;
}

}  // namespace stuckat
