// Codes over the words of a memory: what is stored with a word, and what is read of one whose bits,
// check bits among them, are broken. Linear codes by the columns of their parity-check matrix H:
// check bit j is the sum (mod 2) of the data bits whose column has bit j.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat {

struct MemoryCodeRow {
  const char* name;  ///< "secded"
  const char* help;
  bool corrects;  ///< a syndrome that is a column inverts the bit of that column
  int (*check_bits)(int data_bits);
  /// Columns of the data bits, [data_bits]; column of check bit j is 1 << j.
  std::vector<uint32_t> (*columns)(int data_bits);
};

/// parity:  one check bit; detects every odd number of wrong bits (Hamming 1950, section 2).
/// hamming: corrects one wrong bit; two read as another word, unnoticed, or beyond the columns of a
///          shortened code are detected (Hamming 1950). Columns: 3, 5, 6, 7, 9, ...
/// secded:  corrects one, detects two; three read as another word or are detected. Columns of odd
///          weight, 3 and more, by weight and then by value (Hsiao 1970; the order is ours).
const std::vector<MemoryCodeRow>& memory_codes();

/// Index in memory_codes(). Throws InputError(where, ...) with the nearest name.
int parse_memory_code(std::string_view name, std::string_view where);

/// Data bits, then check bits.
using CodeWord = std::vector<bool>;

class MemoryCode {
 public:
  /// data_bits: 1 to 65536.
  MemoryCode(const MemoryCodeRow& row, int data_bits);

  int data_bits() const { return data_bits_; }
  int check_bits() const { return check_bits_; }
  int bits() const { return data_bits_ + check_bits_; }

  /// data: [data_bits()]. What is stored, [bits()].
  CodeWord encode(const std::vector<bool>& data) const;

  enum class Outcome : uint8_t { clean, corrected, detected };
  struct Read {
    std::vector<bool> data;  ///< [data_bits()]; of a detected word as it is stored
    Outcome outcome = Outcome::clean;
  };
  /// What the decoder gives for a word as the cells hold it. Corrected says what it believes: with
  /// more wrong bits than the code is made for the data are wrong all the same.
  Read decode(const CodeWord& word) const;

 private:
  uint32_t column(int bit) const;

  const MemoryCodeRow& row_;
  int data_bits_;
  int check_bits_;
  std::vector<uint32_t> columns_;
};

}  // namespace stuckat
