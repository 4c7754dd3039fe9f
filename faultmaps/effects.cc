#include "faultmaps/effects.h"

#include <algorithm>

namespace stuckat {

size_t Effects::size() const {
  size_t result = 0;
  for_each_form(*this, [&](const auto& faults) { result += faults.size(); });
  return result;
}

RunImages Effects::images() const {
  RunImages hull{INT64_MAX, -1};
  for_each_fault(*this, [&](const auto& fault) {
    const RunImages images = images_of(fault);
    hull = {std::min(hull.first, images.first), std::max(hull.last, images.last)};
  });
  return hull;
}

bool Effects::depends_on_image() const {
  bool depends = false;
  for_each_fault(*this, [&](const auto& fault) {
    depends |= !images_of(fault).is_all();
    if constexpr (requires { fault.slot; }) depends |= fault.slot.depth > 0;
  });
  return depends;
}

void apply_patch(const ParameterPatch& p, Layer& layer) {
  if (p.is_threshold) {
    layer.thresholds[static_cast<size_t>(p.row * layer.thresholds_per_row() + p.index)] = p.value;
  } else {
    layer.weights[static_cast<size_t>(p.row) * static_cast<size_t>(layer.columns()) +
                  static_cast<size_t>(p.index)] = static_cast<int8_t>(p.value);
  }
}

Effects stuck_channel(const Network& network, int layer, int channel, int value) {
  ElementFault fault;
  fault.tensor = network.output_tensor(layer);
  fault.channels = {channel};
  fault.mask = CodeMask::constant(network.format(fault.tensor).code(value));
  fault.point = point_pe_dead;
  return {{}, {}, {fault}};
}

Effects stuck_pixel(const Network& network, int tensor, int pixel, int value) {
  ElementFault fault;
  fault.tensor = tensor;
  fault.pixels = {pixel};
  fault.mask = CodeMask::constant(network.format(tensor).code(value));
  fault.point = int{point_stream} + stream_slot;
  return {{}, {}, {fault}};
}

}  // namespace stuckat
