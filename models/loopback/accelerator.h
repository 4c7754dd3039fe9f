// A loopback accelerator: one array of PEs executes layer after layer (docs/hardware.md, Loopback).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "faultmaps/placement.h"
#include "models/memory/memory_params.h"

namespace stuckat::loopback {

using memory::MemoryParams;

/// Meaning and ranges: models/loopback/FORMAT.md, which a test compares with the reader.
struct LoopbackAccelerator {
  std::string name = "32x64";  ///< fault maps are made for "loopback:NAME"
  int64_t pe = 32;
  int64_t simd = 64;
  Schedule schedule = Schedule::channel_parallel;
  bool host_first_last = false;
  bool double_buffering = true;
  int64_t weight_buffer_bytes = 512 * 1024;      ///< all banks together
  int64_t activation_buffer_bytes = 128 * 1024;  ///< each of the two
  int64_t control_cycles = 64;                   ///< before each layer
  int64_t pipeline_cycles = 6;                   ///< after each layer's last step
  int64_t accumulator_bits = 0;                  ///< 0: what the widest layer needs
  int64_t threshold_bits = 0;                    ///< 0: what the widest layer needs
  MemoryParams memory;

  int weight_banks() const { return double_buffering ? 2 : 1; }
  bool operator==(const LoopbackAccelerator&) const = default;
};

/// Throws InputError on a number out of its range.
void validate(const LoopbackAccelerator& accelerator);

/// "loopback:32x64" (32 PE x 64 SIMD) or "loopback:FILE.json". Throws InputError.
LoopbackAccelerator parse_loopback(std::string_view text);

/// The accelerator that JSON text describes; `where` names it in errors, `default_name` is its
/// name unless the text has one. Throws InputError.
LoopbackAccelerator loopback_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name);

/// Every parameter as JSON; loopback_from_json reads it back.
std::string to_json(const LoopbackAccelerator& accelerator);

}  // namespace stuckat::loopback
