// What a part does for one image, as far as timing depends on it: a loop, or one of FINN's state
// machines in RTL.
#pragma once

#include <variant>
#include <vector>

#include "models/dataflow/loop_program.h"
#include "models/dataflow/rtl_mvu_clock.h"
#include "models/dataflow/rtl_narrowing_clock.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::dataflow {

struct RtlWindowProgram {
  WindowShape shape;

  int64_t words_read_per_image() const { return shape.words_per_image(); }
  int64_t words_written_per_image() const {
    return shape.out_height * shape.words_written_per_row();
  }
  int64_t steps_per_image() const { return words_written_per_image(); }

  bool operator==(const RtlWindowProgram&) const = default;
};

using PartProgram = std::variant<LoopProgram, RtlWindowProgram, RtlMvuShape, RtlNarrowingShape>;

int64_t steps_per_image(const PartProgram& program);
int64_t words_read_per_image(const PartProgram& program);
int64_t words_written_per_image(const PartProgram& program);
/// Steps, and the bubbles of a loop that drains: as many as are counted and recorded.
int64_t counted_steps_per_image(const PartProgram& program);
/// Cycles from image to image where the part never waits for its neighbours.
int64_t cycles_per_image(const PartProgram& program);
/// Every time is the latest of some others, each with some cycles added.
bool is_max_plus(const PartProgram& program);

/// Programs of all stages of a chain, in its order.
std::vector<PartProgram> part_programs(const Chain& chain, const DataflowAccelerator& accelerator,
                                       const Network& network);

}  // namespace stuckat::dataflow
