#include <algorithm>
#include <bit>
#include <random>
#include <set>

#include "faultmaps/mitigation/memory_code.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

using namespace stuckat;
using Outcome = MemoryCode::Outcome;

namespace {

std::vector<bool> drawn_data(std::mt19937_64& random, int bits) {
  std::vector<bool> data;
  for (int i = 0; i < bits; ++i) data.push_back((random() & 1) != 0);
  return data;
}

CodeWord inverted(CodeWord word, std::initializer_list<int> bits) {
  for (const int bit : bits) word[static_cast<size_t>(bit)] = !word[static_cast<size_t>(bit)];
  return word;
}

MemoryCode code(const char* name, int bits) {
  return {memory_codes()[static_cast<size_t>(parse_memory_code(name, "test"))], bits};
}

}  // namespace

TEST_CASE("codes have the check bits of the books") {
  // Hamming 1950: 4 of 7, 11 of 15, 26 of 31; Hsiao 1970: (22,16), (39,32), (72,64), (137,128).
  for (const auto& [data, check] : {std::pair{4, 3}, {11, 4}, {26, 5}}) {
    CHECK(code("hamming", data).check_bits() == check);
  }
  for (const auto& [data, check] : {std::pair{16, 6}, {32, 7}, {64, 8}, {128, 9}}) {
    CHECK(code("secded", data).check_bits() == check);
  }
  CHECK(code("parity", 32).check_bits() == 1);
  CHECK_THAT(test::refusal([] { parse_memory_code("secdet", "x"); }), Catch::Contains("secded"));
}

TEST_CASE("columns differ, and those of secded have odd weight") {
  for (int bits = 1; bits < 140; ++bits) {
    for (const char* name : {"hamming", "secded"}) {
      const auto& row = memory_codes()[static_cast<size_t>(parse_memory_code(name, "test"))];
      const auto columns = row.columns(bits);
      CHECK(std::set<uint32_t>(columns.begin(), columns.end()).size() == columns.size());
      for (const uint32_t c : columns) {
        CHECK(std::popcount(c) >= 2);
        CHECK(c >> row.check_bits(bits) == 0);
        if (row.name == std::string("secded")) CHECK(std::popcount(c) % 2 == 1);
      }
    }
  }
}

TEST_CASE("secded corrects every single error and detects every double one") {
  std::mt19937_64 random(1);
  for (const int bits : {1, 2, 3, 8, 13, 32, 64}) {
    const MemoryCode secded = code("secded", bits);
    const auto data = drawn_data(random, bits);
    const CodeWord word = secded.encode(data);
    CHECK(secded.decode(word).outcome == Outcome::clean);
    for (int i = 0; i < secded.bits(); ++i) {
      const auto one = secded.decode(inverted(word, {i}));
      CHECK(one.outcome == Outcome::corrected);
      CHECK(one.data == data);
      for (int j = 0; j < i; ++j) {
        CHECK(secded.decode(inverted(word, {i, j})).outcome == Outcome::detected);
      }
    }
  }
}

TEST_CASE("of three errors secded miscorrects those whose columns sum up to another one") {
  const MemoryCode secded = code("secded", 16);
  const auto& row = memory_codes()[static_cast<size_t>(parse_memory_code("secded", "test"))];
  std::vector<uint32_t> columns = row.columns(16);
  for (int j = 0; j < secded.check_bits(); ++j) columns.push_back(1u << j);
  std::mt19937_64 random(2);
  const auto data = drawn_data(random, 16);
  const CodeWord word = secded.encode(data);
  int miscorrected = 0;
  int detected = 0;
  const auto at = [&](int i) { return columns[static_cast<size_t>(i)]; };
  for (int i = 0; i < secded.bits(); ++i) {
    for (int j = 0; j < i; ++j) {
      for (int k = 0; k < j; ++k) {
        const auto read = secded.decode(inverted(word, {i, j, k}));
        const bool is_column =
            std::count(columns.begin(), columns.end(), at(i) ^ at(j) ^ at(k)) > 0;
        CHECK((read.outcome == Outcome::corrected) == is_column);
        CHECK(read.outcome != Outcome::clean);
        // Wrong, unless all three were check bits and the "correction" one as well.
        miscorrected += is_column && read.data != data ? 1 : 0;
        detected += is_column ? 0 : 1;
      }
    }
  }
  CHECK(miscorrected > 100);
  CHECK(detected > 10);
}

TEST_CASE("hamming miscorrects double errors, parity sees odd numbers of them") {
  std::mt19937_64 random(3);
  const MemoryCode hamming = code("hamming", 11);  // perfect: every syndrome is a column
  const auto data = drawn_data(random, 11);
  const CodeWord word = hamming.encode(data);
  for (int i = 0; i < hamming.bits(); ++i) {
    CHECK(hamming.decode(inverted(word, {i})).data == data);
    for (int j = 0; j < i; ++j) {
      CHECK(hamming.decode(inverted(word, {i, j})).outcome == Outcome::corrected);
    }
  }
  const MemoryCode parity = code("parity", 11);
  const CodeWord with_parity = parity.encode(data);
  for (int i = 0; i < parity.bits(); ++i) {
    CHECK(parity.decode(inverted(with_parity, {i})).outcome == Outcome::detected);
    for (int j = 0; j < i; ++j) {
      CHECK(parity.decode(inverted(with_parity, {i, j})).outcome == Outcome::clean);
    }
  }
}
