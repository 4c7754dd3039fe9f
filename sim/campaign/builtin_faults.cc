#include <algorithm>

#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "faultmaps/timeline.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/stuck_levels.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

enum class Element : uint8_t { channel, pixel, pixel_before_pool };

/// Layer by layer, position by position, level by level: the levels of a channel are neighbours.
class ElementSource : public FaultSet::Source {
 public:
  ElementSource(const Network& network, Element element, const StuckLevels& levels)
      : network_(network), element_(element) {
    for (const int layer : network.injectable_layers()) {
      const Shape shape = network.shape(tensor(layer));
      const int positions = element == Element::channel ? shape.channels : shape.pixels();
      if (element != Element::channel && positions == 1) continue;
      levels_.push_back(levels.of(network.format(network.output_tensor(layer))));
      const int64_t count = int64_t{positions} * static_cast<int64_t>(levels_.back().size());
      strata_.push_back(
          {network.layers[static_cast<size_t>(layer)].name, layer, size_, count, count});
      size_ += count;
    }
  }

  int64_t size() const override { return size_; }

  FaultInfo info(int64_t index) const override {
    const Place place = place_of(index);
    FaultInfo info;
    info.layer = place.layer;
    info.level = place.level;
    std::string position;
    if (element_ == Element::channel) {
      info.channel = place.position;
      position = "/channel[" + std::to_string(place.position);
    } else {
      const int width = network_.shape(tensor(place.layer)).width;
      info.y = place.position / width;
      info.x = place.position % width;
      position = element_ == Element::pixel ? "/pixel[" : "/pixel:before-pool[";
      position += std::to_string(info.y) + "," + std::to_string(info.x);
    }
    info.id = network_.layers[static_cast<size_t>(place.layer)].name + position +
              "]=" + std::to_string(place.level);
    return info;
  }

  Effects effects(int64_t index) const override {
    const Place place = place_of(index);
    return element_ == Element::channel
               ? stuck_channel(network_, place.layer, place.position, place.level)
               : stuck_pixel(network_, tensor(place.layer), place.position, place.level);
  }

 private:
  struct Place {
    int layer;
    int position;
    int level;
  };

  int tensor(int layer) const {
    const int output = network_.output_tensor(layer);
    return element_ == Element::pixel ? network_.after_pools(output) : output;
  }
  Place place_of(int64_t index) const {
    const size_t s = stratum_of(index);
    const std::vector<int>& levels = levels_[s];
    const int64_t within = index - strata_[s].first;
    const auto count = static_cast<int64_t>(levels.size());
    return {strata_[s].layer, static_cast<int>(within / count),
            levels[static_cast<size_t>(within % count)]};
  }

  Network network_;
  Element element_;
  std::vector<std::vector<int>> levels_;  // of each stratum
  int64_t size_ = 0;
};

/// Faults at the sites of one kind, in the order of fault_at().
class SiteSource : public FaultSet::Source {
 public:
  /// values_of(all values of a site of a part): those that are taken, ascending.
  template <class ValuesOf>
  SiteSource(const Network& network, const Placement& placement, SiteKind kind,
             const ValuesOf& values_of)
      : network_(network), placement_(placement) {
    accelerator_hash_ = placement_hash_ = content_hash(placement);
    const SiteRow& row = site_row(kind);
    for (int part = 0; part < count_parts(row.part, placement); ++part) {
      SiteSpace space = site_space(row, placement, part, network);
      if (space.sites() == 0) continue;
      space.values = values_of(space.values);
      const int64_t count = space.sites() * std::ssize(space.values);
      const std::string name = space.part;
      const int layer = site_layer(placement, row.part, name);
      strata_.push_back({layer < 0 ? name : network.layers[static_cast<size_t>(layer)].name, layer,
                         size_, count, count});
      spaces_.push_back(std::move(space));
      size_ += count;
    }
  }

  int64_t size() const override { return size_; }
  FaultInfo info(int64_t index) const override { return site_info(fault(index), placement_); }
  Effects effects(int64_t index) const override {
    return lower({placement_.accelerator, {fault(index)}}, placement_, network_);
  }
  std::vector<Fault> faults(int64_t index) const override { return {fault(index)}; }

 private:
  Fault fault(int64_t index) const {
    const size_t s = stratum_of(index);
    const SiteSpace& space = spaces_[s];
    const int64_t within = index - strata_[s].first;
    Fault fault = space.at(within / std::ssize(space.values));
    fault.value = space.values[static_cast<size_t>(within % std::ssize(space.values))];
    return fault;
  }

  Network network_;
  Placement placement_;
  std::vector<SiteSpace> spaces_;  // of each stratum
  int64_t size_ = 0;
};

/// Site by site, and for each cycle by cycle.
class FlipSource : public FaultSet::Source {
 public:
  FlipSource(const Network& network, const Placement& placement, SiteKind kind)
      : network_(network), placement_(placement), sites_(placement, network) {
    accelerator_hash_ = content_hash(placement);
    placement_hash_ = content_hash_with_run(placement);
    run_images_ = placement.run->images();
    for (const SiteSpace& space : sites_.of(kind)) {
      if (space.sites() == 0) continue;
      const int layer = site_layer(placement, space.row->part, space.part);
      const int64_t count = space.sites() * cycles();
      strata_.push_back({layer < 0 ? space.part : network.layers[static_cast<size_t>(layer)].name,
                         layer, size_, count, count});
      spaces_.push_back(&space);
      size_ += count;
    }
  }

