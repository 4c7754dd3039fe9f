#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "workloads/permutation.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

ChannelOrder random_order(test::Random& random, int rows) {
  ChannelOrder order = identity_order(rows);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

/// Channel i of the result is channel order[i].
Tensor with_order(const Tensor& tensor, const ChannelOrder& order) {
  Tensor result = tensor;
  for (int y = 0; y < tensor.shape.height; ++y) {
    for (int x = 0; x < tensor.shape.width; ++x) {
      for (int c = 0; c < tensor.shape.channels; ++c) {
        result.at(y, x, c) = tensor.at(y, x, order[static_cast<size_t>(c)]);
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("another order of channels changes no logit, and moves the channels between") {
  int moved = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Tensor image = test::random_image(random, network);
    const auto plain = reference::run(network, image);
    for (const int layer : network.injectable_layers()) {
      INFO("seed " << seed << " layer " << layer);
      REQUIRE(fixed_order_reason(network, layer).empty());
      const ChannelOrder order = random_order(random, network.layer(layer).rows());
      const Network permuted = permute_channels(network, layer, order);
      validate(permuted, "permuted");
      CHECK(permute_channels(permuted, layer, inverse(order)) == network);
      const auto tensors = reference::run(permuted, image);
      const int first = Network::output_tensor(layer);
      const int last = network.after_pools(first);
      for (int t = 0; t < network.tensors(); ++t) {
        const auto i = static_cast<size_t>(t);
        const bool between = t >= first && t <= last;
        moved += between && tensors[i] != plain[i] ? 1 : 0;
        CHECK(tensors[i] == (between ? with_order(plain[i], order) : plain[i]));
      }
    }
  }
  CHECK(moved > 40);
}

TEST_CASE("a schedule of all layers at once changes no logit") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    ChannelOrders schedule;
    for (const int layer : network.injectable_layers()) {
      schedule[layer] = random_order(random, network.layer(layer).rows());
    }
    const Tensor image = test::random_image(random, network);
    CHECK(reference::run(reschedule(network, schedule), image).back() ==
          reference::run(network, image).back());
  }
}

TEST_CASE("layers of graphs have another order, or say why not") {
  int permuted = 0;
  int fixed = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const Tensor image = test::random_image(random, network);
    const Tensor result = reference::run(network, image).back();
    for (int layer = 0; layer < static_cast<int>(network.layers.size()); ++layer) {
      INFO("seed " << seed << " layer " << network.layer(layer).name);
      const ChannelOrder order = random_order(random, network.layer(layer).output.channels);
      if (!fixed_order_reason(network, layer).empty()) {
        CHECK_THROWS_AS(permute_channels(network, layer, order), InputError);
        ++fixed;
        continue;
      }
      CHECK(reference::run(permute_channels(network, layer, order), image).back() == result);
      ++permuted;
    }
  }
  CHECK(permuted > 20);
  CHECK(fixed > 20);
}

TEST_CASE("what is no permutation is refused") {
  test::Random random(1);
  const Network network = test::random_network(random);
  const int rows = network.layer(0).rows();
  ChannelOrder twice = identity_order(rows);
  twice.back() = rows > 1 ? 0 : 1;
  CHECK_THROWS_AS(permute_channels(network, 0, twice), InputError);
  CHECK_THROWS_AS(permute_channels(network, 0, identity_order(rows - 1)), InputError);
  const auto last = static_cast<int>(network.layers.size()) - 1;
  CHECK(fixed_order_reason(network, last) == "its channels are the result");
}
