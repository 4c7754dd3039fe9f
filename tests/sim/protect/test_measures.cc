#include <algorithm>
#include <numeric>
#include <set>

#include "faultmaps/mitigation/protection.h"
#include "sim/campaign/run.h"
#include "sim/campaign/summary.h"
#include "sim/protect/measures.h"
#include "sim/protect/replication.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::protect;

namespace {

campaign::Result run(const test::CampaignSetup& setup, const campaign::FaultSet& faults) {
  return campaign::run(setup.network, setup.data, faults, {}).result;
}

double worst_error(const campaign::Result& result) {
  return 100 - std::min(result.golden_accuracy(), campaign::overall(result).accuracy.min);
}

std::vector<Candidate> of(const std::vector<Candidate>& all, const std::string& measure) {
  std::vector<Candidate> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [&](const Candidate& c) { return c.measure == measure; });
  return some;
}

std::vector<const MeasureRow*> all_rows() {
  std::vector<const MeasureRow*> rows;
  for (const MeasureRow& row : measures()) rows.push_back(&row);
  return rows;
}

Placement with(const Placement& plain, const Candidate& candidate) {
  Placement placement = plain;
  for (const auto& [redundancy, arrays] : candidate.redundant) {
    for (const auto& [array, pes] : arrays) add_redundancy(placement, redundancy, array, pes);
  }
  for (const auto& [memory, code] : candidate.codes) {
    const auto [owner, which] = parse_coded_memory(memory, "test");
    encode(placement, owner, which, parse_memory_code(code, "test"));
  }
  return placement;
}

}  // namespace

TEST_CASE("the replication curve never rises, from the worst channel to error-free, cost 1 to 3") {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    test::CampaignSetup setup(seed, 20);
    const auto result = run(setup, campaign::channel_faults(setup.network));
    const Replication found = replication(result, setup.network, "test");
    const auto& curve = found.curve;
    CHECK(curve.front().worst_error == Approx(worst_error(result)));
    CHECK(curve.front().mean_error == Approx(100 - campaign::overall(result).accuracy.mean));
    CHECK(curve.front().cost == 1);
    CHECK(curve.back().cost == Approx(3));
    CHECK(curve.back().worst_error == Approx(100 - result.golden_accuracy()));
    CHECK(curve.back().mean_error == Approx(100 - result.golden_accuracy()));
    std::set<std::pair<int, int>> copied;
    for (size_t n = 0; n < curve.size(); ++n) {
      if (n > 0) {
        CHECK(curve[n].worst_error <= curve[n - 1].worst_error);
        CHECK(curve[n].cost > curve[n - 1].cost);
        copied.insert({found.order[n - 1].layer, found.order[n - 1].channel});
      }
      // The worst of the channels without copies, one by one.
      double worst = 100 - result.golden_accuracy();
      for (int64_t f = 0; f < result.size(); ++f) {
        const auto& info = result.faults[static_cast<size_t>(f)];
        if (copied.count({info.layer, info.channel}) > 0) continue;
        worst = std::max(worst, 100 - result.accuracy(f));
      }
      CHECK(curve[n].worst_error == Approx(worst));
      CHECK(channels_for(found, curve[n].worst_error) <= curve[n].channels);
    }
    CHECK(copied.size() == found.order.size());
    CHECK(channels_for(found, -1) == -1);
    CHECK(replication(result, setup.network, "test", ChannelCost::weights, 0.5).curve.back().cost ==
          Approx(3.5));
    test::CampaignSetup other(seed + 100, 1);
    CHECK_THROWS_AS(replication(result, other.network, "test"), InputError);
  }
}

TEST_CASE("copies do to a campaign what the protected placement does to it") {
  int points = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    test::CampaignSetup setup(seed, 8);
    const Placement& plain = seed % 2 == 0 ? setup.dataflow : setup.loopback;
    const auto result = run(setup, campaign::site_faults(setup.network, plain, SiteKind::pe_dead));
    const auto all =
        candidates({setup.network, plain, result}, {&parse_measure("copies", "test")}, "test");
    double error = 101;
    for (const Candidate& c : all) {
      const Placement placement = with(plain, c);
      const auto again =
          run(setup, campaign::site_faults(setup.network, placement, SiteKind::pe_dead));
      CHECK(c.worst_error == Approx(worst_error(again)));
      CHECK(c.mean_error == Approx(100 - campaign::overall(again).accuracy.mean));
      CHECK(c.pes == protection_cost(placement, setup.network).pes);
      CHECK(c.worst_error <= error);
      error = c.worst_error;
      ++points;
    }
    CHECK(all.front().macs == 1);
    CHECK(all.back().macs == Approx(3));
    CHECK(all.back().worst_error == Approx(100 - result.golden_accuracy()));
    CHECK(all.back().silent == 0);
  }
  CHECK(points > 30);
}

TEST_CASE("codes do to a campaign what the protected placement does to it") {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    test::CampaignSetup setup(seed, 3);
    const Placement& plain = setup.dataflow;
    const auto result =
        run(setup, campaign::site_faults(setup.network, plain, SiteKind::pe_weight));
    const auto all = candidates({setup.network, plain, result}, all_rows(), "test");
    for (const MemoryCodeRow& code : memory_codes()) {
      const auto found = of(all, code.name);
      REQUIRE(found.size() == 1);
      const Placement placement = with(plain, found.front());
      const auto again =
          run(setup, campaign::site_faults(setup.network, placement, SiteKind::pe_weight));
      CHECK(found.front().worst_error == Approx(worst_error(again)));
      CHECK(found.front().mean_error == Approx(100 - campaign::overall(again).accuracy.mean));
      CHECK(found.front().memory_bits == protection_cost(placement, setup.network).memory_bits);
      CHECK(found.front().silent == 0);  // corrected or reported
      if (code.corrects) CHECK(found.front().worst_error == Approx(100 - result.golden_accuracy()));
    }
  }
}

