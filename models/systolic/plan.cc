#include "models/systolic/plan.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "faultmaps/systolic_sites.h"
#include "faultmaps/weight_memory.h"
#include "models/memory/stored_tensor.h"
#include "models/systolic/unified_buffer.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat::systolic {
namespace {

/// Bits of a two's complement register that holds -greatest .. greatest.
int bits_for(int64_t greatest) {
  return static_cast<int>(std::bit_width(static_cast<uint64_t>(greatest))) + 1;
}

/// The greatest absolute value of one product, of weights and inputs that stored codes can mean.
int64_t greatest_product(const Layer& layer) {
  if (layer.is_xnor()) return 1;
  const int64_t sum = std::max<int64_t>(layer.accumulator_max(), -int64_t{layer.accumulator_min()});
  return (sum + layer.columns() - 1) / layer.columns();
}

void check_width(const SystolicAccelerator& accelerator, const Layer& layer, const char* what,
                 int64_t bits, int64_t terms) {
  const int needed = bits_for(terms * greatest_product(layer));
  if (bits >= needed) return;
  throw InputError("systolic:" + accelerator.name,
                   std::string(what) + " of " + std::to_string(bits) + " bits for " + layer.name,
                   "at least " + std::to_string(needed));
}

WeightLoading loading_of(const std::string& schedule) {
  if (schedule == "ws-serial") return WeightLoading::serial;
  if (schedule == "ws-overlapped") return WeightLoading::overlapped;
  return WeightLoading::double_buffered;
}

/// Off-chip memory in an image: one transfer after the other, weights into tiles that take turns.
/// Without one, all is there at once.
class Fetching {
 public:
  explicit Fetching(const SystolicAccelerator& accelerator)
      : memory_(accelerator.memory), entered_(static_cast<size_t>(accelerator.weight_tiles)) {}

  /// The cycle in which bytes are there that are moved from `cycle` on.
  int64_t move(int64_t cycle, int64_t bytes) {
    if (!memory_) return cycle;
    free_ = std::max(free_, cycle) + memory::transfer_cycles(*memory_, bytes);
    return free_;
  }
  /// The next weights, into the place of those that entered the array longest ago.
  int64_t fetch(int64_t bytes) {
    return memory_ ? move(entered_[fetched_++ % entered_.size()], bytes) : 0;
  }
  /// The oldest weights that are there have entered the array.
  void entered(int64_t cycle) { entered_[taken_++ % entered_.size()] = cycle; }

