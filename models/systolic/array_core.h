// The arithmetic of a systolic array on one layer, register by register where something is broken:
// bit-exact, no SystemC. Healthy columns go through the packed path of all arrays (mvtu_core.h).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/systolic_array.h"
#include "models/common/mvtu_core.h"
#include "models/systolic/plan.h"
#include "workloads/network.h"

namespace stuckat::systolic {

class ArrayCore {
 public:
  ArrayCore(const SystolicArray& array, const Layer& layer);

  /// Breaks what a validated fault of the array names. Bits that the layer's codes have not have no
  /// effect on it.
  void arm(const Fault& fault);

  /// One product of the layer on its whole input: fills its pixels of `output`. start: cycle of the
  /// run in which it begins, which transients count from; times: of its tiles, [tiles_of()].
  void compute(const ProductPlan& product, int64_t start, const std::vector<TileTimes>& times,
               const Tensor& input, Tensor& output);
  const Layer& layer() const { return layer_; }

 private:
  /// A register as it is read: stuck bits, and bits that were inverted in a cycle.
  struct Register {
    uint32_t keep = ~0u;
    uint32_t set = 0;
    std::vector<std::pair<int64_t, uint32_t>> flips = {};  // by cycle

    uint32_t stuck(uint32_t stored) const { return (stored & keep) | set; }
    /// What was stored just before `cycle`, read in it.
    uint32_t read(uint32_t stored, int64_t cycle) const {
      return stuck(stored ^ inverted(cycle - 1, cycle));
    }
    /// Bits inverted in cycles after `written` until `cycle`.
    uint32_t inverted(int64_t written, int64_t cycle) const {
      uint32_t bits = 0;
      for (const auto& [at, flip] : flips) bits ^= at > written && at <= cycle ? flip : 0;
      return bits;
    }
  };
  /// Registers along a way that are not healthy, by their position on it.
  using Line = std::map<int, Register>;

  static Register* at(Line& line, int position) {
    const auto found = line.find(position);
    return found == line.end() ? nullptr : &found->second;
  }
  static const Register* at(const Line& line, int position) {
    const auto found = line.find(position);
    return found == line.end() ? nullptr : &found->second;
  }
  /// Reads of what moves on by one register a cycle, from position first to last.
  static uint32_t travel(const Line& line, int first, int last, uint32_t code, int64_t cycle);

  uint32_t input_code(int row, int column, int32_t value, int64_t cycle) const;
  uint32_t product(int row, int column, uint32_t weight, uint32_t input, int64_t cycle) const;
  int32_t output_of(int row, int32_t sum) const;
  void weight_stationary(int column, const ProductPlan& product, int64_t start,
                         const std::vector<TileTimes>& times, Tensor& output);
  void output_stationary(int column, const ProductPlan& product, int64_t start,
                         const std::vector<TileTimes>& times, Tensor& output);
  /// Codes of a column as they arrive in w0 or w1 of its rows, [tile of the product][row].
  std::vector<std::vector<uint32_t>> loaded_weights(int column, const ProductPlan& plan,
                                                    const std::vector<TileTimes>& times,
                                                    int64_t start) const;

  SystolicArray array_;
  Layer layer_;
  SystolicMap map_;
  MvtuCore healthy_;
  std::vector<Line> a_;                // [row], by column
  std::vector<Line> b_, d_, product_;  // [column], by row; and below
  std::vector<Line> w_[2];
  std::vector<Line> valid_, propagate_;
  std::vector<Line> memory_;                   // [column], by address
  std::set<std::pair<int, int>> bypassed_;     // row, column
  std::map<std::pair<int, int>, int> dead_;    // levels
  std::set<int> broken_columns_;               // whose sums need care
  int first_broken_input_ = 1 << 30;           // column
  std::vector<std::vector<int32_t>> windows_;  // [vector of the product][columns of the layer]
};

}  // namespace stuckat::systolic
