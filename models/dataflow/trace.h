// When every word of every stream was written and read: what a trace of a run is made from. Kept
// only when asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/kernel/stamped_fifo.h"

namespace stuckat::dataflow {

/// Cycles by word. Hands everything on to another probe, if there is one.
class StreamTrace : public kernel::WordProbe {
 public:
  explicit StreamTrace(kernel::WordProbe* next = nullptr) : next_(next) {}

  std::vector<int64_t> pushes;    ///< [words]
  std::vector<int64_t> pops;      ///< [words that were read]
  std::function<void()> on_read;  ///< after each word that was read; may be unset

  void on_push(int64_t index, int64_t cycle, const uint64_t* word) override {
    pushes.push_back(cycle);
    if (next_ != nullptr) next_->on_push(index, cycle, word);
  }
  void on_pop(int64_t index, int64_t cycle) override {
    pops.push_back(cycle);
    if (next_ != nullptr) next_->on_pop(index, cycle);
    if (on_read) on_read();
  }

 private:
  kernel::WordProbe* next_;
};

}  // namespace stuckat::dataflow
