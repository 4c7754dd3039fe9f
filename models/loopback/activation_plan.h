// Which layers follow each other into the activation buffers, and where tensors lie there from when
// they are made to when the last layer has read them.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/placement.h"
#include "models/loopback/accelerator.h"
#include "workloads/network.h"

namespace stuckat::loopback {

/// A layer that is executed on its own: on the array, or, without weights, by moving what it reads
/// from buffer to buffer. Those right after it that nothing else waits for follow on the way into
/// the buffer: layers layer + 1 .. kept - 1.
struct ProgramStep {
  int layer = 0;
  int kept = 0;  ///< the tensor that is stored
};

/// All that an image goes through.
struct Program {
  int input_tensor = 0;   ///< what is loaded
  int input_kept = 0;     ///< what of it is stored, after the layers that follow
  int output_tensor = 0;  ///< what leaves
  std::vector<ProgramStep> steps;
};

/// Throws InputError if host_first_last leaves nothing to the array.
Program program_of(const LoopbackAccelerator& accelerator, const Network& network);

/// Each tensor that is stored, in the order of time: in the buffer that the step does not read, at
/// the lowest address where no tensor lies that is still to be read; in the other one if it does
/// not fit. Throws InputError if it fits in neither.
ActivationMemory activation_memory(const LoopbackAccelerator& accelerator, const Network& network,
                                   const Program& program);

}  // namespace stuckat::loopback
