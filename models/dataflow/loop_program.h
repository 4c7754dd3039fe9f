// The loop of every part as a table: which of its steps read a word and which write one. All that
// timing depends on, besides the FIFO depths; docs/hardware.md has the loops.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/chain.h"

namespace stuckat::dataflow {

/// Steps that all do the same. Each comes after `skip` steps that neither read nor write.
struct Phase {
  int64_t steps = 0;
  int64_t skip = 0;
  bool reads = false;
  bool writes = false;

  bool operator==(const Phase&) const = default;
};

struct Block {
  int64_t repeat = 1;
  std::vector<Phase> phases;

  bool operator==(const Block&) const = default;
};

/// What a part does for one image. Images follow each other in one flattened loop, unless the part
/// drains: then its pipeline runs empty after every image.
struct LoopProgram {
  std::vector<Block> blocks;
  int latency_steps = 1;
  Discipline discipline = Discipline::stalling;
  bool drains = false;
  bool side_register = false;  ///< the word of the next step that reads is taken ahead of it
  int spare = 0;               ///< further results that the pipeline holds, flushing

  int64_t steps_per_image() const;
  int64_t words_read_per_image() const;
  int64_t words_written_per_image() const;
  /// Steps per image and the bubbles of its drain.
  int64_t cycles_per_image() const;

  bool operator==(const LoopProgram&) const = default;
};

}  // namespace stuckat::dataflow
