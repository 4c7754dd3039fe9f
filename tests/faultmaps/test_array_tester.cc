// The synthetic tester: the map that it finds against the one that is there.
#include <map>
#include <stdexcept>

#include "faultmaps/array_tester.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"

using namespace stuckat;
using test::Random;
using test::uniform;

namespace {

constexpr int register_bits = 8;

/// A register bit stuck in a PE, or its product stuck at a value.
struct Break {
  int bit = -1;  // of the weight; -1: the product
  int value = 0;

  int64_t product(int weight, int operand) const {
    if (bit < 0) return value;
    const unsigned mask = 1u << bit;
    const unsigned code = static_cast<unsigned>(weight) & 255u;
    return int64_t{static_cast<int8_t>(value == 1 ? code | mask : code & ~mask)} * operand;
  }
};

struct Array {
  int rows, columns;
  std::map<std::pair<int, int>, Break> broken = {};

  std::vector<int64_t> operator()(const std::vector<int>& weights,
                                  const std::vector<int>& operands) const {
    std::vector<int64_t> sums(static_cast<size_t>(columns));
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        const int weight = weights[static_cast<size_t>(r * columns + c)];
        const int operand = operands[static_cast<size_t>(r)];
        if (operand < -128 || operand > 127) throw std::out_of_range("operand");
        const auto at = broken.find({r, c});
        sums[static_cast<size_t>(c)] +=
            at == broken.end() ? int64_t{weight} * operand : at->second.product(weight, operand);
      }
    }
    return sums;
  }
  PeSet truth() const {
    PeSet set(static_cast<size_t>(rows * columns));
    for (const auto& [at, how] : broken) {
      set[static_cast<size_t>(at.first * columns + at.second)] = true;
    }
    return set;
  }
};

Break random_break(Random& random) {
  if (uniform(random, 0, 3) == 0) return {-1, uniform(random, -9, 9)};
  return {uniform(random, 0, register_bits - 1), uniform(random, 0, 1)};
}

}  // namespace

TEST_CASE("one broken PE in a column is found in one pass, whatever is broken, and no other") {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Array array{uniform(random, 1, 90), uniform(random, 1, 12)};
    for (int c = 0; c < array.columns; ++c) {
      if (uniform(random, 0, 1) == 0) continue;
      array.broken[{uniform(random, 0, array.rows - 1), c}] = random_break(random);
    }
    const TestedArray found = test_array(array.rows, array.columns, array);
    CHECK(found.broken == array.truth());
    CHECK(found.slow_columns == 0);
    CHECK(found.vectors <= 2 * (4 + 2 * std::min(array.rows, array.columns)));
  }
}

TEST_CASE("thorough, every broken PE is found, however many there are") {
  int64_t many = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Array array{uniform(random, 1, 20), uniform(random, 1, 10)};
    const int count = uniform(random, 0, array.rows * array.columns);
    for (int i = 0; i < count; ++i) {
      array.broken[{uniform(random, 0, array.rows - 1), uniform(random, 0, array.columns - 1)}] =
          random_break(random);
    }
    many += count > 20 ? 1 : 0;
    CHECK(test_array(array.rows, array.columns, array, true).broken == array.truth());
  }
  CHECK(many > 30);
}

TEST_CASE("several broken PEs in a column are found row by row, or their errors cancel") {
  int64_t found = 0, columns = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Array array{64, 4};
    for (int c = 0; c < array.columns; ++c) {
      for (int i = 0; i < 3; ++i) {
        array.broken[{uniform(random, 0, array.rows - 1), c}] = random_break(random);
      }
    }
    const TestedArray tested = test_array(array.rows, array.columns, array);
    const PeSet truth = array.truth();
    for (int c = 0; c < array.columns; ++c) {
      bool same = true;
      for (int r = 0; r < array.rows; ++r) {
        const auto i = static_cast<size_t>(r * array.columns + c);
        CHECK((truth[i] || !tested.broken[i]));  // never a healthy one
        same = same && truth[i] == tested.broken[i];
      }
      ++columns;
      found += same ? 1 : 0;
    }
  }
  CHECK(found > columns * 9 / 10);
}

TEST_CASE("an array of no rows is refused") {
  const auto none = [](const std::vector<int>&, const std::vector<int>&) {
    return std::vector<int64_t>{};
  };
  CHECK_THAT(test::refusal([&] { test_array(0, 4, none); }), Catch::Contains("rows"));
  CHECK_THAT(test::refusal([&] { test_array(20'000, 4, none); }), Catch::Contains("rows"));
}
