#include <algorithm>
#include <climits>
#include <cmath>
#include <vector>

#include "models/common/threshold_search.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"

using namespace stuckat;

namespace {

/// Ascending: rounding of a scaled sum, cut off at both ends or not, or anything.
std::vector<int32_t> drawn_thresholds(test::Random& random) {
  const int count = test::uniform(random, 1, 255);
  const int kind = test::uniform(random, 0, 3);
  std::vector<int32_t> result;
  const double scale = std::exp(test::uniform(random, -20, 80) / 10.0);
  const int cut = test::uniform(random, 1, count) * static_cast<int>(scale + 1);
  for (int k = 0; k < count; ++k) {
    const auto rounded = static_cast<int32_t>(std::ceil((k - count / 2.0) * scale));
    if (kind == 0) result.push_back(rounded);
    if (kind == 1) result.push_back(std::clamp(rounded, -cut, cut / 2));
    if (kind == 2) result.push_back(test::uniform(random, -1000, 1000));
    if (kind == 3) result.push_back(k % 3 == 0 ? INT_MIN : k % 3 == 1 ? INT_MAX : rounded);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

TEST_CASE("thresholds are found by a line as by counting, on the line and off it") {
  int inside = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    test::Random random(seed);
    const std::vector<int32_t> thresholds = drawn_thresholds(random);
    const ThresholdLine line(thresholds.data(), thresholds.size());
    std::vector<int32_t> sums = {INT_MIN, -1, 0, 1, INT_MAX};
    for (const int32_t t : thresholds) {
      sums.push_back(t);
      sums.push_back(t == INT_MAX ? t : t + 1);
    }
    for (int i = 0; i < 50; ++i) sums.push_back(test::uniform(random, -2000, 2000));
    for (const int32_t sum : sums) {
      const auto below = static_cast<size_t>(
          std::count_if(thresholds.begin(), thresholds.end(), [&](int32_t t) { return t < sum; }));
      REQUIRE(thresholds_below(thresholds.data(), thresholds.size(), sum) == below);
      REQUIRE(thresholds_below(thresholds.data(), thresholds.size(), line, sum) == below);
      inside += below > 0 && below < thresholds.size() ? 1 : 0;
    }
  }
  CHECK(inside > 100000);
}
