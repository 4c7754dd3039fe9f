// Transients in activation buffers: in which networks they have an exact effect, and when a pool on
// the way into a buffer gives what it makes.
#pragma once

#include "faultmaps/placement.h"

namespace stuckat {

/// Throws InputError for a network whose activation buffers can have no transient: who reads a
/// tensor from when on is known for chains whose pools are on the way into a buffer. Lowering asks
/// it, and models when they arm.
void refuse_buffer_flip(const Network& network, const Placement& placement);

/// The pixel of its input with which a pool on the way into a buffer gives an output pixel: its
/// window is complete, and so are those before.
int last_pixel_for(const Layer& pool, int pixel);

}  // namespace stuckat
