// What lowering of stuck bits and of transients share. Inside faultmaps only.
#pragma once

#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "faultmaps/timeline.h"

namespace stuckat {

/// A PE with nothing broken.
BrokenPe new_pe(const PeArray& array, const ArrayUse& use);

/// The array's use for a layer.
const ArrayUse& use_of(const Placement& placement, int layer);

/// first, first + step, ... below end.
std::vector<int> multiples(int first, int step, int end);

/// What broken words of a stream are: channels, pixels, slot, mask and images of `fault` are meant
/// in carried_shape(). `stage`: of the stream.
void add_carried(const Stream& stream, StreamStage stage, ElementFault fault,
                 const Placement& placement, const Network& network, Effects& effects);

/// The same for what a dense layer finds in its padded columns: elements behind the last one of the
/// tensor, as its stream carries them. first, step: which of them, counted from the tensor's first.
void add_carried_padding(const Stream& stream, StreamStage stage, const ElementFault& fault,
                         int first, int step, const Placement& placement, const Network& network,
                         Effects& effects);

/// The effects of a transient in placement.run, where nothing is stuck.
void lower_flip(const Fault& fault, const Placement& placement, const Network& network,
                Effects& effects);

/// The site that a bit of an activation buffer is in each tensor that the buffer holds.
struct BufferElement {
  const ActivationMemory::Stored* stored = nullptr;
  int channel = 0;
  int pixel = 0;
  CodeMask mask;  ///< identity but for the bit, which is inverted
};
std::vector<BufferElement> buffer_elements(const Fault& fault, const ActivationMemory& memory,
                                           const Network& network);
/// Throws InputError for a running maximum that has no exact effect.
void check_running_maximum(const Fault& fault, const BufferElement& element,
                           const Placement& placement, const Network& network);

}  // namespace stuckat
