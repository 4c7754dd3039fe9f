#include "models/systolic/plan.h"

#include <algorithm>
#include <bit>
#include <set>

#include "faultmaps/systolic_sites.h"
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

GemmCycles operator+(const GemmCycles& a, const GemmCycles& b) {
  return {a.load + b.load, a.stream + b.stream, a.skew + b.skew, a.drain + b.drain};
}

/// start: cycle of the image.
LayerPlan plan_layer(const SystolicArray& array, const Schedule& schedule, const Network& network,
                     int index, int64_t start) {
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
    for (int first = 0; first < layer.output.pixels(); first += depth) {
      const int64_t m = std::min(depth, layer.output.pixels() - first);
      const Gemm padded{m, k, map.group_rows()};
      ProductPlan product{first,
                          {m, layer.columns(), map.group_rows()},
                          schedule.cycles(padded, shape),
                          start + row.cycles.total(),
                          first_row};
      const Tiling tiles = tiling(schedule.stationary, padded, shape);
      row.tiles += tiles.tiles();
      used += static_cast<double>(tiling(schedule.stationary, product.gemm, shape).used_pes);
      available += static_cast<double>(tiles.tiles() * shape.pes());
      row.cycles = row.cycles + product.cycles;
      row.products.push_back(product);
    }
  }
  row.mapping_utilisation = used / available;
  row.overall_utilisation =
      static_cast<double>(row.macs) /
      (static_cast<double>(row.cycles.total()) * static_cast<double>(shape.pes()));
  return row;
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

int64_t buffer_bits(const Network& network) {
  const int layers = static_cast<int>(network.layers.size());
  // The tensor goes from layer to layer without being stored.
  const auto follows = [&](int tensor) {
    return tensor > 0 && network.only_consumer(tensor) == tensor &&
           network.layer(tensor).part() != HardwarePart::pe_array;
  };
  std::vector<int64_t> held(static_cast<size_t>(layers));  // while each layer runs
  for (int t = 0; t < network.tensors(); ++t) {
    if (follows(t)) continue;
    const int64_t bits = int64_t{network.shape(t).size()} * stored_bits(network, t);
    const std::vector<int> readers = network.consumers(t);
    int first = std::max(Network::producer(t), 0);
    while (follows(first)) --first;
    const int last = readers.empty() ? layers - 1 : readers.back();
    for (int l = first; l <= last; ++l) held[static_cast<size_t>(l)] += bits;
  }
  return *std::max_element(held.begin(), held.end());
}

Plan make_plan(const SystolicAccelerator& accelerator, const Network& network) {
  const SystolicArray array = array_of(accelerator, network);
  const Schedule& schedule = parse_schedule(accelerator.schedule, accelerator.name);
  Plan plan;
  for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
    if (network.layer(l).part() == HardwarePart::pe_array) {
      plan.layers.push_back(plan_layer(array, schedule, network, l, plan.image_cycles));
      plan.image_cycles += plan.layers.back().cycles.total();
      continue;
    }
    const int64_t cycles = read_cycles(network, l, accelerator.columns);
    if (cycles > 0) plan.reads.push_back({l, cycles, plan.image_cycles});
    plan.image_cycles += cycles;
  }
  return plan;
}

std::vector<TileTimes> tile_times(const SystolicArray& array, const Gemm& gemm, int64_t tiles) {
  std::vector<TileTimes> times;
  const int64_t skew = array.rows + array.columns - 2;
  for (int64_t t = 0; t < tiles; ++t) {
    if (array.dataflow == SystolicDataflow::output_stationary) {
      const int64_t start = t * (gemm.k + skew + (array.drains ? array.rows : 0));
      times.push_back({start, start});
      continue;
    }
    TileTimes tile{0, array.rows};
    if (t > 0) {
      const TileTimes& before = times.back();
      switch (array.loading) {
        case WeightLoading::serial:
          tile.load = before.start + gemm.m + skew;
          break;
        case WeightLoading::overlapped:
          tile.load = before.start + gemm.m;
          break;
        case WeightLoading::double_buffered:
          tile.load = before.start;
          break;
      }
      tile.start = std::max(before.start + gemm.m, tile.load + array.rows);
    }
    times.push_back(tile);
  }
  return times;
}

}  // namespace stuckat::systolic
