// Images per second of a full training step of CNV-W1A1 (32x32x3 input, batch 100): augmentation
// excluded, forward, loss, backward and ADAM included. Goal: 150 images/s on two cores. The second
// figure counts processor time, which says more on a machine that is shared.
//
// bench_trainer [--threads N] [--network NAME] [--steps N] [--width X] [--fat]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "trainer/optimizer.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

int main(int argc, char** argv) {
  int threads = 0;
  int steps = 10;
  double width = 1;
  bool fat = false;
  std::string name = "cnv-w1a1";
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--fat") {
      fat = true;
    } else if (i + 1 < argc && option == "--threads") {
      threads = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--steps") {
      steps = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--width") {
      width = std::atof(argv[++i]);
    } else if (i + 1 < argc && option == "--network") {
      name = argv[++i];
    } else {
      std::cerr << "bench_trainer [--threads N] [--network NAME] [--steps N] [--width X] [--fat]\n";
      return 2;
    }
  }
  constexpr int batch = 100;
  constexpr double goal = 150;
  const Network network = zoo_network(name, {.width = width});
  Workers workers(threads);
  Model model = initial_model(network, 1);
  TrainingStep step(network, false, {}, workers);
  Adam adam(model);

  const Sequence random(1, Purpose::order);
  std::vector<int8_t> input(block_count(batch) * block_elements(network.input()));
  for (size_t i = 0; i < input.size(); ++i) {
    const bool present = static_cast<int>(i / block_elements(network.input())) * lanes +
                             static_cast<int>(i % lanes) <
                         batch;
    const bool binary = network.layers.front().input_format.kind == FormatKind::binary;
    const int value = binary ? 2 * random.below(i, 2) - 1 : random.below(i, 256) - 128;
    input[i] = static_cast<int8_t>(present ? value : 0);
  }
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % network.classes());
  StepInjection injection;
  if (fat) {
    injection.injection.percent = 5;
    for (const int layer : network.injectable_layers()) {
      injection.tensors.push_back(network.tensor_after_pool(layer));
    }
  }
  double best = 0;
  double best_cpu = 0;
  double loss = 0;
  for (int i = 0; i <= steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    injection.step = static_cast<uint64_t>(i);
    loss = step.run(model, input.data(), labels, injection).loss;
    adam.update(model, step.gradients(), 0.001, workers);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    if (i == 0) continue;  // takes the memory
    best = std::max(best, batch / seconds.count());
    best_cpu = std::max(best_cpu, batch / std::max(1e-9, cpu_seconds));
  }
  std::cout << network.name << " width " << width << (fat ? " FAT" : "") << ", batch " << batch
            << ", " << workers.threads() << " threads: " << best << " images/s in the best of "
            << steps << " steps (goal " << goal << "), " << best_cpu
            << " images per CPU-second, loss " << loss << "\n";
  return 0;
}
