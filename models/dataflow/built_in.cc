// Foldings that were published, as tables (docs/hardware.md, BNN-PYNQ accelerators), and generated
// ones.
#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/fifo_sizing.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

constexpr int auto_depth = 32;  // of FIFOs that nobody said

struct LayerRow {
  int pe;  // 0: a pool
  int simd;
  int word_bits;  // of the stream after the layer; 0: PE codes
  int depth;      // of the FIFO after the layer
};

struct AcceleratorRow {
  const char* name;
  double clock_mhz;
  int input_depth;
  int output_rows;  // to which the last layer is padded
  std::vector<LayerRow> layers;
};

const std::vector<AcceleratorRow>& built_ins() {
  // Depth 2 is the default of the tools. Layers before a pool have the default FIFO.
  static const std::vector<LayerRow> cnv_w1 = {
      {16, 3, 64, 128},    // layer 0
      {32, 32, 64, 2},     // layer 1
      {0, 0, 64, 128},     // pool
      {16, 32, 128, 128},  // layer 2
      {16, 32, 128, 2},    // layer 3
      {0, 0, 128, 81},     // pool
      {4, 32, 256, 1},     // layer 4
      {1, 32, 256, 1},     // layer 5
      {1, 4, 64, 128},     // layer 6
      {1, 8, 64, 3},       // layer 7
      {4, 1, 0, 2},        // layer 8
  };
  static const std::vector<LayerRow> cnv_w2 = {
      {8, 3, 64, 128}, {16, 16, 64, 2}, {0, 0, 64, 128}, {8, 16, 128, 128},
      {8, 16, 128, 2}, {0, 0, 128, 81}, {4, 8, 256, 1},  {1, 8, 256, 1},
      {1, 2, 64, 128}, {2, 2, 64, 3},   {4, 1, 0, 2},
  };
  static const std::vector<LayerRow> lfc = {
      {32, 64, 0, 16}, {64, 32, 0, 8}, {32, 64, 0, 16}, {16, 8, 0, 2}};
  static const std::vector<AcceleratorRow> rows = {
      {"bnn-pynq-cnv-w1a1", 300, 128, 64, cnv_w1}, {"bnn-pynq-cnv-w1a2", 300, 128, 64, cnv_w1},
      {"bnn-pynq-cnv-w2a2", 300, 128, 64, cnv_w2}, {"bnn-pynq-lfc-w1a1", 300, 2, 64, lfc},
      {"bnn-pynq-lfc-w1a2", 300, 2, 64, lfc},
  };
  return rows;
}

int greatest_divisor(int number, int at_most) {
  int divisor = std::clamp(at_most, 1, number);
  while (number % divisor != 0) --divisor;
  return divisor;
}

/// What SIMD has to divide; a dense first layer's columns are padded instead.
int simd_multiple(const Layer& layer) {
  return !layer.is_flat() ? layer.input.channels : layer.columns();
}

DataflowAccelerator fit(const AcceleratorRow& row, const Network& network) {
  const auto matches = [](const Layer& layer, const LayerRow& r) {
    return (layer.part() == HardwarePart::pe_array) == (r.pe > 0);
  };
  if (network.layers.size() != row.layers.size() ||
      !std::equal(network.layers.begin(), network.layers.end(), row.layers.begin(), matches)) {
    throw InputError("dataflow:" + std::string(row.name), "cannot hold " + network.name,
                     "a network of " + std::to_string(row.layers.size()) +
                         " layers and pools in the order of the accelerator's");
  }
  DataflowAccelerator accelerator;
  accelerator.name = row.name;
  accelerator.clock_mhz = row.clock_mhz;
  accelerator.input_depth = row.input_depth;
  for (size_t i = 0; i < row.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const LayerRow& published = row.layers[i];
    LayerParams p;
    p.word_bits = published.word_bits;
    p.out_depth = published.depth;
    if (layer.accumulator_output) {
      p.pe = published.pe;
      p.padded_rows = std::max(row.output_rows, (layer.rows() + p.pe - 1) / p.pe * p.pe);
    } else if (layer.part() == HardwarePart::pe_array) {
      p.pe = greatest_divisor(layer.rows(), published.pe);
    }
    if (layer.part() == HardwarePart::pe_array) {
      p.simd = i == 0 && layer.is_flat() ? std::min(published.simd, layer.columns())
                                         : greatest_divisor(simd_multiple(layer), published.simd);
    }
    accelerator.layers.push_back(p);
  }
  validate(accelerator, network);
  return accelerator;
}

