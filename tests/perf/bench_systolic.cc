// Systolic arrays: campaigns, lots of chips, arming and lowering, and the simulator. CNV on 32x32
// PEs, chips of 256x256. Goals: every PE of 32x32 x {product, partial sum, weight register} stuck
// bits on CNV-W1A1 at 5,000 fault-images per CPU-second, on ResNet-8 in 8 bits at 1,500; 65,536
// faults armed and lowered within 1 s; 10,000 chips of 256x256 with 1 % of the PEs bypassed on
// 1,000 images of CNV-W2A2 at a quarter width within 10 minutes on two cores, that is 8,333
// chip-images per CPU-second; SystemC with values at 50 images per CPU-second.
//
// bench_systolic [campaign|residual|chips|lower|simulate] [--faults N] [--images N]
//
// Without a word: all of them.
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <systemc>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "faultmaps/systolic_sites.h"
#include "models/systolic/array_core.h"
#include "models/systolic/family.h"
#include "models/systolic/plan.h"
#include "sim/fast/fault_simulator.h"
#include "tests/perf/campaign_setup.h"
#include "tests/support/rounded_sums.h"

using namespace stuckat;

namespace {

double cpu() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

Placement array_of(const Network& network, const std::string& shape) {
  return systolic::place(systolic::parse_systolic("systolic:" + shape), network);
}

/// Verdicts of all maps on some images: fault-images per CPU-second.
double simulate_faults(const bench::Setup& setup, const Placement& placement,
                       const std::vector<FaultMap>& maps, int images, double& lowering) {
  const double begin = cpu();
  std::vector<Effects> effects;
  for (const FaultMap& map : maps) effects.push_back(lower(map, placement, setup.network));
  lowering = cpu() - begin;
  const fast::PackedNetwork packed(setup.network);
  const fast::FaultList list(packed, std::move(effects));
  fast::FaultSimulator simulator(list);
  std::vector<fast::Verdict> verdicts(maps.size());
  const double started = cpu();
  for (int i = 0; i < images; ++i) simulator.simulate(bench::image_of(setup, i), i, verdicts);
  return static_cast<double>(maps.size()) * images / (cpu() - started);
}

/// ResNet-8 in 8 bits with random weights, thresholds that round a scaled sum, and random images.
bench::Setup residual_setup() {
  test::Random random(1);
  bench::Setup setup;
  setup.network = zoo_network("resnet-8-w8a8");
  test::fill_rounding(setup.network, random);
  for (int i = 0; i < 20; ++i) setup.images.push_back(test::random_image(random, setup.network));
  return setup;
}

void campaign(const bench::Setup& setup, int goal, int64_t faults, int images) {
  const Placement placement = array_of(setup.network, "32x32");
  const SystolicKinds& kinds = systolic_kinds();
  const SiteIndex sites(placement, setup.network);
  struct Row {
    const char* name;
    std::vector<SiteKind> kinds;
  };
  for (const Row& row : {Row{"product", {kinds.product}}, Row{"partial sum", {kinds.b}},
                         Row{"weight register", {kinds.w0, kinds.w1}},
                         Row{"all three", {kinds.product, kinds.b, kinds.w0, kinds.w1}}}) {
    std::vector<FaultMap> maps;
    for (const Fault& fault : exact_map(row.kinds, faults, 1, sites).faults) {
      maps.push_back({placement.accelerator, {fault}});
    }
    double lowering = 0;
    const double rate = simulate_faults(setup, placement, maps, images, lowering);
    std::cout << setup.network.name << " on 32x32, " << maps.size() << " stuck bits, " << row.name
              << ": " << rate << " fault-images per CPU-second, goal " << goal << "; lowered in "
              << lowering << " s\n";
  }
}

void chips(int64_t count, int images) {
  const bench::Setup setup = bench::random_setup("cnv-w2a2", 0.25);
  const Placement placement = array_of(setup.network, "256x256");
  const SiteIndex sites(placement, setup.network);
  std::vector<FaultMap> maps;
  for (int64_t i = 0; i < count; ++i) {
    maps.push_back(random_map({systolic_kinds().bypass}, 0.01, chip_seed(1, i), sites));
  }
  double lowering = 0;
  const double rate = simulate_faults(setup, placement, maps, images, lowering);
  std::cout << count << " chips of 256x256, 1 % bypassed: " << rate
            << " chip-images per CPU-second, goal 8333; lowered in " << lowering << " s\n";
}

/// Chip by chip: pruned weights are put into the network once, for all images.
void pruned_chips(int64_t count, int images) {
  const bench::Setup setup = bench::random_setup("cnv-w2a2", 0.25);
  const Placement placement = array_of(setup.network, "256x256");
  const SiteIndex sites(placement, setup.network);
  const double begin = cpu();
  for (int64_t i = 0; i < count; ++i) {
    const FaultMap map = random_map({systolic_kinds().bypass}, 0.01, chip_seed(1, i), sites);
    Network pruned = setup.network;
    for (const ParameterPatch& p : lower(map, placement, setup.network).patches) {
      Layer& layer = pruned.layers[static_cast<size_t>(p.layer)];
      layer.weights[static_cast<size_t>(p.row * layer.columns() + p.index)] = 0;
    }
    const fast::PackedNetwork packed(pruned);
    fast::Executor executor(packed);
    for (int k = 0; k < images; ++k) executor.run(bench::image_of(setup, k));
  }
  const double seconds = cpu() - begin;
  std::cout << count << " chips of 256x256, 1 % bypassed, chip by chip on " << images
            << " images: " << static_cast<double>(count) * images / seconds
            << " chip-images per CPU-second, goal 8333\n";
}

void lowering(int64_t count) {
  const bench::Setup setup = bench::random_setup("cnv-w2a2", 1);
  for (const char* shape : {"256x256", "256x256:os-drain"}) {
    const auto accelerator = systolic::parse_systolic("systolic:" + std::string(shape));
    const Placement placement = systolic::place(accelerator, setup.network);
    const SystolicArray array = systolic_array_of(placement.others.front());
    const SiteIndex sites(placement, setup.network);
    const SystolicKinds& kinds = systolic_kinds();
    for (const auto& [name, kind] :
         {std::pair{"bypassed PEs", kinds.bypass}, std::pair{"stuck product bits", kinds.product},
          std::pair{"stuck weight bits", kinds.w0}}) {
      FaultMap map = exact_map({kind}, count, 1, sites);
      const double begin = cpu();
      const Effects effects = lower(map, placement, setup.network);
      const double lowered = cpu();
      for (const int layer : array.layers) {
        systolic::ArrayCore core(array, setup.network.layer(layer));
        for (const Fault& fault : map.faults) core.arm(fault);
      }
      std::cout << map.faults.size() << " " << name << " on " << shape << ": lowered in "
                << lowered - begin << " s to " << effects.size() << " effects, armed in "
                << cpu() - lowered << " s; goal 1 s for both\n";
    }
  }
}

void simulate(int images) {
  const bench::Setup setup = bench::make_setup("cnv-w1a1");
  const systolic::Systolic array(systolic::parse_systolic("systolic:32x32"));
  const double begin = cpu();
  constexpr int repeats = 100;
  int64_t cycles = 0;
  for (int i = 0; i < repeats; ++i) cycles += array.time(setup.network, 1).total_cycles;
  const double timed = cpu();
  std::vector<Tensor> run;
  for (int i = 0; i < images; ++i) run.push_back(bench::image_of(setup, i));
  const double started = cpu();
  cycles += array.simulate(setup.network, {}, run, {}).total_cycles;
  const double seconds = cpu() - started;
  std::cout << "timing alone: " << 1e6 * (timed - begin) / repeats / 9
            << " us a layer; SystemC with values: " << images / seconds
            << " images per CPU-second, goal 50 (" << cycles << " cycles)\n";
}

}  // namespace

int sc_main(int argc, char** argv) {
  std::string what;
  int64_t faults = 0;
  int images = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::atoll(argv[++i]) : 0; };
    if (option == "--faults") {
      faults = value();
    } else if (option == "--images") {
      images = static_cast<int>(value());
    } else if (option[0] != '-') {
      what = option;
    } else {
      std::cerr << "unknown option " << option << "\n";
      return 2;
    }
  }
  const auto or_else = [](auto given, auto otherwise) { return given > 0 ? given : otherwise; };
  if (what.empty() || what == "campaign") {
    campaign(bench::make_setup("cnv-w1a1"), 5000, or_else(faults, 2000), or_else(images, 2));
  }
  if (what.empty() || what == "residual") {
    campaign(residual_setup(), 1500, or_else(faults, 500), or_else(images, 2));
  }
  if (what.empty() || what == "chips") chips(or_else(faults, 500), or_else(images, 2));
  if (what.empty() || what == "chips") pruned_chips(or_else(faults / 10, 10), or_else(images, 200));
  if (what.empty() || what == "lower") lowering(or_else(faults, 65536));
  if (what.empty() || what == "simulate") simulate(or_else(images, 50));
  return 0;
}
