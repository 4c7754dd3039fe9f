// The state of a training run between two epochs, in an HDF5 file (trainer/FORMAT.md).
#pragma once

#include <string>
#include <vector>

#include "trainer/optimizer.h"
#include "trainer/train.h"

namespace stuckat::trainer {

struct TrainState {
  std::string configuration;  ///< resolved_configuration(), plus the hash of a start model
  Model model;
  Model best;
  int best_epoch = -1;
  Adam adam;
  std::vector<EpochRecord> history;  ///< one for each epoch that is done
};

/// Writes to a temporary name and renames. Throws InputError if the file cannot be written.
void write_checkpoint(const std::string& path, const TrainState& state);

/// Reads into a state that holds the architecture and the configuration to continue with. Checks
/// every size. Throws InputError, also if the configuration in the file is another one.
void read_checkpoint(const std::string& path, TrainState& state);

}  // namespace stuckat::trainer
