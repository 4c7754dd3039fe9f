// Limits of samples against enumeration, published values and populations whose truth is known.
#include <cmath>
#include <random>
#include <vector>

#include "sim/campaign/limits.h"
#include "sim/campaign/sampling.h"
#include "tests/support/catch.h"

using namespace stuckat::campaign;

namespace {

/// n over k by Pascal's triangle.
double choose(int n, int k) {
  std::vector<double> row = {1};
  for (int i = 1; i <= n; ++i) {
    row.push_back(0);
    for (int j = i; j > 0; --j) row[static_cast<size_t>(j)] += row[static_cast<size_t>(j) - 1];
  }
  return k < 0 || k > n ? 0 : row[static_cast<size_t>(k)];
}

/// What an interval that forgets what it has not seen calls sure.
Estimate coin(double mean, int sampled, double quantile) {
  const double half = quantile * std::sqrt(mean * (1 - mean) / sampled);
  return {mean, mean - half, mean + half};
}

}  // namespace

TEST_CASE("limits of a share cover every truth as often as they promise, by enumeration") {
  constexpr int population = 40;
  for (const int sampled : {1, 7, 15, 33, 39}) {
    for (const double confidence : {0.9, 0.99}) {
      std::vector<Estimate> of_found;
      for (int found = 0; found <= sampled; ++found) {
        of_found.push_back(share_limits(found, sampled, population, confidence));
        CHECK(of_found.back().low <= of_found.back().value + 1e-12);
        CHECK(of_found.back().high >= of_found.back().value - 1e-12);
      }
      for (int having = 0; having <= population; ++having) {
        const double truth = static_cast<double>(having) / population;
        double too_low = 0;
        double too_high = 0;
        for (int found = 0; found <= sampled; ++found) {
          const double p = choose(having, found) * choose(population - having, sampled - found) /
                           choose(population, sampled);
          if (of_found[static_cast<size_t>(found)].high < truth - 1e-12) too_low += p;
          if (of_found[static_cast<size_t>(found)].low > truth + 1e-12) too_high += p;
        }
        INFO(sampled << " drawn, " << having << " have it, at " << confidence);
        CHECK(too_low <= (1 - confidence) / 2 + 1e-9);
        CHECK(too_high <= (1 - confidence) / 2 + 1e-9);
      }
    }
  }
  // No wider than that: one more or less would be covered as well where they are sharp.
  CHECK(share_limits(0, 99, 100, 0.99).high == Approx(0.01));
  CHECK(share_limits(0, 10, 10, 0.99).high == 0);
  CHECK(share_limits(10, 10, 10, 0.99).low == 1);
  // Large populations, where terms would underflow.
  const Estimate large = share_limits(500, 10'000, 100'000'000, 0.95);
  CHECK(large.low == Approx(0.0458).margin(2e-4));
  CHECK(large.high == Approx(0.0545).margin(2e-4));
}

TEST_CASE("of zeros and ones, limits of a mean are Clopper's and Pearson's") {
  const Estimate none = mean_limits({{0, 100}}, endless, 0.99);
  CHECK(none.low == 0);
  CHECK(none.high == Approx(1 - std::pow(0.005, 0.01)).epsilon(0.006));
  // 5 of 100 and 1 of 10 at 95 %, as in tables.
  const Estimate five = mean_limits({{0, 95}, {1, 5}}, endless, 0.95);
  CHECK(five.low == Approx(0.0164).margin(1e-4));
  CHECK(five.high == Approx(0.1128).margin(1e-4));
  const Estimate one = mean_limits({{0, 9}, {1, 1}}, endless, 0.95);
  CHECK(one.low == Approx(0.0025).margin(1e-4));
  CHECK(one.high == Approx(0.4450).margin(1e-3));
  const Estimate mirrored = mean_limits({{0, 1}, {1, 9}}, endless, 0.95);
  CHECK(mirrored.low == Approx(1 - one.high));
  CHECK(mirrored.high == Approx(1 - one.low));
  // Of a finite population, those of the exact share.
  for (const int found : {0, 1, 3, 10}) {
    const Estimate exact = share_limits(found, 150, 600, 0.99);
    std::map<double, int64_t> sample = {{0, 150 - found}};
    if (found > 0) sample[1] = found;
    const Estimate mean = mean_limits(sample, 600, 0.99);
    INFO(found);
    CHECK(mean.high == Approx(exact.high).margin(1.5 / 600));
    CHECK(mean.low == Approx(exact.low).margin(2.0 / 600));
  }
  const Estimate whole = mean_limits({{0.25, 3}, {0.75, 1}}, 4, 0.99);
  CHECK(whole.low == 0.375);
  CHECK(whole.high == 0.375);
}

TEST_CASE("limits of a mean cover the truth, where few faults do all the damage too") {
  std::mt19937_64 random(1);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1.0p-53; };
  constexpr int population = 600;
  constexpr int trials = 400;
  constexpr double confidence = 0.95;
  int coin_missed = 0;
  for (const int sampled : {30, 150, 590}) {
    for (const double hit : {0.005, 0.02, 0.2}) {
      for (const bool accuracies : {false, true}) {
        int covered = 0;
        for (int trial = 0; trial < trials; ++trial) {
          std::vector<double> values(population);
          double truth = 0;
          for (double& v : values) {
            const bool damage = uniform() < hit;
            // A share of changed images, or an accuracy of 84 % that most faults leave alone.
            const double images = std::floor(200 * uniform()) / 200;
            v = accuracies ? 0.84 - (damage ? 0.8 * images : 0.01 * images) : damage ? images : 0;
            truth += v / population;
          }
          std::map<double, int64_t> sample;
          double mean = 0;
          for (int i = 0; i < sampled; ++i) {  // the first `sampled` of a random order
            const auto k = static_cast<size_t>(i) + random() % static_cast<size_t>(population - i);
            std::swap(values[static_cast<size_t>(i)], values[k]);
            ++sample[values[static_cast<size_t>(i)]];
            mean += values[static_cast<size_t>(i)] / sampled;
          }
          const Estimate e = mean_limits(sample, population, confidence);
          CHECK(e.value == Approx(mean));
          CHECK(e.low <= e.value);
          CHECK(e.value <= e.high);
          covered += e.low <= truth + 1e-12 && truth <= e.high + 1e-12;
          const Estimate naive = coin(mean, sampled, 1.96);
          coin_missed += !accuracies && (naive.low > truth || truth > naive.high);
        }
        INFO(sampled << " drawn, " << hit << " hit, accuracies " << accuracies << ", covered "
                     << covered);
        // Four standard deviations of the count below what is promised.
        CHECK(covered >= trials * confidence - 4 * std::sqrt(trials * 0.95 * 0.05));
      }
    }
  }
  CHECK(coin_missed > 200);  // the hard cases were there
}

