// Rates of the dataflow simulation on CNV-W1A1 with the published folding, one core: SystemC with
// values, cycles alone, and cycles alone with what repeats skipped. Random weights: neither cycles
// nor work depend on them. bench_dataflow IMAGES rtl: with FINN's parts in RTL. bench_dataflow
// IMAGES resnet-8: ResNet-8 in 8 bits, whose streams fork and join.
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <systemc>

#include "models/dataflow/simulation.h"
#include "tests/support/random_network.h"
#include "tests/support/rounded_sums.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Prints one row; whether the goal was reached.
void row(const char* what, double goal, int64_t cycles, double seconds, int images) {
  const double rate = static_cast<double>(cycles) / seconds / 1e6;
  std::printf("%-44s goal %5.1f  measured %8.2f  (%d images, %.3f s CPU, %.1f images/s)\n", what,
              goal, rate, images, seconds, images / seconds);
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 1000;
  const std::string variant = argc > 2 ? argv[2] : "";
  const bool rtl = variant == "rtl", graph = variant == "resnet-8";
  test::Random random(1);
  Network network = zoo_network(graph ? "resnet-8-w8a8" : "cnv-w1a1");
  if (graph) {
    test::fill_rounding(network, random);
  } else {
    for (Layer& layer : network.layers) {
      if (layer.has_weights()) test::fill_parameters(layer, random);
    }
  }
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(test::random_image(random, network));
  auto accelerator = dataflow::parse_dataflow(
      graph ? (argc > 3 ? std::string("auto:") + argv[3] : "auto") : "bnn-pynq-cnv-w1a1", network);
  if (rtl) {
    using dataflow::Backend;
    accelerator.discipline = dataflow::Discipline::flushing;
    for (auto& p : accelerator.layers) {
      p.parts = {dataflow::WindowVersion::rtl, Backend::rtl, Backend::rtl, Backend::rtl,
                 Backend::rtl};
    }
  }

  std::printf("million simulated cycles per CPU-second, %s%s\n", network.name.c_str(),
              rtl ? ", RTL" : "");
  double start = cpu_seconds();
  const auto result = dataflow::simulate(network, accelerator, {}, images);
  const double with_values = cpu_seconds() - start;
  row("SystemC, every word, with values", 5, result.total_cycles, with_values, count);

  start = cpu_seconds();
  const auto every_word = dataflow::time_images(network, accelerator, count,
                                                {.skip_periods = false, .occupancy = false});
  row("cycles alone, every word", 20, every_word.total_cycles, cpu_seconds() - start, count);
  start = cpu_seconds();
  const auto counted = dataflow::time_images(network, accelerator, count, {.skip_periods = false});
  row("  with the occupancy of every FIFO", 20, counted.total_cycles, cpu_seconds() - start, count);
  for (const bool occupancy : {false, true}) {
    constexpr int many = 10000;
    start = cpu_seconds();
    const auto timing = dataflow::time_images(network, accelerator, many, {.occupancy = occupancy});
    row(occupancy ? "  with the occupancy of every FIFO" : "cycles alone, what repeats is skipped",
        20, timing.total_cycles, cpu_seconds() - start, many);
  }
  std::printf("first image %lld cycles, steady interval %lld, bottleneck %s; engines %s\n",
              static_cast<long long>(result.first_image_cycles),
              std::llround(dataflow::steady_interval(network, accelerator).per_image()),
              result.bottleneck.c_str(),
              every_word.arrival_cycles == result.arrival_cycles ? "agree" : "DISAGREE");
  if (graph) return every_word.arrival_cycles == result.arrival_cycles ? 0 : 1;
  std::printf(
      "seconds per CNV image: %.4f here with values; on such a machine ONNXim 0.69, SCALE-Sim 21 "
      "to "
      "50, STONNE 177\n",
      with_values / count);
  return every_word.arrival_cycles == result.arrival_cycles ? 0 : 1;
}
