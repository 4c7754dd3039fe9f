// How a deployed network is retrained on a broken chip.
#pragma once

#include <cstdint>
#include <string>

#include "workloads/dataset.h"

namespace stuckat::trainer {

struct RetrainOptions {
  int batch = 100;
  double learning_rate = 0.001;  ///< of ADAM, constant; its moments start at 0
  int crop_padding = 0;          ///< random crop: shifts of up to so many pixels each way
  bool flip = false;             ///< every second image mirrored, at random
  /// The broken parts come in one after the other over so many images, since training may diverge
  /// when many come at once (TRE-Map); 0: all from the start.
  int64_t introduction = 0;
  uint64_t seed = 1;  ///< of the order of images and how they are changed
};
/// Throws InputError for options out of range.
void check(const RetrainOptions& options, const DataSet& images);
/// All that decides what comes out, as one line.
std::string configuration(const RetrainOptions& options);
/// Reads it back. Throws InputError(where, ...).
RetrainOptions retrain_options(const std::string& configuration, const std::string& where);

}  // namespace stuckat::trainer
