#include "models/common/protected_core.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat {

ProtectedCore::ProtectedCore(const Layer& layer, const PeArray& array, const ArrayUse& use,
                             const ArrayProtection& protection, bool sums)
    : core_(layer, array, use, sums),
      protection_(protection),
      voters_(protection.of(Redundancy::copies).size()),
      flags_(protection.of(Redundancy::duplicates).size()),
      errors_(flags_.size()),
      use_(use),
      schedule_(array.schedule),
      pe_(array.pe),
      simd_(array.simd),
      apart_(sums && !layer.accumulator_output) {
  copies_.assign(!voters_.empty() ? 2 : !flags_.empty() ? 1 : 0, core_);
  if (has_codes()) stored_ = layer;
}

void ProtectedCore::arm(const Fault& fault) {
  if (is_mapped_out(fault) || arm_redundant(fault) || arm_word(fault)) return;
  core_.arm(fault);
  // A memory that broadcasts serves the copies as well.
  const bool shared =
      fault.kind == SiteKind::array_weight || fault.kind == SiteKind::array_threshold;
  for (MvtuCore& copy : copies_) {
    if (shared) copy.arm(fault);
  }
}

/// In a PE whose work a spare one does, or in its memories.
bool ProtectedCore::is_mapped_out(const Fault& fault) const {
  const bool shared =
      fault.kind == protection_kinds().check && schedule_ == Schedule::pixel_parallel;
  return site_row(fault.kind).is_of_pe() && !shared &&
         number_of(Redundancy::spares, fault.coordinates[0]) >= 0;
}

/// Whether the fault is in a voter, a comparator, or a further PE.
bool ProtectedCore::arm_redundant(const Fault& fault) {
  const ProtectionKinds& kinds = protection_kinds();
  const auto [number, second, unused, none] = fault.coordinates;
  if (fault.kind == kinds.voter_output) {
    const Layer& layer = core_.layer();
    const int bits = layer.accumulator_output ? use_.accumulator_bits : layer.output_format.bits;
    if (second < bits) voters_[static_cast<size_t>(number)].stick(second, fault.value != 0);
    return true;
  }
  if (fault.kind == kinds.comparator_error) {
    flags_[static_cast<size_t>(number)].stick(0, fault.value != 0);
    return true;
  }
  for (size_t r = 0; r < kinds.redundancies.size(); ++r) {
    if (fault.kind != kinds.redundancies[r].dead) continue;
    Fault dead = fault;
    dead.kind = SiteKind::pe_dead;
    dead.coordinates = {protection_.pes[r][static_cast<size_t>(number)], 0, 0, 0};
    const auto redundancy = static_cast<Redundancy>(r);
    MvtuCore& core = redundancy == Redundancy::copies       ? copies_[static_cast<size_t>(second)]
                     : redundancy == Redundancy::duplicates ? copies_[0]
                                                            : core_;
    core.arm(dead);
    return true;
  }
  return false;
}

/// Whether the fault is in a word with check bits.
bool ProtectedCore::arm_word(const Fault& fault) {
  const bool own = fault.kind == SiteKind::pe_weight || fault.kind == SiteKind::pe_threshold;
  CodedMemory memory = CodedMemory::weights;
  const bool check = has_codes() && fault.kind == protection_kinds().check;
  if (check) {
    memory = parse_coded_memory(fault.part, "memory").second;
  } else if (site_row(fault.kind).is(threshold_memory)) {
    memory = CodedMemory::thresholds;
  } else if (!own && fault.kind != SiteKind::array_weight) {
    return false;
  }
  const MemoryCodeRow* const code = coded(memory).code;
  if (code == nullptr) return false;
  const auto [first, second, third, fourth] = fault.coordinates;
  const Word word = own || check ? Word{memory, first, second} : Word{memory, 0, first};
  std::vector<Fault>& faults = words_[word];
  const bool meet = !faults.empty() && (fault.is_flip() || faults.front().is_flip());
  if (meet) {
    throw InputError(name(fault), "a transient beside another fault of its word",
                     "one fault in a word of a memory with a code");
  }
  faults.push_back(fault);
  if (!fault.is_flip()) {
    unread_[word] = faults;
  } else if (!code->corrects && !check) {
    core_.arm(fault);
    for (MvtuCore& copy : copies_) {
      if (!own) copy.arm(fault);
    }
  }
  return true;
}

