// What a host asks of an accelerator that has its images, weights and results in off-chip memory.
#pragma once

#include <cstdint>

namespace stuckat::memory {

/// Cycles count from the beginning of the simulation.
struct Job {
  int64_t images = 1;
  int64_t start = 0;                                     ///< cycle of the request
  int64_t origin = 0;                                    ///< cycle that transient faults count from
  uint64_t tiles_at = 0, images_at = 0, results_at = 0;  ///< byte addresses; each follows each
};

/// Memory holds, from address 0 on: the tiles of all layers in the order of the program; the
/// images; the results. Images and results start at a whole burst.
inline Job job_from_address_0(int64_t weight_bytes, int64_t input_bytes, int64_t burst_bytes,
                              int64_t images) {
  const auto whole_bursts = [&](int64_t bytes) {
    return static_cast<uint64_t>((bytes + burst_bytes - 1) / burst_bytes * burst_bytes);
  };
  Job job;
  job.images = images;
  job.images_at = whole_bursts(weight_bytes);
  job.results_at = job.images_at + whole_bursts(images * input_bytes);
  return job;
}

}  // namespace stuckat::memory
