#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

Layer layer_of(LayerKind kind, Shape input, int kernel, int stride, int padding, int channels) {
  Layer layer;
  layer.name = "layer0";
  layer.kind = kind;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.input = input;
  layer.output.channels = channels;
  layer.output = kind->output(layer, "test");
  return layer;
}

}  // namespace

TEST_CASE("columns of a window run ky, kx, channel with the channel fastest, padding around") {
  Layer layer = layer_of(LayerKind::convolution, {2, 2, 2}, 2, 1, 1, 1);
  layer.input_format = fixed_point_format;
  const Tensor input{{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}};
  CHECK(layer.output == Shape{3, 3, 1});
  CHECK(reference::window(layer, input, 1, 1) == std::vector<int32_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(reference::window(layer, input, 0, 0) == std::vector<int32_t>{0, 0, 0, 0, 0, 0, 1, 2});
  layer.input_format = binary_format;  // no zero in a binary format: code 0, that is -1
  CHECK(reference::window(layer, input, 2, 1) == std::vector<int32_t>{5, 6, 7, 8, -1, -1, -1, -1});
}

TEST_CASE("binary layers count matches, others add products") {
  Layer layer = layer_of(LayerKind::dense, {1, 1, 4}, 1, 1, 0, 1);
  layer.weights = {1, -1, 1, 1};
  layer.output_format = binary_format;
  const std::vector<int32_t> x = {1, 1, -1, 1};
  CHECK(reference::accumulate(layer, layer.weights.data(), x.data()) == 2);
  layer.input_format = signed_format(2);
  CHECK(reference::accumulate(layer, layer.weights.data(), x.data()) == 0);
}

TEST_CASE("a code counts the thresholds strictly below the accumulator") {
  Layer layer = layer_of(LayerKind::dense, {1, 1, 4}, 1, 1, 0, 1);
  layer.output_format = signed_format(2);
  const std::vector<int32_t> thresholds = {-3, 5};
  CHECK(reference::threshold(layer, thresholds.data(), -3) == -1);
  CHECK(reference::threshold(layer, thresholds.data(), -2) == 0);
  CHECK(reference::threshold(layer, thresholds.data(), 5) == 0);
  CHECK(reference::threshold(layer, thresholds.data(), 6) == 1);
}

TEST_CASE("a pool takes the greatest value of its window and drops what does not fill one") {
  Layer layer = layer_of(LayerKind::max_pool, {3, 3, 1}, 2, 2, 0, 0);
  const Tensor input{{3, 3, 1}, {1, 5, 9, 2, 3, 9, 9, 9, 9}};
  CHECK(reference::run_layer(layer, input).values == std::vector<int32_t>{5});
}

TEST_CASE("random networks are valid and every hidden tensor keeps to its format") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    validate(network, "random");
    const auto tensors = reference::run(network, test::random_image(random, network));
    REQUIRE(tensors.size() == static_cast<size_t>(network.tensors()));
    for (int t = 0; t + 1 < network.tensors(); ++t) {
      const NumberFormat format = network.format(t);
      for (const int32_t value : tensors[static_cast<size_t>(t)].values) {
        REQUIRE(format.value(format.code(value)) == value);
      }
    }
  }
}

TEST_CASE("validate refuses a network that contradicts itself") {
  test::Random random(1);
  const Network good = test::random_network(random);
  auto refused = [&](auto&& damage) {
    Network bad = good;
    damage(bad);
    CHECK_THROWS_AS(validate(bad, "test"), InputError);
  };
  refused([](Network& n) { n.layers.clear(); });
  refused([](Network& n) { n.layers[0].weights.pop_back(); });
  refused([](Network& n) { n.layers[0].weights[0] = 100; });
  refused([](Network& n) { n.layers[0].thresholds.push_back(0); });
  refused([](Network& n) { n.layers[0].thresholds[0] = n.layers[0].accumulator_max() + 1; });
  refused([](Network& n) { n.layers.back().accumulator_output = false; });
  refused([](Network& n) { n.layers[0].kernel = 1000; });
  refused([](Network& n) { n.layers[0].output.channels += 1; });
  refused([](Network& n) { n.layers.back().name = n.layers[0].name; });
  refused([](Network& n) { n.class_names = {"just one"}; });
}
