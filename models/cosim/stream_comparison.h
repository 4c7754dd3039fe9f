// Two streams that should carry the same words in the same cycles: one behind RTL and one behind
// our part, or any other pair, in one simulation or one after the other. Says where they differ
// first. Either side may run ahead.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "sim/kernel/stamped_fifo.h"

namespace stuckat::cosim {

class StreamComparison {
 public:
  /// name: of the stream, for the message; lane_bits: to name the lane of a wrong bit. Throws
  /// InputError on words of different widths, and on a stream that another comparison or a trace
  /// watches.
  StreamComparison(std::string name, int lane_bits, kernel::StampedFifo& expected,
                   kernel::StampedFifo& actual);
  ~StreamComparison();
  StreamComparison(const StreamComparison&) = delete;
  StreamComparison& operator=(const StreamComparison&) = delete;

  /// "" as long as everything that both sides did is the same; else the first difference: "word 17
  /// of layer1/out: pushed in cycle 412, expected 410" or "... is 0x12, expected 0x1a: lane 3 bit
  /// 0". First is the smallest word index; of one word, its push, then its bits, then its pop.
  const std::string& difference() const { return difference_; }
  /// The same for a run that is over: one side has words or pops that the other has not.
  std::string final_difference() const;
  int64_t compared() const { return compared_; }  ///< words, pops included

 private:
  struct Event {
    int64_t index;
    int64_t cycle;
    std::vector<uint64_t> word;  // of a push
  };
  /// One side of the comparison of pushes or of pops.
  struct Side : kernel::WordProbe {
    void on_push(int64_t index, int64_t cycle, const uint64_t* word) override;
    void on_pop(int64_t index, int64_t cycle) override;
    StreamComparison* owner = nullptr;
    std::deque<Event> pushes, pops;
  };
  void compare();
  void report(const Event& got, const std::string& what);

  std::string name_;
  int lane_bits_;
  size_t limbs_;
  kernel::StampedFifo& expected_fifo_;
  kernel::StampedFifo& actual_fifo_;
  Side expected_, actual_;
  int64_t compared_ = 0;
  std::string difference_;
  int64_t difference_index_ = -1;
};

}  // namespace stuckat::cosim
