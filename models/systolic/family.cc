#include "models/systolic/family.h"

#include <algorithm>

#include "faultmaps/systolic_sites.h"
#include "faultmaps/weight_memory.h"
#include "models/systolic/explorer.h"
#include "models/systolic/plan.h"
#include "models/systolic/simulation.h"
#include "models/systolic/timeline.h"

namespace stuckat::systolic {

std::string Systolic::json(const Network& /*network*/) const { return to_json(description_); }

Placement Systolic::place(const Network& network) const {
  return systolic::place(description_, network);
}

std::unique_ptr<Timeline> Systolic::timeline(const Network& network, int64_t images) const {
  return std::make_unique<SystolicTimeline>(make_plan(description_, network), images);
}

SimulationResult Systolic::time(const Network& network, int64_t images) const {
  return time_images(network, description_, images);
}

SimulationResult Systolic::simulate(const Network& network, const FaultMap& map,
                                    const std::vector<Tensor>& images,
                                    const Recording& recording) const {
  return systolic::simulate(network, description_, map, images, recording);
}

Cost Systolic::cost(const Network& network) const {
  const SystolicArray array = array_of(description_, network);
  int64_t weight_bits = 0;
  for (const int layer : array.layers) {
    weight_bits = std::max<int64_t>(weight_bits, network.layer(layer).weight_format.bits);
  }
  int64_t tile_bytes = 0;
  for (const LayerPlan& layer : make_plan(description_, network).layers) {
    for (const WeightTile& tile : layer.weights) tile_bytes = std::max(tile_bytes, tile.bytes);
  }
  const int64_t waiting = description_.memory ? 8 * tile_bytes * description_.weight_tiles : 0;
  const int64_t pes = array.pes();
  const int64_t memory = array.weights_stay()
                             ? pes * 2 * weight_bits + int64_t{array.columns} *
                                                           array.accumulator_depth *
                                                           array.accumulator_bits
                             : pes * 2 * array.accumulator_bits;
  return {pes, pes, memory + waiting};
}

Family family() {
  systolic_kinds();
  weight_memory_kinds();
  Family row;
  row.prefix = "systolic";
  row.noun = row.label = "systolic array";
  row.forms = {{"RxC", "one grid of R rows x C columns of PEs, for instance systolic:32x32"},
               {"RxC:NAME",
                "with a schedule (ws-serial, os-drain, ...), a mapping (im2col) or off-chip memory "
                "(memory)"},
               {"FILE.json", "see models/systolic/FORMAT.md"}};
  row.parse = [](const std::string& name, const Network& /*network*/) -> AcceleratorPtr {
    return std::make_shared<Systolic>(parse_systolic(name));
  };
  row.examples = {{"cnv-w1a1",
                   [](const Network&) -> AcceleratorPtr {
                     return std::make_shared<Systolic>(parse_systolic("systolic:32x32"));
                   },
                   "a systolic\narray of 32 rows and 32 columns that runs the same network"},
                  {"cnv-w1a1",
                   [](const Network&) -> AcceleratorPtr {
                     return std::make_shared<Systolic>(parse_systolic("systolic:32x32:memory"));
                   },
                   ""}};
  row.sweep_options = sweep_options();
  row.explorer = explorer;
  row.diagram = {"Fault sites of a systolic array",
                 "One grid of PEs runs layer after layer. Red: what can break.",
                 {{"off-chip memory", "image, weights, result", "memory/", 20, 150},
                  {"unified buffer", "operands enter from the left", "buffer/", 200, 180},
                  {"grid of PEs", "rows k mod R, columns n mod C", "systolic/", 430, 300},
                  {"requantization", "thresholds, pools", "", 780, 180}}};
  return row;
}

}  // namespace stuckat::systolic
