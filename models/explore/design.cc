#include "models/explore/design.h"

#include <algorithm>
#include <cstdio>

namespace stuckat::explore {
namespace {

std::string four_places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string percent_or_empty(double value) { return value < 0 ? "" : four_places(value); }

std::string number_or_empty(int64_t value) { return value == 0 ? "" : std::to_string(value); }

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
}

}  // namespace

void mark_pareto(std::vector<Design>& designs) {
  const bool with_accuracy = std::all_of(designs.begin(), designs.end(),
                                         [](const Design& d) { return d.worst_accuracy >= 0; });
  const auto beats = [&](const Design& a, const Design& b) {
    if (a.frames_per_second < b.frames_per_second || a.multipliers > b.multipliers ||
        a.memory_bits > b.memory_bits || (with_accuracy && a.worst_accuracy < b.worst_accuracy)) {
      return false;
    }
    return a.frames_per_second > b.frames_per_second || a.multipliers < b.multipliers ||
           a.memory_bits < b.memory_bits || (with_accuracy && a.worst_accuracy > b.worst_accuracy);
  };
  for (Design& design : designs) {
    design.pareto = std::none_of(designs.begin(), designs.end(),
                                 [&](const Design& other) { return beats(other, design); });
  }
}

std::string designs_csv(const std::vector<Design>& designs) {
  std::string text =
      "name,fifo,clock_mhz,bytes_per_cycle,pes,multipliers,memory_bits,luts,bram18,dsps,first_"
      "image_cycles,"
      "interval_cycles,frames_per_second,bottleneck,error_free_accuracy,worst_accuracy,worst_fault,"
      "pareto\n";
  for (const Design& d : designs) {
    text += quoted(d.name) + "," + d.fifo + "," + four_places(d.clock_mhz) + "," +
            (d.bytes_per_cycle == 0 ? "" : std::to_string(d.bytes_per_cycle)) + "," +
            std::to_string(d.pes) + "," + std::to_string(d.multipliers) + "," +
            std::to_string(d.memory_bits) + "," + number_or_empty(d.luts) + "," +
            number_or_empty(d.bram18) + "," + number_or_empty(d.dsps) + "," +
            std::to_string(d.first_image_cycles) + "," + four_places(d.interval_cycles) + "," +
            four_places(d.frames_per_second) + "," + quoted(d.bottleneck) + "," +
            percent_or_empty(d.error_free_accuracy) + "," + percent_or_empty(d.worst_accuracy) +
            "," + quoted(d.worst_fault) + "," + (d.pareto ? "1" : "0") + "\n";
  }
  return text;
}

}  // namespace stuckat::explore
