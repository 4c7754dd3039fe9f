// The systolic array as a SystemC module: executes one layer after the other, product by product.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <systemc>
#include <vector>

#include "models/memory/fetch_module.h"
#include "models/systolic/array_core.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {

/// A layer on its whole input.
struct LayerCommand {
  int index = 0;                  ///< in Plan::layers
  int64_t start = 0;              ///< cycle
  int64_t origin = 0;             ///< cycle that transient faults count from
  const Tensor* input = nullptr;  ///< lives until the layer is done
};
std::ostream& operator<<(std::ostream& stream, const LayerCommand& command);

struct LayerDone {
  int64_t cycle = 0;  ///< first cycle in which the array is free again
  GemmCycles cycles;
  Tensor output;
};
std::ostream& operator<<(std::ostream& stream, const LayerDone& done);

/// Values of a product are worked out when its weights are there, its end is stamped: no event for
/// a cycle, and none for a PE.
class ArrayModule : public sc_core::sc_module {
 public:
  sc_core::sc_fifo_in<LayerCommand> commands;
  sc_core::sc_fifo_in<memory::Moved> bank_full;  ///< weights, in the order of their tiles
  sc_core::sc_fifo_out<int64_t> bank_free;       ///< cycles, in the same order
  sc_core::sc_fifo_out<LayerDone> done;
  /// The bytes of a tile of weights of a layer of the plan, and, before a product is computed, that
  /// it has all of its tiles. Unset: the cores have their weights.
  std::function<void(int index, const WeightTile& tile, const std::vector<uint8_t>& bytes)> load;
  std::function<void(int index)> loaded;

  /// fetches: weights come through bank_full; else they are there. cores: one for each of
  /// plan.layers. All outlive the module.
  ArrayModule(const sc_core::sc_module_name& name, const SystolicArray& array, const Plan& plan,
              std::vector<ArrayCore>& cores, const Network& network, bool fetches);

 private:
  void execute();
  /// The cycles of the product's tiles, given when memory has their weights; those of `start`.
  std::vector<TileTimes> fetch(int index, const ProductPlan& product, int64_t start,
                               GemmCycles& cycles);

  const SystolicArray& array_;
  const Plan& plan_;
  std::vector<ArrayCore>& cores_;
  const Network& network_;
  const bool fetches_;
};

}  // namespace stuckat::systolic
