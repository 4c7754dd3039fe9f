#include <algorithm>

#include "faultmaps/array_map.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "sim/protect/chip_orders.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::protect;

namespace {

/// Images that the reference gets right with these channels of a layer stuck at a code.
int64_t right_with(const test::CampaignSetup& setup, int layer, std::vector<int> channels,
                   uint32_t code) {
  const Network& network = setup.network;
  Effects effects = stuck_channel(network, layer, 0, network.layer(layer).output_format.level(0));
  std::sort(channels.begin(), channels.end());
  effects.elements.front().channels = std::move(channels);
  effects.elements.front().mask = CodeMask::constant(code);
  int64_t right = 0;
  for (int i = 0; i < setup.data.size(); ++i) {
    const auto tensors =
        reference::run(network, input_tensor(network, setup.data, i), effects, int64_t{i});
    const int found = predicted_class(tensors.back().values.data(), network.classes());
    right += found == setup.data.labels[static_cast<size_t>(i)] ? 1 : 0;
  }
  return right;
}

bool is_permutation_of_all(std::vector<int> channels, int rows) {
  std::sort(channels.begin(), channels.end());
  return channels == identity_order(rows);
}

/// Chips with a few dead PEs, at levels that differ.
FaultMap dead_pes_of(const Placement& placement, const Network& network, int count, uint64_t seed) {
  const SiteIndex sites(placement, network);
  const auto all = sites.of(SiteKind::pe_dead);
  int64_t most = 0;
  for (const SiteSpace& space : all) most += space.sites();
  return exact_map({SiteKind::pe_dead}, std::min<int64_t>(count, most), seed, sites);
}

}  // namespace

TEST_CASE("ranks: the cheapest channel alone, then the one with which the set costs least") {
  int sets = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    test::CampaignSetup setup(seed, 6);
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      Meter meter(setup.network, setup.data, 2);
      constexpr int all = 1000;  // channels: every one is tried
      const ChannelRanks ranks = rank_channels(meter, *placement, {all, 2});
      Meter one(setup.network, setup.data, 1);
      const ChannelRanks again = rank_channels(one, *placement, {all, 2});
      for (const auto& [layer, of_layer] : ranks) {
        const int rows = setup.network.layer(layer).rows();
        CHECK(is_permutation_of_all(of_layer.any, rows));
        CHECK(of_layer.any == again.at(layer).any);
        CHECK(of_layer.stuck == again.at(layer).stuck);
        if (rows > 12) continue;  // the reference takes its time
        for (const auto& [code, rank] : of_layer.stuck) {
          CHECK(is_permutation_of_all(rank, rows));
          for (size_t n = 1; n <= std::min<size_t>(2, rank.size()); ++n) {
            const std::vector<int> chosen(rank.begin(), rank.begin() + static_cast<ptrdiff_t>(n));
            const int64_t right = right_with(setup, layer, chosen, code);
            for (size_t other = n; other < rank.size(); ++other) {
              std::vector<int> set = chosen;
              set.back() = rank[other];
              CHECK(right_with(setup, layer, set, code) <= right);
            }
            ++sets;
          }
        }
      }
    }
  }
  CHECK(sets > 20);
}

TEST_CASE("broken rows get the first channels of the ranks, and fault-free logits stay") {
  int moved = 0, mixed = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    test::CampaignSetup setup(seed, 4);
    const Network& network = setup.network;
    const Tensor image = input_tensor(network, setup.data, 0);
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      Meter meter(network, setup.data, 2);
      const ChannelRanks ranks = rank_channels(meter, *placement, {3, 1});
      for (const int count : {1, 3}) {
        const FaultMap map = dead_pes_of(*placement, network, count, seed + 1);
        const Effects effects = lower(map, *placement, network);
        const ChannelOrders orders = orders_around(network, ranks, effects);
        const Network other = reschedule(network, orders);
        CHECK(reference::run(other, image).back() == reference::run(network, image).back());
        moved += orders.empty() ? 0 : 1;
        for (const auto& [layer, of_layer] : ranks) {
          const int rows = network.layer(layer).rows();
          const auto found = orders.find(layer);
          const ChannelOrder order = found == orders.end() ? identity_order(rows) : found->second;
          REQUIRE(is_permutation_of_all(order, rows));
          std::map<uint32_t, std::vector<int>> broken;  // channels on broken rows, by code
          for (const ElementFault& fault : effects.elements) {
            if (Network::producer(fault.tensor) != layer) continue;
            for (const int row : fault.channels) {
              broken[fault.mask.set].push_back(order[static_cast<size_t>(row)]);
            }
          }
          mixed += broken.size() > 1 ? 1 : 0;
          if (broken.size() != 1) continue;
          auto& [code, channels] = *broken.begin();
          std::vector<int> first = of_layer.stuck.at(code);
          first.resize(channels.size());
          std::sort(first.begin(), first.end());
          std::sort(channels.begin(), channels.end());
          CHECK(channels == first);
        }
      }
    }
  }
  CHECK(moved > 10);
  CHECK(mixed > 3);
}

TEST_CASE("a repaired chip is the reference of the deployed network with those channels stuck") {
  int compared = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    test::CampaignSetup setup(seed, 3);
    const Network& network = setup.network;
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      Meter meter(network, setup.data, 2);
      const ChannelRanks ranks = rank_channels(meter, *placement, {2, 1});
      const FaultMap map = dead_pes_of(*placement, network, 2, seed + 5);
      const Effects effects = lower(map, *placement, network);
      const ChannelOrders orders = orders_around(network, ranks, effects);
      const Network other = reschedule(network, orders);
      Effects expected = effects;  // in the channels of the network as it is
      for (ElementFault& fault : expected.elements) {
        const auto order = orders.find(Network::producer(fault.tensor));
        if (order == orders.end()) continue;
        for (int& channel : fault.channels) channel = order->second[static_cast<size_t>(channel)];
        std::sort(fault.channels.begin(), fault.channels.end());
      }
      for (int i = 0; i < setup.data.size(); ++i) {
        const Tensor image = input_tensor(network, setup.data, i);
        CHECK(reference::run(other, image, lower(map, *placement, other)).back() ==
              reference::run(network, image, expected).back());
        compared += orders.empty() ? 0 : 1;
      }
    }
  }
  CHECK(compared > 15);
}

TEST_CASE("where one PE computes all channels nothing is ranked, and no order comes out") {
  test::CampaignSetup setup(3, 4);
  Placement placement = setup.loopback;
  for (PeArray& array : placement.arrays) {
    array.pe = 1;
    for (ArrayUse& use : array.uses) use.rows = setup.network.layer(use.layer).rows();
  }
  Meter meter(setup.network, setup.data, 1);
  CHECK_FALSE(reorders(setup.network, placement));
  const ChannelRanks ranks = rank_channels(meter, placement);
  CHECK(ranks.empty());
  const auto reasons = unranked(setup.network, placement);
  REQUIRE_FALSE(reasons.empty());
  CHECK_THAT(reasons.front(), Catch::Contains("the only PE computes all channels"));
  Effects effects =
      stuck_channel(setup.network, placement.arrays[0].uses[0].layer, 0,
                    setup.network.layer(placement.arrays[0].uses[0].layer).output_format.level(0));
  CHECK(orders_around(setup.network, ranks, effects).empty());
}
