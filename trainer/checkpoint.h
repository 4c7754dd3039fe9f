// The state of a training run between two epochs, in an HDF5 file (trainer/FORMAT.md).
#pragma once

#include <string>
#include <vector>

#include "trainer/optimizer.h"
#include "trainer/train.h"

namespace stuckat::trainer {

/// The model of the best epoch by some measure.
struct BestModel {
  Model model;
  int epoch = -1;  ///< -1: none so far
};

struct TrainState {
  std::string configuration;  ///< resolved_configuration(), plus the hash of a start model
  Model model;
  BestModel best_validation;
  BestModel best_test;
  Adam adam;
  std::vector<EpochRecord> history;  ///< one for each epoch that is done
};

/// Writes to a temporary name and renames. Throws InputError if the file cannot be written.
void write_checkpoint(const std::string& path, const TrainState& state);

/// Reads into a state that holds the architecture and the configuration to continue with. Checks
/// every size. Throws InputError, also if the configuration in the file is another one.
void read_checkpoint(const std::string& path, TrainState& state);

/// Which of the networks of a run.
enum class Kept : uint8_t { last, best_validation, best_test };
const std::vector<std::string>& kept_names();

/// The model of a checkpoint, to start another run from. Throws InputError if its layers are not
/// those of `architecture`, or no epoch was the best by that measure.
Model read_checkpoint_model(const std::string& path, const Network& architecture, Kept kept);

/// Whether the file is a checkpoint (a model file is not). Throws InputError if it is no HDF5 file.
bool is_checkpoint(const std::string& path);

}  // namespace stuckat::trainer
