#include <algorithm>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "faultmaps/normal_form.h"
#include "faultmaps/site_index.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

/// A network of one dense layer pair whose PEs and words are easy to count by hand.
struct Small {
  Small() {
    test::Random random(1);
    network.name = "small";
    network.add(test::random_layer(random, LayerKind::convolution, {3, 3, 2}, binary_format,
                                   binary_format, binary_format, 2, 1, 0, 6, "layer0", false));
    network.add(test::random_layer(random, LayerKind::dense, {2, 2, 6}, binary_format,
                                   binary_format, binary_format, 1, 1, 0, 4, "layer1", true));
    placement.accelerator = "test";
    placement.arrays = {
        {"layer0/mvtu", 4, 3, Schedule::channel_parallel, {test::use_of(network, 0, 4, 3, 0)}},
        {"layer1/mvtu", 2, 4, Schedule::channel_parallel, {test::use_of(network, 1, 2, 4, 0)}}};
    placement.streams = {{"layer0/out", 1, 3, 3, 2}};
    placement.streams.front().layer = 1;
    validate(placement, network);
  }
  Effects lowered(const std::string& fault) const {
    FaultMap map{"test", {parse_fault(fault, placement, network, "test")}};
    return lower(map, placement, network);
  }
  std::vector<std::string> described(const std::string& fault) const {
    return describe(lowered(fault), network);
  }
  Network network;
  Placement placement;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("faults lower to the channels, pixels and words that their hardware serves") {
  const Small s;
  CHECK(s.described("layer0/mvtu/pe[1]/dead=-1") == Lines{"channels 1, 5 of layer0 stuck at -1"});
  CHECK(s.described("layer0/mvtu/pe[3]/output[0]=1") == Lines{"channel 3 of layer0 stuck at 1"});
  CHECK(s.described("layer1/mvtu/pe[0]/dead=1") == Lines{"channels 0, 2 of layer1 stuck at 24"});
  CHECK(s.described("layer0/mvtu/pe[2]/accumulator[1]=0") ==
        Lines{"channel 2 of layer0 computed by a broken PE: accumulator bit 1 stuck at 0 in every "
              "partial sum"});
  CHECK(s.described("layer0/out/wire[2]=0") == Lines{"channels 2, 5 of layer0 stuck at -1"});
  CHECK(s.described("layer0/out/slot[1][0]=1") ==
        Lines{"channels 0, 3 of layer0 in words with running index mod 3 = 1 stuck at 1"});
  CHECK(s.described("layer0/out/slot[2]/dead=1") ==
        Lines{"every element of layer0 in words with running index mod 3 = 2 stuck at 1"});
  // address 3 + lane 2: fold 1 (SF = 9/3 = 3), so row 4 + 0 and column 2
  const Effects weight = s.lowered("layer0/mvtu/pe[0]/weight[3][2][0]=0");
  const Effects same = s.lowered("layer0/mvtu/pe[0]/weight[3][2][0]=1");
  REQUIRE(weight.patches.size() + same.patches.size() == 1);  // one of the two changes nothing
  const ParameterPatch patch = weight.patches.empty() ? same.patches[0] : weight.patches[0];
  CHECK(patch.layer == 0);
  CHECK(patch.row == 4);
  CHECK(patch.index == 2);
  CHECK(patch.value == -s.network.layers[0].weight_row(4)[2]);
  // rows 6 and 7 are padding: PE 3's second neuron fold
  CHECK(s.lowered("layer0/mvtu/pe[3]/weight[3][0][0]=0").empty());
}

TEST_CASE("the order of faults does not matter, and a fault twice is a fault once") {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement placement = seed % 2 == 0 ? test::random_dataflow_placement(random, network)
                                              : test::random_loopback_placement(random, network);
    validate(placement, network);
    FaultMap map = test::random_faults(random, placement, network, 12);
    const Effects effects = lower(map, placement, network);
    FaultMap shuffled = map;
    std::shuffle(shuffled.faults.begin(), shuffled.faults.end(), random);
    shuffled.faults.push_back(shuffled.faults.front());
    validate(shuffled, placement, network, "test");
    CHECK(lower(shuffled, placement, network) == effects);
    Effects again = effects;
    normalize(again);
    CHECK(again == effects);
  }
}

