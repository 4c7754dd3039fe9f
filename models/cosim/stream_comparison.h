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

/// What counts as a difference: a foreign part with other latencies has the values alone in common
/// with ours.
enum class Compared : uint8_t { values_and_cycles, values };

/// Of all words that both sides have pushed.
struct ComparisonSummary {
  int64_t words = 0;
  int64_t wrong_words = 0;
  // By how many cycles the actual word came later than the expected one.
  int64_t first_offset = 0;
  int64_t largest_offset = 0;  ///< by its magnitude, the first of equals
  int64_t last_offset = 0;
  std::string first_wrong_bit;  ///< as difference() says it; "" if no word is wrong

  /// "100 words, 0 wrong; cycles later: first 2, largest 14, last 3"
  std::string text() const;
};

class StreamComparison {
 public:
  /// name: of the stream, for the message; lane_bits: to name the lane of a wrong bit. Throws
  /// InputError on words of different widths, and on a stream that another comparison or a trace
  /// watches.
  StreamComparison(std::string name, int lane_bits, kernel::StampedFifo& expected,
                   kernel::StampedFifo& actual, Compared compared = Compared::values_and_cycles);
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
  /// Goes on after the first difference.
  const ComparisonSummary& summary() const { return summary_; }

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
  void note_offset(int64_t cycles);
  void report(const Event& got, const std::string& what);

  std::string name_;
  int lane_bits_;
  bool cycles_count_;
  size_t limbs_;
  kernel::StampedFifo& expected_fifo_;
  kernel::StampedFifo& actual_fifo_;
  Side expected_, actual_;
  int64_t compared_ = 0;
  ComparisonSummary summary_;
  std::string difference_;
  int64_t difference_index_ = -1;
};

}  // namespace stuckat::cosim
