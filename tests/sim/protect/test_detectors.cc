#include <algorithm>

#include "faultmaps/lower.h"
#include "sim/protect/detectors.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::protect;

TEST_CASE("sums of a layer are those before its thresholds, broken or not") {
  int broken = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    test::CampaignSetup setup(seed, 2);
    const Network& network = setup.network;
    for (int i = 0; i < 20; ++i) {
      const FaultMap map = test::random_faults(setup.random, setup.dataflow, network, 1);
      const Effects effects = lower(map, setup.dataflow, network);
      const auto tensors =
          reference::run(network, input_tensor(network, setup.data, 0), effects, 0);
      for (int layer = 0; layer < static_cast<int>(network.layers.size()); ++layer) {
        const Layer& l = network.layer(layer);
        if (!l.has_weights()) continue;
        const auto& input = tensors[static_cast<size_t>(network.input_tensor(layer))];
        const auto sums = layer_sums(network, layer, effects, input, 0);
        // Thresholds and comparators that are not broken give the layer's output.
        const bool after = std::any_of(effects.elements.begin(), effects.elements.end(),
                                       [&](auto& e) { return e.tensor == layer + 1; });
        const bool thresholds =
            std::any_of(effects.patches.begin(), effects.patches.end(),
                        [&](auto& p) { return p.layer == layer && p.is_threshold; }) ||
            std::any_of(effects.operators.begin(), effects.operators.end(),
                        [&](auto& o) { return o.layer == layer && !o.pe.comparators.empty(); });
        if (after || thresholds) continue;
        const auto& output = tensors[static_cast<size_t>(layer) + 1].values;
        REQUIRE(sums.size() == output.size());
        for (size_t e = 0; e < sums.size(); ++e) {
          const int row = static_cast<int>(e % static_cast<size_t>(l.rows()));
          CHECK(reference::threshold(l, l.threshold_row(row), sums[e]) == output[e]);
        }
        broken += sums == layer_sums(network, layer, {}, input, 0) ? 0 : 1;
      }
    }
  }
  CHECK(broken > 10);
}

TEST_CASE("detectors are silent without faults, and see what their definition says") {
  int seen = 0;
  int unseen = 0;
  for (uint64_t seed = 0; seed < 14; ++seed) {
    test::CampaignSetup setup(seed, 4);
    const Network& network = setup.network;
    const Detectors detectors(network, setup.data, 4);
    CHECK(detectors.watch({}, setup.data, 4).by_range == 0);
    CHECK(detectors.watch({}, setup.data, 4).by_checksum == 0);
    for (int i = 0; i < 12; ++i) {
      const FaultMap map = test::random_faults(setup.random, setup.dataflow, network, 1);
      const Fault& fault = map.faults.front();
      const Effects effects = lower(map, setup.dataflow, network);
      const Detection found = detectors.watch(effects, setup.data, 4);
      INFO("seed " << seed << " " << name(fault));
      CHECK(found.images == 4);
      CHECK(found.critical_by_checksum <= std::min(found.critical, found.by_checksum));
      CHECK(found.critical_by_range <= std::min(found.critical, found.by_range));
      const bool behind = fault.kind == SiteKind::pe_dead || fault.kind == SiteKind::pe_output ||
                          fault.kind == SiteKind::pe_threshold ||
                          fault.kind == SiteKind::pe_comparator;
      if (behind) CHECK(found.by_checksum == 0);
      unseen += behind && found.critical > 0 ? 1 : 0;
      // One wrong weight is a wrong checksum wherever its operand is not 0.
      if (fault.kind == SiteKind::pe_weight && effects.patches.size() == 1) {
        const ParameterPatch& patch = effects.patches.front();
        const Layer& layer = network.layer(patch.layer);
        int64_t expected = 0;
        for (int image = 0; image < 4; ++image) {
          const auto tensors =
              reference::run(network, input_tensor(network, setup.data, image), Effects{}, image);
          const auto& input = tensors[static_cast<size_t>(network.input_tensor(patch.layer))];
          bool differs = false;
          for (int y = 0; y < layer.output.height; ++y) {
            for (int x = 0; x < layer.output.width; ++x) {
              differs = differs || reference::window(layer, input, y,
                                                     x)[static_cast<size_t>(patch.index)] != 0;
            }
          }
          expected += differs ? 1 : 0;
        }
        CHECK(found.by_checksum == expected);
        seen += expected > 0 ? 1 : 0;
      }
    }
  }
  CHECK(seen > 2);
  CHECK(unseen > 0);
}

TEST_CASE(
    "a range is the least and greatest sum of the calibration, and a stuck high bit leaves it") {
  test::CampaignSetup setup(3, 6);
  const Network& network = setup.network;
  const Detectors detectors(network, setup.data, 6);
  const auto [low, high] = detectors.range(0);
  int32_t least = INT32_MAX;
  int32_t greatest = INT32_MIN;
  const Layer& layer = network.layer(0);
  for (int i = 0; i < 6; ++i) {
    const Tensor image = input_tensor(network, setup.data, i);
    for (int y = 0; y < layer.output.height; ++y) {
      for (int x = 0; x < layer.output.width; ++x) {
        const auto window = reference::window(layer, image, y, x);
        for (int row = 0; row < layer.rows(); ++row) {
          const int32_t sum = reference::accumulate(layer, layer.weight_row(row), window.data());
          least = std::min(least, sum);
          greatest = std::max(greatest, sum);
        }
      }
    }
  }
  CHECK(low == least);
  CHECK(high == greatest);
  const PeArray& array = setup.dataflow.arrays.front();
  const int sign = array.uses.front().accumulator_bits - 1;
  const Fault fault{SiteKind::pe_accumulator, array.name, {0, sign, 0, 0}, 1};
  const Effects effects = lower({setup.dataflow.accelerator, {fault}}, setup.dataflow, network);
  CHECK(detectors.watch(effects, setup.data, 6).by_range == 6);
}
