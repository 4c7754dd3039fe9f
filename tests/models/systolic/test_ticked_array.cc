#include <random>

#include "models/systolic/schedule.h"
#include "tests/models/systolic/ticked_array.h"
#include "tests/support/catch.h"

using namespace stuckat::systolic;
using namespace stuckat::systolic::test;

namespace {

using Random = std::mt19937_64;

int uniform(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

Matrix random_matrix(Random& random, int rows, int columns, int low = -128, int high = 127) {
  Matrix matrix(rows, columns);
  for (auto& value : matrix.values) value = uniform(random, low, high);
  return matrix;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (int m = 0; m < a.rows; ++m) {
    for (int n = 0; n < b.columns; ++n) {
      for (int k = 0; k < a.columns; ++k) c.at(m, n) += a.at(m, k) * b.at(k, n);
    }
  }
  return c;
}

RegisterFault stuck_at_1(Register where, int row, int column, int bit) {
  return {where, row, column, ~(1u << bit), 1u << bit, 0, -1};
}

RegisterFault stuck_at_0(Register where, int row, int column, int bit) {
  return {where, row, column, ~(1u << bit), 0, 0, -1};
}

struct Case {
  int rows, columns;
  Matrix a, b;
  Gemm gemm() const { return {a.rows, a.columns, b.columns}; }
  ArrayShape array() const { return {rows, columns}; }
};

Case random_case(Random& random) {
  const int m = uniform(random, 1, 9), k = uniform(random, 1, 12), n = uniform(random, 1, 9);
  return {uniform(random, 1, 5), uniform(random, 1, 5), random_matrix(random, m, k),
          random_matrix(random, k, n)};
}

RegisterFault random_stuck_bit(Random& random, const Case& c) {
  const int row = uniform(random, 0, c.rows - 1), column = uniform(random, 0, c.columns - 1);
  const auto where = static_cast<Register>(uniform(random, 0, 7));
  const bool flag = where == Register::valid || where == Register::propagate;
  const int bit = flag ? 0 : uniform(random, 0, 7);
  return uniform(random, 0, 1) ? stuck_at_1(where, row, column, bit)
                               : stuck_at_0(where, row, column, bit);
}

struct TickedWay {
  const char* schedule;
  TickedResult (*run)(TickedArray&, const Case&);
};
using Loading = TickedArray::Loading;
const TickedWay ticked_ways[] = {
    {"ws-serial",
     [](TickedArray& x, const Case& c) { return x.weight_stationary(c.a, c.b, Loading::serial); }},
    {"ws-overlapped",
     [](TickedArray& x, const Case& c) {
       return x.weight_stationary(c.a, c.b, Loading::overlapped);
     }},
    {"ws-double-buffered",
     [](TickedArray& x, const Case& c) {
       return x.weight_stationary(c.a, c.b, Loading::double_buffered);
     }},
    {"os-drain", [](TickedArray& x, const Case& c) { return x.output_stationary(c.a, c.b, true); }},
    {"os-multiply",
     [](TickedArray& x, const Case& c) { return x.output_stationary(c.a, c.b, false); }},
};

/// Elements of the output that differ.
std::vector<std::pair<int, int>> differences(const Matrix& a, const Matrix& b) {
  std::vector<std::pair<int, int>> found;
  for (int m = 0; m < a.rows; ++m) {
    for (int n = 0; n < a.columns; ++n) {
      if (a.at(m, n) != b.at(m, n)) found.emplace_back(m, n);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("an array ticked register by register gives the product in the cycles of its schedule") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Random random(seed);
  int several_tiles = 0;
  for (int i = 0; i < 150; ++i) {
    const Case c = random_case(random);
    CAPTURE(c.rows, c.columns, c.a.rows, c.a.columns, c.b.columns);
    several_tiles += c.a.columns > 2 * c.rows && c.b.columns > c.columns;
    for (const TickedWay& way : ticked_ways) {
      CAPTURE(way.schedule);
      TickedArray array(c.rows, c.columns, {});
      const TickedResult result = way.run(array, c);
      REQUIRE(result.outputs == product(c.a, c.b));
      REQUIRE(result.cycles ==
              parse_schedule(way.schedule, "test").cycles(c.gemm(), c.array()).total());
      REQUIRE(result.faulty_reads == 0);
    }
  }
  CHECK(several_tiles > 5);
}

TEST_CASE("bit 5 stuck at 1 in one PE of an output-stationary array gives the values by hand") {
  Matrix a(3, 3), b(3, 3);
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      a.at(r, c) = r + 1;
      b.at(r, c) = c + 1;
    }
  }
  const Matrix right = product(a, b);
  const auto outputs = [&](Register where) {
    return TickedArray(3, 3, {}, {stuck_at_1(where, 0, 0, 5)})
        .output_stationary(a, b, true)
        .outputs;
  };
  const Matrix sum = outputs(Register::w0);
  CHECK(sum.at(0, 0) == 35);
  CHECK(differences(sum, right).size() == 1);
  const Matrix left = outputs(Register::a);
  const Matrix top = outputs(Register::b);
  for (int i = 0; i < 3; ++i) {
    CHECK(left.at(0, i) == 99 * (i + 1));
    CHECK(top.at(i, 0) == 99 * (i + 1));
  }
  CHECK(differences(left, right).size() == 3);
  CHECK(differences(top, right).size() == 3);
}

TEST_CASE("an upset partial sum of an 8x8 array hits one vector of one column, at every PE") {
  Random random(5);
  // Cycles as seen from outside: 2 of reset, then 8 of loading; vector m leaves a register below
  // the array one cycle after the lowest PE of its column has worked on it.
  constexpr int reset = 2, rows = 8;
  for (int r = 0; r < 8; ++r) {
    for (int c = 0; c < 8; ++c) {
      CAPTURE(r, c);
      const Matrix a = random_matrix(random, 10, 8), b = random_matrix(random, 8, 8);
      const RegisterFault upset{Register::b, r, c, ~0u, 0, 1u << 9, 19 - reset};
      TickedArray array(8, 8, {}, {upset});
      const auto wrong = differences(
          array.weight_stationary(a, b, TickedArray::Loading::serial).outputs, product(a, b));
      const int m = 9 - r - c;
      if (m < 0) {
        CHECK(wrong.empty());
        continue;
      }
      REQUIRE(wrong.size() == 1);
      CHECK(wrong.front() == std::pair(m, c));
      const int lowest_pe_works = reset + rows + (rows - 1) + c + m;
      CHECK(lowest_pe_works + 1 == 27 - r);
    }
  }
}

TEST_CASE(
    "each register of a weight-stationary array reaches what the table says, and nothing else") {
  Random random(7);
  int seen[8] = {};
  for (int i = 0; i < 600; ++i) {
    const Case c = random_case(random);
    const RegisterFault fault = random_stuck_bit(random, c);
    const Register where = fault.where;
    const int row = fault.row, column = fault.column;
    const Matrix right = product(c.a, c.b);
    const Matrix got = TickedArray(c.rows, c.columns, {}, {fault})
                           .weight_stationary(c.a, c.b, TickedArray::Loading::double_buffered)
                           .outputs;
    CAPTURE(i, c.rows, c.columns, row, column, fault.keep, fault.set, static_cast<int>(where));
    for (const auto& [m, n] : differences(got, right)) {
      if (where == Register::a) {
        REQUIRE(n % c.columns >= column);
      } else {
        REQUIRE(n % c.columns == column);
      }
      ++seen[static_cast<int>(where)];
    }
  }
  for (const int count : seen) CHECK(count > 0);
}

TEST_CASE(
    "each register of an output-stationary array reaches what the table says, and nothing else") {
  Random random(11);
  int seen[8] = {};
  for (int i = 0; i < 600; ++i) {
    const Case c = random_case(random);
    const RegisterFault fault = random_stuck_bit(random, c);
    const Register where = fault.where;
    const int row = fault.row, column = fault.column;
    const Matrix right = product(c.a, c.b);
    const Matrix got =
        TickedArray(c.rows, c.columns, {}, {fault}).output_stationary(c.a, c.b, true).outputs;
    CAPTURE(i, c.rows, c.columns, row, column, fault.keep, fault.set, static_cast<int>(where));
    for (const auto& [m, n] : differences(got, right)) {
      const int r = m % c.rows, col = n % c.columns;
      switch (where) {
        case Register::a:
          REQUIRE((r == row && col >= column));
          break;
        case Register::b:
        case Register::valid:
        case Register::propagate:
          REQUIRE((col == column && r >= row));
          break;
        case Register::d:
          REQUIRE((col == column && r <= row));
          break;
        case Register::w0:
        case Register::w1:
        case Register::product:
          REQUIRE((r == row && col == column));
          break;
      }
      ++seen[static_cast<int>(where)];
    }
  }
  for (const int count : seen) CHECK(count > 0);
}

TEST_CASE("a stuck weight register hits every other tile, the load chain all rows below") {
  // One column, three tiles of two rows; activations of one power of 256 each tell the tiles apart.
  Matrix a(1, 6), b(6, 1);
  for (int k = 0; k < 6; ++k) b.at(k, 0) = 0;
  const auto hit = [&](Register where, int row) {
    std::vector<int> rows;
    for (int k = 0; k < 6; ++k) {
      for (auto& value : a.values) value = 0;
      a.at(0, k) = 1;  // the output is the weight that row k of the product reads
      const auto out = TickedArray(2, 1, {}, {stuck_at_1(where, row, 0, 3)})
                           .weight_stationary(a, b, TickedArray::Loading::double_buffered)
                           .outputs;
      if (out.at(0, 0) != 0) rows.push_back(k);
    }
    return rows;
  };
  CHECK(hit(Register::w0, 0) == std::vector<int>{0, 4});
  CHECK(hit(Register::w1, 1) == std::vector<int>{3});
  CHECK(hit(Register::d, 0) == std::vector<int>{0, 1, 2, 3, 4, 5});
  CHECK(hit(Register::d, 1) == std::vector<int>{1, 3, 5});
}