  int64_t size() const override { return size_; }
  FaultInfo info(int64_t index) const override { return site_info(fault(index), placement_); }
  Effects effects(int64_t index) const override {
    return lower({placement_.accelerator, {fault(index)}}, placement_, network_);
  }
  std::vector<Fault> faults(int64_t index) const override { return {fault(index)}; }

 private:
  int64_t cycles() const { return placement_.run->cycles(); }
  Fault fault(int64_t index) const {
    const size_t s = stratum_of(index);
    const int64_t within = index - strata_[s].first;
    Fault fault = spaces_[s]->at(within / cycles());
    fault.flip_cycle = within % cycles();
    return fault;
  }

  Network network_;
  Placement placement_;
  SiteIndex sites_;
  std::vector<const SiteSpace*> spaces_;  // of each stratum
  int64_t size_ = 0;
};

template <class S, class... Arguments>
FaultSet make(std::string spec, const Arguments&... arguments) {
  return {std::move(spec), std::make_shared<const S>(arguments...)};
}

/// The levels are told where some are left out.
std::string spec_of(const std::string& form, const Network& network, const StuckLevels& levels) {
  const std::string text = levels.text(network);
  const bool all = text == StuckLevels::parse("all", form).text(network);
  return all ? form : form + ":levels=" + text;
}

/// The kind of site that is a whole PE: that of an array of PEs, or of a registered part.
SiteKind kind_of_dead_pes(const Network& network, const Placement& placement) {
  for (const SiteRow& row : site_table()) {
    if (row.is(whole_pe) && count_faults(row.kind, placement, network) > 0) return row.kind;
  }
  return SiteKind::pe_dead;
}

}  // namespace

int site_layer(const Placement& placement, PartKind kind, const std::string& part) {
  for (int i = 0; i < count_parts(kind, placement); ++i) {
    if (part_name(kind, placement, i) == part) return part_layer(kind, placement, i);
  }
  return -1;
}

FaultInfo site_info(const Fault& fault, const Placement& placement) {
  const SiteRow& row = site_row(fault.kind);
  FaultInfo info;
  info.id = name(fault);
  info.layer = site_layer(placement, row.part, fault.part);
  info.part = fault.part;
  info.level = fault.value;
  for (size_t i = 0; i < row.coordinates.size(); ++i) {
    if (std::string(row.coordinates[i].name) == "pe") info.pe = fault.coordinates[i];
  }
  return info;
}

FaultSet channel_faults(const Network& network) { return channel_faults(network, StuckLevels()); }

FaultSet pixel_faults(const Network& network, bool before_pool) {
  return pixel_faults(network, before_pool, StuckLevels());
}

FaultSet channel_faults(const Network& network, const StuckLevels& levels) {
  return make<ElementSource>(spec_of("channel", network, levels), network, Element::channel,
                             levels);
}

FaultSet pixel_faults(const Network& network, bool before_pool, const StuckLevels& levels) {
  const std::string spec = spec_of(before_pool ? "pixel:before-pool" : "pixel", network, levels);
  return make<ElementSource>(spec, network,
                             before_pool ? Element::pixel_before_pool : Element::pixel, levels);
}

FaultSet flip_faults(const Network& network, const Placement& placement, SiteKind kind,
                     const std::string& where) {
  const SiteRow& row = site_row(kind);
  if (!row.flips() || placement.run == nullptr) {
    throw InputError(where, std::string("'flips:") + row.name + "'",
                     row.flips() ? "the number of --images of its run" : "sites that hold one bit");
  }
  return make<FlipSource>(std::string("flips:") + row.name, network, placement, kind);
}

FaultSet site_faults(const Network& network, const Placement& placement, SiteKind kind) {
  const auto all = [](const std::vector<int>& values) { return values; };
  return make<SiteSource>(std::string("sites:") + site_row(kind).name, network, placement, kind,
                          all);
}

FaultSet dead_pe_faults(const Network& network, const Placement& placement,
                        const StuckLevels& levels) {
  std::string text;
  bool all = true;
  const auto chosen = [&](const std::vector<int>& values) {
    std::vector<int> ascending = values;
    std::sort(ascending.begin(), ascending.end());
    std::vector<int> some = levels.of(ascending);
    const std::string line = listed(some);
    if (("; " + text + "; ").find("; " + line + "; ") == std::string::npos) {
      text += (text.empty() ? "" : "; ") + line;
    }
    if (some.size() == values.size()) return values;
    all = false;
    return some;
  };
  const auto source = std::make_shared<const SiteSource>(
      network, placement, kind_of_dead_pes(network, placement), chosen);
  return {all ? "pe" : "pe:levels=" + text, source};
}

}  // namespace stuckat::campaign
