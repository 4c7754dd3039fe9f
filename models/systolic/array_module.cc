#include "models/systolic/array_module.h"

#include <ostream>
#include <utility>

namespace stuckat::systolic {

std::ostream& operator<<(std::ostream& stream, const LayerCommand& command) {
  return stream << "layer " << command.index << " at " << command.start;
}

std::ostream& operator<<(std::ostream& stream, const LayerDone& done) {
  return stream << "done at " << done.cycle;
}

ArrayModule::ArrayModule(const sc_core::sc_module_name& name, const SystolicArray& array,
                         const Plan& plan, std::vector<ArrayCore>& cores, const Network& network,
                         bool fetches)
    : sc_module(name),
      array_(array),
      plan_(plan),
      cores_(cores),
      network_(network),
      fetches_(fetches) {
  sc_assert(cores.size() == plan.layers.size());
  SC_HAS_PROCESS(ArrayModule);
  SC_THREAD(execute);
}

std::vector<TileTimes> ArrayModule::fetch(int index, const ProductPlan& product, int64_t start,
                                          GemmCycles& cycles) {
  const LayerPlan& plan = plan_.layers[static_cast<size_t>(index)];
  const SystolicMap map(array_, network_.layer(plan.layer));
  TileClock clock(array_, product.gemm);
  std::vector<TileTimes> times;
  int64_t ready = 0;
  for (int t = 0; t < tiles_of(array_, map, product.gemm.m); ++t) {
    const TileWeights weights = weights_of(array_, map, t);
    if (weights.fetched) {
      const memory::Moved bank = bank_full.read();
      ready = bank.cycle - start;
      const auto number = static_cast<size_t>(product.first_weights + weights.number);
      if (load) load(index, plan.weights[number], bank.bytes);
    }
    times.push_back(clock.next(ready));
    if (weights.last) bank_free.write(start + clock.entered());
  }
  if (loaded) loaded(index);
  cycles.waiting = clock.waited();
  return times;
}

void ArrayModule::execute() {
  for (;;) {
    const LayerCommand command = commands.read();
    const LayerPlan& layer = plan_.layers[static_cast<size_t>(command.index)];
    const Shape shape = network_.layer(layer.layer).output;
    LayerDone result{
        command.start, {}, {shape, std::vector<int32_t>(static_cast<size_t>(shape.size()))}};
    for (const ProductPlan& product : layer.products) {
      GemmCycles cycles = product.cycles;
      std::vector<TileTimes> late;
      if (fetches_) late = fetch(command.index, product, result.cycle, cycles);
      cores_[static_cast<size_t>(command.index)].compute(product, result.cycle - command.origin,
                                                         fetches_ ? late : product.tiles,
                                                         *command.input, result.output);
      result.cycle += cycles.total();
      result.cycles = result.cycles + cycles;
    }
    done.write(std::move(result));
  }
}

}  // namespace stuckat::systolic
