// A random array, schedule and memory for a network, small enough for layers of several tiles.
#pragma once

#include "models/loopback/accelerator.h"
#include "tests/models/loopback/smallest_weight_buffer.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

inline loopback::LoopbackAccelerator random_loopback(Random& random, const Network& network) {
  loopback::LoopbackAccelerator accelerator;
  accelerator.name = "random";
  accelerator.pe = uniform(random, 1, 8);
  accelerator.simd = uniform(random, 1, 16);
  accelerator.schedule =
      uniform(random, 0, 1) == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel;
  accelerator.double_buffering = uniform(random, 0, 1) == 1;
  accelerator.weight_buffer_bytes =
      smallest_weight_buffer(accelerator, network) + uniform(random, 0, 1000);
  accelerator.control_cycles = uniform(random, 0, 20);
  accelerator.pipeline_cycles = uniform(random, 0, 8);
  accelerator.memory = {uniform(random, 1, 8), uniform(random, 0, 50), uniform(random, 1, 64),
                        uniform(random, 1, 4)};
  return accelerator;
}

}  // namespace stuckat::test
