#include "faultmaps/mitigation/protection.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include "faultmaps/array_map.h"
#include "faultmaps/lowering.h"
#include "faultmaps/parts.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

// Figures of the parts: voters {array, PE, PE, ...}; coded memories {array, CodedMemory, code}.

struct Kinds {
  PartKind voters;
  PartKind memory;
  SiteKind check;
  SiteKind voter_output;
  SiteKind replica_dead;
};
std::optional<Kinds> kinds;

const PeArray& array_of(const Placement& placement, const OtherPart& part) {
  return placement.arrays[static_cast<size_t>(part.figures[0])];
}

/// Visits every use of the array with its map and layer.
template <typename Visit>
void for_each_use(const Placement& placement, const Network& network, int array, Visit visit) {
  const PeArray& a = placement.arrays[static_cast<size_t>(array)];
  for (const ArrayUse& use : a.uses) {
    const Layer& layer = network.layer(use.layer);
    visit(use, layer, ArrayMap(a, use, layer));
  }
}

/// The words of an array's memory: their number, and the bits of one.
struct Words {
  int memories = 1;  // PEs, or one that broadcasts
  int addresses = 0;
  int fields = 0;  // lanes, or thresholds
  int field_bits = 0;
  int bits() const { return fields * field_bits; }
};
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

// Counts of coordinates.
const OtherPart& memory_at(const Placement& p, int part) {
  return other_part(kinds->memory, p, part);
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
  return static_cast<int>(other_part(kinds->voters, p, part).figures.size()) - 1;
}
int spare_copies(const Placement&, int, const Network&) { return 2; }
int output_bits(const Placement& p, int part, const Network& n) {
  int bits = 0;
  for_each_use(p, n, other_part(kinds->voters, p, part).figures[0],
               [&](const ArrayUse& use, const Layer& layer, const ArrayMap&) {
                 bits = std::max(bits, layer.accumulator_output ? use.accumulator_bits
                                                                : layer.output_format.bits);
               });
  return bits;
}
std::vector<int> voter_levels(const Placement& p, int part, const Network& n) {
  const PeArray& array = array_of(p, other_part(kinds->voters, p, part));
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
          nothing};
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
          nullptr};
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
          nullptr};
}

