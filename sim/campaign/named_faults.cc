#include <algorithm>
#include <filesystem>

#include "faultmaps/lower.h"
#include "faultmaps/normal_form.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/listed_faults.h"
#include "sim/campaign/weight_bits.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

/// One name understood: an element of a tensor that is stuck, or a fault of a fault map.
struct Named {
  FaultInfo info;                       // if `site` is not set
  Effects effects;                      // likewise
  std::optional<WeightBit> weight_bit;  // instead of effects
  std::optional<Fault> site;
};

void check_below(int value, int end, const char* what, const std::string& name,
                 const std::string& where) {
  if (value >= 0 && value < end) return;
  throw InputError(where, "'" + name + "': " + what + " " + std::to_string(value),
                   "0 to " + std::to_string(end - 1));
}

/// LAYER/channel[C]=LEVEL, LAYER/element[Y,X,C]=LEVEL and both kinds of pixels; nothing if `name`
/// has another form.
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
  const bool single = element == "element";
  if (!channel && !before_pool && !single && element != "pixel") return {};
  const size_t coordinates = channel ? 1 : single ? 3 : 2;
  const auto position = parse_numbers(rest.substr(open + 1, close - open - 1), coordinates);
  const auto level = parse_numbers(rest.substr(close + 2), 1);
  if (!position || !level) return {};

  const Layer& of = network.layer(layer);
  if (!of.kind->sums || of.accumulator_output) {
    throw InputError(where, "'" + name + "': a layer without thresholds",
                     "a layer with thresholds");
  }
  const int output = network.output_tensor(layer);
  const int tensor = channel || single || before_pool ? output : network.after_pools(output);
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
  if (single) {
    result.info.channel = (*position)[2];
    check_below(result.info.channel, shape.channels, "channel", name, where);
    result.effects.elements.front().channels = {result.info.channel};
  }
  return result;
}

Named parse_name(const std::string& name, const Network& network, const Placement* placement,
                 const SiteIndex* sites, const std::string& where) {
  if (auto element = parse_element(name, network, where)) return *element;
  if (const auto bit = parse_weight_bit(name, network, where)) {
    Named named;
    named.info.layer = bit->layer;
    named.info.channel = bit->row;
    named.info.level = bit->one ? 1 : 0;
    named.weight_bit = bit;
    return named;
  }
  if (placement == nullptr) {
    throw InputError(where,
                     "'" + name + "' is no channel, pixel, element or weight of " + network.name,
                     "LAYER/channel[C]=LEVEL, LAYER/pixel[Y,X]=LEVEL, LAYER/element[Y,X,C]=LEVEL, "
                     "LAYER/weight[ROW,COLUMN]/bit[B]=0, or an accelerator");
  }
  return {{}, {}, {}, sites->parse(name, where)};
}

/// Names as one item. Everything is parsed once, and lowered once to see that it can be.
FaultItem parse_item(const std::string& id, std::vector<std::string> parts, const Network& network,
                     const Placement* placement, const SiteIndex* sites, const std::string& where) {
  FaultItem item;
  item.id = id;
  for (const std::string& part : parts) {
    Named named = parse_name(part, network, placement, sites, where);
    if (named.site) {
      item.map.faults.push_back(*named.site);
      continue;
    }
    item.element_infos.push_back(named.info);
    if (named.weight_bit) item.weight_bits.push_back(*named.weight_bit);
    item.elements.insert(item.elements.end(), named.effects.elements.begin(),
                         named.effects.elements.end());
  }
  if (!item.map.faults.empty()) {
    item.map.accelerator = sites->accelerator();
    validate(item.map, *sites, where + ": " + id);
    lower(item.map, *placement, network);
  }
  Effects patched;  // refuses a bit that is stuck both ways
  add_weight_bits(network, item.weight_bits, where, patched);
  bool as_named =
      item.elements.empty() && item.weight_bits.empty() && parts.size() == item.map.faults.size();
  for (size_t i = 0; as_named && i < parts.size(); ++i) {
    as_named = parts[i] == name(item.map.faults[i]);
  }
  if (!as_named) item.written = std::move(parts);
  return item;
}

/// The chips of a file or of memory as items "NAME[0]", "NAME[1]", ...
void add_chips(std::vector<FaultMap> chips, const std::string& name, const SiteIndex& sites,
               const std::string& where, std::vector<FaultItem>& items) {
  for (size_t chip = 0; chip < chips.size(); ++chip) {
    FaultItem& item = items.emplace_back();
    item.id = name + "[" + std::to_string(chip) + "]";
    item.map = std::move(chips[chip]);
    validate(item.map, sites, where);
  }
}

}  // namespace

bool is_in_network(const std::string& name, const Network& network) {
  for (const char* form :
       {"/channel[", "/pixel[", "/pixel:before-pool[", "/element[", "/weight["}) {
    const size_t at = name.rfind(form);
    if (at != std::string::npos && network.find_layer(name.substr(0, at)) >= 0) return true;
  }
  return false;
}

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
  std::optional<SiteIndex> sites;
  if (placement != nullptr) sites.emplace(*placement, network);
  std::vector<FaultItem> items;
  items.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    items.push_back(parse_item(ids[i], std::move(parts[i]), network, placement,
                               sites ? &*sites : nullptr, where));
  }
  return {"named",
          std::make_shared<const ListedSource>(network, placement, std::move(items), where,
                                               std::move(strata)),
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
  const SiteIndex sites(placement, network);
  std::vector<FaultItem> items;
  std::string spec;
  for (const std::string& path : paths) {
    spec += (spec.empty() ? "map:" : ",") + file_name(path);
    add_chips(read_fault_maps(path), file_name(path), sites, path, items);
  }
  return {spec, std::make_shared<const ListedSource>(network, &placement, std::move(items),
                                                     "fault maps")};
}

FaultSet chip_faults(const Network& network, const Placement& placement,
                     std::vector<FaultMap> chips, const std::string& name) {
  const SiteIndex sites(placement, network);
  std::vector<FaultItem> items;
  add_chips(std::move(chips), name, sites, name, items);
  return {"map:" + name,
          std::make_shared<const ListedSource>(network, &placement, std::move(items), name)};
}

}  // namespace stuckat::campaign
