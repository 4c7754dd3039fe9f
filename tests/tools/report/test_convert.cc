#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tools/report/convert.h"
#include "tools/report/statistics.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

namespace stuckat::report {
namespace {

using campaign::FaultInfo;

/// Ten images of two classes; fault f leaves f of them right, changes 10 - f and masks none but
/// those of fault 9.
campaign::Result result_with(const std::string& spec, std::vector<FaultInfo> faults) {
  campaign::Result result;
  result.identity.data = "cifar10";
  result.identity.data_hash = "d1d1";
  result.identity.faults = spec;
  result.identity.faults_hash = "f2f2";
  result.layer_names = {"layer0", "layer1", "pool0"};
  result.classes = 2;
  result.images = 10;
  result.labels = {5, 5};
  result.golden_correct = {5, 4};
  result.faults = std::move(faults);
  for (int f = 0; f < static_cast<int>(result.faults.size()); ++f) {
    result.correct.insert(result.correct.end(), {f / 2, f - f / 2});
    result.critical.push_back(10 - f);
    result.representatives.push_back(f);
    result.last_difference.insert(result.last_difference.end(), {f == 9 ? 10 : 0, 0, 0, 0, 10});
    if (f == 9) result.last_difference.back() = 0;
  }
  return result;
}

FaultInfo channel_fault(int layer, int channel, int level) {
  FaultInfo info;
  info.id = "layer" + std::to_string(layer) + "/channel[" + std::to_string(channel) +
            "]=" + std::to_string(level);
  info.layer = layer;
  info.channel = channel;
  info.level = level;
  return info;
}

FaultInfo pe_fault(const std::string& part, int pe, int level) {
  FaultInfo info;
  info.id = part + "/pe[" + std::to_string(pe) + "]/dead=" + std::to_string(level);
  info.part = part;
  info.pe = pe;
  info.level = level;
  return info;
}

}  // namespace

TEST_CASE("a channel campaign becomes layers, channels and levels") {
  const campaign::Result result = result_with(
      "channel", {channel_fault(0, 0, -1), channel_fault(0, 1, 1), channel_fault(1, 2, -1)});
  const Campaign campaign = from_campaign("standard", result);
  CHECK(campaign.kind == "channel");
  CHECK(campaign.accelerator.empty());
  CHECK(campaign.golden_correct == 9);
  CHECK(campaign.levels == std::vector<std::string>{"-1", "+1"});
  REQUIRE(campaign.groups.size() == 2);
  CHECK(campaign.groups[0].units == 2);
  CHECK(campaign.groups[1].name == "layer1");
  CHECK(campaign.groups[1].units == 3);
  REQUIRE(campaign.faults.size() == 3);
  CHECK(campaign.faults[1].name == "channel 1 of layer0 stuck at +1");
  CHECK(campaign.faults[1].level == 1);
  CHECK(campaign.faults[2].group == 1);
  CHECK(campaign.faults[2].unit == 2);
  CHECK(campaign.faults[2].correct == 2);
  CHECK(campaign.faults[2].critical == 8);
  CHECK_FALSE(is_pe_campaign(result));

  const Network network = zoo_network("tfc-w1a1");
  CHECK(from_campaign("standard", result, &network).groups[0].units == 64);
}

TEST_CASE("a campaign of dead PEs becomes a damage map with all PEs of the placement") {
  const campaign::Result result =
      result_with("pe", {pe_fault("layer0/mvtu", 3, -1), pe_fault("layer0/mvtu", 3, 1)});
  CHECK(is_pe_campaign(result));
  Placement placement;
  placement.accelerator = "dataflow:small";
  placement.arrays = {{"layer0/mvtu", 8, 1, Schedule::channel_parallel, {}}};
  ReportInput input;
  input.networks = {{"standard", "", "", ""}};
  add_campaign(input, "standard", result, nullptr, &placement);
  add_campaign(input, "standard", result, nullptr, &placement);
  CHECK(input.campaigns.empty());
  REQUIRE(input.pe_campaigns.size() == 2);
  CHECK(input.facts.size() == 2);  // the same hashes once
  const Campaign& campaign = input.pe_campaigns[0];
  CHECK(campaign.kind == "PE dead");
  CHECK(campaign.accelerator == "dataflow:small");
  CHECK(campaign.groups[0].units == 8);
  CHECK(campaign.faults[0].unit == 3);
  CHECK(campaign.faults[0].name == "PE 3 of layer0/mvtu dead at -1");
  CHECK_NOTHROW(html(input));
}

TEST_CASE("a result brings its network, data, configuration and accelerator along") {
  campaign::Result result = result_with("pe", {pe_fault("array", 3, -1)});
  result.identity.network = "cnv-w1a1";
  result.identity.network_hash = "aa";
  result.identity.images = 10;
  result.identity.configuration = R"({"accelerator":"loopback:32x64","images":10})";
  ReportInput input;
  add_campaign(input, "standard", result);
  CHECK(input.pe_campaigns.at(0).accelerator == "loopback:32x64");
  CHECK(input.data == "cifar10, images 0 to 9");
  REQUIRE(input.networks.size() == 1);
  CHECK(input.networks[0].architecture == "cnv-w1a1");
  CHECK(input.networks[0].hash == "aa");
  CHECK(input.recipes.at(0).text == result.identity.configuration);
  result.identity.configuration = "no JSON {";
  add_campaign(input, "standard", result);
  CHECK(input.pe_campaigns.at(1).accelerator.empty());
  result.identity.network_hash = "bb";
  CHECK_THROWS_AS(add_campaign(input, "standard", result), InputError);
  CHECK_NOTHROW(add_campaign(input, "other", result));
}

TEST_CASE("pixels are numbered in raster order, chips one after the other") {
  FaultInfo pixel;
  pixel.id = "layer1/pixel[1,2]=1";
  pixel.layer = 1;
  pixel.y = 1;
  pixel.x = 2;
  pixel.level = 1;
  FaultInfo first = pixel;
  first.y = first.x = 0;
  const Campaign pixels = from_campaign("a", result_with("pixel", {first, pixel}));
  CHECK(pixels.faults[1].unit == 5);
  CHECK(pixels.faults[1].name == "pixel (1, 2) of layer1 stuck at 1");

  FaultInfo chip;
  chip.id = "maps.h5[0]";
  FaultInfo second = chip;
  second.id = "maps.h5[1]";
  ReportInput input;
  input.networks = {{"a", "", "", ""}};
  auto lot = result_with("map:maps.h5", {chip, second});
  lot.identity.configuration = R"({"accelerator": "loopback:8x8"})";
  add_campaign(input, "a", lot);
  const Campaign& chips = input.campaigns.at(0);
  CHECK(chips.kind == "chip");
  CHECK(chips.accelerator == "loopback:8x8");  // though the faults of a chip share no part
  CHECK(chips.levels == std::vector<std::string>{""});
  CHECK(chips.faults[1].unit == 1);
  CHECK(chips.faults[1].name == "maps.h5[1]");
  CHECK_NOTHROW(html(input));
}

TEST_CASE("a fault that changes no logit is masked") {
  std::vector<FaultInfo> faults;
  for (int channel = 0; channel < 10; ++channel) faults.push_back(channel_fault(0, channel, -1));
  const Campaign campaign = from_campaign("a", result_with("channel", faults));
  CHECK(campaign.faults[9].masked == 10);
  CHECK(campaign.faults[8].masked == 0);
}

TEST_CASE("a sampled campaign says so") {
  campaign::Result result = result_with("channel", {channel_fault(0, 0, -1)});
  result.identity.sampling = campaign::Sampling{0.01, 0.99, 1};
  result.strata = {{"layer0", 0, 0, 1, 1500}, {"layer1", 1, 1, 0, 420}};
  CHECK(from_campaign("a", result).note ==
        "a sample of 1,920 faults, +-1 % at a confidence of 99 %");
}

}  // namespace stuckat::report
