#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>

#include "faultmaps/mitigation/protection.h"
#include "faultmaps/mitigation/protection_parts.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

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
      if (is_mapped_out(fault)) continue;
      if (const auto word = word_of(fault)) {
        words_[*word].push_back(&fault);
      } else {
        others.push_back(fault);
      }
    }
    for (const auto& [key, faults] : words_) read(key, faults, others);
    for (const Fault& fault : others) place(fault);
    for (const auto& [where, broken] : broken_[0]) vote(where.first, where.second, broken);
    for (const auto& [where, broken] : broken_[1]) compare(where.first, where.second, broken);
    auto& left = result_.left.faults;
    left.insert(left.end(), voted_.begin(), voted_.end());
    std::sort(left.begin(), left.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    return std::move(result_);
  }

 private:
  const OtherPart& part(int index) const { return placement_.others[static_cast<size_t>(index)]; }

  /// The part of that name; -1: none.
  int part_named(const std::string& name) const {
    for (size_t i = 0; i < placement_.others.size(); ++i) {
      if (placement_.others[i].name == name) return static_cast<int>(i);
    }
    return -1;
  }

  /// The part in which a PE of an array is there more than once; -1: none.
  int part_of_pe(Redundancy redundancy, const std::string& array, int pe) const {
    const int index = part_named(array + protection_kinds()[redundancy].part);
    if (index < 0) return -1;
    const auto& figures = part(index).figures;
    return std::find(figures.begin() + 1, figures.end(), pe) != figures.end() ? index : -1;
  }

  std::string pe_name(const std::string& array, int pe) const {
    return array + "/pe[" + std::to_string(pe) + "]";
  }

  /// In a PE whose work a spare one does, or in its memories.
  bool is_mapped_out(const Fault& fault) {
    const SiteRow& row = site_row(fault.kind);
    if (!row.is_of_pe()) return false;
    const std::string* array = &fault.part;
    if (fault.kind == protection_kinds().check) {
      const OtherPart& memory = part(part_named(fault.part));
      if (holds_data(memory_of(memory))) return false;
      const PeArray& around = array_of(placement_, memory);
      if (around.schedule != Schedule::channel_parallel) return false;  // a memory of all PEs
      array = &around.name;
    } else if (row.part != PartKind::pe_array) {
      return false;
    }
    const int pe = fault.coordinates[0];
    const int index = part_of_pe(Redundancy::spares, *array, pe);
    if (index < 0) return false;
    result_.corrected.push_back(part(index).name + ": " + pe_name(*array, pe));
    return true;
  }

  std::optional<WordKey> word_of(const Fault& fault) const {
    if (fault.kind == protection_kinds().check) {
      return WordKey{part_named(fault.part), fault.coordinates[0], fault.coordinates[1]};
    }
    const auto of_kind = coded_memory_of(fault.kind);
    const int memory = of_kind ? part_named(coded_memory_part(fault.part, *of_kind)) : -1;
    if (memory < 0) return {};
    if (*of_kind == CodedMemory::bytes) {
      return WordKey{memory, fault.coordinates[0], fault.coordinates[1]};
    }
    const bool own = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
    return own ? WordKey{memory, fault.coordinates[0], fault.coordinates[1]}
               : WordKey{memory, 0, fault.coordinates[0]};
  }

  /// Number of the bit in its code word.
  int bit_of(const Fault& fault, const Words& words) const {
    if (fault.kind == protection_kinds().check) return words.bits() + fault.coordinates[2];
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
    if (memory_of(part(index)) == CodedMemory::weights) {
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
    const bool weights = memory_of(memory) == CodedMemory::weights;
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
    if (!row.corrects && fault.kind != protection_kinds().check) others.push_back(fault);
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
    if (holds_data(memory_of(memory))) return read_data(key, faults, row, others);
    const Words words = words_of(placement_, memory.figures[0], memory_of(memory), network_);
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

  /// A word that holds what the image makes of it, without transients.
  void read_data(const WordKey& key, const std::vector<const Fault*>& faults,
                 const MemoryCodeRow& row, std::vector<Fault>& others) {
    const bool one_bit = faults.size() == 1 && faults[0]->kind != SiteKind::stream_word;
    if (row.corrects && !one_bit) {
      throw InputError(placement_.accelerator,
                       word_name(key) +
                           " has several broken bits, and what the decoder makes of "
                           "them depends on the image",
                       "one broken bit in a word, or a code that only detects");
    }
    // Where several bits are wrong parity may be right: only of one it always tells.
    if (one_bit) (row.corrects ? result_.corrected : result_.detected).push_back(word_name(key));
    for (const Fault* fault : faults) {
      if (!row.corrects && fault->kind != protection_kinds().check) others.push_back(*fault);
    }
  }

  /// Copies of a PE that are broken; at what level the dead ones are.
  struct Broken {
    std::map<int, std::optional<int>> copies;
    void add(int copy, std::optional<int> level) {
      const auto [at, is_new] = copies.try_emplace(copy, level);
      if (!is_new) at->second.reset();  // dead and more
    }
  };

  using BrokenPes = std::map<std::pair<int, int>, Broken>;  // part among others, PE
  BrokenPes& broken(Redundancy redundancy) { return broken_[static_cast<size_t>(redundancy)]; }

  /// What acts goes to what is left, what is in a PE that is there more than once to its copies.
  void place(const Fault& fault) {
    const int own = part_named(fault.part);
    if (own >= 0 && is_protection(part(own))) return place_protection(own, fault);
    const SiteRow& row = site_row(fault.kind);
    if (row.part == PartKind::pe_array && row.is_of_pe()) {
      const int pe = fault.coordinates[0];
      std::optional<int> level;
      if (fault.kind == SiteKind::pe_dead) level = fault.value;
      for (const Redundancy redundancy : {Redundancy::copies, Redundancy::duplicates}) {
        const int index = part_of_pe(redundancy, fault.part, pe);
        if (index < 0) continue;
        broken(redundancy)[{index, pe}].add(0, level);
        if (redundancy == Redundancy::copies) return;
      }
    }
    result_.left.faults.push_back(fault);
  }

  /// A fault of voters, comparators or further PEs.
  void place_protection(int index, const Fault& fault) {
    const ProtectionKinds& kinds = protection_kinds();
    const OtherPart& own = part(index);
    const std::string& array = array_of(placement_, own).name;
    const int pe = own.figures[static_cast<size_t>(fault.coordinates[0]) + 1];
    if (fault.kind == kinds.voter_output) {
      voted_.push_back({SiteKind::pe_output, array, {pe, fault.coordinates[1], 0, 0}, fault.value});
    } else if (fault.kind == kinds.comparator_error) {
      flags_[{index, pe}] = fault.value;
      if (fault.value != 0) report(index, pe);
    } else if (fault.kind == kinds[Redundancy::copies].dead) {
      broken(Redundancy::copies)[{index, pe}].add(fault.coordinates[1] + 1, fault.value);
    } else if (fault.kind == kinds[Redundancy::duplicates].dead) {
      broken(Redundancy::duplicates)[{index, pe}].add(1, fault.value);
    } else {
      voted_.push_back({SiteKind::pe_dead, array, {pe, 0, 0, 0}, fault.value});
    }
  }

  void vote(int index, int pe, const Broken& broken) {
    const std::string& array = array_of(placement_, part(index)).name;
    if (broken.copies.size() == 1) {
      result_.corrected.push_back(part(index).name + ": " + pe_name(array, pe));
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
                     pe_name(array, pe) +
                         ": two of its copies are broken differently, and no fault of the PE "
                         "does what they do together",
                     "one broken copy, or two dead at one level");
  }

  void compare(int index, int pe, const Broken& broken) {
    if (flags_.count({index, pe}) != 0) return;  // a flag that is stuck at 1 has been told
    const auto& copies = broken.copies;
    const bool differ =
        copies.size() == 1 || (copies.at(0) && copies.at(1) && *copies.at(0) != *copies.at(1));
    if (differ) report(index, pe);
  }

  void report(int index, int pe) {
    result_.detected.push_back(part(index).name + ": " +
                               pe_name(array_of(placement_, part(index)).name, pe));
  }

  const FaultMap& map_;
  const Placement& placement_;
  const Network& network_;
  Residual result_;
  std::map<WordKey, std::vector<const Fault*>> words_;
  std::array<BrokenPes, 2> broken_;           // by Redundancy
  std::map<std::pair<int, int>, int> flags_;  // of comparators, stuck: part among others, PE
  std::vector<Fault> voted_;
};

}  // namespace

Residual behind_protection(const FaultMap& map, const Placement& placement,
                           const Network& network) {
  if (!is_protected(placement)) return {map, {}, {}};
  return Behind(map, placement, network).run();
}

FaultMap behind_data_codes(const FaultMap& map, const Placement& placement,
                           const Network& network) {
  if (!is_protected(placement)) return map;
  const auto is_of_data = [&](const Fault& fault) {
    if (fault.kind == protection_kinds().check) {
      return holds_data(parse_coded_memory(fault.part, placement.accelerator).second);
    }
    const auto memory = coded_memory_of(fault.kind);
    return memory && holds_data(*memory);
  };
  FaultMap of_data = map;
  FaultMap left = map;
  std::erase_if(of_data.faults, [&](const Fault& f) { return !is_of_data(f); });
  std::erase_if(left.faults, is_of_data);
  const auto behind = behind_protection(of_data, placement, network).left.faults;
  left.faults.insert(left.faults.end(), behind.begin(), behind.end());
  std::sort(left.faults.begin(), left.faults.end());
  return left;
}

}  // namespace stuckat
