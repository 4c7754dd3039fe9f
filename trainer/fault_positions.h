// Which elements of a block tensor (product.h) an effect selects.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/faulty_values.h"
#include "trainer/product.h"

namespace stuckat::trainer {

/// The sum of weight * activation for an accumulator as the hardware counts it, and back.
inline int64_t sum_of(const Layer& layer, int64_t accumulator) {
  return layer.is_xnor() ? 2 * accumulator - layer.columns() : accumulator;
}
inline int64_t accumulator_of(const Layer& layer, int64_t sum) {
  return layer.is_xnor() ? (sum + layer.columns()) >> 1 : sum;
}

inline size_t position(Shape shape, int sample, int element) {
  return static_cast<size_t>(sample / lanes) * block_elements(shape) +
         static_cast<size_t>(element) * lanes + static_cast<size_t>(sample % lanes);
}

/// A layer's input with padding around.
inline Shape padded_shape(const Layer& layer) {
  return {layer.input.height + 2 * layer.padding, layer.input.width + 2 * layer.padding,
          layer.input.channels};
}

inline std::vector<int> pixels_of(const OperatorFault& fault, Shape shape) {
  if (!fault.pixels.empty()) return fault.pixels;
  std::vector<int> all(static_cast<size_t>(shape.pixels()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// visit(sample, element) for everything in `samples` that the fault selects. image_index: number
/// of sample 0 in the run, here and below.
template <class Visit>
void for_selected(const ElementFault& fault, Shape shape, Range samples, int64_t image_index,
                  const Visit& visit) {
  std::vector<int> elements;
  for (int sample = samples.begin; sample < samples.end; ++sample) {
    if (sample == samples.begin || fault.depends_on_image()) {
      elements = selected_elements(fault, shape, image_index + sample);
    }
    for (const int e : elements) visit(sample, e);
  }
}

/// visit(sample, element of the padded input).
template <class Visit>
void for_selected(const OperandFault& fault, Shape padded, Range samples, int64_t image_index,
                  const Visit& visit) {
  ElementFault same;
  same.channels = fault.channels;
  same.pixels = fault.pixels;
  same.slot = fault.slot;
  same.images = fault.images;
  for_selected(same, padded, samples, image_index, visit);
}

/// visit(sample, output pixel) wherever the rows of the fault are broken.
template <class Visit>
void for_selected(const OperatorFault& fault, Shape shape, Range samples, int64_t image_index,
                  const Visit& visit) {
  const std::vector<int> pixels = pixels_of(fault, shape);
  for (int sample = samples.begin; sample < samples.end; ++sample) {
    if (!fault.images.contains(image_index + sample)) continue;
    for (const int pixel : pixels) visit(sample, pixel);
  }
}

/// visit(sample, element of the output).
template <class Visit>
void for_selected(const PoolFault& fault, Shape shape, Range samples, int64_t image_index,
                  const Visit& visit) {
  ElementFault same;
  same.channels = fault.channels;
  same.pixels = fault.pixels;
  same.images = fault.images;
  for_selected(same, shape, samples, image_index, visit);
}

}  // namespace stuckat::trainer