TEST_CASE("accuracies that are close to each other have close limits") {
  const Estimate e = mean_limits({{0.835, 63}, {0.84, 300}, {0.845, 300}}, 100'000, 0.99);
  CHECK(e.value == Approx(0.84179).margin(1e-5));
  CHECK(e.high - e.low < 0.009);
  const Estimate as_coin = coin(e.value, 663, 2.576);
  CHECK(as_coin.high - as_coin.low > 0.07);
}

TEST_CASE("what a fault costs is known from the same images, faulty against fault-free") {
  // No image changed: what 5 of 100 further ones would do is open, to both sides.
  const Estimate none = paired_loss(0, 0, 100, 0.95);
  CHECK(none.value == 0);
  CHECK(none.high == Approx(1 - std::pow(0.025, 0.01)).epsilon(0.01));
  CHECK(none.low == Approx(-none.high));
  // 30 lost of 200: without pairs, 84 % against 69 % would leave 7 to 23 points open.
  const Estimate some = paired_loss(30, 0, 200, 0.95);
  CHECK(some.value == Approx(0.15));
  CHECK(some.low > 0.09);
  CHECK(some.high < 0.215);
  // Back and forth leaves more open than the same net loss alone.
  const Estimate noisy = paired_loss(60, 30, 200, 0.95);
  CHECK(noisy.value == Approx(0.15));
  CHECK(noisy.high - noisy.low > some.high - some.low);
  const Estimate mirrored = paired_loss(30, 60, 200, 0.95);
  CHECK(mirrored.low == Approx(-noisy.high));
  CHECK(mirrored.high == Approx(-noisy.low));
}

TEST_CASE("put together over strata, limits miss the truth no more often than they say") {
  struct Part {
    int population, having, sampled;
  };
  // Rare, common, and everywhere: at 0 and 1 limits of the normal kind have no width.
  const std::vector<Part> parts = {{400, 4, 60}, {1000, 300, 80}, {80, 80, 40}, {500, 1, 70}};
  double all = 0;
  double having = 0;
  for (const Part& part : parts) {
    all += part.population;
    having += part.having;
  }
  std::vector<double> weights;
  for (const Part& part : parts) weights.push_back(part.population / all);
  std::mt19937_64 random(7);
  constexpr int seeds = 400;
  int missed_share = 0;
  int missed_mean = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    std::vector<Estimate> shares;
    std::vector<Estimate> means;
    for (const Part& part : parts) {
      int found = 0;
      for (int i = 0, left = part.having; i < part.sampled; ++i) {
        const bool hit =
            static_cast<int>(random() % static_cast<uint64_t>(part.population - i)) < left;
        left -= hit;
        found += hit;
      }
      std::map<double, int64_t> sample;
      if (found < part.sampled) sample[0] = part.sampled - found;
      if (found > 0) sample[1] = found;
      shares.push_back(share_limits(found, part.sampled, part.population, 0.99));
      means.push_back(mean_limits(sample, part.population, 0.99));
    }
    const Estimate share = combine(shares, weights);
    const Estimate mean = combine(means, weights);
    missed_share += having / all < share.low || having / all > share.high;
    missed_mean += having / all < mean.low || having / all > mean.high;
  }
  // 4 are promised; four standard deviations more.
  CHECK(missed_share <= 12);
  CHECK(missed_mean <= 12);
}
