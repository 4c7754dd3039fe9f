#include "faultmaps/lowering.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "faultmaps/normal_form.h"
#include "workloads/errors.h"

namespace stuckat {

BrokenPe new_pe(const PeArray& array, const ArrayUse& use) {
  BrokenPe pe;
  pe.simd = array.simd;
  pe.padded_columns = use.columns;
  pe.accumulator_bits = use.accumulator_bits;
  return pe;
}

const ArrayUse& use_of(const Placement& placement, int layer) {
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == layer) return use;
    }
  }
  throw InputError(placement.accelerator, "no array computes layer " + std::to_string(layer));
}

uint32_t inverted(int bit, int bits, bool is_signed) {
  return is_signed && bit == bits - 1 ? ~0u << bit : 1u << bit;
}

BrokenPe& Lowering::broken(int array, int use, int pe) {
  const auto [at, is_new] = pes_.try_emplace({array, use, pe});
  if (is_new) {
    const PeArray& a = this->array(array);
    at->second = new_pe(a, a.uses[static_cast<size_t>(use)]);
  }
  return at->second;
}

void Lowering::stick_weight(int array, int use, int pe, ArrayMap::Weight at, CodeMask mask) {
  const int index = this->array(array).uses[static_cast<size_t>(use)].layer;
  if (at.column < layer(index).columns()) {
    keep({index, at.row, false, at.column, mask});
    return;
  }
  auto& word = padded_memory_[{PeKey{array, use, pe}, at.row, at.column}];
  word = word.then(mask);
}

void Lowering::stick_threshold(int layer, int row, int index, CodeMask mask) {
  const Layer& l = this->layer(layer);
  if (l.output_format.bits > 8) {
    throw InputError(placement_.accelerator,
                     "a broken threshold of " + l.name + ", whose levels have " +
                         std::to_string(l.output_format.bits) + " bits, has no exact effect",
                     "one of a layer of up to 8 bits");
  }
  keep({layer, row, true, index, mask});
}

void Lowering::stick(const StoredBit& b, bool one) {
  if (b.is_padding) return;
  if (b.is_threshold) {
    stick_threshold(b.layer, b.row, b.index, CodeMask::stuck_bit_sign_extended(b.bit, b.bits, one));
  } else {
    keep({b.layer, b.row, false, b.index, CodeMask::stuck_bit(b.bit, one)});
  }
}

void Lowering::add_operator(OperatorFault fault) {
  effects_.operators.push_back(std::move(fault));
  operators_meet_ = true;
}

void Lowering::add(const Fault& fault) {
  if (may_flip_) (fault.is_flip() ? flips_ : stuck_).push_back(&fault);
  if (!fault.is_flip()) add_at_part(fault);  // the stuck bits of all faults come first
}

int Lowering::part_of(const Fault& fault) {
  if (last_ != nullptr && last_->kind == fault.kind && last_->part == fault.part) return last_part_;
  last_part_ = find_part(site_row(fault.kind).part, placement_, fault.part);
  last_ = &fault;
  return last_part_;
}

void Lowering::add_at_part(const Fault& fault) {
  const SiteRow& row = site_row(fault.kind);
  const auto lower = fault.is_flip() ? row.lower_flip : row.lower;
  assert(lower != nullptr && "validate() refuses flips where none is modelled");
  const int part = part_of(fault);
  if (part >= 0) lower(*this, fault, part);
}

void Lowering::add_flips() {
  if (flips_.empty()) return;
  if (placement_.run == nullptr) {
    throw InputError(placement_.accelerator,
                     name(*flips_.front()) + ": what a flip hits depends on the run that it is in",
                     "permanent faults where no run is simulated");
  }
  const auto before = [](const Fault* a, const Fault* b) {
    return std::tie(a->kind, a->part, a->coordinates) < std::tie(b->kind, b->part, b->coordinates);
  };
  const int64_t cycles = placement_.run->cycles();
  for (const Fault* flip : flips_) {
    if (flip->flip_cycle < cycles) continue;
    throw InputError(
        placement_.accelerator, name(*flip) + ": the run ends before that cycle",
        "a cycle from 0 to " + std::to_string(cycles - 1) + ", or a run of more images");
  }
  std::sort(stuck_.begin(), stuck_.end(), before);
  for (const Fault* flip : flips_) {
    if (!std::binary_search(stuck_.begin(), stuck_.end(), flip, before)) add_at_part(*flip);
  }
  operators_meet_ = true;
}

template <class Visit>
void Lowering::for_each_word(const Visit& visit) {
  using Bits = std::vector<ParameterBit>::iterator;
  const auto less = [](const auto& a, const auto& b) { return a.word() < b.word(); };
  const auto visit_words = [&](Bits first, Bits end) {
    while (first != end) {
      const Bits word = first;
      while (first != end && first->word() == word->word()) ++first;
      visit(word, first);
    }
  };
  // Memories are mostly read in order, row by row: the rows alone are sorted where that is enough.
  std::vector<std::pair<Bits, Bits>> runs;
  for (Bits first = memory_.begin(); first != memory_.end();) {
    const Bits begin = first++;
    while (first != memory_.end() && !less(*first, *(first - 1)) && first->row == begin->row) {
      ++first;
    }
    runs.emplace_back(begin, first);
  }
  std::stable_sort(runs.begin(), runs.end(),
                   [&](const auto& a, const auto& b) { return less(*a.first, *b.first); });
  const auto meet = [&](const auto& a, const auto& b) { return !less(*(a.second - 1), *b.first); };
  if (std::adjacent_find(runs.begin(), runs.end(), meet) != runs.end()) {
    std::stable_sort(memory_.begin(), memory_.end(), less);
    return visit_words(memory_.begin(), memory_.end());
  }
  for (const auto& [first, end] : runs) visit_words(first, end);
}

