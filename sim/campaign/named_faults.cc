#include <algorithm>
#include <charconv>
#include <filesystem>
#include <unordered_set>

#include "faultmaps/lower.h"
#include "faultmaps/timeline.h"
#include "sim/campaign/fault_source.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

/// One name understood: an element of a tensor that is stuck, or a fault of a fault map.
struct Named {
  FaultInfo info;
  Effects effects;  // if `site` is not set
  std::optional<Fault> site;
};

/// "5" or "3,4" or "-1": as many numbers as `count`, and nothing else.
std::optional<std::vector<int>> numbers(std::string_view text, size_t count) {
  std::vector<int> result;
  while (true) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return {};
    result.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',') return {};
    text.remove_prefix(1);
  }
  if (result.size() != count) return {};
  return result;
}

void check_below(int value, int end, const char* what, const std::string& name,
                 const std::string& where) {
  if (value >= 0 && value < end) return;
  throw InputError(where, "'" + name + "': " + what + " " + std::to_string(value),
                   "0 to " + std::to_string(end - 1));
}

/// LAYER/channel[C]=LEVEL and both kinds of pixels; nothing if `name` has another form.
std::optional<Named> parse_element(const std::string& name, const Network& network,
                                   const std::string& where) {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos) return {};
  const int layer = network.find_layer(name.substr(0, slash));
  const std::string_view rest = std::string_view(name).substr(slash + 1);
  const size_t open = rest.find('[');
  const size_t close = rest.find("]=");
  if (layer < 0 || open == std::string_view::npos || close == std::string_view::npos) return {};
  const std::string_view element = rest.substr(0, open);
  const bool channel = element == "channel";
  const bool before_pool = element == "pixel:before-pool";
  if (!channel && !before_pool && element != "pixel") return {};
  const auto position = numbers(rest.substr(open + 1, close - open - 1), channel ? 1 : 2);
  const auto level = numbers(rest.substr(close + 2), 1);
  if (!position || !level) return {};

  const auto injectable = network.injectable_layers();
  if (std::find(injectable.begin(), injectable.end(), layer) == injectable.end()) {
    throw InputError(where, "'" + name + "': a layer without thresholds",
                     "a layer with thresholds");
  }
  const int output = network.output_tensor(layer);
  const int tensor = channel || before_pool ? output : network.after_pools(output);
  const Shape shape = network.shape(tensor);
  const NumberFormat format = network.format(output);
  Named result;
  result.info.layer = layer;
  result.info.level = level->front();
  bool is_level = false;
  for (int i = 0; i < format.levels(); ++i) is_level |= format.level(i) == level->front();
  if (!is_level) {
    throw InputError(where, "'" + name + "': level " + std::to_string(level->front()),
                     "a level of " + format.name());
  }
  if (channel) {
    result.info.channel = position->front();
    check_below(result.info.channel, shape.channels, "channel", name, where);
    result.effects = stuck_channel(network, layer, result.info.channel, level->front());
  } else {
    result.info.y = (*position)[0];
    result.info.x = (*position)[1];
    check_below(result.info.y, shape.height, "y", name, where);
    check_below(result.info.x, shape.width, "x", name, where);
    result.effects =
        stuck_pixel(network, tensor, result.info.y * shape.width + result.info.x, level->front());
  }
  return result;
}

Named parse_name(const std::string& name, const Network& network, const Placement* placement,
                 const std::string& where) {
  if (auto element = parse_element(name, network, where)) return *element;
  if (placement == nullptr) {
    throw InputError(where, "'" + name + "' is no channel or pixel of " + network.name,
                     "LAYER/channel[C]=LEVEL, LAYER/pixel[Y,X]=LEVEL, or an accelerator");
  }
  const Fault fault = parse_fault(name, *placement, network, where);
  return {site_info(fault, *placement), {}, fault};
}

class NamedSource : public FaultSet::Source {
 public:
  NamedSource(const Network& network, const Placement* placement, std::vector<std::string> ids,
              std::vector<std::vector<std::string>> parts, const std::string& where,
              std::vector<Stratum> strata)
      : network_(network), ids_(std::move(ids)), parts_(std::move(parts)) {
    if (placement != nullptr) {
      placement_ = *placement;
      placement_hash_ = content_hash(*placement);
    }
    std::unordered_set<std::string_view> seen;
    for (size_t i = 0; i < ids_.size(); ++i) {
      if (ids_[i].empty() || !seen.insert(ids_[i]).second) {
        throw InputError(where, "fault '" + ids_[i] + "' is there twice, or has no name",
                         "unique identifiers");
      }
      effects_of(i, where);
      infos_.push_back(info_of(i));
    }
    const auto is_flip = [](const std::string& part) {
      return part.find("=flip@") != std::string::npos;
    };
    const bool flips = std::any_of(parts_.begin(), parts_.end(), [&](const auto& names) {
      return std::any_of(names.begin(), names.end(), is_flip);
    });
    if (placement != nullptr && placement->run != nullptr && flips) {
      placement_hash_ = content_hash_with_run(*placement);
      run_images_ = placement->run->images();
    }
    strata_ = strata.empty() ? strata_of(*this, network_) : std::move(strata);
  }

