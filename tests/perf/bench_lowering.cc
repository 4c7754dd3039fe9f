// Faults per second through validation, lowering and arming: a map of 10,000 faults of every kind
// on CNV-W1A1, on the published dataflow accelerator: PEs, FIFOs between layers and inside of them,
// window buffers, pools. Goal: under 0.1 s for the map, so 100,000 faults/s.
//
// bench_lowering [--faults N] [--repeats N]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <systemc>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/elaboration_module.h"
#include "models/dataflow/placement.h"
#include "tests/support/random_network.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int sc_main(int argc, char** argv) {
  int64_t faults = 10000;
  int repeats = 10;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--faults") faults = std::atoll(argv[i + 1]);
    if (option == "--repeats") repeats = std::atoi(argv[i + 1]);
  }
  test::Random random(1);
  Network network = zoo_network("cnv-w1a1");
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  const auto accelerator = dataflow::built_in_dataflow("bnn-pynq-cnv-w1a1", network);
  const Placement placement = dataflow::place(accelerator, network);
  const dataflow::Chain chain = dataflow::build_chain(accelerator, network);
  const std::vector<std::vector<uint64_t>> no_images;
  dataflow::ElaboratedChain parts(chain, accelerator, network, placement, no_images);
  const SiteIndex sites(placement, network);
  // An equal share of each kind, or a quarter of its sites; weight bits fill up.
  FaultMap map{placement.accelerator, {}};
  const auto add = [&](SiteKind kind, int64_t count) {
    const FaultMap some = exact_map({kind}, count, 1, sites);
    map.faults.insert(map.faults.end(), some.faults.begin(), some.faults.end());
  };
  for (const SiteRow& row : site_table()) {
    if (row.kind == SiteKind::pe_weight) continue;
    int64_t existing = 0;
    for (const SiteSpace& space : sites.of(row.kind)) existing += space.sites();
    add(row.kind, std::min(existing / 4, faults / static_cast<int64_t>(site_table().size())));
  }
  add(SiteKind::pe_weight, faults - static_cast<int64_t>(map.faults.size()));
  double validating = 1e9, lowering = 1e9, arming = 1e9, naming = 1e9;
  size_t effects = 0;
  for (int i = 0; i < repeats; ++i) {
    FaultMap shuffled = map;
    std::shuffle(shuffled.faults.begin(), shuffled.faults.end(), random);
    auto start = std::chrono::steady_clock::now();
    validate(shuffled, placement, network, "bench_lowering");
    validating = std::min(validating, seconds_since(start));
    start = std::chrono::steady_clock::now();
    const Effects lowered = lower(shuffled, placement, network);
    lowering = std::min(lowering, seconds_since(start));
    effects = lowered.size();
    start = std::chrono::steady_clock::now();
    for (const Fault& fault : shuffled.faults) parts.arm(fault);
    arming = std::min(arming, seconds_since(start));
    start = std::chrono::steady_clock::now();
    for (const Fault& fault : shuffled.faults) sites.parse(name(fault), "bench_lowering");
    naming = std::min(naming, seconds_since(start));
  }
  const auto count = static_cast<double>(map.faults.size());
  const double all = validating + lowering + arming;
  std::cout << map.faults.size() << " faults, " << effects << " effects; best of " << repeats
            << "\n  validate " << 1e3 * validating << " ms\n  lower    " << 1e3 * lowering
            << " ms\n  arm      " << 1e3 * arming << " ms\n  write and parse the names "
            << 1e3 * naming << " ms\ngoal: 100 ms; here " << 1e3 * all << " ms, " << count / all
            << " faults/s\n";
  return 0;
}
