#include <stdexcept>
#include <string>

#include "sim/fast/executor.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "tests/support/random_network.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

namespace stuckat::fast {
namespace {

using test::Random;

TEST_CASE("every tensor of the executor equals the reference on random networks") {
  test::for_every_target([] {
    for (uint64_t seed = 0; seed < 150; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const PackedNetwork network(test::random_network(random));
      Executor executor(network);
      for (int i = 0; i < 2; ++i) {
        const Tensor image = test::random_image(random, network.network());
        executor.run(image);
        REQUIRE(executor.tensors() == reference::run(network.network(), image));
      }
    }
  });
}

TEST_CASE("binary operands that are summed give what the reference says") {
  int networks = 0;
  for (uint64_t seed = 0; networks < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Network summed = test::random_network(random);
    if (!test::sum_binary_operands(summed, random)) continue;
    ++networks;
    validate(summed, "test");
    const PackedNetwork network(summed);
    Executor executor(network);
    const Tensor image = test::random_image(random, summed);
    executor.run(image);
    REQUIRE(executor.tensors() == reference::run(summed, image));
  }
}

TEST_CASE("the executor equals the reference on networks of the zoo with random parameters") {
  for (const std::string name :
       {"cnv-w1a1", "cnv-w2a2", "cnv-w1a4", "cnv-w4a4", "lfc-w1a1", "lfc-w1a2"}) {
    CAPTURE(name);
    Random random(7);
    ZooOptions options;
    options.width = 0.3;
    Network zoo = zoo_network(name, options);
    for (Layer& layer : zoo.layers) {
      if (layer.has_weights()) test::fill_parameters(layer, random);
    }
    const PackedNetwork network(zoo);
    Executor executor(network);
    const Tensor image = test::random_image(random, zoo);
    executor.run(image);
    CHECK(executor.tensors() == reference::run(zoo, image));
  }
}

TEST_CASE("evaluation gives the same predictions and logits on one thread and on several") {
  Random random(3);
  const PackedNetwork network(test::random_network(random));
  const auto image = [&](int64_t index) {
    Random own(static_cast<uint64_t>(index) + 100);
    return test::random_image(own, network.network());
  };
  const Evaluation one = evaluate(network, image, 5, 30, 1);
  const Evaluation several = evaluate(network, image, 5, 30, 4);
  CHECK(one.predictions == several.predictions);
  CHECK(one.logits == several.logits);
  const Tensor logits = reference::run(network.network(), image(5 + 17)).back();
  const size_t classes = static_cast<size_t>(network.network().classes());
  const auto begin = one.logits.begin() + static_cast<std::ptrdiff_t>(17 * classes);
  CHECK(std::vector<int32_t>(begin, begin + static_cast<std::ptrdiff_t>(classes)) == logits.values);
  CHECK(one.predictions[17] == predicted_class(logits.values.data(), static_cast<int>(classes)));
}

TEST_CASE("an exception in an image source reaches the caller of a parallel evaluation") {
  Random random(4);
  const PackedNetwork network(test::random_network(random));
  const auto image = [&](int64_t index) {
    if (index == 11) throw std::runtime_error("image 11");
    return test::random_image(random, network.network());
  };
  CHECK_THROWS_WITH(evaluate(network, image, 0, 20, 1), "image 11");
}

}  // namespace
}  // namespace stuckat::fast
