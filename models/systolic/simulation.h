// Runs a network on a systolic accelerator: values and cycles.
#pragma once

#include <vector>

#include "models/accelerator.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {

/// The cycles of `images` images with their statistics, without values.
SimulationResult time_images(const Network& network, const SystolicAccelerator& accelerator,
                             int64_t images);

/// Elaborates the accelerator, arms the fault map and runs the images one after the other. SystemC
/// elaborates once in a process: a second call throws InputError. Throws InputError on a network
/// that does not fit, a fault map of another accelerator, images of another shape, or no image.
SimulationResult simulate(const Network& network, const SystolicAccelerator& accelerator,
                          const FaultMap& map, const std::vector<Tensor>& images,
                          const Recording& recording);

}  // namespace stuckat::systolic
