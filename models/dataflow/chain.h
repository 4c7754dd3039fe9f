// The parts of an accelerator in an order in which data passes through them, and the streams
// between them: what elaboration builds, and all that timing depends on. A chain where the network
// is one; else streams fork and join.
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
  average_pool,
  fork,    ///< DuplicateStreams: a word into each of several streams
  add,     ///< AddStreams: tables of the codes of each input, their sum, thresholds
  concat,  ///< StreamingConcat: the words of a pixel, one input's after the other's
  memory_writer
};

struct StageSpec {
  StageKind kind = StageKind::width_converter;
  std::string name;               ///< "layer1/mvtu"
  int layer = -1;                 ///< index in Network::layers; -1 outside of the layers
  std::vector<int> inputs = {};   ///< streams; none: the first stage
  std::vector<int> outputs = {};  ///< none: the last one

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
  int from = -1;    ///< stage that writes it
  int to = -1;      ///< stage that reads it
  int branch = -1;  ///< after a fork: to which of the inputs of the layer that reads it

  int word_bits() const { return lanes * lane_bits; }
  bool operator==(const StreamSpec&) const = default;
};

/// A stage comes after those that write what it reads. In a chain stage i reads stream i-1 and
/// writes stream i; stream 0 is always the memory's, the last one that of the result.
struct Chain {
  std::vector<StageSpec> stages;
  std::vector<StreamSpec> streams;

  /// The stream that a stage reads (writes), the first of several.
  const StreamSpec& in(size_t stage) const {
    return streams[static_cast<size_t>(stages[stage].inputs.front())];
  }
  const StreamSpec& out(size_t stage) const {
    return streams[static_cast<size_t>(stages[stage].outputs.front())];
  }
  /// No stream forks.
  bool is_line() const { return streams.size() + 1 == stages.size(); }

  bool operator==(const Chain&) const = default;
};

/// A part that reads or writes several streams.
bool is_junction(StageKind kind);

/// Indices of the stages from `first` to `last`, by name. Throws InputError.
std::vector<size_t> stages_between(const Chain& chain, const std::string& first,
                                   const std::string& last);

Chain build_chain(const DataflowAccelerator& accelerator, const Network& network);

}  // namespace stuckat::dataflow
