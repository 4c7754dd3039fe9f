#include "models/systolic/schedule.h"
#include "tests/support/catch.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::systolic;

namespace {

int64_t cycles(const char* schedule, const Gemm& gemm, const ArrayShape& array) {
  return parse_schedule(schedule, "test").cycles(gemm, array).total();
}

/// CNV, one image, 10 outputs; windows as vectors.
const std::vector<Gemm> cnv = {{900, 27, 64},    {784, 576, 64}, {144, 576, 128},
                               {100, 1152, 128}, {9, 1152, 256}, {1, 2304, 256},
                               {1, 256, 512},    {1, 512, 512},  {1, 512, 10}};

int64_t cnv_cycles(const char* schedule, int64_t side) {
  int64_t sum = 0;
  for (const Gemm& layer : cnv) sum += cycles(schedule, layer, {side, side});
  return sum;
}

}  // namespace

TEST_CASE("schedules take the cycles that SCALE-Sim and hand calculation give") {
  const Gemm gemm{256, 256, 128};
  CHECK(cycles("ws-serial", gemm, {32, 32}) == 11200);
  CHECK(cycles("os-multiply", gemm, {32, 32}) == 10176);
  CHECK(cycles("is-serial", gemm, {32, 32}) == 14208);
  // SCALE-Sim v1's 4608, which leaves the last skew out.
  CHECK(cycles("ws-overlapped", {256, 768, 256}, {128, 128}) == 4608 + 128 + 128 - 2);
  for (const int64_t n : {4, 8, 16, 32, 64}) {
    CHECK(cycles("os-multiply", {n, n, n}, {n, n}) == 3 * n - 2);
  }
}

TEST_CASE("AlexNet's first layer takes the published cycles and utilisations") {
  const Gemm conv1{55 * 55, 11 * 11 * 3, 96};
  const ArrayShape array{32, 32};
  const GemmCycles time = parse_schedule("ws-serial", "test").cycles(conv1, array);
  CHECK(time.total() == 112284);
  CHECK(100 * tiling(Stationary::weights, conv1, array).mapping_utilisation(array) == 94.53125);
  CHECK(100 * overall_utilisation(conv1, array, time) == Approx(91.68309650614964).epsilon(1e-15));
}

TEST_CASE("CNV takes the cycles of the table on every array") {
  struct Row {
    int64_t side, s1, s2, s3;
  };
  for (const Row& row : {Row{16, 511248, 324890, 335274}, Row{32, 201052, 112732, 118908},
                         Row{64, 88004, 44375, 48407}, Row{256, 30290, 18314, 22666}}) {
    CAPTURE(row.side);
    CHECK(cnv_cycles("ws-serial", row.side) == row.s1);
    CHECK(cnv_cycles("os-multiply", row.side) == row.s2);
    CHECK(cnv_cycles("os-drain", row.side) == row.s3);
  }
}

TEST_CASE("an unknown schedule is refused with the names that there are") {
  CHECK_THROWS_AS(parse_schedule("s5", "--schedule"), InputError);
}
