#include "trainer/fixed_faults.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "faultmaps/placement.h"

namespace stuckat::trainer {
namespace {

/// The sum of weight * activation for an accumulator as the hardware counts it, and back.
int64_t sum_of(const Layer& layer, int64_t accumulator) {
  return layer.is_xnor() ? 2 * accumulator - layer.columns() : accumulator;
}
int64_t accumulator_of(const Layer& layer, int64_t sum) {
  return layer.is_xnor() ? (sum + layer.columns()) >> 1 : sum;
}

std::vector<int> pixels_of(const OperatorFault& fault, Shape shape) {
  if (!fault.pixels.empty()) return fault.pixels;
  std::vector<int> all(static_cast<size_t>(shape.pixels()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

size_t position(Shape shape, int sample, int element) {
  return static_cast<size_t>(sample / lanes) * block_elements(shape) +
         static_cast<size_t>(element) * lanes + static_cast<size_t>(sample % lanes);
}

/// Calls visit(sample, element) for everything that the fault selects.
template <class Visit>
void for_selected(const ElementFault& fault, Shape shape, int first, int samples,
                  int64_t image_index, const Visit& visit) {
  std::vector<int> elements;
  for (int sample = first; sample < samples; ++sample) {
    if (sample == first || fault.depends_on_image()) {
      elements = selected_elements(fault, shape, image_index + sample);
    }
    for (const int e : elements) visit(sample, e);
  }
}

template <class Visit>
void for_channels(const std::vector<int>& channels, int count, const Visit& visit) {
  for (const int c : channels) visit(c);
  for (int c = 0; channels.empty() && c < count; ++c) visit(c);
}

/// Calls visit(fault, sample, element of the padded input) in the order of stages.
template <class Visit>
void for_operands(const LayerFaults& faults, Shape padded, int first, int samples,
                  int64_t image_index, const Visit& visit) {
  for (const OperandFault& fault : faults.operands) {
    ElementFault same;
    same.channels = fault.channels;
    same.pixels = fault.pixels;
    same.slot = fault.slot;
    same.images = fault.images;
    for_selected(same, padded, first, samples, image_index,
                 [&](int sample, int element) { visit(fault, sample, element); });
  }
}

template <class Visit>
void for_broken(const LayerFaults& faults, const Layer& layer, int samples, int64_t image_index,
                const Visit& visit) {
  for (const OperatorFault& fault : faults.operators) {
    const std::vector<int> pixels = pixels_of(fault, layer.output);
    for (int sample = 0; sample < samples; ++sample) {
      if (!fault.images.contains(image_index + sample)) continue;
      for (const int pixel : pixels) visit(fault, sample, pixel);
    }
  }
}

}  // namespace

std::vector<LayerFaults> faults_by_tensor(const Effects& effects, const Network& network) {
  std::vector<LayerFaults> result(static_cast<size_t>(network.tensors()));
  for (const ParameterPatch& patch : effects.patches) {
    LayerFaults& faults = result[static_cast<size_t>(patch.layer) + 1];
    (patch.is_threshold ? faults.thresholds : faults.weights).push_back(patch);
  }
  for (const OperatorFault& fault : effects.operators) {
    result[static_cast<size_t>(fault.layer) + 1].operators.push_back(fault);
  }
  for (const ElementFault& fault : effects.elements) {
    result[static_cast<size_t>(fault.tensor)].elements.push_back(fault);
  }
  for (const OperandFault& fault : effects.operands) {
    result[static_cast<size_t>(fault.layer) + 1].operands.push_back(fault);
  }
  for (const PoolFault& fault : effects.pools) {
    result[static_cast<size_t>(fault.layer) + 1].pools.push_back(fault);
  }
  for (const WindowFault& fault : effects.windows) {
    result[static_cast<size_t>(fault.layer) + 1].windows.push_back(fault);
  }
  for (LayerFaults& faults : result) {
    std::stable_sort(faults.elements.begin(), faults.elements.end(),
                     [](const auto& a, const auto& b) { return a.stage < b.stage; });
    std::stable_sort(faults.operands.begin(), faults.operands.end(),
                     [](const auto& a, const auto& b) { return a.stage < b.stage; });
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
         (layer.accumulator_output && !faults.elements.empty());
}

void patch_thresholds(const LayerFaults& faults, const Layer& layer, Steps& steps) {
  for (const ParameterPatch& patch : faults.thresholds) {
    const auto at = static_cast<ptrdiff_t>(patch.row) * layer.thresholds_per_row() + patch.index;
    steps.thresholds[static_cast<size_t>(at)] = static_cast<int32_t>(
        std::clamp<int64_t>(sum_of(layer, patch.value), -INT32_MAX, INT32_MAX));
  }
}

namespace {

/// The window under an output pixel, [window.size()], padded columns behind those of the layer.
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
                                                   const int8_t* weights, int samples,
                                                   int64_t image_index, int first) {
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
  for (int sample = first; sample < samples; ++sample) {
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

void break_sums(const LayerFaults& faults, ForwardLayer& forward, const std::vector<int32_t>& sign,
                const int8_t* weights, int samples, int64_t image_index, int32_t limit, int first) {
  const Layer& layer = forward.layer;
  for (const BrokenAccumulator& a :
       broken_accumulators(faults, forward, weights, samples, image_index, first)) {
    const int64_t sum = sign[static_cast<size_t>(a.row)] * sum_of(layer, a.accumulator);
    forward.acc32.data()[position(layer.output, a.sample, a.pixel * layer.rows() + a.row)] =
        static_cast<int32_t>(std::clamp<int64_t>(sum, -limit, limit));
  }
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

void break_values(const LayerFaults& faults, ForwardLayer& forward, const Steps& steps, int samples,
                  int64_t image_index, int8_t* values) {
  const Layer& layer = forward.layer;
  const int count = layer.thresholds_per_row();
  std::vector<int32_t> thresholds(static_cast<size_t>(count));
  for_broken(
      faults, layer, samples, image_index, [&](const OperatorFault& fault, int sample, int pixel) {
        const BrokenPe& pe = fault.pe;
        const bool healthy =
            pe.comparators.empty() && pe.comparator_flips.empty() && pe.threshold_flips.empty();
        if (healthy) return;
        for (const int row : fault.rows) {
          // On sums both sides of a comparison are twice the accumulator minus a constant.
          const auto first = steps.thresholds.begin() + static_cast<ptrdiff_t>(row) * count;
          std::transform(first, first + count, thresholds.begin(),
                         [&](int32_t t) { return static_cast<int32_t>(accumulator_of(layer, t)); });
          const size_t at = position(layer.output, sample, pixel * layer.rows() + row);
          const int32_t sum = steps.sign[static_cast<size_t>(row)] * forward.acc32.data()[at];
          const auto accumulator = static_cast<int32_t>(accumulator_of(layer, sum));
          values[at] =
              static_cast<int8_t>(broken_threshold(layer, pe, row, thresholds.data(), accumulator));
        }
      });
}

void overwrite_operands(const LayerFaults& faults, const Layer& layer, int samples,
                        int64_t image_index, int8_t* padded, int first) {
  const Shape shape{layer.input.height + 2 * layer.padding, layer.input.width + 2 * layer.padding,
                    layer.input.channels};
  const NumberFormat format = layer.input_format;
  for_operands(faults, shape, first, samples, image_index,
               [&](const OperandFault& fault, int sample, int element) {
                 int8_t& value = padded[position(shape, sample, element)];
                 value = static_cast<int8_t>(format.value(fault.mask.apply(format.code(value))));
               });
}

ForwardLayer::Edit operand_edit(const LayerFaults& faults, const Layer& layer, int samples,
                                int64_t image_index) {
  if (faults.operands.empty()) return {};
  return [&faults, &layer, samples, image_index](int8_t* padded) {
    overwrite_operands(faults, layer, samples, image_index, padded);
  };
}

void break_pool(const LayerFaults& faults, const Layer& layer, const int8_t* input, int samples,
                int64_t image_index, int8_t* output) {
  if (faults.pools.empty()) return;
  const int index = faults.pools.front().layer;
  Tensor image{layer.input, std::vector<int32_t>(static_cast<size_t>(layer.input.size()))};
  for (int sample = 0; sample < samples; ++sample) {
    for (int e = 0; e < layer.input.size(); ++e) {
      image.values[static_cast<size_t>(e)] = input[position(layer.input, sample, e)];
    }
    for (int e = 0; e < layer.output.size(); ++e) {
      const int pixel = e / layer.output.channels;
      const int channel = e % layer.output.channels;
      const BrokenPool pool =
          broken_pool_at(faults.pools, index, pixel, channel, image_index + sample);
      if (pool == BrokenPool{}) continue;
      output[position(layer.output, sample, e)] = static_cast<int8_t>(broken_maximum(
          layer, pool, image, pixel / layer.output.width, pixel % layer.output.width, channel));
    }
  }
}

void overwrite_elements(const LayerFaults& faults, const Network& network, int tensor, int samples,
                        int64_t image_index, int8_t* values, int first) {
  const Shape shape = network.shape(tensor);
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, shape, first, samples, image_index, [&](int sample, int element) {
      int8_t& value = values[position(shape, sample, element)];
      value = static_cast<int8_t>(masked_value(network, tensor, fault.mask, value));
    });
  }
}

void overwrite_accumulators(const LayerFaults& faults, const Network& network, int samples,
                            int64_t image_index, int32_t* logits) {
  const int tensor = network.tensors() - 1;
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, network.shape(tensor), 0, samples, image_index,
                 [&](int sample, int element) {
                   int32_t& value = logits[sample * network.classes() + element];
                   value = masked_value(network, tensor, fault.mask, value);
                 });
  }
}

void overwrite_logits(const LayerFaults& faults, const Network& network, ForwardLayer& forward,
                      const std::vector<int32_t>& sign, int samples, int64_t image_index,
                      int32_t limit, int first) {
  const Layer& layer = forward.layer;
  const int tensor = network.tensors() - 1;
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, layer.output, first, samples, image_index, [&](int sample, int element) {
      const int s = sign[static_cast<size_t>(element % layer.rows())];
      int32_t& a = forward.acc32.data()[position(layer.output, sample, element)];
      const auto before = static_cast<int32_t>(accumulator_of(layer, s * int64_t{a}));
      const int64_t sum = s * sum_of(layer, masked_value(network, tensor, fault.mask, before));
      a = static_cast<int32_t>(std::clamp<int64_t>(sum, -limit, limit));
    });
  }
}

void clear_faulty_gradient(const LayerFaults& faults, Shape shape, int samples, int64_t image_index,
                           float* gradient, int first) {
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, shape, first, samples, image_index,
                 [&](int sample, int element) { gradient[position(shape, sample, element)] = 0; });
  }
  for (const OperatorFault& fault : faults.operators) {
    const std::vector<int> pixels = pixels_of(fault, shape);
    for (int sample = 0; sample < samples; ++sample) {
      if (!fault.images.contains(image_index + sample)) continue;
      for (const int pixel : pixels) {
        for (const int row : fault.rows) {
          gradient[position(shape, sample, pixel * shape.channels + row)] = 0;
        }
      }
    }
  }
  for (const PoolFault& fault : faults.pools) {
    for_channels(fault.channels, shape.channels, [&](int channel) {
      for_channels(fault.pixels, shape.pixels(), [&](int pixel) {
        for (int sample = 0; sample < samples; ++sample) {
          if (!fault.images.contains(image_index + sample)) continue;
          gradient[position(shape, sample, pixel * shape.channels + channel)] = 0;
        }
      });
    });
  }
}

// A broken window is not looked at here: the gradient passes it as if it were healthy, since the
// operands that it does not touch, and all rows, go on learning.
void clear_operand_gradient(const LayerFaults& faults, const Layer& layer, int samples,
                            int64_t image_index, float* gradient, int first) {
  const Shape shape = layer.input;
  const Shape padded{shape.height + 2 * layer.padding, shape.width + 2 * layer.padding,
                     shape.channels};
  for_operands(faults, padded, first, samples, image_index,
               [&](const OperandFault&, int sample, int element) {
                 const int pixel = element / shape.channels;
                 const int y = pixel / padded.width - layer.padding;
                 const int x = pixel % padded.width - layer.padding;
                 if (y < 0 || x < 0 || y >= shape.height || x >= shape.width) return;
                 const int inside =
                     (y * shape.width + x) * shape.channels + element % shape.channels;
                 gradient[position(shape, sample, inside)] = 0;
               });
}

}  // namespace stuckat::trainer
