#include <algorithm>
#include <numeric>

#include "faultmaps/mitigation/protection.h"
#include "sim/campaign/run.h"
#include "sim/protect/safety.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::protect;

namespace {

/// Campaigns of every kind of bits that the placement has.
struct Evidence {
  Evidence(const test::CampaignSetup& setup, const Placement& placement) {
    for (const SiteRow& row : site_table()) {
      if (row.value != ValueKind::bit || count_faults(row.kind, placement, setup.network) == 0) {
        continue;
      }
      const auto set = campaign::site_faults(setup.network, placement, row.kind);
      results.push_back(campaign::run(setup.network, setup.data, set, {}).result);
      files.emplace_back(row.name);
    }
  }
  std::vector<campaign::Result> results;
  std::vector<std::string> files;
};

double sum(const SafetyCase& safety, double SafetyRow::*member) {
  double total = 0;
  for (const SafetyRow& row : safety.rows) total += row.*member;
  return total;
}

const SafetyRow& row_of(const SafetyCase& safety, const std::string& kind,
                        const std::string& part) {
  for (const SafetyRow& row : safety.rows) {
    if (row.kind == kind && row.part == part) return row;
  }
  FAIL("no row " << kind << " " << part);
  return safety.rows.front();
}

}  // namespace

TEST_CASE("without protection the metric is the share of faults within the limit") {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    test::CampaignSetup setup(seed, 6);
    const Placement& placement = seed % 2 == 0 ? setup.dataflow : setup.loopback;
    const Evidence evidence(setup, placement);
    const double limit = 10;
    const SafetyCase safety = safety_case({setup.network, placement, placement, {}, limit},
                                          evidence.results, evidence.files);
    int64_t faults = 0;
    int64_t losing = 0;
    int64_t masked = 0;
    for (const auto& result : evidence.results) {
      faults += result.size();
      for (int64_t f = 0; f < result.size(); ++f) {
        losing += result.golden_accuracy() - result.accuracy(f) > limit ? 1 : 0;
        masked += result.masked(f) == result.images ? 1 : 0;
      }
    }
    const double share = static_cast<double>(losing) / static_cast<double>(faults);
    CHECK(safety.without_evidence == 0);
    CHECK(safety.fit == Approx(0.001 * static_cast<double>(faults) / 2));
    CHECK(safety.spfm.value == Approx(1 - share));
    CHECK(safety.spfm.low == Approx(safety.spfm.high));
    CHECK(safety.residual_fit.value == Approx(safety.fit * share));
    CHECK(safety.lfm.value == 1);
    double masked_fit = 0;
    for (const SafetyRow& row : safety.rows) {
      masked_fit += row.fit * row.masked.value;
      CHECK(row.masked.value + row.tolerated.value + row.losing.value == Approx(1));
      CHECK(row.mechanism.empty());
    }
    CHECK(masked_fit == Approx(0.001 * static_cast<double>(masked) / 2));
    CHECK(losing > 0);
  }
}

TEST_CASE("comparators report what they do not correct, and are latent where they are mute") {
  test::CampaignSetup setup(0, 6);
  const Placement& inside = setup.dataflow;
  const Evidence evidence(setup, inside);
  const PeArray& array = inside.arrays.back();
  Placement placement = inside;
  std::vector<int> all(static_cast<size_t>(array.pe));
  std::iota(all.begin(), all.end(), 0);
  add_redundancy(placement, Redundancy::duplicates, array.name, all);
  const SafetyCase safety =
      safety_case({setup.network, placement, inside, {}, 0}, evidence.results, evidence.files);
  const SafetyRow& sums = row_of(safety, "pe/accumulator", array.name);
  CHECK(sums.mechanism == "comparators");
  CHECK(sums.losing.value > 0);
  CHECK(sums.residual_fit == 0);
  const SafetyRow& flags = row_of(safety, "comparator/error", array.name + "/comparators");
  CHECK(flags.detected_fit == Approx(flags.fit / 2));
  CHECK(flags.latent_fit == Approx(flags.fit / 2));
  CHECK(row_of(safety, "pe/accumulator", array.name + " (duplicates)").sites ==
        array.pe * array.uses.front().accumulator_bits);
  // A spare has the faults of the PE that it does the work of.
  Placement spared = inside;
  add_redundancy(spared, Redundancy::spares, array.name, {0});
  const SafetyCase with_spare =
      safety_case({setup.network, spared, inside, {}, 0}, evidence.results, evidence.files);
  const SafetyCase plain =
      safety_case({setup.network, inside, inside, {}, 0}, evidence.results, evidence.files);
  CHECK(with_spare.residual_fit.value == Approx(plain.residual_fit.value));
}