TEST_CASE("kinds that ignore the parameters lower to the same whatever they are, memories do not") {
  int64_t kept = 0, changed = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    Network other = network;  // each row with the parameters of the next
    for (Layer& layer : other.layers) {
      if (!layer.has_weights()) continue;
      std::rotate(layer.weights.begin(), layer.weights.begin() + layer.columns(),
                  layer.weights.end());
      std::rotate(layer.thresholds.begin(), layer.thresholds.begin() + layer.thresholds_per_row(),
                  layer.thresholds.end());
    }
    const Placement placement = seed % 2 == 0 ? test::random_dataflow_placement(random, network)
                                              : test::random_loopback_placement(random, network);
    const SiteIndex sites(placement, network);
    for (const SiteSpace& space : sites.spaces()) {
      const SiteRow& row = *space.row;
      if (space.sites() == 0 || space.values.empty()) continue;
      Fault fault = space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
      for (const int value : space.values) {
        fault.value = value;
        INFO("seed " << seed << ", " << stuckat::name(fault));
        const FaultMap map{placement.accelerator, {fault}};
        const bool same = lower(map, placement, network) == lower(map, placement, other);
        if (row.is(any_parameters)) CHECK(same);
        const bool memory = row.is(weight_memory) || row.is(threshold_memory);
        CHECK(memory != row.is(any_parameters));
        kept += row.is(any_parameters) ? 1 : 0;
        changed += same ? 0 : 1;
      }
    }
  }
  CHECK(kept > 1000);
  CHECK(changed > 50);
}

TEST_CASE("a dead loopback PE is its channels stuck in every layer, the last one included") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    Placement placement = test::random_loopback_placement(random, network);
    placement.arrays[0].schedule = Schedule::channel_parallel;
    for (auto& use : placement.arrays[0].uses)
      use.rows = test::round_up(use.rows, placement.arrays[0].pe);
    const int pe = test::uniform(random, 0, placement.arrays[0].pe - 1);
    const int level = site_values(site_row(SiteKind::pe_dead), placement, 0, network).front();
    const Effects effects = lower(
        {placement.accelerator, {{SiteKind::pe_dead, "array", {pe}, level}}}, placement, network);
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const Layer& layer = network.layers[i];
      if (!layer.has_weights()) continue;
      std::vector<int> expected;
      for (int c = pe; c < layer.rows(); c += placement.arrays[0].pe) expected.push_back(c);
      const auto found =
          std::find_if(effects.elements.begin(), effects.elements.end(),
                       [&](const auto& e) { return e.tensor == static_cast<int>(i) + 1; });
      REQUIRE((found != effects.elements.end()) == !expected.empty());
      if (!expected.empty()) CHECK(found->channels == expected);
    }
  }
}

TEST_CASE("dead accumulators are the ends of the range and the middle") {
  const Small s;
  const Layer& xnor = s.network.layers[1];
  CHECK(dead_accumulator(xnor, -1) == 0);
  CHECK(dead_accumulator(xnor, 1) == 24);
  Layer sum = xnor;
  sum.input_format = signed_format(2);
  CHECK(dead_accumulator(sum, -1) == sum.accumulator_min());
  CHECK(dead_accumulator(sum, 0) == 0);
  CHECK(dead_accumulator(sum, 1) == sum.accumulator_max());
}

TEST_CASE("random fault maps run through the reference and stay within their formats") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement placement = seed % 2 == 0 ? test::random_dataflow_placement(random, network)
                                              : test::random_loopback_placement(random, network);
    const Effects effects =
        lower(test::random_faults(random, placement, network, 6), placement, network);
    const Tensor image = test::random_image(random, network);
    const auto tensors = reference::run(network, image, effects, static_cast<int64_t>(seed));
    for (int t = 0; t + 1 < network.tensors(); ++t) {
      const NumberFormat format = network.format(t);
      for (const int32_t value : tensors[static_cast<size_t>(t)].values) {
        REQUIRE(format.value(format.code(value)) == value);
      }
    }
    CHECK(reference::run(network, image, {}, 3) == reference::run(network, image));
    CHECK(describe(effects, network).size() == effects.size());
  }
}