 private:
  const std::optional<memory::MemoryParams> memory_;
  std::vector<int64_t> entered_;
  size_t fetched_ = 0, taken_ = 0;
  int64_t free_ = 0;
};

/// Of a group of a layer whose first row is first_row.
void add_weights(const SystolicArray& array, const Layer& layer, const SystolicMap& map,
                 int first_row, LayerPlan& plan) {
  const bool outputs = array.dataflow == SystolicDataflow::output_stationary;
  const bool inputs = array.dataflow == SystolicDataflow::input_stationary;
  for (int i = 0; i < weight_tiles_of(array, map); ++i) {
    const int sum_tile = outputs ? 0 : i % map.sum_tiles();
    const int channel_tile = outputs ? i : i / map.sum_tiles();
    WeightTile tile;
    const SystolicMap::Tile of_sum = map.sum_tile(sum_tile);
    tile.first_column = outputs ? 0 : of_sum.first;
    tile.columns = outputs ? layer.columns() : of_sum.rows;
    const int channel = inputs ? 0 : channel_tile * array.columns;
    tile.first_row = first_row + channel;
    tile.rows = inputs ? map.group_rows() : std::min(array.columns, map.group_rows() - channel);
    tile.thresholds = sum_tile == 0;
    tile.bytes = int64_t{tile.columns} * ((int64_t{tile.rows} * layer.weight_format.bits + 7) / 8);
    if (tile.thresholds) {
      const int64_t bits = int64_t{tile.rows} * layer.thresholds_per_row() * layer.threshold_bits();
      tile.bytes += (bits + 7) / 8;
    }
    plan.weights.push_back(tile);
  }
}

/// When the tiles of a product come, and what that costs.
void time_tiles(const SystolicArray& array, const SystolicMap& map, const LayerPlan& layer,
                Fetching& memory, ProductPlan& product) {
  TileClock clock(array, product.gemm);
  int64_t ready = 0;
  for (int t = 0; t < tiles_of(array, map, product.gemm.m); ++t) {
    const TileWeights weights = weights_of(array, map, t);
    if (weights.fetched) {
      product.fetches.push_back(product.first_weights + weights.number);
      const WeightTile& tile = layer.weights[static_cast<size_t>(product.fetches.back())];
      ready = memory.fetch(tile.bytes) - product.start;
    }
    product.tiles.push_back(clock.next(ready));
    if (weights.last) memory.entered(product.start + clock.entered());
  }
  product.cycles.waiting = clock.waited();
}

/// start: cycle of the image.
LayerPlan plan_layer(const SystolicArray& array, const Schedule& schedule, const Network& network,
                     int index, int64_t start, Fetching& memory) {
  const Layer& layer = network.layer(index);
  const ArrayShape shape{array.rows, array.columns};
  const SystolicMap map(array, layer);
  LayerPlan row;
  row.layer = index;
  row.macs = int64_t{layer.columns()} * layer.output.size();
  double used = 0;
  double available = 0;
  // Rows of the array that a tile leaves idle count as if they had operands.
  const bool outputs_stay = schedule.stationary == Stationary::outputs;
  const int64_t k = outputs_stay ? layer.columns() : int64_t{map.sum_tiles()} * array.rows;
  const int depth = array.weights_stay() ? array.accumulator_depth : layer.output.pixels();
  for (int first_row = 0; first_row < layer.rows(); first_row += map.group_rows()) {
    const int first_weights = static_cast<int>(row.weights.size());
    add_weights(array, layer, map, first_row, row);
    for (int first = 0; first < layer.output.pixels(); first += depth) {
      const int64_t m = std::min(depth, layer.output.pixels() - first);
      const Gemm padded{m, k, map.group_rows()};
      ProductPlan product{first,
                          {m, layer.columns(), map.group_rows()},
                          schedule.cycles(padded, shape),
                          start + row.cycles.total(),
                          first_row,
                          first_weights};
      time_tiles(array, map, row, memory, product);
      const Tiling tiles = tiling(schedule.stationary, padded, shape);
      row.tiles += tiles.tiles();
      used += static_cast<double>(tiling(schedule.stationary, product.gemm, shape).used_pes);
      available += static_cast<double>(tiles.tiles() * shape.pes());
      row.cycles = row.cycles + product.cycles;
      row.products.push_back(std::move(product));
    }
  }
  for (const ProductPlan& product : row.products) {
    for (const int number : product.fetches) {
      row.fetched_bytes += row.weights[static_cast<size_t>(number)].bytes;
    }
  }
  row.mapping_utilisation = used / available;
  row.overall_utilisation =
      static_cast<double>(row.macs) /
      (static_cast<double>(row.cycles.total()) * static_cast<double>(shape.pes()));
  return row;
}

WeightMemory memory_of(const Plan& plan) {
  WeightMemory memory;
  for (const LayerPlan& layer : plan.layers) {
    for (const WeightTile& t : layer.weights) {
      memory.tiles.push_back({layer.layer, t.first_row, t.rows, t.first_column, t.columns,
                              t.thresholds, static_cast<int>(t.offset)});
    }
  }
  memory.bytes = static_cast<int>(plan.weight_bytes());
  return memory;
}

}  // namespace