namespace {

/// What broken bits make of the weights of a layer: of every code once, where there are many.
class ReadWeights {
 public:
  ReadWeights(const NumberFormat& format, size_t words) : format_(format) {
    constexpr size_t many = 1024;
    if (words < many || format.bits > 8) return;
    for (uint32_t code = 0; code < 1u << format.bits; ++code) values_.push_back(format.value(code));
  }
  int read(int stored, const CodeMask& mask) const {
    const uint32_t code = mask.apply(format_.code(stored));
    return code < values_.size() ? values_[code] : format_.value(code);
  }

 private:
  const NumberFormat& format_;
  std::vector<int> values_;  // [code]
};

}  // namespace

/// Words that read differently from what is stored: all their broken bits at once.
void Lowering::patch_parameters() {
  std::optional<ReadWeights> weights;
  int of = -1;  // layer
  effects_.patches.reserve(effects_.patches.size() + memory_.size());
  for_each_word([&](auto bit, auto end) {
    const auto [index, row, is_threshold, number, first] = *bit;
    CodeMask mask = first;
    while (++bit != end) mask = mask.then(bit->mask);
    const Layer& l = layer(index);
    if (index != of) weights.emplace(l.weight_format, memory_.size());
    of = index;
    const int stored = is_threshold ? l.threshold_row(row)[number] : l.weight_row(row)[number];
    const int read = is_threshold ? static_cast<int32_t>(mask.apply(static_cast<uint32_t>(stored)))
                                  : weights->read(stored, mask);
    if (read != stored) effects_.patches.push_back({index, row, is_threshold, number, read});
  });
}

void Lowering::read_padded_weights() {
  for (const auto& [where, mask] : padded_memory_) {
    const auto& [key, row, column] = where;
    const auto [array, use, pe] = key;
    const Layer& l = layer(this->array(array).uses[static_cast<size_t>(use)].layer);
    const int stored = padded_weight(l, column);
    const int read = l.weight_format.value(mask.apply(l.weight_format.code(stored)));
    if (read == stored) continue;
    (pe == all_pes ? shared_padding_[{array, use}] : broken(array, use, pe).padded_weights)
        .push_back({row, column, read});
  }
}

/// Padded weights that all PEs read: part of what a broken PE computes, and an operator of their
/// own at the pixels of the others.
void Lowering::share_padded_weights() {
  for (const auto& [where, weights] : shared_padding_) {
    const auto [array, use_index] = where;
    const PeArray& a = this->array(array);
    const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
    OperatorFault others{use.layer, {}, {}, {}, {}};
    others.pe = new_pe(a, use);
    others.pe.padded_weights = weights;
    for (const auto& w : weights) {
      if (others.rows.empty() || others.rows.back() != w.row) others.rows.push_back(w.row);
    }
    bool any_broken = false;
    for (int pe = 0; pe < a.pe; ++pe) {
      const auto found = pes_.find({array, use_index, pe});
      if (found == pes_.end()) continue;
      any_broken = true;
      auto& padded = found->second.padded_weights;
      padded.insert(padded.end(), weights.begin(), weights.end());
    }
    if (any_broken) {
      const ArrayMap map(a, use, layer(use.layer));
      const int pixels = layer(use.layer).output.pixels();
      for (int pixel = 0; pixel < pixels; ++pixel) {
        const int pe = map.pe_of(0, pixel);  // of every row: these arrays split pixels alone
        if (pes_.count({array, use_index, pe}) == 0) others.pixels.push_back(pixel);
      }
      if (others.pixels.empty()) continue;
    }
    effects_.operators.push_back(std::move(others));
  }
}

void Lowering::break_pes() {
  for (const auto& [where, pe] : pes_) {
    const auto [array, use_index, number] = where;
    const PeArray& a = this->array(array);
    const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
    const Layer& l = layer(use.layer);
    const ArrayMap map(a, use, l);
    if (!map.computes(number)) continue;
    std::vector<int> rows = map.rows(number);
    if (rows.empty()) rows = multiples(0, 1, l.rows());
    effects_.operators.push_back({use.layer, std::move(rows), map.pixels(number), pe, {}});
  }
}

Effects Lowering::finish() {
  patch_parameters();
  read_padded_weights();
  share_padded_weights();
  break_pes();
  add_flips();
  for (auto& [part, faults] : parts_) faults->finish(*this);
  if (operators_meet_) effects_.operators = disjoint(std::move(effects_.operators), network_);
  normalize(effects_);
  return std::move(effects_);
}

}  // namespace stuckat
