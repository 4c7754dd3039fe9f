// Retraining on a broken chip: what pruned weights cost a training step. Goal: at most 5 % more
// than a step without faults.
//
// bench_retraining [--width W] [--percent P] [--steps N]
//
// CNV-W2A2 (width 0.25), batch 100, weights pruned as by bypassed PEs of a 256x256 array, P percent
// of them (20). Steps with and without in turns, in CPU-seconds.
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "faultmaps/draws.h"
#include "faultmaps/systolic_array.h"
#include "trainer/fixed_faults.h"
#include "trainer/optimizer.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

Effects pruned(const Network& network, double rate) {
  SystolicArray array;
  array.rows = array.columns = 256;
  Draws draws(1);
  PeSet bypassed(static_cast<size_t>(array.pes()));
  for (size_t pe = 0; pe < bypassed.size(); ++pe) bypassed[pe] = draws.uniform() <= rate;
  Effects effects;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!layer.has_weights()) continue;
    const std::vector<bool> mask = pruned_weights(array, layer, bypassed);
    for (size_t k = 0; k < mask.size(); ++k) {
      const int at = static_cast<int>(k);
      if (!mask[k]) continue;
      effects.patches.push_back(
          {static_cast<int>(i), at / layer.columns(), false, at % layer.columns(), 0});
    }
  }
  return effects;
}

}  // namespace

int main(int argc, char** argv) {
  double width = 0.25, percent = 20;
  int steps = 10;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--width") width = std::atof(argv[i + 1]);
    if (option == "--percent") percent = std::atof(argv[i + 1]);
    if (option == "--steps") steps = std::atoi(argv[i + 1]);
  }
  constexpr int batch = 100;
  const Network network = zoo_network("cnv-w2a2", {.width = width});
  Workers workers(1);
  const Effects effects = pruned(network, percent / 100);
  FixedFaults overlay(network, effects, {});
  FaultOverlay* const overlays[] = {&overlay};
  TrainingStep healthy(network, {}, workers), broken(network, {.faults = true}, workers);
  Model models[] = {initial_model(network, 1), initial_model(network, 1)};
  Adam adams[] = {Adam(models[0]), Adam(models[1])};
  std::vector<int8_t> input(block_count(batch) * block_elements(network.input()));
  const Sequence random(1, Purpose::order);
  for (size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<int8_t>(random.below(i, 256) - 128);
  }
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % network.classes());
  double seconds[2] = {};
  for (int i = -1; i < steps; ++i) {  // the first takes the memory
    for (const int with : {0, 1}) {
      const std::clock_t start = std::clock();
      TrainingStep& step = with == 1 ? broken : healthy;
      step.run(
          models[with], input.data(), labels,
          with == 1 ? std::span<FaultOverlay* const>(overlays) : std::span<FaultOverlay* const>());
      update_statistics(models[with], step.statistics());
      adams[with].update(models[with], step.gradients(), 0.001, workers);
      if (i >= 0) seconds[with] += static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    }
  }
  std::cout << "a step of " << batch << " images: " << seconds[0] / steps << " CPU-seconds, with "
            << effects.patches.size() << " weights pruned " << seconds[1] / steps << "\n  "
            << 100 * (seconds[1] / seconds[0] - 1) << " % more; goal at most 5 %\n";
  return 0;
}