SystolicArray array_of(const SystolicAccelerator& accelerator, const Network& network) {
  validate(accelerator);
  static const Capabilities capabilities = any_network("systolic arrays do not compute");
  check_supported(network, capabilities, "systolic:" + accelerator.name);
  const Schedule& schedule = parse_schedule(accelerator.schedule, accelerator.name);
  SystolicArray array;
  array.rows = static_cast<int>(accelerator.rows);
  array.columns = static_cast<int>(accelerator.columns);
  array.dataflow = schedule.stationary == Stationary::weights ? SystolicDataflow::weight_stationary
                   : schedule.stationary == Stationary::outputs
                       ? SystolicDataflow::output_stationary
                       : SystolicDataflow::input_stationary;
  array.mapping = accelerator.mapping;
  array.loading = loading_of(accelerator.schedule);
  array.drains = accelerator.schedule == "os-drain";
  array.sum_bits = static_cast<int>(accelerator.sum_bits);
  array.accumulator_bits = static_cast<int>(accelerator.accumulator_bits);
  array.accumulator_depth = static_cast<int>(accelerator.accumulator_depth);
  array.waits = accelerator.memory.has_value();
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.part() != HardwarePart::pe_array) continue;
    array.layers.push_back(static_cast<int>(i));
    check_width(accelerator, layer, "an accumulator", accelerator.accumulator_bits,
                layer.columns());
    if (array.weights_stay()) {
      check_width(accelerator, layer, "a partial sum", accelerator.sum_bits,
                  std::min(array.rows, layer.columns()));
    }
  }
  return array;
}

Placement place(const SystolicAccelerator& accelerator, const Network& network) {
  Placement placement;
  placement.accelerator = "systolic:" + accelerator.name;
  placement.others.push_back(systolic_part(array_of(accelerator, network)));
  if (accelerator.memory) {
    placement.memories.push_back(unified_buffer(network));
    placement.others.push_back(weight_memory_part(memory_of(make_plan(accelerator, network))));
  }
  return placement;
}

int64_t read_cycles(const Network& network, int index, int64_t columns) {
  const Layer& layer = network.layer(index);
  if (layer.part() == HardwarePart::pe_array) return 0;
  const int just_made = index;  // by the layer before
  const std::set<int> tensors(layer.inputs.begin(), layer.inputs.end());
  int64_t cycles = 0;
  for (const int tensor : tensors) {
    const Shape shape = network.shape(tensor);
    if (tensor != just_made) cycles += shape.pixels() * ((shape.channels + columns - 1) / columns);
  }
  return cycles;
}

Plan make_plan(const SystolicAccelerator& accelerator, const Network& network) {
  const SystolicArray array = array_of(accelerator, network);
  const Schedule& schedule = parse_schedule(accelerator.schedule, accelerator.name);
  Fetching memory(accelerator);
  Plan plan;
  plan.input_bytes = memory::tensor_bytes(network, 0);
  plan.output_bytes = memory::tensor_bytes(network, network.tensors() - 1);
  plan.load_cycles = plan.image_cycles = memory.move(0, plan.input_bytes);
  int64_t offset = 0;
  for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
    if (network.layer(l).part() == HardwarePart::pe_array) {
      plan.layers.push_back(plan_layer(array, schedule, network, l, plan.image_cycles, memory));
      for (WeightTile& tile : plan.layers.back().weights) {
        tile.offset = std::exchange(offset, offset + tile.bytes);
      }
      plan.image_cycles += plan.layers.back().cycles.total();
      continue;
    }
    const int64_t cycles = read_cycles(network, l, accelerator.columns);
    if (cycles > 0) plan.reads.push_back({l, cycles, plan.image_cycles});
    plan.image_cycles += cycles;
  }
  plan.store_cycles = memory.move(plan.image_cycles, plan.output_bytes) - plan.image_cycles;
  plan.image_cycles += plan.store_cycles;
  return plan;
}

int64_t Plan::weight_bytes() const {
  int64_t sum = 0;
  for (const LayerPlan& layer : layers) {
    for (const WeightTile& tile : layer.weights) sum += tile.bytes;
  }
  return sum;
}

}  // namespace stuckat::systolic
