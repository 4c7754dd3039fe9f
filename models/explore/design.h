// One point of a design space, and which points no other beats. FORMAT.md documents the columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat::explore {

struct Design {
  std::string name;         ///< "dataflow:auto:32768", "loopback:32x64"
  std::string fifo;         ///< "given", "smallest", "32"; empty for loopback arrays
  std::string accelerator;  ///< as JSON, which --accelerator reads
  double clock_mhz = 0;
  int64_t bytes_per_cycle = 0;  ///< of off-chip memory; 0: none is modelled
  int64_t pes = 0;
  int64_t multipliers = 0;
  int64_t memory_bits = 0;
  int64_t luts = 0;  ///< Cost; 0: no estimate
  int64_t bram18 = 0;
  int64_t dsps = 0;
  int64_t first_image_cycles = 0;
  double interval_cycles = 0;
  double frames_per_second = 0;
  std::string bottleneck;
  double error_free_accuracy = -1;  ///< percent; -1: not examined
  double worst_accuracy = -1;       ///< percent, under the worst single dead PE; -1: not examined
  std::string worst_fault;          ///< which that is
  bool pareto = false;

  bool operator==(const Design&) const = default;
};

/// Sets Design::pareto where no other design has at least as many frames per second, at most as
/// many multipliers and memory bits, and at least the worst accuracy, and is better in one of them.
/// The accuracy counts only if all designs have one.
void mark_pareto(std::vector<Design>& designs);

std::string designs_csv(const std::vector<Design>& designs);

struct Exploration {
  std::string tool_version;
  std::string network;
  std::string network_hash;
  std::string configuration;  ///< resolved, as JSON text
  std::vector<Design> designs;

  bool operator==(const Exploration&) const = default;
};

/// FORMAT.md. Throw InputError.
void write_exploration(const std::string& path, const Exploration& exploration);
Exploration read_exploration(const std::string& path);

}  // namespace stuckat::explore
