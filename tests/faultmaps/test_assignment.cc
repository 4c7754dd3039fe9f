// Repair without training: assignments of least cost, and channels in another order.
#include <algorithm>
#include <numeric>

#include "faultmaps/assignment.h"
#include "faultmaps/systolic_array.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::Random;
using test::uniform;

TEST_CASE("the assignment costs what the best of all permutations does") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const int n = uniform(random, 1, 6);
    std::vector<int64_t> cost(static_cast<size_t>(n * n));
    for (int64_t& c : cost) c = uniform(random, 0, seed % 2 == 0 ? 3 : 100);
    const auto total = [&](const std::vector<int>& jobs) {
      int64_t sum = 0;
      for (int worker = 0; worker < n; ++worker) {
        sum += cost[static_cast<size_t>(worker * n + jobs[static_cast<size_t>(worker)])];
      }
      return sum;
    };
    std::vector<int> jobs(static_cast<size_t>(n));
    std::iota(jobs.begin(), jobs.end(), 0);
    int64_t best = total(jobs);
    while (std::next_permutation(jobs.begin(), jobs.end())) best = std::min(best, total(jobs));
    std::vector<int> found = cheapest_assignment(cost, n);
    CHECK(total(found) == best);
    std::sort(found.begin(), found.end());
    std::iota(jobs.begin(), jobs.end(), 0);
    CHECK(found == jobs);
  }
}

TEST_CASE("salvaging loses less saliency, and computes the same where nothing is broken") {
  double before = 0, after = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Network network = zoo_network("cnv-w2a2", {.width = 0.125});
    SystolicArray array;
    array.rows = array.columns = 8;
    for (size_t i = 0; i < network.layers.size(); ++i) {
      if (!network.layers[i].has_weights()) continue;
      test::fill_parameters(network.layers[i], random);
      array.layers.push_back(static_cast<int>(i));
    }
    PeSet bypassed(64);
    for (int i = 0; i < 6; ++i) bypassed[static_cast<size_t>(uniform(random, 0, 63))] = true;
    Effects prunes;
    for (const int index : array.layers) {
      const Layer& layer = network.layer(index);
      const auto pruned = pruned_weights(array, layer, bypassed);
      for (size_t i = 0; i < pruned.size(); ++i) {
        if (!pruned[i]) continue;
        const int at = static_cast<int>(i);
        prunes.patches.push_back({index, at / layer.columns(), false, at % layer.columns(), 0});
      }
    }
    const ChannelOrders orders = salvaging_orders(network, prunes);
    CHECK(orders.size() == array.layers.size() - 1);  // the classes stay where they are
    const Network salvaged = reschedule(network, orders);
    before += saliency_lost(network, prunes);
    after += saliency_lost(salvaged, prunes);
    if (seed >= 2) continue;
    Tensor image{network.input(),
                 std::vector<int32_t>(static_cast<size_t>(network.input().size()))};
    for (auto& value : image.values) value = uniform(random, -128, 127);
    CHECK(reference::run(network, image).back() == reference::run(salvaged, image).back());
  }
  CHECK(after < 0.95 * before);
  CHECK(after > 0);
}
