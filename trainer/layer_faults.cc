#include "trainer/layer_faults.h"

#include <algorithm>
#include <map>
#include <type_traits>

#include "faultmaps/faulty_values.h"
#include "faultmaps/faulty_windows.h"
#include "faultmaps/placement.h"
#include "trainer/fault_positions.h"

namespace stuckat::trainer {

namespace {

/// Only padded weights read wrongly, and their operands are 0.
bool does_nothing(const OperatorFault& fault, const Effects& effects, const Network& network) {
  if (fault.pe.padded_weights.empty() || padded_input(network.layer(fault.layer)) != 0)
    return false;
  const bool in_windows = std::any_of(effects.windows.begin(), effects.windows.end(),
                                      [&](const auto& w) { return w.layer == fault.layer; });
  BrokenPe rest = fault.pe;
  rest.padded_weights.clear();
  return !in_windows && rest == BrokenPe{fault.pe.simd,
                                         fault.pe.padded_columns,
                                         fault.pe.accumulator_bits,
                                         {},
                                         {},
                                         {},
                                         {},
                                         {}};
}

}  // namespace

std::vector<LayerFaults> faults_by_tensor(const Effects& given, const Network& network) {
  std::vector<LayerFaults> result(static_cast<size_t>(network.tensors()));
  std::vector<size_t> patches(result.size());
  for (const ParameterPatch& patch : given.patches) {
    patches[static_cast<size_t>(tensor_of(patch))] += patch.is_threshold ? 0 : 1;
  }
  for (size_t t = 0; t < result.size(); ++t) result[t].weights.reserve(patches[t]);
  for_each_fault(given, [&](const auto& fault) {
    if constexpr (std::is_same_v<decltype(fault), const OperatorFault&>) {
      if (does_nothing(fault, given, network)) return;
    }
    result[static_cast<size_t>(tensor_of(fault))].add(fault);
  });
  for (LayerFaults& faults : result) {
    std::stable_sort(faults.elements.begin(), faults.elements.end(),
                     [](const auto& a, const auto& b) { return a.point < b.point; });
    std::stable_sort(faults.operands.begin(), faults.operands.end(),
                     [](const auto& a, const auto& b) { return a.point < b.point; });
  }
  return result;
}

void patch_weights(const LayerFaults& faults, const Layer& layer, const std::vector<int32_t>& sign,
                   int8_t* weights) {
  for (const ParameterPatch& patch : faults.weights) {
    const auto at = static_cast<ptrdiff_t>(patch.row) * layer.columns() + patch.index;
    weights[at] = static_cast<int8_t>(sign[static_cast<size_t>(patch.row)] * patch.value);
  }
}

bool needs_wide(const LayerFaults& faults, const Layer& layer) {
  return faults.breaks_sums() || !faults.thresholds.empty() ||
         (layer.accumulator_output && !(faults.elements.empty() && faults.pools.empty()));
}

void patch_thresholds(const LayerFaults& faults, const Layer& layer, MultiThreshold& quantizer) {
  for (const ParameterPatch& patch : faults.thresholds) {
    const auto at = static_cast<ptrdiff_t>(patch.row) * layer.thresholds_per_row() + patch.index;
    quantizer.thresholds[static_cast<size_t>(at)] = static_cast<int32_t>(
        std::clamp<int64_t>(sum_of(layer, patch.value), -INT32_MAX, INT32_MAX));
    if (quantizer.edges.empty()) continue;
    quantizer.edges[static_cast<size_t>(at)] =
        static_cast<float>(quantizer.thresholds[static_cast<size_t>(at)]);
  }
}

namespace {

/// The window under an output pixel, [window.size()], padded columns after those of the layer.
void read_window(const ForwardLayer& forward, int sample, int pixel, std::vector<int32_t>& window) {
  const Layer& layer = forward.layer;
  const Geometry& g = forward.geometry;
  const int y = pixel / g.out.width * g.stride;
  const int x = pixel % g.out.width * g.stride;
  std::fill(window.begin(), window.end(), padded_input(layer));
  for (int column = 0; column < layer.columns(); ++column) {
    const int tap = column / g.in.channels;
    const int q = (y + tap / g.kernel) * g.in.width + x + tap % g.kernel;
    window[static_cast<size_t>(column)] =
        forward.padded_input()[position(g.in, sample, q * g.in.channels + column % g.in.channels)];
  }
}

/// The operators of each output pixel; every pixel in `all` has an entry.
std::map<int, std::vector<const OperatorFault*>> by_pixel(const LayerFaults& faults,
                                                          const Layer& layer, int64_t image_index,
                                                          const WindowEdits& edits) {
  std::map<int, std::vector<const OperatorFault*>> result;
  for (const OperatorFault& fault : faults.operators) {
    if (!fault.images.contains(image_index)) continue;
    for (const int pixel : pixels_of(fault, layer.output)) result[pixel].push_back(&fault);
  }
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    if (edits.touches(pixel)) result[pixel];
  }
  return result;
}

}  // namespace

