// A systolic accelerator: one array of R x C PEs executes layer after layer (docs/systolic.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "faultmaps/systolic_array.h"
#include "models/memory/memory_params.h"
#include "models/systolic/schedule.h"
#include "workloads/network.h"

namespace stuckat::systolic {

/// Meaning and ranges: models/systolic/FORMAT.md, which a test compares with the reader.
struct SystolicAccelerator {
  std::string name = "32x32";  ///< fault maps are made for "systolic:NAME"
  int64_t rows = 32;
  int64_t columns = 32;
  std::string schedule = "ws-double-buffered";  ///< a row of schedules()
  SystolicMapping mapping = SystolicMapping::channel;
  int64_t sum_bits = 32;
  int64_t accumulator_bits = 32;
  int64_t accumulator_depth = 4096;
  int64_t weight_tiles = 4;  ///< that wait in front of the array
  /// Off-chip memory. Without one nobody waits for it.
  std::optional<memory::MemoryParams> memory = {};

  ArrayShape shape() const { return {rows, columns}; }
  bool operator==(const SystolicAccelerator&) const = default;
};

/// Throws InputError on a number out of its range.
void validate(const SystolicAccelerator& accelerator);

/// "systolic:32x32" (32 rows x 32 columns), "systolic:32x32:os-drain" (and a schedule),
/// "systolic:32x32:im2col" (and a mapping), "systolic:32x32:memory" (and off-chip memory with its
/// defaults; all in any order), or "systolic:FILE.json". Throws InputError.
SystolicAccelerator parse_systolic(std::string_view text);

/// The accelerator that JSON text describes; `where` names it in errors, `default_name` is its
/// name unless the text has one. Throws InputError.
SystolicAccelerator systolic_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name);

/// Every parameter as JSON; systolic_from_json reads it back.
std::string to_json(const SystolicAccelerator& accelerator);

const char* name_of(SystolicMapping mapping);

}  // namespace stuckat::systolic
