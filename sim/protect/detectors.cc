#include "sim/protect/detectors.h"

#include <algorithm>
#include <set>

#include "faultmaps/faulty_reference.h"
#include "sim/fast/fault_simulator.h"

namespace stuckat::protect {
namespace {

/// The faults of one layer's sums, as those of layer 0.
template <class Fault>
void take(std::vector<Fault>& into, const std::vector<Fault>& from, int layer) {
  for (Fault fault : from) {
    if (fault.layer != layer) continue;
    fault.layer = 0;
    into.push_back(std::move(fault));
  }
}

Effects of_sums(const Effects& effects, int layer) {
  Effects result;
  take(result.patches, effects.patches, layer);
  std::erase_if(result.patches, [](const ParameterPatch& patch) { return patch.is_threshold; });
  take(result.operators, effects.operators, layer);
  take(result.operands, effects.operands, layer);
  take(result.windows, effects.windows, layer);
  return result;
}

/// What every row reads wrongly, and so the checksum's too.
Effects of_all_rows(const Effects& effects) {
  Effects result;
  result.operands = effects.operands;
  for (const WindowFault& fault : effects.windows) {
    if (fault.rows.empty()) result.windows.push_back(fault);
  }
  return result;
}

std::set<int> layers_of(const Effects& effects) {
  std::set<int> layers;
  for (const auto& patch : effects.patches) layers.insert(patch.layer);
  for (const auto& fault : effects.operators) layers.insert(fault.layer);
  for (const auto& fault : effects.operands) layers.insert(fault.layer);
  for (const auto& fault : effects.windows) layers.insert(fault.layer);
  return layers;
}

std::vector<int32_t> pixel_totals(const std::vector<int32_t>& sums, int rows) {
  std::vector<int32_t> totals;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (i % static_cast<size_t>(rows) == 0) totals.push_back(0);
    totals.back() += sums[i];
  }
  return totals;
}

int prediction(const Network& network, const std::vector<Tensor>& tensors) {
  return predicted_class(network, tensors.back().values.data());
}

}  // namespace

void Detection::add(const Detection& other) {
  images += other.images;
  critical += other.critical;
  critical_by_range += other.critical_by_range;
  critical_by_checksum += other.critical_by_checksum;
  by_range += other.by_range;
  by_checksum += other.by_checksum;
}

std::vector<int32_t> layer_sums(const Network& network, int layer, const Effects& effects,
                                const Tensor& input, int64_t image_index) {
  Layer one = network.layer(layer);
  one.inputs = {0};
  one.accumulator_output = true;
  one.thresholds.clear();
  Network alone;
  alone.name = network.name;
  alone.add(std::move(one));
  return reference::run(alone, input, of_sums(effects, layer), image_index).back().values;
}

Detectors::Detectors(const Network& network, const DataSet& calibration, int images)
    : packed_(network) {
  for (int i = 0; i < std::min(images, calibration.size()); ++i) {
    const auto tensors = fast::run(packed_, {}, input_tensor(network, calibration, i), i);
    for (int layer = 0; layer < static_cast<int>(network.layers.size()); ++layer) {
      if (!network.layer(layer).has_weights()) continue;
      const auto& input = tensors[static_cast<size_t>(network.input_tensor(layer))];
      const auto sums = layer_sums(network, layer, {}, input, i);
      const auto [least, greatest] = std::minmax_element(sums.begin(), sums.end());
      const auto [at, is_new] = ranges_.try_emplace(layer, *least, *greatest);
      at->second = {std::min(at->second.first, *least), std::max(at->second.second, *greatest)};
    }
  }
}

Detection Detectors::watch(const Effects& effects, const DataSet& data, int images) const {
  const Network& network = packed_.network();
  Detection result;
  for (int i = 0; i < std::min(images, data.size()); ++i) {
    const Tensor image = input_tensor(network, data, i);
    const auto golden = fast::run(packed_, {}, image, i);
    const auto tensors = fast::run(packed_, effects, image, i);
    bool range = false;
    bool checksum = false;
    for (const int layer : layers_of(effects)) {
      if (!network.layer(layer).has_weights()) continue;
      const Tensor& input = tensors[static_cast<size_t>(network.input_tensor(layer))];
      const auto sums = layer_sums(network, layer, effects, input, i);
      const auto right = layer_sums(network, layer, of_all_rows(effects), input, i);
      const auto [low, high] = ranges_.at(layer);
      range = range || std::any_of(sums.begin(), sums.end(),
                                   [&, l = low, h = high](int32_t s) { return s < l || s > h; });
      const int rows = network.layer(layer).rows();
      checksum = checksum || pixel_totals(sums, rows) != pixel_totals(right, rows);
    }
    const bool critical = prediction(network, golden) != prediction(network, tensors);
    ++result.images;
    result.critical += critical ? 1 : 0;
    result.by_range += range ? 1 : 0;
    result.by_checksum += checksum ? 1 : 0;
    result.critical_by_range += critical && range ? 1 : 0;
    result.critical_by_checksum += critical && checksum ? 1 : 0;
  }
  return result;
}

}  // namespace stuckat::protect
