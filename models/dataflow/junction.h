// What forks and joins of streams do with words: no time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultmaps/code_mask.h"
#include "models/dataflow/threshold_rows.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

class Junction {
 public:
  virtual ~Junction() = default;
  virtual void begin_image() {}
  /// A step starts in `cycle`. Before its take() and give().
  virtual void settle(int64_t /*cycle*/) {}
  /// The next word of input `input`.
  virtual void take(size_t input, const uint64_t* word) = 0;
  /// The word that goes into all outputs, once all that it is made of were taken.
  virtual void give(uint64_t* word) = 0;
};

/// A word as it came: of a fork, and of a concat, whose words follow each other.
class PassedWords final : public Junction {
 public:
  explicit PassedWords(int limbs) : word_(static_cast<size_t>(limbs)) {}
  void take(size_t input, const uint64_t* word) override;
  void give(uint64_t* word) override;

 private:
  std::vector<uint64_t> word_;
};

/// What the layer's tables make of `lanes` channels of each input, added, and their thresholds.
class Adder final : public Junction {
 public:
  /// Sums have `sum_bits` bits, two's complement.
  Adder(const Layer& layer, int lanes, int sum_bits);
  /// Breaks bit `bit` of a word of sums: of all of them, or of the one of the step in `cycle`.
  void stick(int bit, bool one);
  void flip(int bit, int64_t cycle) { flips_.push_back({bit, cycle}); }
  void begin_image() override { word_ = 0; }
  void settle(int64_t cycle) override { cycle_ = cycle; }
  void take(size_t input, const uint64_t* word) override;
  void give(uint64_t* word) override;

 private:
  std::vector<CodeTable> tables_;  // [inputs]
  ThresholdRows thresholds_;
  int lanes_;
  int sum_bits_;
  int words_per_pixel_;
  int word_ = 0;  // of the pixel
  struct Flip {
    int bit;
    int64_t cycle;
  };
  void break_sums();
  std::vector<CodeMask> broken_;  // [lanes], or empty
  std::vector<Flip> flips_;
  int64_t cycle_ = 0;          // of the step
  std::vector<int32_t> sums_;  // [lanes]
};

}  // namespace stuckat::dataflow