int find_array(const Placement& placement, const std::string& array) {
  std::vector<std::string> known;
  for (size_t i = 0; i < placement.arrays.size(); ++i) {
    if (placement.arrays[i].name == array) return static_cast<int>(i);
    known.push_back(placement.arrays[i].name);
  }
  throw_unknown_name(placement.accelerator, "array of PEs", array, known);
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

/// The word that a fault lies in: of a coded memory, its PE, its address.
using WordKey = std::tuple<int, int, int>;  // part among others, PE, address

class Behind {
 public:
  Behind(const FaultMap& map, const Placement& placement, const Network& network)
      : map_(map), placement_(placement), network_(network) {
    result_.left = map;
    result_.left.faults.clear();
  }

  Residual run() {
    std::vector<Fault> others;
    for (const Fault& fault : map_.faults) {
      if (const auto word = word_of(fault)) {
        words_[*word].push_back(&fault);
      } else {
        others.push_back(fault);
      }
    }
    for (const auto& [key, faults] : words_) read(key, faults, others);
    for (const Fault& fault : others) vote(fault);
    for (const auto& [where, broken] : broken_) settle(where.first, where.second, broken);
    auto& left = result_.left.faults;
    left.insert(left.end(), voted_.begin(), voted_.end());
    std::sort(left.begin(), left.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    return std::move(result_);
  }

 private:
  const OtherPart& part(int index) const { return placement_.others[static_cast<size_t>(index)]; }

  /// The part of a kind that belongs to an array; -1: none.
  int part_of_array(PartKind kind, const std::string& array, int which) const {
    for (size_t i = 0; i < placement_.others.size(); ++i) {
      const OtherPart& other = placement_.others[i];
      if (other.kind == kind && array_of(placement_, other).name == array &&
          (which < 0 || other.figures[1] == which)) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  std::optional<WordKey> word_of(const Fault& fault) const {
    if (fault.kind == kinds->check) {
      for (size_t i = 0; i < placement_.others.size(); ++i) {
        if (placement_.others[i].name == fault.part) {
          return WordKey{static_cast<int>(i), fault.coordinates[0], fault.coordinates[1]};
        }
      }
    }
    const bool weight = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::array_weight;
    const bool threshold =
        fault.kind == SiteKind::pe_threshold || fault.kind == SiteKind::array_threshold;
    if (!weight && !threshold) return {};
    const int memory =
        part_of_array(kinds->memory, fault.part,
                      static_cast<int>(weight ? CodedMemory::weights : CodedMemory::thresholds));
    if (memory < 0) return {};
    const bool own = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
    return own ? WordKey{memory, fault.coordinates[0], fault.coordinates[1]}
               : WordKey{memory, 0, fault.coordinates[0]};
  }

  /// Number of the bit in its code word.
  int bit_of(const Fault& fault, const Words& words) const {
    if (fault.kind == kinds->check) return words.bits() + fault.coordinates[2];
    const bool own = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
    const size_t first = own ? 2 : 1;
    return fault.coordinates[first] * words.field_bits + fault.coordinates[first + 1];
  }

  /// What a layer stores in a word; nothing where it does not use the word.
  std::optional<std::vector<bool>> stored(const WordKey& key, const Words& words,
                                          const ArrayUse& use, const Layer& layer,
                                          const ArrayMap& map) const {
    const auto [index, pe, address] = key;
    std::vector<bool> bits(static_cast<size_t>(words.bits()));
    const auto put = [&](int field, uint32_t code, int width) {
      for (int b = 0; b < width; ++b) {
        bits[static_cast<size_t>(field * words.field_bits + b)] = (code >> b & 1) != 0;
      }
    };
    if (static_cast<CodedMemory>(part(index).figures[1]) == CodedMemory::weights) {
      if (address >= map.weight_addresses()) return {};
      for (int lane = 0; lane < words.fields; ++lane) {
        const ArrayMap::Weight at = map.weight_at(pe, address, lane);
        if (at.row >= layer.rows()) return {};
        const int weight = at.column < layer.columns() ? layer.weight_row(at.row)[at.column]
                                                       : padded_weight(layer, at.column);
        put(lane, layer.weight_format.code(weight), layer.weight_format.bits);
      }
      return bits;
    }
    if (layer.accumulator_output || address >= map.folds()) return {};
    const int row = map.threshold_row(pe, address);
    if (row >= layer.rows()) return {};
    for (int i = 0; i < layer.thresholds_per_row(); ++i) {
      put(i, static_cast<uint32_t>(layer.threshold_row(row)[i]), use.threshold_bits);
    }
    return bits;
  }

  std::string word_name(const WordKey& key) const {
    const auto [index, pe, address] = key;
    return part(index).name + "[" + std::to_string(pe) + "][" + std::to_string(address) + "]";
  }

  Fault data_fault(const WordKey& key, const Words& words, int bit, bool value) const {
    const auto [index, pe, address] = key;
    const OtherPart& memory = part(index);
    const PeArray& array = array_of(placement_, memory);
    const bool weights = static_cast<CodedMemory>(memory.figures[1]) == CodedMemory::weights;
    const int field = bit / words.field_bits;
    const int inner = bit % words.field_bits;
    const bool own = array.schedule == Schedule::channel_parallel;
    Fault fault;
    fault.kind = weights ? (own ? SiteKind::pe_weight : SiteKind::array_weight)
                         : (own ? SiteKind::pe_threshold : SiteKind::array_threshold);
    fault.part = array.name;
    fault.coordinates = {pe, address, field, inner};
    if (!own) fault.coordinates = {address, field, inner, 0};
    fault.value = value ? 1 : 0;
    return fault;
  }

  void flip(const WordKey& key, const Fault& fault, const MemoryCodeRow& row,
            std::vector<Fault>& others) {
    (row.corrects ? result_.corrected : result_.detected).push_back(word_name(key));
    if (!row.corrects && fault.kind != kinds->check) others.push_back(fault);
  }

  /// What the faults of one word leave goes to `others`.
  void read(const WordKey& key, const std::vector<const Fault*>& faults,
            std::vector<Fault>& others) {
    const OtherPart& memory = part(std::get<0>(key));
    const MemoryCodeRow& row = memory_codes()[static_cast<size_t>(memory.figures[2])];
    for (const Fault* fault : faults) {
      if (!fault->is_flip()) continue;
      if (faults.size() == 1) return flip(key, *fault, row, others);
      throw InputError(placement_.accelerator,
                       name(*fault) + ": a transient beside another fault of its word",
                       "one fault in a word of a memory with a code");
    }
    const Words words = words_of(placement_, memory.figures[0],
                                 static_cast<CodedMemory>(memory.figures[1]), network_);
    const MemoryCode code(row, words.bits());
    std::map<int, bool> left;     // bits that read wrongly somewhere, and as what
    std::vector<CodeWord> reads;  // of every layer that uses the word
    bool corrected = false;
    bool detected = false;
    for_each_use(placement_, network_, memory.figures[0],
                 [&](const ArrayUse& use, const Layer& layer, const ArrayMap& map) {
                   const auto data = stored(key, words, use, layer, map);
                   if (!data) return;
                   CodeWord word = code.encode(*data);
                   for (const Fault* fault : faults) {
                     word[static_cast<size_t>(bit_of(*fault, words))] = fault->value != 0;
                   }
                   const MemoryCode::Read read = code.decode(word);
                   corrected = corrected || read.outcome == MemoryCode::Outcome::corrected;
                   detected = detected || read.outcome == MemoryCode::Outcome::detected;
                   for (int b = 0; b < words.bits(); ++b) {
                     const auto i = static_cast<size_t>(b);
                     if (read.data[i] != (*data)[i]) left[b] = read.data[i];
                   }
                   reads.push_back(read.data);
                 });
    for (const auto& [bit, value] : left) {
      for (const CodeWord& read : reads) {
        if (read[static_cast<size_t>(bit)] == value) continue;
        throw InputError(placement_.accelerator,
                         word_name(key) + ": bit " + std::to_string(bit) +
                             " reads as stuck in one layer and not in another",
                         "words whose wrong bits are the same in all layers of an array");
      }
      others.push_back(data_fault(key, words, bit, value));
    }
    if (corrected) result_.corrected.push_back(word_name(key));
    if (detected) result_.detected.push_back(word_name(key));
  }

  /// Copies of a PE that are broken; at what level the dead ones are.
  struct Broken {
    std::map<int, std::optional<int>> copies;
    void add(int copy, std::optional<int> level) {
      const auto [at, is_new] = copies.try_emplace(copy, level);
      if (!is_new) at->second.reset();  // dead and more
    }
  };

  void vote(const Fault& fault) {
    if (fault.kind == kinds->voter_output || fault.kind == kinds->replica_dead) {
      for (size_t i = 0; i < placement_.others.size(); ++i) {
        const OtherPart& voters = placement_.others[i];
        if (voters.name != fault.part) continue;
        const int pe = voters.figures[static_cast<size_t>(fault.coordinates[0]) + 1];
        if (fault.kind == kinds->replica_dead) {
          broken_[{static_cast<int>(i), pe}].add(fault.coordinates[1] + 1, fault.value);
          return;
        }
        Fault output;
        output.kind = SiteKind::pe_output;
        output.part = array_of(placement_, voters).name;
        output.coordinates = {pe, fault.coordinates[1], 0, 0};
        output.value = fault.value;
        voted_.push_back(std::move(output));
        return;
      }
    }
    const SiteRow& row = site_row(fault.kind);
    if (row.part == PartKind::pe_array && !row.coordinates.empty() &&
        std::string_view(row.coordinates.front().name) == "pe") {
      const int index = part_of_array(kinds->voters, fault.part, -1);
      const int pe = fault.coordinates[0];
      if (index >= 0) {
        const auto& figures = part(index).figures;
        if (std::find(figures.begin() + 1, figures.end(), pe) != figures.end()) {
          std::optional<int> level;
          if (fault.kind == SiteKind::pe_dead) level = fault.value;
          broken_[{index, pe}].add(0, level);
          return;
        }
      }
    }
    result_.left.faults.push_back(fault);
  }

  void settle(int index, int pe, const Broken& broken) {
    const std::string& array = array_of(placement_, part(index)).name;
    const std::string where = array + "/pe[" + std::to_string(pe) + "]";
    if (broken.copies.size() == 1) {
      result_.corrected.push_back(part(index).name + ": " + where);
      return;
    }
    std::map<int, int> dead;  // level -> copies
    for (const auto& [copy, level] : broken.copies) {
      if (level && ++dead[*level] == 2) {
        voted_.push_back({SiteKind::pe_dead, array, {pe, 0, 0, 0}, *level});
        return;
      }
    }
    throw InputError(placement_.accelerator,
                     where +
                         ": two of its copies are broken differently, and no fault of the PE "
                         "does what they do together",
                     "one broken copy, or two dead at one level");
  }

  const FaultMap& map_;
  const Placement& placement_;
  const Network& network_;
  Residual result_;
  std::map<WordKey, std::vector<const Fault*>> words_;
  std::map<std::pair<int, int>, Broken> broken_;  // voters among others, PE
  std::vector<Fault> voted_;
};

}  // namespace

void register_protection() {
  static std::once_flag once;
  std::call_once(once, [] {
    Kinds made{};
    made.voters = register_part_kind("voters", voter_levels);
    made.memory = register_part_kind("coded memory");
    kinds = made;  // the rows ask it
    kinds->check = register_site(check_row(made.memory));
    kinds->voter_output = register_site(voter_row(made.voters));
    kinds->replica_dead = register_site(replica_row(made.voters));
  });
}

void triplicate(Placement& placement, const std::string& array, std::vector<int> pes) {
  register_protection();
  const int index = find_array(placement, array);
  std::sort(pes.begin(), pes.end());
  pes.erase(std::unique(pes.begin(), pes.end()), pes.end());
  const int count = placement.arrays[static_cast<size_t>(index)].pe;
  if (pes.empty() || pes.front() < 0 || pes.back() >= count) {
    throw InputError(
        placement.accelerator,
        "PEs in three copies of '" + array + "': " +
            (pes.empty() ? "none" : std::to_string(pes.front() < 0 ? pes.front() : pes.back())),
        "0 to " + std::to_string(count - 1));
  }
  OtherPart part{kinds->voters, array + "/voters", -1, {index}};
  part.figures.insert(part.figures.end(), pes.begin(), pes.end());
  const auto& uses = placement.arrays[static_cast<size_t>(index)].uses;
  if (uses.size() == 1) part.layer = uses.front().layer;
  add_part(placement, std::move(part));
}

void encode(Placement& placement, const std::string& array, CodedMemory memory, int code) {
  register_protection();
  const int index = find_array(placement, array);
  OtherPart part{kinds->memory,
                 array + (memory == CodedMemory::weights ? "/weights" : "/thresholds"),
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
    if (part.kind != kinds->memory) continue;
    const Words words =
        words_of(placement, part.figures[0], static_cast<CodedMemory>(part.figures[1]), network);
    const int64_t bits = int64_t{words.addresses} * check_bits_of(placement, part, network);
    cost.memory_bits += words.memories * bits;
    const PeArray& array = array_of(placement, part);
    if (words.memories == array.pe) check_bits_of_pe[part.figures[0]] += bits;
  }
  for (const OtherPart& part : placement.others) {
    if (part.kind != kinds->voters) continue;
    const auto pes = static_cast<int64_t>(part.figures.size()) - 1;
    cost.pes += 2 * pes;
    cost.multipliers += 2 * pes * array_of(placement, part).simd;
    cost.memory_bits +=
        2 * pes *
        (pe_memory_bits(placement, part.figures[0], network) + check_bits_of_pe[part.figures[0]]);
  }
  return cost;
}

bool is_protected(const Placement& placement) {
  if (placement.others.empty() || !kinds) return false;
  return std::any_of(placement.others.begin(), placement.others.end(), [](const OtherPart& part) {
    return part.kind == kinds->voters || part.kind == kinds->memory;
  });
}

Residual behind_protection(const FaultMap& map, const Placement& placement,
                           const Network& network) {
  if (!is_protected(placement)) return {map, {}, {}};
  return Behind(map, placement, network).run();
}

}  // namespace stuckat
