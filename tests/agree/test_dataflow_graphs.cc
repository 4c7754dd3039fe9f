// Faults of dataflow accelerators on networks that are graphs: simulator, reference and fast engine
// agree in every tensor. (Without faults, and in cycles: tests/models/dataflow/test_graphs.cc.)
#include <map>

#include "faultmaps/operations.h"
#include "faultmaps/site_index.h"
#include "models/dataflow/family.h"
#include "models/dataflow/fifo_sizing.h"
#include "tests/agree/agreement.h"
#include "tests/agree/tiny_graph.h"
#include "tests/agree/tiny_network.h"
#include "tests/models/dataflow/random_graph_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "workloads/dataset.h"
#include "workloads/import/import.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using test::Engines;

namespace {

constexpr uint64_t drawn_graphs = sanitized ? 40 : 300;

/// Whose branches are long enough.
std::shared_ptr<Dataflow> random_sized(test::Random& random, const Network& network) {
  return std::make_shared<Dataflow>(
      with_sized_fifos(test::random_graph_dataflow(random, network), network));
}

}  // namespace

TEST_CASE("every fault of a tiny dataflow accelerator agrees on a residual block") {
  struct Row {
    NumberFormat image, format;
    Engines engines;
  };
  test::CheckedMaps checked;
  for (const Row& row : {Row{fixed_point_format, unsigned_format(2), Engines::no_trainer},
                         Row{full_format(9), signed_format(3), Engines::simulator_only}}) {
    const Network network = test::tiny_residual(row.image, row.format, 7);
    test::Random random(8);
    const auto images = test::random_images(random, network, 2);
    const auto accelerator = random_sized(random, network);
    const Placement placement = accelerator->place(network);
    size_t turn = 0;
    for (const SiteRow& site : site_table()) {
      const auto faults = all_faults(site.kind, placement, network);
      // Bits and levels are much alike.
      const size_t every = faults.size() > 200 ? 11 : 3;
      for (size_t i = turn++ % every; i < faults.size(); i += every * test::stride) {
        const FaultMap map{placement.accelerator, {faults[i]}};
        INFO(row.image.name());
        checked.check(network, placement, map, images, *accelerator, row.engines);
      }
    }
  }
  CHECK(checked.refused == 0);
  CHECK(2 * checked.with_effects > checked.all);
}

TEST_CASE("every bit of sums, and of FIFOs that an add, a concat or a pool reads alone, agrees") {
  test::CheckedMaps checked;
  std::map<SiteKind, int> of_sums;
  int inputs = 0, joined = 0, pooled = 0;
  for (uint64_t seed = 3000; seed < 3000 + drawn_graphs; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const auto accelerator = random_sized(random, network);
    const Placement placement = place_on(accelerator, network, 2);
    FaultMap map{placement.accelerator, {}};
    std::vector<Fault> faults;
    for (const SiteKind kind : {SiteKind::average_sum, SiteKind::adder_sum}) {
      for (const Fault& fault : all_faults(kind, placement, network)) faults.push_back(fault);
    }
    for (const SiteKind kind : {SiteKind::stream_wire, SiteKind::stream_slot}) {
      for (const Fault& fault : all_faults(kind, placement, network)) {
        for (const Stream& stream : placement.streams) {
          const bool alone = stream.name == fault.part && stream.carries == Carries::operands &&
                             !network.layer(stream.layer).has_weights();
          if (alone) faults.push_back(fault);
        }
      }
    }
    std::shuffle(faults.begin(), faults.end(), random);
    for (size_t i = 0; i < faults.size() && map.faults.size() < 6; ++i) {
      const bool taken = std::any_of(map.faults.begin(), map.faults.end(),
                                     [&](const Fault& f) { return same_site(f, faults[i]); });
      if (!taken) map.faults.push_back(test::often_flipped(faults[i], placement, random));
    }
    if (map.faults.empty()) continue;
    validate(map, placement, network, "test");
    for (const Fault& fault : map.faults) {
      CHECK(parse_fault(name(fault), placement, network, "test") == fault);
      const Effects effects = lower({map.accelerator, {fault}}, placement, network);
      of_sums[fault.kind] += effects.pools.empty() ? 0 : 1;
      for (const OperandFault& operand : effects.operands) {
        const Layer& layer = network.layer(operand.layer);
        inputs += operand.input > 0 ? 1 : 0;
        joined += layer.kind == LayerKind::concat ? 1 : 0;
        pooled += layer.inputs.size() == 1 ? 1 : 0;
      }
    }
    INFO("seed " << seed << " " << accelerator->json(network));
    checked.check(network, placement, map, test::random_images(random, network, 2), *accelerator,
                  Engines::no_trainer);
  }
  CHECK(checked.refused == 0);
  CHECK(checked.with_effects > checked.all / 2);
  CHECK(30 * checked.hits > checked.flips);
  CAPTURE(of_sums[SiteKind::average_sum], of_sums[SiteKind::adder_sum], inputs, joined, pooled);
  const int least = sanitized ? 1 : 10;
  CHECK((of_sums[SiteKind::average_sum] >= least && of_sums[SiteKind::adder_sum] >= least));
  CHECK((inputs >= least && joined >= least && pooled >= least));
}

TEST_CASE("several faults of dataflow accelerators agree on random graphs") {
  test::CheckedMaps checked;
  for (uint64_t seed = 1000; seed < 1000 + drawn_graphs; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const auto accelerator = random_sized(random, network);
    const Placement placement = accelerator->place(network);
    const FaultMap map = test::random_faults(random, placement, network, 12);
    INFO("seed " << seed << " " << accelerator->json(network));
    checked.check(network, placement, map, test::random_images(random, network, 2), *accelerator,
                  Engines::no_trainer);
  }
  CHECK(checked.refused < checked.all / 6);
  CHECK(checked.with_effects > checked.all / 2);
}

TEST_CASE("transients in dataflow accelerators agree on random graphs") {
  test::CheckedMaps checked;
  for (uint64_t seed = 2000; seed < 2000 + drawn_graphs; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const auto accelerator = random_sized(random, network);
    const Placement placement = place_on(accelerator, network, 2);
    FaultMap map{placement.accelerator, {}};
    for (const Fault& fault : test::random_faults(random, placement, network, 12).faults) {
      map.faults.push_back(test::often_flipped(fault, placement, random));
    }
    INFO("seed " << seed << " " << accelerator->json(network));
    checked.check(network, placement, map, test::random_images(random, network, 2), *accelerator,
                  Engines::no_trainer);
  }
  CHECK(checked.refused < checked.all / 6);
  CHECK(30 * checked.hits > checked.flips);
}

TEST_CASE("an imported ResNet-8 as a dataflow accelerator: every tensor, with and without faults") {
  const std::string path = test::shared_data("networks/mlperf-tiny/pretrainedResnet_quant.tflite");
  const std::string pictures = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const Network network = import_network(path, "", {}).network;
  const DataSet data = read_dataset("cifar10:" + pictures, {.count = 1});
  const Dataflow accelerator(parse_dataflow("auto", network));
  const Placement placement = accelerator.place(network);
  const std::vector<Tensor> images = {input_tensor(network, data, 0)};
  test::check_agreement(network, placement, {placement.accelerator, {}}, images, accelerator,
                        Engines::no_trainer);
  const FaultMap map{placement.accelerator,
                     {{SiteKind::pe_accumulator, "layer1/mvtu", {0, 9}, 1},
                      {SiteKind::pe_weight, "layer5/mvtu", {0, 7, 0, 6}, 1}}};
  test::check_agreement(network, placement, map, images, accelerator, Engines::no_trainer);
}
