#include "sim/campaign/fault_set.h"
#include "tests/support/catch.h"
#include "tests/support/rounded_sums.h"
#include "workloads/zoo.h"

namespace stuckat::campaign {
namespace {

Network small_resnet() {
  test::Random random(3);
  Network network = zoo_network("resnet-8-w4a4", {.width = 0.25, .input_side = 8});
  test::fill_rounding(network, random);
  return network;
}

Effects effects_of(const Network& network, const std::vector<std::string>& parts) {
  return named_faults(network, nullptr, {"one"}, {parts}, "test").effects(0);
}

TEST_CASE("every bit of every weight is a fault, in the order of layers, rows and columns") {
  const Network network = small_resnet();
  const FaultSet faults = weight_faults(network);
  int64_t bits = 0;
  for (const Layer& layer : network.layers) {
    bits += static_cast<int64_t>(layer.weights.size()) *
            (layer.has_weights() ? layer.weight_format.bits : 0);
  }
  CHECK(faults.size() == 2 * bits);
  CHECK(faults.info(0).id == "layer0/weight[0,0]/bit[0]=0");
  CHECK(faults.info(2 * 8 * 27 + 2 * 8 + 15).id == "layer0/weight[1,1]/bit[7]=1");
  const int8_t weight = network.layer(0).weight_row(1)[1];
  const Effects sign = faults.effects(2 * 8 * 27 + 2 * 8 + 15);
  REQUIRE(sign.patches.size() == 1);
  CHECK(sign.patches[0] == ParameterPatch{0, 1, false, 1, weight < 0 ? weight : weight - 128});
}

TEST_CASE("bits of one weight are stuck together, and not both ways") {
  const Network network = small_resnet();
  const Effects both =
      effects_of(network, {"layer1/weight[2,5]/bit[0]=1", "layer1/weight[2,5]/bit[3]=0",
                           "layer1/weight[2,6]/bit[1]=1", "layer0/channel[1]=15"});
  CHECK(both.elements.size() == 1);
  REQUIRE(both.patches.size() == 2);
  const NumberFormat format = network.layer(1).weight_format;
  const uint32_t code = format.code(network.layer(1).weight_row(2)[5]);
  CHECK(both.patches[0].value == format.value((code | 1u) & 7u));
  for (const auto& [parts, expected] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"layer1/weight[2,5]/bit[0]=1", "layer1/weight[2,5]/bit[0]=0"}, "one way"},
           {{"layer1/weight[4,5]/bit[0]=1"}, "4 x 36"},
           {{"layer1/weight[2,36]/bit[0]=1"}, "4 x 36"},
           {{"layer1/weight[2,5]/bit[4]=1"}, "int4"},
           {{"layer1/weight[2,5]/bit[0]=2"}, "0 or 1"},
           {{"layer1/weight[2]/bit[0]=1"}, "0 or 1"},
           {{"add0/weight[0,0]/bit[0]=1"}, "no channel"}}) {
    INFO(parts.front());
    CHECK_THROWS_WITH(effects_of(network, parts), Catch::Contains(expected));
  }
}

TEST_CASE("one element of a layer has a name, and channels of an add have too") {
  const Network network = small_resnet();
  const Effects one = effects_of(network, {"layer0/element[1,2,3]=7"});
  REQUIRE(one.elements.size() == 1);
  CHECK(one.elements[0].tensor == 1);
  CHECK(one.elements[0].pixels == std::vector<int>{10});
  CHECK(one.elements[0].channels == std::vector<int>{3});
  CHECK(one.elements[0].mask == CodeMask::constant(7));
  CHECK(effects_of(network, {"add0/channel[3]=15"}).elements[0].tensor == 4);
  CHECK_THROWS_WITH(effects_of(network, {"layer0/element[1,2,4]=7"}), Catch::Contains("channel 4"));
  CHECK_THROWS_WITH(effects_of(network, {"layer9/element[0,0,0]=7"}),
                    Catch::Contains("without thresholds"));
}

}  // namespace
}  // namespace stuckat::campaign
