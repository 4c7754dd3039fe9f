#include <algorithm>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "sim/protect/rescheduling.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::protect;

namespace {

/// Images right under effects, by the reference.
int64_t right(const Network& network, const DataSet& data, const Effects& effects) {
  int64_t count = 0;
  for (int i = 0; i < data.size(); ++i) {
    const auto tensors =
        reference::run(network, input_tensor(network, data, i), effects, int64_t{i});
    const auto& logits = tensors.back().values;
    count +=
        predicted_class(logits.data(), network.classes()) == data.labels[static_cast<size_t>(i)]
            ? 1
            : 0;
  }
  return count;
}

SetScore score_of(const Network& network, const DataSet& data, const DeadPe& pe,
                  const ChannelSets& sets) {
  SetScore score{data.size() + 1, 0, 0};
  const auto effects = pe.effects(sets);
  for (size_t l = 0; l < effects.size(); ++l) {
    const int64_t count = right(network, data, effects[l]);
    score.sum += count;
    if (count < score.least) {
      score.least = count;
      score.level = pe.levels()[l];
    }
  }
  return score;
}

}  // namespace

TEST_CASE("a dead PE on the rescheduled network does what its new channels do on the old one") {
  int moved = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    test::CampaignSetup setup(seed, 1);
    const Network& network = setup.network;
    const Tensor image = input_tensor(network, setup.data, 0);
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      const ChannelOrders orders = shuffled(network, *placement, seed);
      const Network other = reschedule(network, orders);
      CHECK(reference::run(other, image).back() == reference::run(network, image).back());
      for (const DeadPe& pe : dead_pes(network, *placement)) {
        const auto expected = pe.effects(sets_under(pe, orders));
        for (size_t l = 0; l < expected.size(); ++l) {
          const size_t slash = pe.name().rfind("/pe[");
          const Fault fault{SiteKind::pe_dead,
                            pe.name().substr(0, slash),
                            {std::stoi(pe.name().substr(slash + 4)), 0, 0, 0},
                            pe.levels()[l]};
          const Effects effects = lower({placement->accelerator, {fault}}, *placement, other);
          INFO("seed " << seed << " " << name(fault));
          CHECK(reference::run(other, image, effects).back() ==
                reference::run(network, image, expected[l]).back());
          moved += effects == expected[l] ? 0 : 1;
        }
      }
    }
  }
  CHECK(moved > 20);
}

TEST_CASE("where all sets can be measured the choice is the best of them") {
  int better = 0;
  int moved = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    test::CampaignSetup setup(seed, 10);
    const Network& network = setup.network;
    Meter meter(network, setup.data, 2);
    for (const DeadPe& pe : dead_pes(network, setup.dataflow)) {
      if (pe.movable().empty()) continue;
      const int layer = pe.movable().front();
      const auto rows = static_cast<size_t>(network.layer(layer).rows());
      const auto size = pe.placed().at(layer).size();
      if (rows > 6) continue;
      const Rescheduling found = reschedule_around(meter, pe, {});
      CHECK(found.optimal);
      CHECK(found.placed == score_of(network, setup.data, pe, {}));
      CHECK(found.chosen == score_of(network, setup.data, pe, found.sets));
      int64_t sets = 0;
      for (unsigned bits = 0; bits < 1u << rows; ++bits) {
        std::vector<int> set;
        for (size_t c = 0; c < rows; ++c) {
          if ((bits >> c & 1) != 0) set.push_back(static_cast<int>(c));
        }
        if (set.size() != size) continue;
        ++sets;
        CHECK(!(found.chosen < score_of(network, setup.data, pe, {{layer, set}})));
      }
      CHECK(found.measured == sets + 1 + 16);
      CHECK(sets_under(pe, orders_for(network, pe, found.sets)) == found.sets);
      better += found.placed < found.chosen ? 1 : 0;
      ++moved;
    }
  }
  CHECK(moved > 10);
  CHECK(better > 3);
}

TEST_CASE("beyond, the choice is never worse than what is placed or a random one") {
  int loopbacks = 0;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    test::CampaignSetup setup(seed, 6);
    const Network& network = setup.network;
    Meter meter(network, setup.data, 1);
    SearchOptions options;
    options.sets = 10;  // all layers have more
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      for (const DeadPe& pe : dead_pes(network, *placement)) {
        const Rescheduling found = reschedule_around(meter, pe, options);
        CHECK(!(found.chosen < found.placed));
        for (const SetScore& score : found.random) CHECK(!(found.chosen < score));
        CHECK(found.chosen == score_of(network, setup.data, pe, found.sets));
        CHECK(found.sets.size() == pe.movable().size());
        for (const auto& [layer, set] : found.sets) {
          CHECK(set.size() == pe.placed().at(layer).size());
          CHECK(std::is_sorted(set.begin(), set.end()));
        }
        loopbacks += pe.movable().size() > 1 ? 1 : 0;
        if (pe.movable().empty()) CHECK(found.chosen == found.placed);
      }
    }
  }
  CHECK(loopbacks > 0);
}

TEST_CASE("a PE that computes all channels, or pixels, says that no order helps") {
  test::CampaignSetup setup(3, 1);
  Placement placement = setup.loopback;
  placement.arrays.front().schedule = Schedule::pixel_parallel;
  const DeadPe pixels(setup.network, placement, "array", 0);
  CHECK(pixels.movable().empty());
  CHECK(pixels.why_fixed().begin()->second == "each PE computes all channels, at its own pixels");
  placement = setup.dataflow;
  PeArray& first = placement.arrays.front();
  first.uses.front().rows = setup.network.layer(first.uses.front().layer).rows();
  first.pe = 1;
  const DeadPe all(setup.network, placement, first.name, 0);
  CHECK(all.why_fixed().begin()->second == "PE = 1: the only PE computes all channels");
  CHECK_THROWS_AS(DeadPe(setup.network, placement, first.name, 1), InputError);
}

TEST_CASE("clustering puts the most critical channels on the first PEs") {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    test::CampaignSetup setup(seed, 10);
    Meter meter(setup.network, setup.data, 1);
    const auto critical = criticality(meter);
    for (const Placement* placement : {&setup.dataflow, &setup.loopback}) {
      const ChannelOrders orders = clustered(setup.network, *placement, critical);
      for (const PeArray& array : placement->arrays) {
        for (const ArrayUse& use : array.uses) {
          if (orders.count(use.layer) == 0) continue;
          const auto& losses = critical.at(use.layer);
          double before = 1000;
          for (int pe = 0; pe < array.pe; ++pe) {
            const DeadPe dead(setup.network, *placement, array.name, pe);
            const ChannelSets sets = sets_under(dead, orders);
            if (sets.count(use.layer) == 0) continue;
            double most = -1000;
            double least = 1000;
            for (const int channel : sets.at(use.layer)) {
              most = std::max(most, losses[static_cast<size_t>(channel)]);
              least = std::min(least, losses[static_cast<size_t>(channel)]);
            }
            CHECK(most <= before);
            before = least;
          }
        }
      }
    }
  }
}
