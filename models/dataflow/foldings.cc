#include "models/dataflow/foldings.h"

#include <algorithm>

namespace stuckat::dataflow {

int64_t slowest_layer_cycles(const DataflowAccelerator& accelerator, const Network& network,
                             int64_t at_most) {
  int64_t most = 0;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].part() != HardwarePart::pe_array) continue;
    const int64_t cycles = layer_cycles(network, static_cast<int>(i), accelerator.layers[i]);
    if (cycles <= at_most) most = std::max(most, cycles);
  }
  return most;
}

std::vector<DataflowAccelerator> all_foldings(const Network& network) {
  std::vector<DataflowAccelerator> foldings;
  int64_t target = INT64_MAX;
  while (true) {
    // The folding for a target is also that for the cycles it takes: the next is for fewer. Where
    // the slowest part can be no faster, others still can.
    auto folding = auto_folding(network, target);
    const int64_t cycles = slowest_layer_cycles(folding, network, target);
    if (cycles == 0) return foldings;
    if (foldings.empty() || foldings.back().layers != folding.layers) {
      foldings.push_back(auto_folding(network, cycles));
    }
    target = cycles - 1;
  }
}

std::vector<DataflowAccelerator> some_foldings(const Network& network, int64_t count) {
  const auto all = all_foldings(network);
  const auto size = static_cast<int64_t>(all.size());
  if (count >= size) return all;
  std::vector<DataflowAccelerator> some;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = count == 1 ? size - 1 : i * (size - 1) / (count - 1);
    some.push_back(all[static_cast<size_t>(index)]);
  }
  return some;
}

}  // namespace stuckat::dataflow
