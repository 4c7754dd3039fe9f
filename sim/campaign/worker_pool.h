// The units of a campaign done by several threads. Inside sim/campaign only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "sim/campaign/counts.h"
#include "sim/campaign/engine.h"
#include "sim/campaign/run.h"

namespace stuckat::campaign {

/// How the work is cut: unit u is block u / chunks of the faults on chunk u mod chunks of the
/// images. Images are counted from the first one of the shard.
struct Plan {
  int64_t faults = 0;
  int64_t first_image = 0;  ///< of the data set, of the whole campaign
  int64_t shard_first = 0;  ///< image number, in the run, of the shard's first image
  int64_t images = 0;       ///< of the shard
  int64_t chunk_images = 1;
  int64_t block_faults = 1;
  int64_t prepared_faults = 1;  ///< at a time: as many blocks as these are, at least one

  int64_t chunks() const { return (images + chunk_images - 1) / chunk_images; }
  int64_t blocks() const { return (faults + block_faults - 1) / block_faults; }
  int64_t units() const { return chunks() * blocks(); }
  int64_t prepared_blocks() const { return std::max<int64_t>(1, prepared_faults / block_faults); }
  int64_t block_first(int64_t block) const { return block * block_faults; }
  int64_t block_size(int64_t block) const {
    return std::min(block_faults, faults - block_first(block));
  }
  int64_t chunk_first(int64_t chunk) const { return chunk * chunk_images; }
  int64_t chunk_size(int64_t chunk) const {
    return std::min(chunk_images, images - chunk_first(chunk));
  }
};

/// What the threads work on and where the counts go.
struct Work {
  const Network& network;
  const DataSet& data;
  const FaultSet& faults;
  const PreparedNetwork& prepared;
  const Plan& plan;
  int threads = 1;
  std::vector<bool> done;  ///< [units]: nothing to do any more
  /// Called after every image, or block of it; false stops. One call at a time.
  std::function<bool(int64_t fault_images)> image_done;
  /// Called with the counts of every unit. One call at a time.
  std::function<void(int64_t unit, const Counts& counts)> unit_done;
};

/// False if image_done stopped it. What a thread throws is thrown here, when all have ended.
bool work_off(Work& work);

}  // namespace stuckat::campaign
