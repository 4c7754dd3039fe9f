#include "faultmaps/faulty_reference.h"
#include "sim/fast/fault_classes.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/faulty_pass.h"
#include "tests/sim/fast/effect_forms.h"
#include "tests/sim/fast/expected_verdict.h"
#include "tests/sim/fast/patches.h"
#include "tests/sim/fast/random_effects.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "workloads/zoo.h"

namespace stuckat::fast {
namespace {

using test::expected_verdict;
using test::Random;
using test::text;

/// Tensors and verdicts of `count` random faults on three images, against the faulty reference.
void check_network(uint64_t seed, int count, Path path) {
  CAPTURE(seed);
  Random random(seed);
  const PackedNetwork network(test::with_class_map(test::random_network(random), seed));
  std::vector<Effects> effects;
  for (int i = 0; i < count; ++i)
    effects.push_back(test::random_effects(random, network.network()));
  const FaultList faults(network, effects);
  FaultSimulator simulator(faults, path);
  std::vector<Verdict> verdicts(effects.size());
  for (const int64_t index : {int64_t{0}, int64_t{1}, int64_t{123456789}}) {
    const Tensor image = test::random_image(random, network.network());
    simulator.simulate(image, index, verdicts);
    const std::vector<Tensor> golden = reference::run(network.network(), image, {});
    for (int f = 0; f < faults.size(); ++f) {
      const Effects& fault = effects[static_cast<size_t>(f)];
      INFO(text(fault, network.network()));
      const std::vector<Tensor> faulty = reference::run(network.network(), image, fault, index);
      REQUIRE(simulator.tensors(f) == faulty);
      const Verdict expected = expected_verdict(network.network(), golden, faulty);
      const Verdict& verdict = verdicts[static_cast<size_t>(f)];
      REQUIRE(verdict.last_difference == expected.last_difference);
      REQUIRE(verdict.prediction == expected.prediction);
      REQUIRE((verdict == expected));
    }
  }
}

TEST_CASE("the random effects of these tests have every form, many times") {
  std::vector<Effects> effects;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Network network = test::random_network(random);
    for (int i = 0; i < 25; ++i) effects.push_back(test::random_effects(random, network));
  }
  for (const auto& [form, count] : test::count_forms(effects)) {
    INFO(form);
    CHECK(count >= 8);
  }
}

TEST_CASE("elements within a frame are refused: no hardware has such") {
  Random random(1);
  const PackedNetwork network(test::random_network(random));
  Effects effects;
  effects.elements.push_back(test::random_element(random, network.network()));
  effects.elements[0].slot = {2, 0, 64, 64};
  CHECK_NOTHROW(FaultList(network, {effects}));
  effects.elements[0].slot.frame = 1;
  CHECK_THROWS_WITH(FaultList(network, {effects}), Catch::Contains("frame"));
}

TEST_CASE("every tensor and verdict under random effects equals the faulty reference") {
  test::for_every_target([] {
    for (uint64_t seed = 0; seed < 100; ++seed) check_network(seed, 25, Path::automatic);
  });
}

TEST_CASE("the differential path equals the faulty reference") {
  for (uint64_t seed = 1000; seed < 1100; ++seed) check_network(seed, 15, Path::differential);
}

TEST_CASE("the dense path equals the faulty reference") {
  for (uint64_t seed = 2000; seed < 2100; ++seed) check_network(seed, 15, Path::dense);
}

TEST_CASE("many patched parameters at once: the engine equals the faulty reference") {
  int recomputed = 0;
  int one_by_one = 0;
  int beyond = 0;  // with weights of more digits than the layer's
  test::for_every_target([&] {
    for (uint64_t seed = 4000; seed < 4060; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const PackedNetwork network(test::random_network(random));
      std::vector<Effects> effects;
      for (const int count : {1, 4, 30, 300}) {
        effects.push_back(test::random_patches(random, network.network(), count));
        const Effects others = test::random_effects(random, network.network());
        effects.push_back(effects.back());  // together with everything else
        effects.back().operators = others.operators;
        effects.back().elements = others.elements;
        effects.back().operands = others.operands;
      }
      const FaultList faults(network, effects);
      Executor golden(network);
      const Tensor image = test::random_image(random, network.network());
      golden.run(image);
      for (int f = 0; f < faults.size(); ++f) {
        for (const TensorStep& step : faults.program(f).steps) {
          if (step.rows.empty()) continue;
          const bool all = FaultyPass::recomputes(step);
          ++(all ? recomputed : one_by_one);
          beyond += all && step.patch.excesses > 0;
        }
      }
      for (const Path path : {Path::automatic, Path::differential, Path::dense}) {
        FaultSimulator simulator(faults, path);
        std::vector<Verdict> verdicts(effects.size());
        for (int turn = 0; turn < 2; ++turn) {  // the second finds nothing left of the first
          simulator.simulate(image, turn, verdicts);
          for (int f = 0; f < faults.size(); ++f) {
            const Effects& fault = effects[static_cast<size_t>(f)];
            INFO(text(fault, network.network()));
            const auto faulty = reference::run(network.network(), image, fault, turn);
            REQUIRE(simulator.tensors(f) == faulty);
            REQUIRE((verdicts[static_cast<size_t>(f)] ==
                     expected_verdict(network.network(), golden.tensors(), faulty)));
          }
        }
      }
    }
  });
  CHECK(recomputed > 100);
  CHECK(one_by_one > 100);
  CHECK(beyond > 10);
}

TEST_CASE("all channels of all layers at all levels at once: verdicts equal the reference") {
  for (uint64_t seed = 3000; seed < 3040; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const PackedNetwork network(test::random_network(random));
    std::vector<Effects> effects;
    for (const int layer : network.network().injectable_layers()) {
      const NumberFormat format = network.network().format(layer + 1);
      const int channels = network.network().shape(layer + 1).channels;
      for (int c = 0; c < channels; ++c) {
        for (int l = 0; l < format.levels(); ++l) {
          effects.push_back(stuck_channel(network.network(), layer, c, format.level(l)));
        }
      }
    }
    const FaultList faults(network, effects);
    FaultSimulator simulator(faults);
    std::vector<Verdict> verdicts(effects.size());
    const Tensor image = test::random_image(random, network.network());
    simulator.simulate(image, 0, verdicts);
    const std::vector<Tensor> golden = reference::run(network.network(), image, {});
    for (size_t f = 0; f < effects.size(); ++f) {
      INFO(text(effects[f], network.network()));
      const auto faulty = reference::run(network.network(), image, effects[f], 0);
      REQUIRE((verdicts[f] == expected_verdict(network.network(), golden, faulty)));
    }
  }
}

/// Some channels held at a level in every pixel, before or after a pool.
ElementFault random_held_channels(Random& random, const Network& network) {
  const std::vector<int> layers = network.injectable_layers();
  const int last = static_cast<int>(layers.size()) - 1;
  const int layer = layers[static_cast<size_t>(test::uniform(random, 0, last))];
  ElementFault fault;
  fault.tensor = test::uniform(random, 0, 1) == 0
                     ? layer + 1
                     : network.after_pools(network.output_tensor(layer));
  for (int c = 0; c < network.shape(fault.tensor).channels; ++c) {
    if (test::uniform(random, 0, 2) == 0) fault.channels.push_back(c);
  }
  if (fault.channels.empty()) fault.channels.push_back(0);
  const NumberFormat format = network.format(fault.tensor);
  fault.mask =
      CodeMask::constant(static_cast<uint32_t>(test::uniform(random, 0, (1 << format.bits) - 1)));
  return fault;
}

/// Faults that begin with held channels: alone, with more after, twice, and after the pool too.
std::vector<Effects> faults_of_held_channels(Random& random, const Network& network) {
  std::vector<Effects> effects;
  for (int i = 0; i < 12; ++i) {
    Effects fault;
    fault.elements.push_back(random_held_channels(random, network));
    effects.push_back(fault);
    const int tensor = fault.elements.front().tensor;
    const auto& layers = network.layers;
    const size_t next = static_cast<size_t>(tensor);
    if (next < layers.size() && layers[next].kind == LayerKind::max_pool) {
      effects.push_back(fault);
      ++effects.back().elements.front().tensor;
    }
    if (i % 3 == 0) effects.push_back(fault);
    for (int level = 0; level < 2; ++level) {
      Effects more = test::random_effects(random, network);
      more.elements.insert(more.elements.begin(), fault.elements.front());
      if (i % 2 == 0) more.elements.push_back(random_held_channels(random, network));
      effects.push_back(more);
      if (i % 3 == 0) effects.push_back(more);
    }
  }
  return effects;
}

TEST_CASE("faults that begin with held channels: verdicts and classes equal the reference") {
  const auto check_seed = [](uint64_t seed) {
    CAPTURE(seed);
    Random random(seed);
    const PackedNetwork network(test::random_network(random));
    const std::vector<Effects> effects = faults_of_held_channels(random, network.network());
    const FaultList faults(network, effects);
    FaultSimulator simulator(faults);
    std::vector<Verdict> verdicts(effects.size());
    const Tensor image = test::random_image(random, network.network());
    simulator.simulate(image, 5, verdicts);
    const std::vector<Tensor> golden = reference::run(network.network(), image, {});
    FaultClasses classes(network);
    std::vector<Tensor> logits;
    for (size_t f = 0; f < effects.size(); ++f) {
      INFO(text(effects[f], network.network()));
      const auto faulty = reference::run(network.network(), image, effects[f], 5);
      REQUIRE((verdicts[f] == expected_verdict(network.network(), golden, faulty)));
      logits.push_back(faulty.back());
      const int64_t first = classes.add(effects[f]);
      REQUIRE(first <= static_cast<int64_t>(f));
      const Tensor& same = first < 0 ? golden.back() : logits[static_cast<size_t>(first)];
      REQUIRE(same == logits[f]);
    }
  };
  test::for_every_target([&] {
    for (uint64_t seed = 4000; seed < 4060; ++seed) check_seed(seed);
  });
}

TEST_CASE("a class is what has the same effects, or the same channels before and after a pool") {
  Random random(5);
  ZooOptions options;
  options.width = 0.1;
  Network zoo = zoo_network("cnv-w1a1", options);
  for (Layer& layer : zoo.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  const PackedNetwork network(zoo);
  const int before = zoo.injectable_layers()[1];  // a pool follows
  const int behind = zoo.after_pools(zoo.output_tensor(before)) - 1;
  REQUIRE(behind == before + 1);
  ParameterPatch same_weight;
  same_weight.layer = before;
  same_weight.value = zoo.layers[static_cast<size_t>(before)].weight_row(0)[0];
  const std::vector<Effects> effects = {stuck_channel(zoo, before, 2, 1),
                                        stuck_channel(zoo, before, 2, -1),
                                        stuck_channel(zoo, behind, 2, 1),
                                        stuck_channel(zoo, before, 2, 1),
                                        stuck_pixel(zoo, before + 1, 3, 1),
                                        stuck_pixel(zoo, before + 1, 3, 1),
                                        stuck_pixel(zoo, behind + 1, 3, 1),
                                        {{same_weight}, {}, {}},
                                        {}};
  FaultClasses classes(network);
  const std::vector<int64_t> expected = {0, 1, 0, 0, 4, 4, 6, -1, -1};
  for (size_t f = 0; f < effects.size(); ++f) {
    CAPTURE(f);
    CHECK(classes.add(effects[f]) == expected[f]);
  }
}

}  // namespace
}  // namespace stuckat::fast
