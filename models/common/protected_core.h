// An array of PEs on one layer with redundancy around it, as hardware (docs/mitigation.md): PEs
// that are there three times with a bitwise majority voter after them, twice with a comparator, or
// mapped out for spare ones; memories whose words are stored with check bits and decoded when they
// are read. Without a protection it is the MvtuCore alone. No time, no SystemC; voters,
// comparators and decoders take no cycle.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "faultmaps/mitigation/protection.h"
#include "models/common/mvtu_core.h"
#include "models/common/run_statistics.h"

namespace stuckat {

class ProtectedCore {
 public:
  /// As MvtuCore; `protection`: protection_of() the array.
  ProtectedCore(const Layer& layer, const PeArray& array, const ArrayUse& use,
                const ArrayProtection& protection = {}, bool sums = false);

  /// Before the first compute(). Sites of the array, and of its protection. Copy 0 of a PE has the
  /// PE's sites. Throws InputError for a transient beside another fault of the word of a code.
  void arm(const Fault& fault);

  // As those of MvtuCore, on every copy.
  bool has_flips() const { return core_.has_flips(); }
  void set_step_cycles(const int64_t* cycles, int64_t filled = 0);
  void set_padding(const int32_t* values);
  void load(const int32_t* window);
  void load_codes(const uint64_t* codes);
  /// Behind the voters.
  void compute(int pixel, int first, int last, int32_t* out);
  void apply_thresholds(int row, int count, int32_t* values);
  const Layer& layer() const { return core_.layer(); }

  /// Adds what the comparators said so far of PEs whose outputs differed; `array`: its name.
  void add_reports(const std::string& array, std::vector<ErrorReport>& reports) const;

 private:
  /// Memory, PE (0 where one broadcasts) and address.
  using Word = std::tuple<CodedMemory, int, int>;

  bool has_codes() const {
    return protection_.weights.code != nullptr || protection_.thresholds.code != nullptr;
  }
  bool arm_redundant(const Fault& fault);
  bool is_mapped_out(const Fault& fault) const;
  bool arm_word(const Fault& fault);
  const CodedWords& coded(CodedMemory memory) const;
  int row_of(const Word& word) const;
  CodeWord stored(const Word& word) const;
  void read_words();
  int number_of(Redundancy redundancy, int pe) const;
  void compare(int pe, bool differs);
  int32_t majority(const std::array<int32_t, 3>& outputs, int voter, bool sums) const;

  MvtuCore core_;                 // copy 0 of each PE
  std::vector<MvtuCore> copies_;  // the others: two with voters, one with comparators alone
  ArrayProtection protection_;
  std::vector<StuckBits> voters_;  // [PEs in copies], on the output
  std::vector<StuckBits> flags_;   // [PEs in duplicates], of the comparators
  std::vector<int64_t> errors_;    // [PEs in duplicates]
  Layer stored_;                   // what is written to the memories, if they have codes
  ArrayUse use_;
  Schedule schedule_;
  int pe_;
  int simd_;
  bool apart_;                                   // thresholds are a part of their own
  std::map<Word, std::vector<Fault>> words_;     // with their faults
  std::map<Word, std::vector<Fault>> unread_;    // since compute()
  std::array<std::vector<int32_t>, 2> outputs_;  // of the copies, scratch of compute()
};

}  // namespace stuckat
