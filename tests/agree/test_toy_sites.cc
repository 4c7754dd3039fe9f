// Site kinds from outside (toy_sites.h) have names, an index, generators, files, effects and
// agreement as all others, without a change anywhere else. In a program of its own: a kind stays.
#include <algorithm>

#include "faultmaps/generators.h"
#include "faultmaps/site_index.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "tests/agree/agreement.h"
#include "tests/agree/toy_sites.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/temporary_folder.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

/// Registered with the first call: before a placement is made.
const std::vector<SiteKind>& toy_kinds() {
  static const std::vector<SiteKind> kinds = {test::inverter_kind(), test::register_kind()};
  return kinds;
}

struct Toy {
  explicit Toy(uint64_t seed) : random(seed), network(test::random_network(random)) {
    toy_kinds();
    placement = seed % 2 == 0 ? test::random_dataflow_placement(random, network)
                              : test::random_loopback_placement(random, network);
    for (const int layer : network.injectable_layers()) {
      placement.others.push_back({test::register_bank_kind(),
                                  network.layer(layer).name + "/bank",
                                  layer,
                                  {network.layer(layer).output.channels}});
    }
    validate(placement, network);
  }
  test::Random random;
  Network network;
  Placement placement;
};

/// The oracle: layer by layer, every element by what the toy parts do to it.
test::Tensors by_hand(const Toy& toy, const FaultMap& map, const std::vector<Tensor>& images) {
  test::Tensors result;
  for (const Tensor& image : images) {
    std::vector<Tensor> tensors = {image};
    for (int i = 0; i < static_cast<int>(toy.network.layers.size()); ++i) {
      const Layer& layer = toy.network.layer(i);
      const auto input = static_cast<size_t>(toy.network.input_tensor(i));
      Tensor output = reference::run_layer(layer, tensors[input]);
      for (const Fault& fault : map.faults) {
        if (fault.kind != test::inverter_kind() || fault.value == 0 || layer.accumulator_output) {
          continue;
        }
        for (const PeArray& array : toy.placement.arrays) {
          if (array.name != fault.part) continue;
          if (std::none_of(array.uses.begin(), array.uses.end(),
                           [&](const ArrayUse& use) { return use.layer == i; })) {
            continue;
          }
          for (int e = 0; e < output.shape.size(); ++e) {
            const bool by_channel = array.schedule == Schedule::channel_parallel;
            const int number = by_channel ? e % output.shape.channels : e / output.shape.channels;
            if (number % array.pe != fault.coordinates[0]) continue;
            int32_t& value = output.values[static_cast<size_t>(e)];
            const uint32_t all = (1u << layer.output_format.bits) - 1;
            value = layer.output_format.value(~layer.output_format.code(value) & all);
          }
        }
      }
      for (const Fault& fault : map.faults) {
        if (fault.kind != test::register_kind() || fault.part != layer.name + "/bank") continue;
        for (int e = fault.coordinates[0]; e < output.shape.size(); e += output.shape.channels) {
          output.values[static_cast<size_t>(e)] = fault.value;
        }
      }
      tensors.push_back(std::move(output));
    }
    result.push_back(std::move(tensors));
  }
  return result;
}

}  // namespace

TEST_CASE("a site kind from outside has names, an index, generators and a place in files") {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    INFO("seed " << seed);
    const Toy toy(seed);
    const SiteIndex sites(toy.placement, toy.network);
    for (const SiteKind kind : toy_kinds()) {
      CHECK(parse_site_kind(site_row(kind).name, "test") == kind);
      const auto faults = all_faults(kind, toy.placement, toy.network);
      REQUIRE(!faults.empty());
      for (const Fault& fault : faults) {
        REQUIRE(sites.parse(name(fault), "test") == fault);
        REQUIRE(parse_fault_anywhere(name(fault), "test") == fault);
      }
      CHECK(sites
                .expand("*/" + std::string(kind == test::inverter_kind() ? "pe[*]/inverter=1"
                                                                         : "register[*]/dead=1"),
                        "test")
                .size() > 0);
    }
    const test::TemporaryFolder folder;
    const FaultMap map = random_map(toy_kinds(), 0.4, seed, sites);
    const std::string path = folder / "map.h5";
    write_fault_maps(path, {map});
    CHECK(read_fault_maps(path) == std::vector<FaultMap>{map});
  }
}

TEST_CASE("a site kind from outside agrees in all engines with arithmetic by hand") {
  int broken = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Toy toy(seed);
    const SiteIndex sites(toy.placement, toy.network);
    const FaultMap map = random_map(toy_kinds(), 0.3, seed, sites);
    const auto images = test::random_images(toy.random, toy.network, 2);
    test::check_agreement(toy.network, toy.placement, map, images,
                          [&] { return by_hand(toy, map, images); });
    if (by_hand(toy, map, images) != by_hand(toy, {}, images)) ++broken;
  }
  CHECK(broken > 6);
}

TEST_CASE("a model that does not simulate a site refuses it by name") {
  test::Random random(3);
  const Network network = test::random_network(random);
  const auto accelerator = dataflow::auto_dataflow(network, 1000);
  const FaultMap map{
      "", all_faults(test::inverter_kind(), dataflow::place(accelerator, network), network)};
  const auto images = test::random_images(random, network, 1);
  const std::string said = test::in_child([&] {
    FaultMap one{"", {map.faults.back()}};
    dataflow::simulate(network, accelerator, one, images, {});
    return std::string("accepted");
  });
  CHECK_THAT(said, Catch::Contains("toy/inverter is not simulated here"));
}
