// Rate of the dataflow simulation: CNV-W1A1 with the published folding, values and cycles, one
// core. Random weights: neither cycles nor work depend on them.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <systemc>

#include "models/dataflow/simulation.h"
#include "tests/support/random_network.h"
#include "workloads/zoo.h"

using namespace stuckat;

int sc_main(int argc, char* argv[]) {
  constexpr double goal = 1e6;  // simulated cycles per second
  const int count = argc > 1 ? std::atoi(argv[1]) : 100;
  test::Random random(1);
  Network network = zoo_network("cnv-w1a1");
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(test::random_image(random, network));
  const auto accelerator = dataflow::parse_dataflow("bnn-pynq-cnv-w1a1", network);

  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu_start = std::clock();
  const auto result = dataflow::simulate(network, accelerator, {}, images);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cpu = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  const double rate = static_cast<double>(result.total_cycles) / cpu;
  std::printf("goal      %.1f million simulated cycles per CPU-second\n", goal / 1e6);
  std::printf("measured  %.2f (%d images, %lld cycles, %.3f s CPU, %.3f s wall, %.1f images/s)\n",
              rate / 1e6, count, static_cast<long long>(result.total_cycles), cpu, seconds,
              count / cpu);
  std::printf("cycles    first image %lld, steady interval %lld, bottleneck %s\n",
              static_cast<long long>(result.first_image_cycles),
              static_cast<long long>(result.steady_interval_cycles), result.bottleneck.c_str());
  return rate >= goal ? 0 : 1;
}
