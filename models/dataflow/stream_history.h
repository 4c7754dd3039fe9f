// What the parts before a stream did in a run, as far as those after it can tell.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/step_record.h"

namespace stuckat::dataflow {

/// Words that never wait for room in the stream come when they come, whatever comes after it: in
/// every run of as many images in which none does, they come in the same cycles.
struct StreamHistory {
  /// When all has come to rest that can without a further image.
  struct Image {
    int64_t words;  ///< sent so far
    int64_t clock;  ///< of the part that sends them
    int64_t state;  ///< equal: that of all parts and streams before is the same but for the time
  };
  StepRecord pushes;
  std::vector<Image> images;
};

}  // namespace stuckat::dataflow