std::vector<BrokenAccumulator> broken_accumulators(const LayerFaults& faults,
                                                   const ForwardLayer& forward,
                                                   const int8_t* weights, Range samples,
                                                   int64_t image_index) {
  std::vector<BrokenAccumulator> result;
  if (!faults.breaks_sums()) return result;
  static const BrokenPe healthy;
  const Layer& layer = forward.layer;
  const int index = faults.windows.empty() ? 0 : faults.windows.front().layer;
  const int columns = WindowEdits::columns(layer, index, faults.windows);
  int size = columns;
  for (const OperatorFault& f : faults.operators) size = std::max(size, f.pe.padded_columns);
  std::vector<int32_t> window(static_cast<size_t>(size));
  std::vector<int32_t> seen(window.size());
  for (int sample = samples.begin; sample < samples.end; ++sample) {
    const WindowEdits edits(layer, index, faults.windows, image_index + sample);
    for (const auto& [pixel, operators] : by_pixel(faults, layer, image_index + sample, edits)) {
      read_window(forward, sample, pixel, window);
      const auto see = [&, pixel = pixel](int row) {
        seen = window;
        edits.apply(pixel, row, seen.data());
        return weights + static_cast<ptrdiff_t>(row) * layer.columns();
      };
      for (int row = 0; row < layer.rows() && edits.touches(pixel); ++row) {
        const int8_t* w = see(row);
        result.push_back(
            {sample, pixel, row, &healthy,
             plain_accumulate(layer, w, seen.data(), columns, edits.accumulator_bits())});
      }
      for (const OperatorFault* fault : operators) {
        for (const int row : fault->rows) {
          const int8_t* w = see(row);
          result.push_back({sample, pixel, row, &fault->pe,
                            broken_accumulate(layer, fault->pe, row, w, seen.data())});
        }
      }
    }
  }
  return result;
}

void overwrite_broken(const std::vector<BrokenAccumulator>& broken, const Layer& layer,
                      const std::vector<int32_t>& thresholds, int8_t* values) {
  for (const BrokenAccumulator& a : broken) {
    const int32_t* of_row =
        thresholds.data() + static_cast<ptrdiff_t>(a.row) * layer.thresholds_per_row();
    values[position(layer.output, a.sample, a.pixel * layer.rows() + a.row)] =
        static_cast<int8_t>(broken_threshold(layer, *a.pe, a.row, of_row, a.accumulator));
  }
}

void overwrite_operands(const LayerFaults& faults, const Layer& layer, Range samples,
                        int64_t image_index, int8_t* padded) {
  const Shape shape = padded_shape(layer);
  const NumberFormat format = layer.input_format;
  for (const OperandFault& fault : faults.operands) {
    for_selected(fault, shape, samples, image_index, [&](int sample, int element) {
      int8_t& value = padded[position(shape, sample, element)];
      value = static_cast<int8_t>(format.value(fault.mask.apply(format.code(value))));
    });
  }
}

void break_pool(const LayerFaults& faults, const Layer& layer, const int8_t* input, Range samples,
                int64_t image_index, int8_t* output) {
  if (faults.pools.empty()) return;
  const int index = faults.pools.front().layer;
  Tensor image{layer.input, std::vector<int32_t>(static_cast<size_t>(layer.input.size()))};
  const Tensor* const inputs[] = {&image};
  for (int sample = samples.begin; sample < samples.end; ++sample) {
    for (int e = 0; e < layer.input.size(); ++e) {
      image.values[static_cast<size_t>(e)] = input[position(layer.input, sample, e)];
    }
    for (int e = 0; e < layer.output.size(); ++e) {
      const int pixel = e / layer.output.channels;
      const int channel = e % layer.output.channels;
      const BrokenPool pool =
          broken_pool_at(faults.pools, index, pixel, channel, image_index + sample);
      if (pool == BrokenPool{}) continue;
      output[position(layer.output, sample, e)] = static_cast<int8_t>(broken_element(
          layer, pool, inputs, pixel / layer.output.width, pixel % layer.output.width, channel));
    }
  }
}

namespace {

template <class Value>
void overwrite(const LayerFaults& faults, const Network& network, int tensor, Range samples,
               int64_t image_index, Value* values) {
  const Shape shape = network.shape(tensor);
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, shape, samples, image_index, [&](int sample, int element) {
      Value& value = values[position(shape, sample, element)];
      value = static_cast<Value>(masked_value(network, tensor, fault.mask, value));
    });
  }
}

}  // namespace

void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor,
                        Range samples, int64_t image_index, int8_t* values) {
  overwrite(faults, network, tensor, samples, image_index, values);
}
void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor,
                        Range samples, int64_t image_index, int16_t* values) {
  overwrite(faults, network, tensor, samples, image_index, values);
}

void overwrite_accumulators(const LayerFaults& faults, const Network& network, Range samples,
                            int64_t image_index, int32_t* logits) {
  const int tensor = network.tensors() - 1;
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, network.shape(tensor), samples, image_index, [&](int sample, int element) {
      int32_t& value = logits[sample * network.classes() + element];
      value = masked_value(network, tensor, fault.mask, value);
    });
  }
}

}  // namespace stuckat::trainer