const CodedWords& ProtectedCore::coded(CodedMemory memory) const {
  return memory == CodedMemory::weights ? protection_.weights : protection_.thresholds;
}

/// The row whose weights or thresholds a word holds; beyond the layer's where it holds none.
int ProtectedCore::row_of(const Word& word) const {
  const auto [memory, pe, address] = word;
  const int synapse_fold = use_.columns / simd_;
  const int fold = memory == CodedMemory::weights ? address / synapse_fold : address;
  return schedule_ == Schedule::channel_parallel ? core_.row_at(fold, pe) : fold;
}

/// The data bits of a word as they are written.
CodeWord ProtectedCore::stored(const Word& word) const {
  const auto [memory, pe, address] = word;
  const CodedWords& coded_words = coded(memory);
  const int row = row_of(word);
  CodeWord bits(static_cast<size_t>(coded_words.fields * coded_words.field_bits));
  const auto put = [&](int field, uint32_t code, int width) {
    for (int b = 0; b < width; ++b) {
      bits[static_cast<size_t>(field * coded_words.field_bits + b)] = (code >> b & 1u) != 0;
    }
  };
  if (memory == CodedMemory::thresholds) {
    for (int i = 0; i < stored_.thresholds_per_row(); ++i) {
      put(i, static_cast<uint32_t>(stored_.threshold_row(row)[i]), use_.threshold_bits);
    }
    return bits;
  }
  const NumberFormat& format = stored_.weight_format;
  for (int lane = 0; lane < simd_; ++lane) {
    const int column = address % (use_.columns / simd_) * simd_ + lane;
    const int weight = column < stored_.columns() ? stored_.weight_row(row)[column]
                                                  : padded_weight(stored_, column);
    put(lane, format.code(weight), format.bits);
  }
  return bits;
}

/// What the decoders give for words with broken cells goes to the core as if its cells held it.
void ProtectedCore::read_words() {
  for (const auto& [word, faults] : unread_) {
    const auto [memory, pe, address] = word;
    const CodedWords& coded_words = coded(memory);
    const bool unused = memory == CodedMemory::thresholds && stored_.accumulator_output;
    if (row_of(word) >= stored_.rows() || unused) continue;
    const CodeWord data = stored(word);
    const MemoryCode code(*coded_words.code, static_cast<int>(data.size()));
    CodeWord cells = code.encode(data);
    const bool shared = schedule_ == Schedule::pixel_parallel;
    const size_t field_at = shared ? 1 : 2;  // of the coordinates of a data bit
    for (const Fault& fault : faults) {
      const bool check = fault.kind == protection_kinds().check;
      const int bit = check ? static_cast<int>(data.size()) + fault.coordinates[2]
                            : fault.coordinates[field_at] * coded_words.field_bits +
                                  fault.coordinates[field_at + 1];
      cells[static_cast<size_t>(bit)] = fault.value != 0;
    }
    const MemoryCode::Read read = code.decode(cells);
    for (size_t bit = 0; bit < data.size(); ++bit) {
      if (read.data[bit] == data[bit]) continue;
      const int field = static_cast<int>(bit) / coded_words.field_bits;
      const int inner = static_cast<int>(bit) % coded_words.field_bits;
      Fault wrong;
      const bool weights = memory == CodedMemory::weights;
      wrong.value = read.data[bit] ? 1 : 0;
      if (shared) {
        wrong.kind = weights ? SiteKind::array_weight : SiteKind::array_threshold;
        wrong.coordinates = {address, field, inner, 0};
      } else {
        wrong.kind = weights ? SiteKind::pe_weight : SiteKind::pe_threshold;
        wrong.coordinates = {pe, address, field, inner};
      }
      core_.arm(wrong);
      for (MvtuCore& copy : copies_) {
        if (shared) copy.arm(wrong);
      }
    }
  }
  unread_.clear();
}

void ProtectedCore::set_step_cycles(const int64_t* cycles, int64_t filled) {
  core_.set_step_cycles(cycles, filled);
  for (MvtuCore& copy : copies_) copy.set_step_cycles(cycles, filled);
}

void ProtectedCore::set_padding(const int32_t* values) {
  core_.set_padding(values);
  for (MvtuCore& copy : copies_) copy.set_padding(values);
}

