// What it costs that hardware could be broken while nothing is: a run with an empty fault map
// against one without, A and B in turn, in the cycle-level simulator (CNV-W1A1 at a quarter of the
// width, dataflow) and in the campaign engine. Goal: within 1 % (median over the pairs).
//
// bench_empty_map [--pairs N] [--images N]
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <systemc>
#include <vector>

#include "faultmaps/lower.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "sim/fast/fault_simulator.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

double cpu_seconds_of(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// In a process of its own: SystemC elaborates once.
double cpu_seconds_in_child(const std::function<void()>& work) {
  return std::stod(test::in_child([&] { return std::to_string(cpu_seconds_of(work)); }));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Times a and b in turn, the order changing from pair to pair.
void compare(const char* what, int pairs, const std::function<double()>& without,
             const std::function<double()>& with_empty) {
  std::vector<double> ratios;
  std::vector<double> seconds;
  for (int i = 0; i < pairs; ++i) {
    double a = 0;
    double b = 0;
    if (i % 2 == 0) a = without();
    b = with_empty();
    if (i % 2 != 0) a = without();
    ratios.push_back(b / a);
    seconds.push_back(a);
  }
  const double percent = 100 * (median(ratios) - 1);
  std::cout << std::fixed << std::setprecision(2) << what << ": " << median(seconds)
            << " CPU-seconds without, empty map " << std::showpos << percent << std::noshowpos
            << " % (median of " << pairs << " pairs); goal: within 1 %\n";
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  int pairs = 15;
  int count = 64;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--pairs") pairs = std::atoi(argv[i + 1]);
    if (option == "--images") count = std::atoi(argv[i + 1]);
  }
  test::Random random(1);
  Network network = zoo_network("cnv-w1a1", {0.25, 1, 10});
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(test::random_image(random, network));
  const auto accelerator = dataflow::built_in_dataflow("bnn-pynq-cnv-w1a1", network);
  const FaultMap none;
  const FaultMap empty{"dataflow:bnn-pynq-cnv-w1a1", {}};
  const auto simulated = [&](const FaultMap& map) {
    return cpu_seconds_in_child([&] { dataflow::simulate(network, accelerator, map, images); });
  };
  compare(
      "simulator", pairs, [&] { return simulated(none); }, [&] { return simulated(empty); });

  // The engine computes every image fault-free in any case; an empty map is one more fault.
  const fast::PackedNetwork packed(network);
  const Placement placement = dataflow::place(accelerator, network);
  const Effects effects = lower(empty, placement, network);
  const auto evaluated = [&](const std::vector<Effects>& faults) {
    const fast::FaultList list(packed, faults);
    fast::FaultSimulator simulator(list);
    std::vector<fast::Verdict> verdicts(faults.size());
    return cpu_seconds_of([&] {
      for (int i = 0; i < 10 * count; ++i) {
        simulator.simulate(images[static_cast<size_t>(i % count)], i, verdicts);
      }
    });
  };
  compare(
      "campaign", pairs, [&] { return evaluated({}); }, [&] { return evaluated({effects}); });
  return 0;
}
