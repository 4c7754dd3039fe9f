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
  const int count = format.levels();
  const bool all = which_ == Which::all || (which_ == Which::by_format && count <= few_levels) ||
                   (which_ == Which::evenly && count_ >= count);
  std::vector<int> levels;
  if (all) {
    for (int i = 0; i < count; ++i) levels.push_back(format.level(i));
  } else if (which_ == Which::evenly) {
    for (int i = 0; i < count_; ++i) levels.push_back(format.level(i * (count - 1) / (count_ - 1)));
  } else {
    levels = {format.min_level(), format.max_level()};
    if (format.kind != FormatKind::binary) levels.push_back(0);
  }
  return unique_ascending(std::move(levels));
}

std::string StuckLevels::text(const Network& network) const {
  std::string result;
  std::vector<NumberFormat> seen;
  for (const int layer : network.injectable_layers()) {
    const NumberFormat format = network.format(network.output_tensor(layer));
    if (std::find(seen.begin(), seen.end(), format) != seen.end()) continue;
    seen.push_back(format);
    std::string levels;
    for (const int level : of(format))
      levels += (levels.empty() ? "" : ", ") + std::to_string(level);
    result += (result.empty() ? "" : "; ") + format.name() + ": " + levels;
  }
  return result;
}

FaultSet element_faults(const std::string& spec, const Network& network, const StuckLevels& levels,
                        const std::string& where) {
  if (spec == "channel") return channel_faults(network, levels);
  if (spec == "pixel") return pixel_faults(network, false, levels);
  if (spec == "pixel:before-pool") return pixel_faults(network, true, levels);
  throw InputError(where, "'" + spec + "' sticks at no level",
                   "channel, pixel or pixel:before-pool");
}

}  // namespace stuckat::campaign
