// What a flip in a given cycle of a run finds the parts and the streams doing.
#pragma once

#include <map>

#include "faultmaps/timeline.h"
#include "models/dataflow/rtl_mvu_clock.h"
#include "models/dataflow/sliding_window.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

class DataflowTimeline : public Timeline {
 public:
  /// Of a run of `image_count` images. Throws InputError as validate() does.
  DataflowTimeline(const DataflowAccelerator& accelerator, const Network& network,
                   int64_t image_count);

  int64_t images() const override { return images_; }
  int64_t cycles() const override { return cycles_; }
  std::optional<ArrayStep> next_step(const std::string& array, int64_t cycle) const override;
  std::optional<int64_t> word_in(const std::string& stream, int slot, int64_t cycle) const override;
  std::optional<int64_t> word_written(const std::string& stream, int64_t cycle) const override;
  std::optional<CellReads> cell_reads(const std::string& window, int slot, int column, int word,
                                      int64_t cycle) const override;
  std::optional<PoolStep> pool_cell(const std::string& pool, int column, int word,
                                    int64_t cycle) const override;
  std::optional<PoolStep> pool_step(const std::string& pool, int64_t cycle) const override;
  std::optional<CellReads> ring_reads(const std::string& ring, int slot,
                                      int64_t cycle) const override;
  std::optional<ReplayReads> replay_reads(const std::string& buffer, int slot,
                                          int64_t cycle) const override;
  std::optional<FoldResult> result_in(const std::string& registers, int which,
                                      int64_t cycle) const override;
  std::vector<FoldResult> results_that_wait(const std::string& registers) const override;

 private:
  int64_t images_;
  int64_t cycles_;
  struct Folds {
    int synapse = 1;
    int neuron = 1;
  };
  struct Pool {
    Layer layer;  // shapes alone
    int words = 1;
    bool windows = false;  // one after the other
    bool adds = false;     // the words of a pixel of all inputs, in one step
  };
  /// An MVU in RTL: its stage.
  struct Mvu {
    int stage = 0;
    RtlMvuShape shape;
  };
  FoldResult result_at(const Mvu& mvu, int64_t result) const;
  PoolStep pool_at(const Pool& pool, int64_t step_of_run, int64_t steps_per_image) const;

  DataflowSchedule schedule_;
  std::map<std::string, Folds> folds_;  // by name of the part, here and below
  std::map<std::string, WindowShape> windows_;
  std::map<std::string, Pool> pools_;
  std::map<std::string, WindowShape> rings_;
  std::map<std::string, Mvu> mvus_;  // by the names of their buffer and their registers
};

}  // namespace stuckat::dataflow
