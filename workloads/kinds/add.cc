// add: what the tables make of the codes of each input, added element by element, and a channel's
// thresholds (the end of a residual block; a table holds what scales the branch).
#include <algorithm>

#include "workloads/errors.h"
#include "workloads/kinds/window.h"
#include "workloads/reference.h"

namespace stuckat {
namespace {

Shape add_output(const Layer& layer, const std::string& where) {
  refuse_window(layer, "an add", where);
  return layer.input;
}

std::pair<int64_t, int64_t> add_sums(const Layer& layer) {
  std::pair<int64_t, int64_t> result;
  for (const CodeTable& table : layer.tables) {
    const auto [least, greatest] = std::minmax_element(table.values.begin(), table.values.end());
    result.first += std::min(0, *least);
    result.second += std::max(0, *greatest);
  }
  return result;
}

void check_add(const Network& network, int index, const std::string& where) {
  const Layer& layer = network.layer(index);
  if (layer.tables.size() != layer.inputs.size()) {
    throw InputError(where, std::to_string(layer.tables.size()) + " tables",
                     "one for each of its " + std::to_string(layer.inputs.size()) + " inputs");
  }
  for (size_t k = 0; k < layer.tables.size(); ++k) {
    const CodeTable& table = layer.tables[k];
    const NumberFormat format = network.format(layer.inputs[k]);
    const Shape shape = network.shape(layer.inputs[k]);
    if (shape != layer.input) {
      throw InputError(where, "adds " + shape.text() + " to " + layer.input.text(), "one shape");
    }
    if (table.format != format || table.values.size() != size_t{1} << format.bits) {
      throw InputError(where,
                       "table " + std::to_string(k) + " of " + std::to_string(table.values.size()) +
                           " codes of " + table.format.name(),
                       std::to_string(1 << format.bits) + " of " + format.name());
    }
  }
}

Tensor run_add(const Layer& layer, std::span<const Tensor* const> inputs) {
  return each_output(layer, [&](int y, int x, int c) {
    int32_t sum = 0;
    for (size_t k = 0; k < inputs.size(); ++k) {
      const CodeTable& table = layer.tables[k];
      sum += table.values[table.format.code(inputs[k]->at(y, x, c))];
    }
    return reference::threshold(layer, layer.threshold_row(c), sum);
  });
}

}  // namespace

const LayerKindRow add_row = {.name = "add",
                              .label = "add",
                              .number = 4,
                              .inputs = some_inputs,
                              .has_weights = false,
                              .sums = true,
                              .reads = Reads::window,
                              .part = HardwarePart::none,
                              .output = add_output,
                              .sums_between = add_sums,
                              .check = check_add,
                              .run = run_add};

}  // namespace stuckat
