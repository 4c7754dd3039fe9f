// The arithmetic of an array of PEs on one layer: bit-exact, no time, no SystemC (docs/hardware.md,
// MVTU). The dataflow accelerator has one core for each MVTU; the loopback accelerator has one for
// each layer that its array runs, and arms the same fault on all of them.
//
// Faults are stuck bits in what the PE reads and writes. Healthy rows go through a packed fast
// path; the rows of a PE that is broken in its arithmetic are computed step by step, as its
// registers would.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "models/common/packed_rows.h"
#include "models/common/stuck_bits.h"
#include "models/common/threshold_search.h"
#include "workloads/network.h"

namespace stuckat {

class MvtuCore {
 public:
  /// `sums`: compute() gives accumulators, and output() is asked for what becomes of them.
  MvtuCore(const Layer& layer, const PeArray& array, const ArrayUse& use, bool sums = false);

  /// Breaks the hardware that the fault names; coordinates and value as in site_table(), validated
  /// before. A bit or an address that this layer does not use has no effect on it. Faults of
  /// streams are not for this core.
  void arm(const Fault& fault);

  /// A fault that arm() was given is a flip: set_step_cycles() is due before compute(), and
  /// compute() takes the rows of one neuron fold at a time.
  bool has_flips() const { return has_flips_; }
  /// The cycle in which each step of the synapse fold starts, [columns / simd]. `filled`: since
  /// when weights and thresholds are there; flips before that are lost.
  void set_step_cycles(const int64_t* cycles, int64_t filled = 0) {
    step_cycles_ = cycles;
    filled_ = filled;
  }
  /// What the window holds in its padded columns, [padded columns - columns], if that is not
  /// padded_input() all over; else null. For the calls of compute() until the next one of this.
  void set_padding(const int32_t* values) { padding_ = values; }

  /// Keeps the packed form of `window` ([layer.columns()] values, column order of docs/hardware.md)
  /// for the following calls of compute(), which are of rows of one group. The window must live
  /// until then.
  void load(const int32_t* window);
  /// The same window as 1-bit codes, column c in bit c mod 64 of word c/64, where the layer's input
  /// is binary. Costs no unpacking unless a PE is broken in its arithmetic.
  void load_codes(const uint64_t* codes);
  /// Outputs (values; accumulators if layer.accumulator_output) of rows first .. last-1 at output
  /// pixel `pixel` (raster index) into out[0 ..].
  void compute(int pixel, int first, int last, int32_t* out);

  /// Accumulators of rows `row` .. row + count - 1 of the array become their outputs, flips left
  /// out.
  void apply_thresholds(int row, int count, int32_t* values) const;

  // Channel-parallel: what a PE does in a fold, all rows of which are of the groups that the use
  // takes at once.
  /// layer().rows() where that is padding.
  int row_at(int fold, int pe) const;
  int pe_of(int row) const { return row % fold_rows_ % pe_; }

  const Layer& layer() const { return layer_; }

 private:
  /// What is broken in one PE. Vectors are empty while nothing in them is.
  struct BrokenPe {
    bool arithmetic = false;             ///< its accumulators come from the step loop
    std::vector<StuckBits> inputs;       ///< [simd], on the code of the lane's input
    std::vector<StuckBits> products;     ///< [simd], on the product
    StuckBits accumulator;               ///< on the register, after each step
    std::vector<StuckBits> comparators;  ///< [thresholds_per_row], bit 0
    StuckBits output;                    ///< on the output code
    bool dead = false;                   ///< gives dead_output, whatever it computes
    int32_t dead_output = 0;
    /// `index`: the lane, or the number of the threshold.
    struct Flip {
      int index;
      int bit;
      int64_t cycle;
    };
    std::vector<Flip> input_flips;
    std::vector<Flip> product_flips;
    std::vector<Flip> accumulator_flips;
    std::vector<Flip> comparator_flips;
    std::vector<Flip> output_flips;
  };
  /// Of a stored weight (number: column) or threshold.
  struct ParameterFlip {
    int row;
    int number;
    int bit;
    int64_t cycle;
  };

  void arm_flip(const Fault& fault);
  /// Bits that are inverted by flips in this very cycle.
  static uint32_t inverted(const std::vector<BrokenPe::Flip>& flips, int index, int64_t cycle);
  int32_t weight_in(int row, int column, int64_t cycle) const;
  int32_t threshold_in(int row, int index, int64_t cycle) const;
  int64_t last_step_cycle() const {
    return has_flips_ ? step_cycles_[use_.columns / simd_ - 1] : 0;
  }
  void arm_weight(int row, int column, int bit, bool one);
  void arm_threshold(int row, int index, int bit, bool one);
  void note_order(int row);
  void recompute(const BrokenPe& pe, int row, int32_t sum, int32_t* out) const;
  int32_t broken_output(const BrokenPe& pe, int row, int32_t accumulator, int64_t cycle) const;
  int32_t accumulate_in_steps(const BrokenPe& pe, int row) const;
  int32_t register_value(int32_t value) const;
  int32_t output_value(int row, int32_t accumulator) const;
  int32_t threshold_value(int row, int32_t accumulator) const;
  int32_t broken_output_of(const BrokenPe& pe, int row, int32_t accumulator) const;
  int8_t* weights_of(int row) {
    return weights_.data() + static_cast<size_t>(row) * static_cast<size_t>(use_.columns);
  }

  Layer layer_;  // without parameters: those are below, as they are read
  int pe_;
  int simd_;
  bool gives_sums_;
  Schedule schedule_;
  ArrayUse use_;
  std::vector<int8_t> weights_;       // [rows][use_.columns], padded with padded_weight()
  std::vector<int32_t> thresholds_;   // [rows][thresholds per row]
  std::vector<char> ascends_;         // [rows], or empty: thresholds are few
  std::vector<ThresholdLine> lines_;  // [rows], likewise; of those that ascend
  PackedRows packed_;                 // weights_ without their padding
  std::set<int> stale_rows_;          // of packed_, since weights were armed
  std::vector<int32_t> levels_;       // [thresholds per row + 1] values of the output format
  std::map<int, BrokenPe> broken_;    // by PE; absent PEs are healthy
  std::map<std::pair<int, int>, StuckBits> stuck_weights_;     // by row and column
  std::map<std::pair<int, int>, StuckBits> stuck_thresholds_;  // by row and number
  std::vector<ParameterFlip> weight_flips_;
  std::vector<ParameterFlip> threshold_flips_;
  bool has_flips_ = false;
  const int64_t* step_cycles_ = nullptr;
  int64_t filled_ = 0;
  const int32_t* padding_ = nullptr;
  const int32_t* window_ = nullptr;
  PackedVector packed_window_;
  std::vector<int32_t> unpacked_;  // what window_ points to after load_codes()
  std::vector<int32_t> sums_;      // [rows], scratch of compute()
  int fold_rows_;                  // of the groups that a fold is of
};

}  // namespace stuckat