TEST_CASE("voters and codes cover what they cover, and are counted themselves") {
  test::CampaignSetup setup(0, 6);
  const Placement& inside = setup.dataflow;
  const Evidence evidence(setup, inside);
  Placement placement = inside;
  const PeArray& array = inside.arrays.front();
  add_redundancy(placement, Redundancy::copies, array.name, {0});
  encode(placement, array.name, CodedMemory::weights, parse_memory_code("secded", "test"));
  SafetyInput input{setup.network, placement, inside, {}, 5};
  const SafetyCase safety = safety_case(input, evidence.results, evidence.files);
  const SafetyCase plain =
      safety_case({setup.network, inside, inside, {}, 5}, evidence.results, evidence.files);
  const SafetyRow& weights = row_of(safety, "pe/weight", array.name);
  CHECK_THAT(weights.mechanism, Catch::Contains("secded"));
  CHECK(row_of(plain, "pe/weight", array.name).losing == weights.losing);
  if (weights.losing.value > 0) CHECK(weights.coverage.value == 1);
  CHECK(weights.residual_fit == 0);
  // Check bits and copies alone do nothing; a voter is a PE's output again.
  const SafetyRow& check = row_of(safety, "memory/check", array.name + "/weights");
  CHECK(check.masked.value == 1);
  CHECK(check.detected_fit == Approx(check.fit / 2));  // the others are stuck as they should be
  const SafetyRow& voter = row_of(safety, "voter/output", array.name + "/voters");
  CHECK(voter.sites == setup.network.layer(0).output_format.bits);
  const SafetyRow& copies = row_of(safety, "pe/accumulator", array.name + " (copies)");
  CHECK(copies.sites == 2 * array.uses.front().accumulator_bits);
  // The residual faults of a row of PEs: those of the PEs without copies.
  int64_t left = 0;
  int64_t all = 0;
  for (size_t e = 0; e < evidence.files.size(); ++e) {
    if (evidence.files[e] != "pe/accumulator") continue;
    const auto& result = evidence.results[e];
    for (int64_t f = 0; f < result.size(); ++f) {
      const auto& info = result.faults[static_cast<size_t>(f)];
      if (info.part != array.name) continue;
      ++all;
      left += info.pe != 0 && result.golden_accuracy() - result.accuracy(f) > 5 ? 1 : 0;
    }
  }
  CHECK(row_of(safety, "pe/accumulator", array.name).residual.value ==
        Approx(static_cast<double>(left) / static_cast<double>(all)));
  CHECK(safety.spfm.value > plain.spfm.value);
  CHECK(safety.lfm.value == 1);
  input.reports = false;
  const SafetyCase silent = safety_case(input, evidence.results, evidence.files);
  CHECK(silent.spfm.value == Approx(safety.spfm.value));
  CHECK(silent.lfm.value < 1);
  CHECK(sum(silent, &SafetyRow::latent_fit) == Approx(sum(safety, &SafetyRow::detected_fit)));
  CHECK(silent.lfm.value ==
        Approx(1 - sum(silent, &SafetyRow::latent_fit) / (silent.fit - silent.residual_fit.value)));
  const std::string csv = safety_csv(safety);
  CHECK(std::count(csv.begin(), csv.end(), '\n') ==
        static_cast<std::ptrdiff_t>(safety.rows.size()) + 1);
}

TEST_CASE("samples carry their intervals into the metrics, what has no campaign is lost") {
  test::CampaignSetup setup(2, 4);
  const Placement& placement = setup.dataflow;
  const auto set = campaign::site_faults(setup.network, placement, SiteKind::pe_weight);
  const auto whole = campaign::run(setup.network, setup.data, set, {}).result;
  const auto sampled =
      campaign::run(setup.network, setup.data, campaign::sample(set, {0.1, 0.9, 1}), {}).result;
  REQUIRE(sampled.size() < whole.size());
  const SafetyInput input{setup.network, placement, placement, {}, 0};
  const SafetyCase exact = safety_case(input, {whole}, {"w"});
  const SafetyCase estimated = safety_case(input, {sampled}, {"s"});
  CHECK(estimated.spfm.low < estimated.spfm.value);
  CHECK(estimated.spfm.value < estimated.spfm.high);
  CHECK(estimated.spfm.low <= exact.spfm.value);
  CHECK(exact.spfm.value <= estimated.spfm.high);
  CHECK(exact.without_evidence > 0);
  for (const SafetyRow& row : exact.rows) {
    if (row.kind == "pe/weight") continue;
    CHECK(row.examined == 0);
    CHECK(row.residual_fit == row.fit);
  }
  CHECK_THAT(test::refusal([&] {
               safety_case(input, {whole, sampled}, {"w", "s"});
             }),
             Catch::Contains("as one before it"));
  CHECK_THAT(test::refusal([&] {
               safety_case({setup.network, setup.loopback, setup.loopback, {}, 0}, {whole}, {"w"});
             }),
             Catch::Contains("another accelerator"));
}

TEST_CASE("rates are read by kind, kinds of whole parts have none unless they are named") {
  const test::TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    test::write_bytes(folder / "r.csv", text);
    return read_failure_rates(folder / "r.csv");
  };
  const FailureRates rates = read("site,fit\npe/weight,0.5\n*,0.25\r\n\npe/dead,2\n");
  CHECK(rates.of(site_row(SiteKind::pe_weight)) == 0.5);
  CHECK(rates.of(site_row(SiteKind::pe_accumulator)) == 0.25);
  CHECK(rates.of(site_row(SiteKind::pe_dead)) == 2);
  CHECK(rates.of(site_row(SiteKind::stream_word)) == 0);
  CHECK(FailureRates{}.of(site_row(SiteKind::pe_dead)) == 0);
  const std::pair<std::string, std::string> bad[] = {
      {"", "has no rates"},
      {"kind,fit\n", "site,fit"},
      {"site,fit\n", "has no rates"},
      {"site,fit\npe/weigth,1\n", "pe/weight"},
      {"site,fit\npe/weight,-1\n", "line 2"},
      {"site,fit\npe/weight,nan\n", "line 2"},
      {"site,fit\npe/weight,1x\n", "line 2"},
      {"site,fit\npe/weight\n", "line 2"},
      {"site,fit\n*,1\n*,2\n", "twice"},
  };
  for (const auto& [text, what] : bad) {
    INFO(text);
    CHECK_THAT(test::refusal([&, t = text] { read(t); }), Catch::Contains(what));
  }
}
