// What forks and joins of streams do with words: no time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/dataflow/threshold_rows.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

class Junction {
 public:
  virtual ~Junction() = default;
  virtual void begin_image() {}
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
  /// Sums leave in `sum_bits` bits where the layer passes them out.
  Adder(const Layer& layer, int lanes, int sum_bits);
  void begin_image() override { word_ = 0; }
  void take(size_t input, const uint64_t* word) override;
  void give(uint64_t* word) override;

 private:
  std::vector<CodeTable> tables_;  // [inputs]
  ThresholdRows thresholds_;
  int lanes_;
  int words_per_pixel_;
  int word_ = 0;               // of the pixel
  std::vector<int32_t> sums_;  // [lanes]
};

}  // namespace stuckat::dataflow
