// What the parts of an accelerator did during a run, in one shape for every accelerator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

/// Cycles of one part by what it did in them. Every cycle of the run is in exactly one of them.
struct ModuleStatistics {
  std::string name;             ///< "layer1/mvtu", "array", "memory"
  int64_t busy_cycles = 0;      ///< did its work
  int64_t starved_cycles = 0;   ///< waited for input from another part
  int64_t blocked_cycles = 0;   ///< waited for room after it
  int64_t memory_cycles = 0;    ///< waited for weights from off-chip memory
  int64_t control_cycles = 0;   ///< waited for the controller
  int64_t draining_cycles = 0;  ///< let its pipeline run empty
  int64_t idle_cycles = 0;      ///< had nothing to do: before its first and after its last work

  int64_t total_cycles() const {
    return busy_cycles + starved_cycles + blocked_cycles + memory_cycles + control_cycles +
           draining_cycles + idle_cycles;
  }
  double utilisation() const {
    return total_cycles() == 0
               ? 0.0
               : static_cast<double>(busy_cycles) / static_cast<double>(total_cycles());
  }
  bool operator==(const ModuleStatistics&) const = default;
};

/// One stream between parts.
struct StreamStatistics {
  std::string name;
  int depth = 0;
  int64_t words = 0;
  int high_water = 0;  ///< greatest number of words that lay in it at once
  /// [0 .. high_water]: cycles of the run in which so many words lay in it; may be empty
  std::vector<int64_t> cycles_at = {};

  /// Share of the run's cycles in which `count` words lay in it; 0 if that was not counted.
  double share_at(int count) const {
    int64_t all = 0;
    for (const int64_t cycles : cycles_at) all += cycles;
    const auto n = static_cast<size_t>(count);
    return n < cycles_at.size() ? static_cast<double>(cycles_at[n]) / static_cast<double>(all) : 0;
  }
  double mean_words() const {
    double sum = 0;
    for (int n = 0; n < static_cast<int>(cycles_at.size()); ++n) sum += n * share_at(n);
    return sum;
  }

  bool operator==(const StreamStatistics&) const = default;
};

/// One layer's share of an image, where layers follow each other on one array.
struct LayerStatistics {
  struct Figure {
    std::string name;  ///< "steps", "weight bytes"
    int64_t value = 0;
    int width = 12;  ///< characters of its column in a table
    bool operator==(const Figure&) const = default;
  };
  std::string name;
  int64_t cycles = 0;
  double utilisation = 0;               ///< of the multipliers, 0 .. 1
  std::vector<Figure> summands = {};    ///< what `cycles` is the sum of; the same for all layers
  std::vector<Figure> quantities = {};  ///< what else there is to know

  bool operator==(const LayerStatistics&) const = default;
};

/// What a comparator of a PE in two copies said.
struct ErrorReport {
  std::string pe;       ///< "layer1/mvtu/pe[5]"
  int64_t outputs = 0;  ///< that differed, more than none

  bool operator==(const ErrorReport&) const = default;
};

}  // namespace stuckat
