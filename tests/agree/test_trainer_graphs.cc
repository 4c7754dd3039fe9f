// The trainer on random graphs: forks, adds, joined channels, depthwise and rectangular windows,
// pools, 1 to 8 bits. Its evaluation and the forward pass of its step compute every tensor as the
// reference does, also under those faults of every family of accelerators that it takes.
#include <map>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/refusal.h"
#include "tests/trainer/graphs.h"
#include "trainer/fixed_faults.h"
#include "trainer/graph/graph_predictor.h"
#include "trainer/model_from_network.h"
#include "trainer/step.h"
#include "workloads/sanitized.h"

using namespace stuckat;

namespace {

constexpr uint64_t graphs_of_a_family = sanitized ? 6 : 60;

/// A network whose thresholds are learned, its images, and what computes them in training.
struct Trained {
  Trained(test::Random& random, const Network& net, int count)
      : network(net),
        images(network, count, random),
        labels(static_cast<size_t>(count), 0),
        workers(2),
        model(trainer::model_from_network(network, test::raw_data(network, 4, random), workers)),
        step(network, {.faults = true}, workers) {}

  /// "" or the first tensor that differs, of evaluation and step.
  std::string difference(const Effects& effects) {
    const auto expected = test::by_reference(network, images.images, effects);
    trainer::GraphPredictor predictor(network, effects, workers);
    const auto result = predictor.logits(images.block.data(), static_cast<int>(labels.size()), 0);
    trainer::FixedFaults faults(network, effects);
    const std::vector<trainer::FaultOverlay*> overlays{&faults};
    step.run(model, images.block.data(), labels, overlays);
    for (int t = 0; t < network.tensors(); ++t) {
      if (network.holds_accumulators(t)) continue;
      if (test::differing(predictor.values(t), expected, t) != 0) {
        return "evaluation, " + network.tensor_name(t);
      }
      if (test::differing(step.wide_values(t), expected, t) != 0) {
        return "step, " + network.tensor_name(t);
      }
    }
    std::vector<int32_t> logits;
    for (const auto& image : expected) {
      logits.insert(logits.end(), image.back().values.begin(), image.back().values.end());
    }
    return result == logits ? "" : "result";
  }

  const Network network;
  const test::GraphImages images;
  const std::vector<int> labels;
  trainer::Workers workers;
  const trainer::Model model;
  trainer::TrainingStep step;
};

}  // namespace

TEST_CASE("the trainer computes random graphs under the faults of every family that it takes") {
  for (const test::RandomFamily& family : test::random_families()) {
    std::map<std::string, int> taken;  // by kind of site
    int refused = 0;
    int with_effects = 0;
    int kinds_of_layers = 0;
    for (uint64_t seed = 1; seed <= graphs_of_a_family; ++seed) {
      test::Random random(seed);
      const Network network = test::trainable_graph(random);
      AcceleratorPtr accelerator;
      Placement placement;
      // Not all of them take all graphs: their own tests say which.
      if (test::refusal([&] {
            accelerator = family.draw(random, network);
            placement = accelerator->place(network);
          }) != "accepted") {
        continue;
      }
      Trained trained(random, network, test::uniform(random, 2, 19));
      REQUIRE(trained.difference({}) == "");
      FaultMap together{placement.accelerator, {}};
      const SiteIndex sites(placement, network);
      for (const SiteSpace& space : sites.spaces()) {
        if (space.sites() == 0) continue;
        Fault fault =
            space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
        fault.value = space.values[static_cast<size_t>(
            test::uniform(random, 0, static_cast<int>(space.values.size()) - 1))];
        const FaultMap map{placement.accelerator, {fault}};
        INFO(family.prefix << " seed " << seed << test::names(map));
        if (test::refusal([&] { lower(map, placement, network); }) != "accepted") continue;
        const Effects effects = lower(map, placement, network);
        std::string different;
        const std::string told = test::refusal([&] { different = trained.difference(effects); });
        if (told != "accepted") {
          CHECK_THAT(told, Catch::Contains("faults that change weights, thresholds or values"));
          ++refused;
          continue;
        }
        CHECK(different == "");
        ++taken[site_row(fault.kind).name];
        with_effects += effects.empty() ? 0 : 1;
        together.faults.push_back(fault);
      }
      INFO(family.prefix << " seed " << seed << test::names(together));
      if (test::refusal([&] { lower(together, placement, network); }) == "accepted") {
        CHECK(trained.difference(lower(together, placement, network)) == "");
      }
      for (const Layer& layer : network.layers) {
        kinds_of_layers |= 1 << layer.kind->number;
        kinds_of_layers |= layer.groups > 1 ? 1 << 16 : 0;
      }
    }
    INFO(family.prefix << ": " << refused << " refused, " << with_effects << " with effects");
    CHECK(with_effects > static_cast<int>(graphs_of_a_family));
    CHECK(taken.size() > 1);
    CHECK(refused > 0);
    if (sanitized) continue;
    for (const LayerKind kind : layer_kinds()) {
      INFO(kind->name);
      CHECK((kinds_of_layers >> kind->number & 1) == 1);
    }
    CHECK(kinds_of_layers >> 16 == 1);
  }
}
