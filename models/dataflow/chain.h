// The parts of an accelerator in the order in which data passes through them, and the streams
// between them: what elaboration builds, and all that timing depends on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

enum class StageKind : uint8_t {
  memory_reader,
  width_converter,
  padding,
  sliding_window,
  mvtu,
  thresholding,
  max_pool,
  memory_writer
};

struct StageSpec {
  StageKind kind = StageKind::width_converter;
  std::string name;  ///< "layer1/mvtu"
  int layer = -1;    ///< index in Network::layers; -1 outside of the layers

  bool operator==(const StageSpec&) const = default;
};

/// Words of `lanes` elements of `lane_bits` bits. Where the stream carries a tensor, element e of
/// the tensor travels in word e / lanes, lane e mod lanes.
struct StreamSpec {
  std::string name;  ///< "layer1/out"
  int lanes = 1;
  int lane_bits = 1;
  int depth = 2;
  int64_t words_per_image = 0;
  int tensor = -1;  ///< -1: inside a part

  int word_bits() const { return lanes * lane_bits; }
  bool operator==(const StreamSpec&) const = default;
};

/// Stage i reads stream i-1 and writes stream i.
struct Chain {
  std::vector<StageSpec> stages;
  std::vector<StreamSpec> streams;

  bool operator==(const Chain&) const = default;
};

/// Indices of the stages from `first` to `last`, by name. Throws InputError.
std::vector<size_t> stages_between(const Chain& chain, const std::string& first,
                                   const std::string& last);

Chain build_chain(const DataflowAccelerator& accelerator, const Network& network);

}  // namespace stuckat::dataflow
