// What a broken PE computes: a value, and the arithmetic that every engine shares.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/broken_chain.h"
#include "faultmaps/code_mask.h"
#include "workloads/network.h"

namespace stuckat {

/// What a broken PE computes, in the order of the fold (docs/hardware.md, MVTU): per step, `simd`
/// lanes multiply, their sum goes into an accumulator register of accumulator_bits (unsigned for
/// XNOR layers, else two's complement; it wraps), whose stuck bits show in every partial sum.
/// Columns from layer.columns() to padded_columns hold padded_weight() and padded_input()
/// (placement.h).
struct BrokenPe {
  using Lane = LaneMask;
  struct PaddedWeight {
    int row = 0;
    int column = 0;  ///< layer.columns() .. padded_columns - 1
    int32_t value = 0;
    bool operator==(const PaddedWeight&) const = default;
  };
  struct Comparator {
    int index = 0;  ///< number of the threshold
    bool one = false;
    bool operator==(const Comparator&) const = default;
  };
  /// Bits of a lane's operand or product that a transient inverted in one step.
  struct LaneFlip {
    int step = 0;
    int lane = 0;
    uint32_t bits = 0;
    bool operator==(const LaneFlip&) const = default;
  };
  /// Bits of a stored threshold that a transient inverted, sign extension included.
  struct ThresholdFlip {
    int row = 0;
    int index = 0;
    uint32_t bits = 0;
    bool operator==(const ThresholdFlip&) const = default;
  };
  /// Bits of a stored weight that a transient inverted, in a padded column too.
  struct WeightFlip {
    int row = 0;
    int column = 0;
    uint32_t bits = 0;
    bool operator==(const WeightFlip&) const = default;
  };
  /// Bits of the accumulator register that a transient inverted before a step of the fold.
  struct AccumulatorFlip {
    int step = 0;
    uint32_t bits = 0;
    bool operator==(const AccumulatorFlip&) const = default;
  };
  int simd = 1;
  int padded_columns = 0;
  int accumulator_bits = 32;
  CodeMask accumulator;
  std::vector<Lane> inputs;    ///< on the code of the lane's input operand
  std::vector<Lane> products;  ///< XNOR: 1-bit match; else two's complement of layer.product_bits()
  std::vector<PaddedWeight> padded_weights;
  std::vector<Comparator> comparators;  ///< outputs stuck at 0 or 1
  std::vector<WeightFlip> weight_flips = {};
  std::vector<AccumulatorFlip> accumulator_flips = {};  ///< stuck bits win, here and below
  std::vector<LaneFlip> input_flips = {};
  std::vector<LaneFlip> product_flips = {};
  std::vector<ThresholdFlip> threshold_flips = {};
  std::vector<int> comparator_flips = {};  ///< numbers of thresholds
  /// Registers of a result on its way out (MVU in RTL): bits stuck, or inverted for this result.
  CodeMask side_register = {};    ///< only where the result waits for the one before
  CodeMask output_register = {};  ///< then this one
  /// In a systolic array, in place of the adder tree: then simd is its rows, and steps are tiles.
  BrokenChain chain = {};

  /// What the accumulator register holds after a sum was written to it: it wraps, stuck bits win.
  int32_t stored(uint32_t sum, bool is_unsigned) const {
    return read_register(accumulator.apply(sum), accumulator_bits, is_unsigned);
  }
  /// What it holds at the beginning of a step, after the transients before it.
  int32_t at_step(int step, int32_t held, bool is_unsigned) const {
    for (const auto& flip : accumulator_flips) {
      if (flip.step == step) held = stored(static_cast<uint32_t>(held) ^ flip.bits, is_unsigned);
    }
    return held;
  }
  /// The accumulator after the last step as it leaves.
  int32_t result(int32_t sum, bool is_unsigned) const {
    if (side_register.is_identity() && output_register.is_identity()) return sum;
    const uint32_t code = side_register.apply(static_cast<uint32_t>(sum));
    return read_register(output_register.apply(code), accumulator_bits, is_unsigned);
  }
  bool operator==(const BrokenPe&) const = default;
};

/// One PE with the faults of both.
void merge(BrokenPe& into, const BrokenPe& from);

/// Lists of flips: one after the other.
template <typename T>
void merge(std::vector<T>& into, const std::vector<T>& from) {
  into.insert(into.end(), from.begin(), from.end());
}

/// The mask of a lane, the identity where the list has none.
CodeMask mask_of(const std::vector<LaneMask>& lanes, int lane);
/// Both masks of every lane, the first one first.
void merge(std::vector<LaneMask>& into, const std::vector<LaneMask>& from);

/// The popcount that an XNOR layer's signed sum stands for, rounded up (broken_chain.h); the sum
/// itself for other layers.
inline int32_t popcount_of_sum(const Layer& layer, int32_t sum) {
  if (!layer.is_xnor()) return sum;
  return static_cast<int32_t>((int64_t{sum} + layer.columns() + 1) >> 1);
}

/// broken_accumulate() where there is a chain.
int32_t chain_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                         const int32_t* window);

/// The accumulator of a row as the broken PE computes it. weights: [layer.columns()]; window:
/// [pe.padded_columns] values, padded_input() after the layer's columns unless that is broken;
/// `row` selects PE-local padded weights.
int32_t broken_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                          const int32_t* window);

/// The output value for the accumulator of a row, with comparators and thresholds that are broken.
int32_t broken_threshold(const Layer& layer, const BrokenPe& pe, int row, const int32_t* thresholds,
                         int32_t accumulator);

/// The accumulator of a row on a healthy PE for any window, [columns]; weights: [layer.columns()].
int32_t plain_accumulate(const Layer& layer, const int8_t* weights, const int32_t* window,
                         int columns, int accumulator_bits);

}  // namespace stuckat
