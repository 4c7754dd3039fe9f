#include "models/dataflow/finn_depths.h"

#include <algorithm>
#include <set>

#include "models/dataflow/chain.h"

namespace stuckat::dataflow {
namespace {

constexpr int finn_standard = 2;  // what a node asks for that says nothing

/// A node in the order of the data.
struct Place {
  const FinnNode* node;
  size_t layer;
};

std::vector<Place> places_of(const std::vector<LayerNodes>& nodes) {
  std::vector<Place> places;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const LayerNodes& of = nodes[i];
    for (const FinnNode* node : {of.padding, of.window, of.part, of.thresholds}) {
      if (node != nullptr) places.push_back({node, i});
    }
  }
  return places;
}

/// FINN puts the greater of what both ends ask for between two nodes; or FIFO nodes stand there.
int between(const std::optional<int>& fifo, const FinnNode* producer, const FinnNode* consumer,
            const std::string& where) {
  std::optional<int> out, in;
  if (producer != nullptr) out = producer->depth("outFIFODepth", where);
  if (consumer != nullptr) in = consumer->depth("inFIFODepth", where);
  if (fifo) return std::max({*fifo, out.value_or(0), in.value_or(0)});
  const int standard = producer != nullptr && consumer != nullptr ? finn_standard : 0;
  return out || in ? std::max(out.value_or(standard), in.value_or(standard)) : finn_standard;
}

/// FINN has a FIFO at both ends of the network, even if none is asked for.
int at_end(int words) { return words == 0 ? finn_standard : words; }

class Depths {
 public:
  Depths(const Network& network, const std::string& where, const DataflowAccelerator& accelerator)
      : network_(network),
        where_(where),
        inner_(network.layers.size()),
        out_(network.layers.size()) {
    for (const StageSpec& stage : build_chain(accelerator, network).stages) {
      stages_.insert(stage.name);
    }
  }

  void add(const std::vector<LayerNodes>& nodes) {
    const std::vector<Place> places = places_of(nodes);
    for (size_t n = 1; n < places.size(); ++n) add(places[n - 1], places[n]);
    const Place& last = places.back();
    deepen(out_[last.layer], at_end(between(last.node->fifo_behind, last.node, nullptr, where_)));
    for (size_t i = 0; i < nodes.size(); ++i) {
      // A part that the file does not name has FIFOs, too.
      if (has(i, "/padding") && nodes[i].padding == nullptr) deepen(inner_[i], finn_standard);
    }
  }

  void set(std::vector<LayerParams>& layers, bool stalling) const {
    for (size_t i = 0; i < layers.size(); ++i) {
      layers[i].inner_depth = value(inner_[i], stalling);
      layers[i].out_depth = value(out_[i], stalling);
    }
  }

 private:
  using Depth = std::optional<int>;

  bool has(size_t layer, const char* stage) const {
    return stages_.count(network_.layers[layer].name + stage) > 0;
  }
  static void deepen(Depth& depth, int words) { depth = std::max(depth.value_or(0), words); }
  /// Pipelines that stall have no wires between them.
  static int value(const Depth& depth, bool stalling) {
    const int words = depth.value_or(finn_standard);
    return stalling && words == 0 ? finn_standard : words;
  }

  /// One FIFO, or two with a width converter between them. Where the file does not name that, what
  /// its neighbours ask for is one FIFO, that of the layer's result.
  void add(const Place& from, const Place& to) {
    const bool inside = from.layer == to.layer;
    Depth* before = inside ? &inner_[from.layer] : &out_[from.layer];
    Depth* behind = before;
    Depth* const unnamed = before;
    const FinnRole role = to.node->role;
    bool converted =
        inside && ((role == FinnRole::matrix && has(from.layer, "/window_converter")) ||
                   (role == FinnRole::thresholds && has(from.layer, "/sum_converter")));
    if (!inside && has(from.layer, "/output_converter")) {
      before = &inner_[from.layer];
      converted = true;
    } else if (!inside && has(to.layer, "/input_converter")) {
      behind = &inner_[to.layer];
      converted = true;
    }
    const auto& converters = from.node->converters;
    if (converters.empty()) {
      deepen(*unnamed, between(from.node->fifo_behind, from.node, to.node, where_));
      if (converted) deepen(before == unnamed ? *behind : *before, finn_standard);
      return;
    }
    deepen(*before, between(from.node->fifo_behind, from.node, &converters.front(), where_));
    for (size_t c = 1; c < converters.size(); ++c) {
      deepen(*behind,
             between(converters[c - 1].fifo_behind, &converters[c - 1], &converters[c], where_));
    }
    deepen(*behind, between(converters.back().fifo_behind, &converters.back(), to.node, where_));
  }

  const Network& network_;
  const std::string& where_;
  std::set<std::string> stages_;
  std::vector<Depth> inner_, out_;  // [network.layers]
};

}  // namespace

void read_finn_depths(std::optional<int> fifo_in_front, const std::vector<LayerNodes>& nodes,
                      const Network& network, const std::string& where,
                      DataflowAccelerator& accelerator) {
  const FinnNode* const first = places_of(nodes).front().node;
  accelerator.input_depth = at_end(between(fifo_in_front, nullptr, first, where));
  Depths depths(network, where, accelerator);
  depths.add(nodes);
  depths.set(accelerator.layers, accelerator.discipline == Discipline::stalling);
}

}  // namespace stuckat::dataflow
