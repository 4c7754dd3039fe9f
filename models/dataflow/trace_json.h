// A run as a trace (models/common/trace_writer.h), image by image while it goes on.
#pragma once

#include <iosfwd>
#include <memory>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/trace.h"

namespace stuckat::dataflow {

/// Words closer together than this are one slice; a FIFO shows its fullest moment of as many
/// cycles.
inline constexpr int64_t trace_resolution = 64;

/// Parts: a slice for each image, from the first word that it reads to the last one it writes, and
/// in it slices in which words move; layers: a slice for each image; FIFOs: words in store.
class DataflowTrace {
 public:
  /// Both outlive this.
  DataflowTrace(std::ostream& file, const Chain& chain);
  ~DataflowTrace();

  /// Writes the images that have passed all streams, and takes them away: of [chain.streams] only
  /// what belongs to images still under way is left.
  void add(std::vector<StreamTrace>& streams);
  /// No image is under way any more.
  void finish();

 private:
  void write_image(const std::vector<StreamTrace>& streams);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stuckat::dataflow