void ProtectedCore::load(const int32_t* window) {
  core_.load(window);
  for (MvtuCore& copy : copies_) copy.load(window);
}

void ProtectedCore::load_codes(const uint64_t* codes) {
  core_.load_codes(codes);
  for (MvtuCore& copy : copies_) copy.load_codes(codes);
}

void ProtectedCore::compute(int pixel, int first, int last, int32_t* out) {
  if (!unread_.empty()) read_words();
  core_.compute(pixel, first, last, out);
  if (copies_.empty()) return;
  for (size_t c = 0; c < copies_.size(); ++c) {
    outputs_[c].resize(static_cast<size_t>(last - first));
    copies_[c].compute(pixel, first, last, outputs_[c].data());
  }
  for (int row = first; row < last; ++row) {
    const int pe = schedule_ == Schedule::pixel_parallel ? pixel % pe_ : core_.pe_of(row);
    const auto at = static_cast<size_t>(row - first);
    const int voter = number_of(Redundancy::copies, pe);
    if (voter >= 0) {
      out[at] = majority({out[at], outputs_[0][at], outputs_[1][at]}, voter, apart_);
    } else {
      compare(pe, out[at] != outputs_[0][at]);
    }
  }
}

void ProtectedCore::apply_thresholds(int row, int count, int32_t* values) {
  if (copies_.empty()) return core_.apply_thresholds(row, count, values);
  for (int i = 0; i < count; ++i) {
    std::array<int32_t, 3> outputs{values[i], values[i], values[i]};
    core_.apply_thresholds(row + i, 1, &outputs[0]);
    values[i] = outputs[0];
    for (size_t c = 0; c < copies_.size(); ++c) {
      copies_[c].apply_thresholds(row + i, 1, &outputs[c + 1]);
    }
    const int pe = (row + i) % pe_;
    const int voter = number_of(Redundancy::copies, pe);
    if (voter >= 0) {
      values[i] = majority(outputs, voter, false);
    } else {
      compare(pe, outputs[0] != outputs[1]);
    }
  }
}

void ProtectedCore::add_reports(const std::string& array, std::vector<ErrorReport>& reports) const {
  for (size_t i = 0; i < errors_.size(); ++i) {
    if (errors_[i] == 0) continue;
    const std::string pe =
        array + "/pe[" + std::to_string(protection_.of(Redundancy::duplicates)[i]) + "]";
    const auto known = std::find_if(reports.begin(), reports.end(),
                                    [&](const ErrorReport& r) { return r.pe == pe; });
    if (known == reports.end()) {
      reports.push_back({pe, errors_[i]});
    } else {
      known->outputs += errors_[i];
    }
  }
}

/// A comparator's verdict on one output of a PE, if it has one.
void ProtectedCore::compare(int pe, bool differs) {
  const int number = number_of(Redundancy::duplicates, pe);
  if (number < 0) return;
  const auto at = static_cast<size_t>(number);
  errors_[at] += flags_[at].read(differs ? 1u : 0u) & 1u;
}

/// Of a PE among those that are redundant in this way, or -1.
int ProtectedCore::number_of(Redundancy redundancy, int pe) const {
  const auto& pes = protection_.of(redundancy);
  const auto found = std::lower_bound(pes.begin(), pes.end(), pe);
  return found != pes.end() && *found == pe ? static_cast<int>(found - pes.begin()) : -1;
}

/// Bit by bit. `sums`: of accumulators on their way to thresholds that are a part of their own,
/// after which the voter's output is.
int32_t ProtectedCore::majority(const std::array<int32_t, 3>& outputs, int voter, bool sums) const {
  const Layer& layer = core_.layer();
  const bool wide = sums || layer.accumulator_output;
  const NumberFormat& format = layer.output_format;
  std::array<uint32_t, 3> codes{};
  std::transform(outputs.begin(), outputs.end(), codes.begin(), [&](int32_t value) {
    return wide ? static_cast<uint32_t>(value) : format.code(value);
  });
  const auto [a, b, c] = codes;
  uint32_t code = (a & b) | (b & c) | (a & c);
  if (!sums) code = voters_[static_cast<size_t>(voter)].read(code);
  return wide ? read_register(code, use_.accumulator_bits, layer.is_xnor()) : format.value(code);
}

}  // namespace stuckat
