// Schedules of a matrix product on a systolic array, one row each: what stays in the PEs, what
// overlaps, and the exact cycles of it as pure functions.
//
// Cycles are counts: SCALE-Sim prints the number of the last cycle, one less. A schedule that
// leaves something out says so (`os-multiply` has no drain).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/systolic/gemm.h"

namespace stuckat::systolic {

/// What stays in a PE while the other two move.
enum class Stationary : uint8_t { weights, outputs, inputs };

/// Cycles of one product by what the array did; their sum is its time.
struct GemmCycles {
  int64_t load = 0;     ///< rows of stationary operands that enter while nothing else happens
  int64_t stream = 0;   ///< vectors enter
  int64_t skew = 0;     ///< from the last operand that enters to the last PE that works on it
  int64_t drain = 0;    ///< outputs leave through the lower edge
  int64_t waiting = 0;  ///< for weights from off-chip memory

  int64_t total() const { return load + stream + skew + drain + waiting; }
  GemmCycles operator+(const GemmCycles& b) const {
    return {load + b.load, stream + b.stream, skew + b.skew, drain + b.drain, waiting + b.waiting};
  }
  bool operator==(const GemmCycles&) const = default;
};

/// How often the array is filled, and how much of it is then in use.
struct Tiling {
  int64_t row_tiles = 0;     ///< of what lies along the rows of the array
  int64_t column_tiles = 0;  ///< of what lies along its columns
  int64_t used_pes = 0;      ///< summed over all tiles

  int64_t tiles() const { return row_tiles * column_tiles; }
  /// Share of PEs that have a stationary operand of their own, 0 .. 1.
  double mapping_utilisation(const ArrayShape& array) const {
    return static_cast<double>(used_pes) / static_cast<double>(tiles() * array.pes());
  }
};

struct Schedule {
  const char* name;  ///< "ws-double-buffered"
  Stationary stationary;
  GemmCycles (*cycles)(const Gemm&, const ArrayShape&);
  const char* formula;  ///< of the sum, for people
  const char* help;
  const char* source;
};

const std::vector<Schedule>& schedules();

/// Throws InputError(where, ...) on another name.
const Schedule& parse_schedule(const std::string& name, const std::string& where);

Tiling tiling(Stationary stationary, const Gemm& gemm, const ArrayShape& array);

/// Multiplications over those that all PEs could do until the last cycle, 0 .. 1; cycles count from
/// 0, as SCALE-Sim prints them and divides.
double overall_utilisation(const Gemm& gemm, const ArrayShape& array, const GemmCycles& cycles);

}  // namespace stuckat::systolic