  int64_t size() const override { return static_cast<int64_t>(ids_.size()); }
  FaultInfo info(int64_t index) const override { return infos_[static_cast<size_t>(index)]; }
  Effects effects(int64_t index) const override {
    return effects_of(static_cast<size_t>(index), ids_[static_cast<size_t>(index)]);
  }
  std::vector<std::string> parts(int64_t index) const override {
    return parts_[static_cast<size_t>(index)];
  }

 private:
  const Placement* placement() const { return placement_ ? &*placement_ : nullptr; }

  Effects effects_of(size_t item, const std::string& where) const {
    std::vector<ElementFault> abstract;  // of parts that name elements, not sites
    FaultMap map;
    for (const std::string& part : parts_[item]) {
      Named named = parse_name(part, network_, placement(), where);
      if (named.site) {
        map.faults.push_back(*named.site);
      } else {
        abstract.insert(abstract.end(), named.effects.elements.begin(),
                        named.effects.elements.end());
      }
    }
    Effects result;
    if (!map.faults.empty()) {
      map.accelerator = placement_->accelerator;
      validate(map, *placement_, network_, where + ": " + ids_[item]);
      result = lower(map, *placement_, network_);
    }
    result.elements.insert(result.elements.begin(), abstract.begin(), abstract.end());
    normalize(result);
    return result;
  }

  /// Of an item with several parts, what all of them share.
  FaultInfo info_of(size_t item) const {
    FaultInfo result;
    for (size_t i = 0; i < parts_[item].size(); ++i) {
      const FaultInfo next = parse_name(parts_[item][i], network_, placement(), "").info;
      if (i == 0) {
        result = next;
        continue;
      }
      if (result.layer != next.layer) result.layer = -1;
      if (result.channel != next.channel) result.channel = -1;
      if (result.y != next.y || result.x != next.x) result.y = result.x = -1;
      if (result.part != next.part) result.part.clear();
      if (result.pe != next.pe || result.part.empty()) result.pe = -1;
      if (result.level != next.level) result.level = FaultInfo::no_level;
    }
    result.id = ids_[item];
    return result;
  }

  Network network_;
  std::optional<Placement> placement_;
  std::vector<std::string> ids_;
  std::vector<std::vector<std::string>> parts_;
  std::vector<FaultInfo> infos_;
};

}  // namespace

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::vector<Stratum> strata_of(const FaultSet::Source& source, const Network& network) {
  std::vector<Stratum> strata;
  for (int64_t i = 0; i < source.size(); ++i) {
    const FaultInfo info = source.info(i);
    std::string name = "-";
    if (info.layer >= 0) {
      name = network.layers[static_cast<size_t>(info.layer)].name;
    } else if (!info.part.empty()) {
      name = info.part;
    }
    if (strata.empty() || strata.back().name != name) strata.push_back({name, info.layer, i, 0, 0});
    ++strata.back().count;
    ++strata.back().population;
  }
  return strata;
}

FaultSet named_faults(const Network& network, const Placement* placement,
                      std::vector<std::string> ids, std::vector<std::vector<std::string>> parts,
                      const std::string& where, std::vector<Stratum> strata,
                      std::optional<Sampling> sampling) {
  return {"named",
          std::make_shared<const NamedSource>(network, placement, std::move(ids), std::move(parts),
                                              where, std::move(strata)),
          sampling};
}

FaultSet named_faults(const Network& network, const Placement* placement,
                      std::vector<std::string> ids, std::vector<std::vector<std::string>> parts,
                      const std::string& where) {
  if (ids.size() != parts.size()) {
    throw InputError(where, std::to_string(parts.size()) + " faults", std::to_string(ids.size()));
  }
  return named_faults(network, placement, std::move(ids), std::move(parts), where, {}, {});
}

FaultSet map_faults(const Network& network, const Placement& placement,
                    const std::vector<std::string>& paths) {
  std::vector<std::string> ids;
  std::vector<std::vector<std::string>> parts;
  std::string spec;
  for (const std::string& path : paths) {
    spec += (spec.empty() ? "map:" : ",") + file_name(path);
    int chip = 0;
    for (FaultMap& map : read_fault_maps(path)) {
      const std::string id = file_name(path) + "[" + std::to_string(chip++) + "]";
      validate(map, placement, network, path);
      ids.push_back(id);
      parts.emplace_back();
      for (const Fault& fault : map.faults) parts.back().push_back(name(fault));
    }
  }
  FaultSet set = named_faults(network, &placement, std::move(ids), std::move(parts), "fault maps");
  return {spec, set.source(), set.sampling()};
}

}  // namespace stuckat::campaign