TEST_CASE("channels in copies come to stand on PEs in copies, of a network with the same logits") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    test::CampaignSetup setup(seed, 6);
    const Placement& plain = seed % 2 == 0 ? setup.dataflow : setup.loopback;
    const auto result = run(setup, campaign::channel_faults(setup.network));
    const MeasureInput input{setup.network, plain, result};
    const Replication found = replication(result, setup.network, "test");
    const auto listed = of(candidates(input, all_rows(), "test"), "channels");
    REQUIRE(listed.size() == found.curve.size());
    for (size_t n = 0; n <= found.order.size(); n += 3) {
      const Candidate real = realized_channels(input, static_cast<int64_t>(n));
      CHECK(real.pes == listed[n].pes);
      CHECK(real.memory_bits == listed[n].memory_bits);
      const Network network = reschedule(setup.network, real.orders);
      const Tensor image = input_tensor(network, setup.data, 0);
      CHECK(reference::run(network, image).back() == reference::run(setup.network, image).back());
      for (size_t i = 0; i < n; ++i) {
        const auto [layer, channel] = found.order[i];
        int row = channel;
        const auto order = real.orders.find(layer);
        if (order != real.orders.end()) row = inverse(order->second)[static_cast<size_t>(channel)];
        for (const PeArray& array : plain.arrays) {
          for (const ArrayUse& use : array.uses) {
            if (use.layer != layer) continue;
            const auto& pes = real.redundant.at(Redundancy::copies).at(array.name);
            const bool by_rows = array.schedule == Schedule::channel_parallel;
            CHECK((by_rows ? std::count(pes.begin(), pes.end(), row % array.pe) == 1
                           : static_cast<int>(pes.size()) == array.pe));
          }
        }
      }
    }
  }
}

TEST_CASE("measured candidates are never worse than what they start from, none beats the best") {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    test::CampaignSetup setup(seed, 8);
    const Placement& plain = seed % 2 == 0 ? setup.dataflow : setup.loopback;
    const auto result = run(setup, campaign::site_faults(setup.network, plain, SiteKind::pe_dead));
    Meter meter(setup.network, setup.data, 1);
    std::vector<RescheduledPe> pes;
    const auto all =
        candidates({setup.network, plain, result, &meter, {}, nullptr, &pes}, all_rows(), "test");
    const double plain_error = of(all, "none").front().worst_error;
    const auto rescheduled = of(all, "reschedule");
    REQUIRE(rescheduled.size() == 1);
    CHECK(rescheduled.front().worst_error <= plain_error + 1e-9);
    for (const RescheduledPe& pe : pes) CHECK(pe.error <= pe.placed_error);
    const auto clustered = of(all, "clustered-copies");
    CHECK(clustered.back().worst_error == Approx(100 - result.golden_accuracy()));
    const Candidate& one = clustered[std::min<size_t>(1, clustered.size() - 1)];
    const auto again = campaign::run(reschedule(setup.network, one.orders), setup.data,
                                     campaign::site_faults(reschedule(setup.network, one.orders),
                                                           with(plain, one), SiteKind::pe_dead),
                                     {});
    CHECK(one.worst_error == Approx(worst_error(again.result)));
    CHECK(one.mean_error == Approx(100 - campaign::overall(again.result).accuracy.mean));
    const auto best = std::count_if(all.begin(), all.end(), [](auto& c) { return c.pareto; });
    CHECK(best >= 1);
    for (const Candidate& a : all) {
      const bool beaten = std::any_of(all.begin(), all.end(), [&](const Candidate& b) {
        const bool no_worse = b.macs <= a.macs && b.pes <= a.pes &&
                              b.memory_bits <= a.memory_bits && b.worst_error <= a.worst_error &&
                              b.mean_error <= a.mean_error;
        const bool better = b.macs < a.macs || b.pes < a.pes || b.memory_bits < a.memory_bits ||
                            b.worst_error < a.worst_error || b.mean_error < a.mean_error;
        return no_worse && better;
      });
      CHECK(a.pareto == !beaten);
    }
  }
}

TEST_CASE("evidence of another network, accelerator or of a sample is refused") {
  test::CampaignSetup setup(1, 4);
  const auto set = campaign::site_faults(setup.network, setup.dataflow, SiteKind::pe_dead);
  const auto result = run(setup, set);
  const auto refusal = [&](const Network& network, const Placement& placement,
                           const campaign::Result& evidence) {
    return test::refusal([&] { candidates({network, placement, evidence}, all_rows(), "e"); });
  };
  test::CampaignSetup other(2, 4);
  CHECK_THAT(refusal(other.network, other.dataflow, result), Catch::Contains("another network"));
  CHECK_THAT(refusal(setup.network, setup.loopback, result),
             Catch::Contains("another accelerator"));
  campaign::Result sampled = result;
  sampled.identity.sampling = campaign::Sampling{0.1, 0.9, 1};
  CHECK_THAT(refusal(setup.network, setup.dataflow, sampled), Catch::Contains("is a sample"));
  CHECK_THAT(test::refusal([] { parse_measure("copy", "x"); }), Catch::Contains("copies"));
}
