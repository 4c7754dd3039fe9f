#include "models/systolic/schedule.h"

#include <algorithm>
#include <iterator>

#include "workloads/errors.h"

namespace stuckat::systolic {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// From the cycle in which an operand of the last vector enters row 0 and column 0 to the one in
/// which the far corner works on it.
int64_t skew_of(const ArrayShape& array) { return array.rows - 1 + array.columns - 1; }

GemmCycles times(int64_t tiles, GemmCycles one) {
  return {tiles * one.load, tiles * one.stream, tiles * one.skew, tiles * one.drain};
}

// PE (r, c) works on vector m in cycle R + r + c + m of a tile: R rows of weights enter first.
GemmCycles ws_serial(const Gemm& gemm, const ArrayShape& array) {
  const Tiling tiles = tiling(Stationary::weights, gemm, array);
  return times(tiles.tiles(), {array.rows, gemm.m, skew_of(array), 0});
}

GemmCycles is_serial(const Gemm& gemm, const ArrayShape& array) {
  const Tiling tiles = tiling(Stationary::inputs, gemm, array);
  return times(tiles.tiles(), {array.rows, gemm.n, skew_of(array), 0});
}

// PE (r, c) works in cycles r + c .. r + c + K - 1 of a tile.
GemmCycles os_multiply(const Gemm& gemm, const ArrayShape& array) {
  const Tiling tiles = tiling(Stationary::outputs, gemm, array);
  return times(tiles.tiles(), {0, gemm.k, skew_of(array), 0});
}

GemmCycles os_drain(const Gemm& gemm, const ArrayShape& array) {
  const Tiling tiles = tiling(Stationary::outputs, gemm, array);
  return times(tiles.tiles(), {0, gemm.k, skew_of(array), array.rows});
}

// A tile loads while the one before drains through the skew; only the last skew is seen.
GemmCycles ws_overlapped(const Gemm& gemm, const ArrayShape& array) {
  const int64_t tiles = tiling(Stationary::weights, gemm, array).tiles();
  return {tiles * array.rows, tiles * gemm.m, skew_of(array), 0};
}

// A tile loads while the one before works: seen is the first load, and R - M cycles of every tile
// whose M vectors are fewer than the R rows that the next one needs.
GemmCycles ws_double_buffered(const Gemm& gemm, const ArrayShape& array) {
  const int64_t tiles = tiling(Stationary::weights, gemm, array).tiles();
  const int64_t waits = std::max<int64_t>(array.rows - gemm.m, 0);
  return {array.rows + tiles * waits, tiles * gemm.m, skew_of(array), 0};
}

constexpr Schedule rows[] = {
    {"ws-double-buffered", Stationary::weights, ws_double_buffered,
     "R + fK*fN*max(M, R) + R + C - 2",
     "weights stay; the next tile's are loaded while one works (the default)",
     "Jouppi et al., ISCA 2017 (TPU v1); Gemmini, PE.scala"},
    {"ws-overlapped", Stationary::weights, ws_overlapped, "fK*fN*(R + M) + R + C - 2",
     "weights stay; loading waits for the vectors, but not for the skew",
     "SCALE-Sim v1, with the last skew that it leaves out"},
    {"ws-serial", Stationary::weights, ws_serial, "fK*fN*(M + 2R + C - 2)",
     "weights stay; one tile after the other", "SCALE-Sim v2 and v3, ws"},
    {"os-drain", Stationary::outputs, os_drain, "fM*fN*(K + 2R + C - 2)",
     "outputs stay and leave through the lower edge", "Gemmini, PE.scala"},
    {"os-multiply", Stationary::outputs, os_multiply, "fM*fN*(K + R + C - 2)",
     "outputs stay; without the cycles in which they leave", "SCALE-Sim v2 and v3, os"},
    {"is-serial", Stationary::inputs, is_serial, "fK*ceil(M/C)*(N + 2R + C - 2)",
     "inputs stay; one tile after the other", "SCALE-Sim v3, is"},
};

}  // namespace

const std::vector<Schedule>& schedules() {
  static const std::vector<Schedule> all(std::begin(rows), std::end(rows));
  return all;
}

const Schedule& parse_schedule(const std::string& name, const std::string& where) {
  std::string names;
  for (const Schedule& schedule : schedules()) {
    if (name == schedule.name) return schedule;
    names += (names.empty() ? "" : ", ") + std::string(schedule.name);
  }
  throw InputError(where, "'" + name + "'", "one of " + names);
}

Tiling tiling(Stationary stationary, const Gemm& gemm, const ArrayShape& array) {
  const int64_t along_rows = stationary == Stationary::outputs ? gemm.m : gemm.k;
  const int64_t along_columns = stationary == Stationary::inputs ? gemm.m : gemm.n;
  return {ceil_div(along_rows, array.rows), ceil_div(along_columns, array.columns),
          along_rows * along_columns};
}

double overall_utilisation(const Gemm& gemm, const ArrayShape& array, const GemmCycles& cycles) {
  return static_cast<double>(gemm.macs()) /
         (static_cast<double>(cycles.total() - 1) * static_cast<double>(array.pes()));
}

}  // namespace stuckat::systolic
