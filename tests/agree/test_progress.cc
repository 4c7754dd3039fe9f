// What a run tells while it goes on: each image when it is done.
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/random_placement.h"

using namespace stuckat;

TEST_CASE("every family tells each image once, in order, whatever else is recorded") {
  for (const auto& family : test::random_families()) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      INFO(family.prefix << " seed " << seed);
      test::Random random(seed);
      const Network network = test::random_network(random);
      const AcceleratorPtr accelerator = family.draw(random, network);
      const auto count = 1 + static_cast<int64_t>(seed);
      std::vector<Tensor> images;
      for (int64_t i = 0; i < count; ++i) images.push_back(test::random_image(random, network));
      const FaultMap healthy{accelerator->name(), {}};
      const bool recorded = seed % 2 == 1;
      std::string expected;
      for (int64_t i = 1; i <= count; ++i) expected += std::to_string(i) + " ";
      const auto logits = [](const SimulationResult& run) {
        std::string text;
        for (const auto& of_image : run.logits) {
          for (const int32_t logit : of_image) text += std::to_string(logit) + ",";
        }
        return text + std::to_string(run.total_cycles);
      };
      const std::string told = test::in_child([&] {
        std::string text;
        Recording recording{.tensors = recorded, .statistics = recorded, .spans = recorded};
        recording.progress = [&](int64_t images_done) {
          text += std::to_string(images_done) + " ";
        };
        const auto run = accelerator->simulate(network, healthy, images, recording);
        return text + logits(run);
      });
      const std::string untold = test::in_child(
          [&] { return logits(accelerator->simulate(network, healthy, images, Recording{})); });
      CHECK(told == expected + untold);
    }
  }
}
