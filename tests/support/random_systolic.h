// Random systolic arrays, and off-chip memories before them.
#pragma once

#include <string>

#include "models/systolic/family.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

/// Off-chip memory that is sometimes faster than the array and sometimes slower.
inline memory::MemoryParams random_memory(Random& random) {
  memory::MemoryParams m;
  m.bytes_per_cycle = uniform(random, 1, 12);
  m.latency_cycles = uniform(random, 0, 30);
  m.burst_bytes = uniform(random, 1, 64);
  m.outstanding_bursts = uniform(random, 1, 4);
  return m;
}

/// Memories below the columns are small, so that products are cut and addresses are shared.
inline systolic::SystolicAccelerator random_systolic(Random& random, const std::string& schedule) {
  systolic::SystolicAccelerator a;
  a.name = "random";
  a.rows = uniform(random, 1, 7);
  a.columns = uniform(random, 1, 5);
  a.schedule = schedule;
  a.mapping = uniform(random, 0, 1) == 0 ? SystolicMapping::channel : SystolicMapping::im2col;
  a.sum_bits = uniform(random, 0, 2) == 0 ? 32 : uniform(random, 24, 31);
  a.accumulator_bits = uniform(random, 0, 2) == 0 ? 32 : uniform(random, 24, 31);
  a.accumulator_depth = uniform(random, 3, 90);
  a.weight_tiles = uniform(random, 1, 5);
  if (uniform(random, 0, 1) == 0) a.memory = random_memory(random);
  return a;
}

}  // namespace stuckat::test
