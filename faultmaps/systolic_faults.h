// The faults of one systolic array: collected, then lowered together, since what one PE reads
// depends on all registers on the way to it. Inside faultmaps only.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "faultmaps/lowering.h"
#include "faultmaps/systolic_array.h"

namespace stuckat {

class SystolicFaults final : public PartFaults {
 public:
  explicit SystolicFaults(int part) : part_(part) {}

  void add(const Fault& fault);
  void finish(Lowering& lowering) override;

 private:
  /// What is stuck in a PE.
  struct Pe {
    CodeMask a, b, d, product;
    CodeMask w[2];
    std::optional<int> dead;
    std::optional<bool> valid;
    std::optional<int> propagate;
    bool bypassed = false;
  };
  using PeKey = std::pair<int, int>;  // column, row

  /// The array at work on a layer.
  struct Work {
    Lowering& lowering;
    const SystolicArray& array;
    int index;  // of the layer
    const Layer& layer;
    SystolicMap map;
    int columns;  // of the array that are in use, in some tile
  };

  Work work_on(Lowering& lowering, int layer) const;
  /// Null: healthy.
  const Pe* pe_at(int row, int column) const;
  bool is_bypassed(int row, int column) const;
  /// Nothing broken; as all operators of the layer have it.
  static BrokenPe healthy(const Work& work);
  [[noreturn]] void refuse(const Work& work, const std::string& what) const;

  // Masks as an operand meets them on its way, limited to the bits that the layer has.
  CodeMask of_input(const Work& work, int row, int first_column, int last_column) const;
  CodeMask of_weight_operand(const Work& work, int column, int first_row, int last_row) const;
  CodeMask of_load(const Work& work, int column, int first_row, int last_row) const;
  CodeMask of_product(const Work& work, int row, int column) const;
  CodeMask of_register(const Work& work, int row, int column, int parity) const;
  /// The load chain of a column from a row to the register of another, and that register.
  CodeMask of_weight(const Work& work, int column, int first_row, int row, int parity) const;

  // Stuck bits (systolic_columns.cc).
  void weight_stationary(const Work& work) const;
  void column(const Work& work, int column, const std::vector<CodeMask>& inputs) const;
  void patch_weights(const Work& work, int column) const;
  void exchange_weights(const Work& work, int column, const BrokenPe& base) const;
  /// What the weight register that does not work holds, as a code, when the PE of a row in the
  /// column of `channel` works for that on a tile in the order of the tiles: the weight of the one
  /// after it where that is in place.
  uint32_t other_weight(const Work& work, int channel, int row, int tile,
                        bool next_is_in_place) const;
  void output_stationary(const Work& work) const;
  void element(const Work& work, int row, int column, CodeMask input, CodeMask weight) const;
  void check_valid(const Work& work, int column) const;
  bool idle_adds(const Work& work, int row, int column) const;

  // Transients (systolic_flips.cc).
  struct Flips;
  void add_flips(Lowering& lowering) const;

  int part_;
  SystolicArray array_;
  std::map<PeKey, Pe> pes_;
  std::map<int, std::map<int, CodeMask>> accumulators_;  // column, address
  std::vector<const Fault*> flips_;
};

}  // namespace stuckat
