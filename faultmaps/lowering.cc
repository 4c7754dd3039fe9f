#include "faultmaps/lowering.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat {

BrokenPe new_pe(const PeArray& array, const ArrayUse& use) {
  BrokenPe pe;
  pe.simd = array.simd;
  pe.padded_columns = use.columns;
  pe.accumulator_bits = use.accumulator_bits;
  return pe;
}

std::vector<int> multiples(int first, int step, int end) {
  std::vector<int> result;
  for (int i = first; i < end; i += step) result.push_back(i);
  return result;
}

const ArrayUse& use_of(const Placement& placement, int layer) {
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == layer) return use;
    }
  }
  throw InputError(placement.accelerator, "no array computes layer " + std::to_string(layer));
}

Shape carried_shape(const Stream& stream, const Placement& placement, const Network& network) {
  if (stream.carries == Carries::tensor) return network.shape(stream.tensor);
  const Layer& layer = network.layer(stream.layer);
  if (stream.carries == Carries::windows) {
    return {layer.output.height, layer.output.width, use_of(placement, stream.layer).columns};
  }
  const int around = 2 * (layer.padding - stream.frame);
  return {layer.input.height + around, layer.input.width + around, layer.input.channels};
}

void add_carried(const Stream& stream, StreamStage stage, ElementFault fault,
                 const Placement& placement, const Network& network, Effects& effects) {
  fault.tensor = stream.tensor;
  fault.stage = int{stage_stream} + int{stages_of_stream} * stream.position + stage;
  if (stream.carries == Carries::tensor) {
    effects.elements.push_back(std::move(fault));
    return;
  }
  if (stream.carries == Carries::windows) {
    const ArrayUse& use = use_of(placement, stream.layer);
    effects.windows.push_back({stream.layer,
                               {},
                               std::move(fault.channels),
                               std::move(fault.pixels),
                               fault.mask,
                               fault.slot,
                               fault.stage,
                               fault.images,
                               use.columns,
                               use.accumulator_bits});
    return;
  }
  const Layer& layer = network.layer(stream.layer);
  const int width = layer.input.width;
  for (int& pixel : fault.pixels) {  // from inside the frame to the padded image
    if (stream.frame == 0) break;
    const int y = pixel / width + stream.frame;
    pixel = y * (width + 2 * stream.frame) + pixel % width + stream.frame;
  }
  fault.slot.frame = stream.frame;
  effects.operands.push_back({stream.layer, std::move(fault.channels), std::move(fault.pixels),
                              fault.mask, fault.slot, fault.stage, fault.images});
}

void add_carried_padding(const Stream& stream, StreamStage stage, const ElementFault& fault,
                         int first, int step, const Placement& placement, const Network& network,
                         Effects& effects) {
  if (stream.carries != Carries::tensor || stream.layer < 0) return;
  const Layer& layer = network.layer(stream.layer);
  if (!layer.is_flat() || !(stream.packed || layer.input.pixels() == 1)) return;
  const ArrayUse& use = use_of(placement, stream.layer);
  const int end = std::min(use.columns, stream.words_per_pixel * stream.channels_per_word);
  WindowFault padding;
  padding.layer = stream.layer;
  for (const int column : multiples(first, step, end)) {
    if (column >= layer.columns()) padding.columns.push_back(column);
  }
  if (padding.columns.empty()) return;
  padding.mask = fault.mask;
  padding.slot = fault.slot;
  padding.stage = int{stages_of_stream} * stream.position + stage - int{stage_buffer};
  padding.images = fault.images;
  padding.padded_columns = use.columns;
  padding.accumulator_bits = use.accumulator_bits;
  effects.windows.push_back(std::move(padding));
}

std::vector<BufferElement> buffer_elements(const Fault& fault, const ActivationMemory& memory,
                                           const Network& network) {
  const auto [buffer, address, bit, unused] = fault.coordinates;
  std::vector<BufferElement> result;
  for (const auto& stored : memory.tensors) {
    if (stored.buffer != buffer) continue;
    const Shape shape = network.shape(stored.kept);
    const int bits = stored_bits(network, stored.kept);
    const int pixel_bytes = (shape.channels * bits + 7) / 8;
    const int pixel = address / pixel_bytes;
    const int pixel_bit = address % pixel_bytes * 8 + bit;
    const int channel = pixel_bit / bits;
    if (pixel >= shape.pixels() || channel >= shape.channels) continue;
    CodeMask mask;
    mask.flip = 1u << pixel_bit % bits;
    result.push_back({&stored, channel, pixel, mask});
  }
  return result;
}

void check_running_maximum(const Fault& fault, const BufferElement& element,
                           const Placement& placement, const Network& network) {
  const auto& stored = *element.stored;
  const bool binary = stored_bits(network, stored.kept) == 1;
  if (network.pools_after(stored.tensor).size() <= 1 || (binary && !fault.is_flip())) return;
  throw InputError(placement.accelerator,
                   name(fault) + ": running maxima of pools after pools in the raster order of " +
                       network.tensor_name(stored.tensor) + " have no exact effect",
                   "a network with one pool after a layer, or stuck bits of 1-bit activations");
}

}  // namespace stuckat
