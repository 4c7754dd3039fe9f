#include "sim/campaign/stuck_levels.h"

#include <algorithm>
#include <charconv>

#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

constexpr int few_levels = 16;

std::vector<int> unique_ascending(std::vector<int> levels) {
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

}  // namespace

StuckLevels StuckLevels::parse(const std::string& text, const std::string& where) {
  StuckLevels levels;
  if (text == "all") {
    levels.which_ = Which::all;
  } else if (text == "extremes") {
    levels.which_ = Which::extremes;
  } else {
    levels.which_ = Which::evenly;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), levels.count_);
    if (error != std::errc() || end != text.data() + text.size() || levels.count_ < 2 ||
        levels.count_ > 256) {
      throw InputError(where, "'" + text + "'", "all, extremes, or a number from 2 to 256");
    }
  }
  return levels;
}

std::vector<int> StuckLevels::of(NumberFormat format) const {
  std::vector<int> levels;
  for (int i = 0; i < format.levels(); ++i) levels.push_back(format.level(i));
  return of(levels);
}

std::vector<int> StuckLevels::of(const std::vector<int>& known) const {
  const int count = static_cast<int>(known.size());
  const bool all = which_ == Which::all || (which_ == Which::by_format && count <= few_levels) ||
                   (which_ == Which::evenly && count_ >= count);
  if (all) return known;
  std::vector<int> levels;
  if (which_ == Which::evenly) {
    for (int i = 0; i < count_; ++i) {
      levels.push_back(known[static_cast<size_t>(i * (count - 1) / (count_ - 1))]);
    }
  } else {
    levels = {known.front(), known.back()};
    if (std::binary_search(known.begin(), known.end(), 0)) levels.push_back(0);
  }
  return unique_ascending(std::move(levels));
}

std::string listed(const std::vector<int>& levels) {
  std::string text;
  for (const int level : levels) text += (text.empty() ? "" : ", ") + std::to_string(level);
  return text;
}

std::string StuckLevels::text(const Network& network) const {
  std::string result;
  std::vector<NumberFormat> seen;
  for (const int layer : network.injectable_layers()) {
    const NumberFormat format = network.format(network.output_tensor(layer));
    if (std::find(seen.begin(), seen.end(), format) != seen.end()) continue;
    seen.push_back(format);
    result += (result.empty() ? "" : "; ") + format.name() + ": " + listed(of(format));
  }
  return result;
}

FaultSet faults_at_levels(const std::string& spec, const Network& network,
                          const Placement* placement, const StuckLevels& levels,
                          const std::string& where) {
  if (spec == "channel") return channel_faults(network, levels);
  if (spec == "pixel") return pixel_faults(network, false, levels);
  if (spec == "pixel:before-pool") return pixel_faults(network, true, levels);
  if (spec == "pe") {
    if (placement == nullptr) throw InputError(where, "'pe'", "the placement of an accelerator");
    return dead_pe_faults(network, *placement, levels);
  }
  throw InputError(where, "'" + spec + "' sticks at no level",
                   "channel, pixel, pixel:before-pool or pe");
}

}  // namespace stuckat::campaign
