#include "faultmaps/mitigation/memory_code.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "workloads/errors.h"

namespace stuckat {
namespace {

int one_bit(int) { return 1; }
std::vector<uint32_t> ones(int data_bits) {
  return std::vector<uint32_t>(static_cast<size_t>(data_bits), 1);
}

/// All columns but 0 and the r unit vectors: 2^r - 1 - r of them.
int hamming_bits(int data_bits) {
  int r = 2;
  while ((int64_t{1} << r) - 1 - r < data_bits) ++r;
  return r;
}
std::vector<uint32_t> hamming_columns(int data_bits) {
  std::vector<uint32_t> columns;
  for (uint32_t c = 3; static_cast<int>(columns.size()) < data_bits; ++c) {
    if (!std::has_single_bit(c)) columns.push_back(c);
  }
  return columns;
}

/// All columns of odd weight but the r unit vectors: 2^(r-1) - r of them.
int hsiao_bits(int data_bits) {
  int r = 3;
  while ((int64_t{1} << (r - 1)) - r < data_bits) ++r;
  return r;
}
std::vector<uint32_t> hsiao_columns(int data_bits) {
  const int r = hsiao_bits(data_bits);
  std::vector<uint32_t> columns;
  for (int weight = 3; weight <= r; weight += 2) {
    for (uint32_t c = 1; c < 1u << r; ++c) {
      if (static_cast<int>(columns.size()) == data_bits) return columns;
      if (std::popcount(c) == weight) columns.push_back(c);
    }
  }
  return columns;
}

}  // namespace

const std::vector<MemoryCodeRow>& memory_codes() {
  static const std::vector<MemoryCodeRow> rows = {
      {"parity", "a bit for each word: detects one broken bit", false, one_bit, ones},
      {"hamming", "corrects one broken bit of a word", true, hamming_bits, hamming_columns},
      {"secded", "corrects one broken bit of a word, detects two", true, hsiao_bits, hsiao_columns},
  };
  return rows;
}

int parse_memory_code(std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const MemoryCodeRow& row : memory_codes()) {
    if (row.name == name) return static_cast<int>(known.size());
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "memory code", name, known);
}

MemoryCode::MemoryCode(const MemoryCodeRow& row, int data_bits)
    : row_(row),
      data_bits_(data_bits),
      check_bits_(row.check_bits(data_bits)),
      columns_(row.columns(data_bits)) {
  assert(static_cast<int>(columns_.size()) == data_bits);
}

uint32_t MemoryCode::column(int bit) const {
  return bit < data_bits_ ? columns_[static_cast<size_t>(bit)] : 1u << (bit - data_bits_);
}

CodeWord MemoryCode::encode(const std::vector<bool>& data) const {
  CodeWord word = data;
  uint32_t check = 0;
  for (int i = 0; i < data_bits_; ++i) {
    if (data[static_cast<size_t>(i)]) check ^= column(i);
  }
  for (int j = 0; j < check_bits_; ++j) word.push_back((check >> j & 1) != 0);
  return word;
}

MemoryCode::Read MemoryCode::decode(const CodeWord& word) const {
  Read read{{word.begin(), word.begin() + data_bits_}, Outcome::clean};
  uint32_t syndrome = 0;
  for (int i = 0; i < bits(); ++i) {
    if (word[static_cast<size_t>(i)]) syndrome ^= column(i);
  }
  if (syndrome == 0) return read;
  read.outcome = Outcome::detected;
  if (!row_.corrects) return read;
  const auto at = std::find(columns_.begin(), columns_.end(), syndrome);
  if (at != columns_.end()) {
    const auto bit = static_cast<size_t>(at - columns_.begin());
    read.data[bit] = !read.data[bit];
    read.outcome = Outcome::corrected;
  } else if (std::has_single_bit(syndrome)) {
    read.outcome = Outcome::corrected;  // a check bit
  }
  return read;
}

}  // namespace stuckat