std::vector<int> divisors(int number) {
  std::vector<int> result;
  for (int d = 1; d <= number; ++d) {
    if (number % d == 0) result.push_back(d);
  }
  return result;
}

/// Whether PE rows of SIMD columns are what an MVTU with groups can be.
bool fits_groups(const Layer& layer, int pe, int simd) {
  if (layer.groups == 1) return true;
  const int rows = layer.rows() / layer.groups;
  if (rows % pe == 0) return true;
  return pe % rows == 0 && layer.groups % (pe / rows) == 0 && simd % layer.group_channels() == 0;
}

/// As many channels of each input at once as an image needs to be added, or joined, in time.
int auto_join_pe(const Network& network, const Layer& layer, int64_t target_cycles) {
  int common = layer.output.channels;
  for (const int tensor : layer.inputs) common = std::gcd(common, network.shape(tensor).channels);
  for (const int pe : divisors(common)) {
    if (layer.output.size() / pe <= target_cycles) return pe;
  }
  return common;
}

LayerParams auto_layer(const Network& network, int index, int64_t target_cycles) {
  LayerParams best;
  best.out_depth = best.inner_depth = auto_depth;
  const Layer& layer = network.layers[static_cast<size_t>(index)];
  if (is_join(layer)) best.pe = auto_join_pe(network, layer, target_cycles);
  if (layer.part() != HardwarePart::pe_array) return best;
  using Rank = std::tuple<int64_t, int64_t, bool, int>;  // cycles above the target, cost, ..., PE
  std::optional<Rank> best_rank;
  LayerParams p = best;
  for (const int pe : divisors(layer.rows())) {
    for (const int simd : divisors(layer.columns())) {
      if (!fits_groups(layer, pe, simd)) continue;
      p.pe = pe;
      p.simd = simd;
      const bool converts =
          !layer.is_flat() && layer.groups == 1 && layer.input.channels % simd != 0;
      const Rank rank{std::max(target_cycles, layer_cycles(network, index, p)), int64_t{pe} * simd,
                      converts, pe};
      if (best_rank && rank >= *best_rank) continue;
      best_rank = rank;
      best = p;
    }
  }
  return best;
}

}  // namespace

std::vector<std::string> dataflow_names() {
  std::vector<std::string> names;
  for (const auto& row : built_ins()) names.emplace_back(row.name);
  names.emplace_back("auto");
  return names;
}

DataflowAccelerator built_in_dataflow(const std::string& name, const Network& network) {
  check_supported(network, capabilities(), "dataflow:" + name);
  for (const auto& row : built_ins()) {
    if (name == row.name) return fit(row, network);
  }
  throw_unknown_name("dataflow", "accelerator", name, dataflow_names());
}

DataflowAccelerator auto_folding(const Network& network, int64_t target_cycles) {
  DataflowAccelerator accelerator;
  accelerator.name = "auto:" + std::to_string(target_cycles);
  accelerator.input_depth = auto_depth;
  check_supported(network, capabilities(), "dataflow:" + accelerator.name);
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    accelerator.layers.push_back(auto_layer(network, i, target_cycles));
  }
  validate(accelerator, network);
  return accelerator;
}

DataflowAccelerator auto_dataflow(const Network& network, int64_t target_cycles) {
  DataflowAccelerator accelerator = auto_folding(network, target_cycles);
  if (is_chain(network)) return accelerator;
  const DataflowAccelerator sized = with_sized_fifos(accelerator, network);
  accelerator.depths = sized.depths;
  accelerator.input_depth = std::max(accelerator.input_depth, sized.input_depth);
  for (size_t i = 0; i < sized.layers.size(); ++i) {
    LayerParams& p = accelerator.layers[i];
    p.out_depth = std::max(p.out_depth, sized.layers[i].out_depth);
    p.inner_depth = std::max(p.inner_depth, sized.layers[i].inner_depth);
    for (const int depth : sized.layers[i].in_depths) {
      p.in_depths.push_back(std::max(auto_depth, depth));
    }
  }
  return accelerator;
}

}  // namespace stuckat::dataflow
