#include "models/loopback/pe_array_module.h"

#include <algorithm>
#include <numeric>
#include <ostream>

namespace stuckat::loopback {

std::ostream& operator<<(std::ostream& stream, const LayerCommand& command) {
  return stream << "layer " << command.index << " at " << command.start;
}

std::ostream& operator<<(std::ostream& stream, const LayerDone& done) {
  return stream << "done at " << done.cycle;
}

PeArrayModule::PeArrayModule(const sc_core::sc_module_name& name,
                             const LoopbackAccelerator& accelerator, const LoopbackPlan& plan,
                             std::vector<ProtectedCore>& cores)
    : sc_module(name), accelerator_(accelerator), plan_(plan), cores_(cores) {
  sc_assert(cores.size() == plan.layers.size());
  SC_HAS_PROCESS(PeArrayModule);
  SC_THREAD(execute);
}

void PeArrayModule::execute() {
  for (int bank = 0; bank < accelerator_.weight_banks(); ++bank) bank_free.write(0);
  for (;;) {
    const LayerCommand command = commands.read();
    int64_t now = command.start;
    LayerCycles cycles;
    for (const WeightTile& tile : plan_.layers[static_cast<size_t>(command.index)].tiles) {
      const memory::Moved weights = bank_full.read();
      const int64_t start = std::max(now, weights.cycle);
      if (load) load(command.index, tile, weights.bytes);
      compute(command.index, tile, start - command.origin);
      cycles.waiting += start - now;
      cycles.steps += tile.steps;
      now = start + tile.steps;
      bank_free.write(now);
    }
    cycles.pipeline = accelerator_.pipeline_cycles;
    activations->close(now + cycles.pipeline - command.origin);
    done.write({now + cycles.pipeline, cycles});
  }
}

/// Fold by fold, with the cycles of its steps: what transients need.
void PeArrayModule::compute_in_steps(int index, const WeightTile& tile, int64_t start, int pixel) {
  const LayerPlan& plan = plan_.layers[static_cast<size_t>(index)];
  ProtectedCore& core = cores_[static_cast<size_t>(index)];
  const bool by_channel = accelerator_.schedule == Schedule::channel_parallel;
  const int64_t pass = by_channel ? pixel : pixel / accelerator_.pe;
  const Layer& layer = core.layer();
  std::vector<int64_t> cycles(static_cast<size_t>(plan.synapse_fold));
  for (int fold = 0; fold < tile.folds; ++fold) {
    std::iota(cycles.begin(), cycles.end(), start + (pass * tile.folds + fold) * plan.synapse_fold);
    core.set_step_cycles(cycles.data(), start);
    const auto [row, last] = plan.rows_of(tile.first_fold + fold);
    if (activations->has_flips()) {
      core.load(activations->window(layer, pixel, layer.group_of(row), cycles.data(),
                                    static_cast<int>(accelerator_.simd)));
    } else if (layer.groups > 1) {
      core.load(activations->window(layer, pixel, layer.group_of(row)));
    }
    core.compute(pixel, row, last, outputs_.data());
    activations->write(pixel, row, last - row, outputs_.data(),
                       cycles.back() + accelerator_.pipeline_cycles);
  }
}

void PeArrayModule::compute(int index, const WeightTile& tile, int64_t start) {
  const LayerPlan& plan = plan_.layers[static_cast<size_t>(index)];
  ProtectedCore& core = cores_[static_cast<size_t>(index)];
  const Layer& layer = core.layer();
  const bool in_steps = core.has_flips() || activations->has_flips();
  const int end = tile.first_fold + tile.folds;
  outputs_.resize(static_cast<size_t>(std::min(layer.rows(), tile.folds * plan.rows_per_fold)));
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    if (in_steps) {
      core.load(activations->window(layer, pixel, 0));
      compute_in_steps(index, tile, start, pixel);
      continue;
    }
    for (int fold = tile.first_fold; fold < end;) {
      const int group = fold / plan.group_folds;
      const int first = plan.rows_of(fold).first;
      fold = std::min(end, (group + 1) * plan.group_folds);
      const int count = plan.rows_of(fold - 1).end - first;
      core.load(activations->window(layer, pixel, group));
      core.compute(pixel, first, first + count, outputs_.data());
      activations->write(pixel, first, count, outputs_.data(), 0);
    }
  }
}

}  // namespace stuckat::loopback
