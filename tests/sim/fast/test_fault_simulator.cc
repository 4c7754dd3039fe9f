#include <catch2/catch.hpp>

#include "faultmaps/faulty_reference.h"
#include "sim/fast/fault_simulator.h"
#include "tests/sim/fast/every_target.h"
#include "tests/sim/fast/random_effects.h"

namespace stuckat::fast {
namespace {

using test::Random;

Verdict expected_verdict(const std::vector<Tensor>& golden, const std::vector<Tensor>& faulty) {
  Verdict verdict;
  for (size_t t = 0; t < golden.size(); ++t) {
    if (!(golden[t] == faulty[t])) verdict.last_difference = static_cast<int16_t>(t);
  }
  const auto prediction = [](const Tensor& t) {
    return predicted_class(t.values.data(), static_cast<int>(t.values.size()));
  };
  verdict.prediction = static_cast<uint16_t>(prediction(faulty.back()));
  verdict.critical = prediction(golden.back()) != prediction(faulty.back());
  return verdict;
}

std::string text(const Effects& effects, const Network& network) {
  std::string result;
  for (const std::string& line : describe(effects, network)) result += line + "\n";
  return result;
}

/// Tensors and verdicts of `count` random faults on three images, against the faulty reference.
void check_network(uint64_t seed, int count, Path path) {
  CAPTURE(seed);
  Random random(seed);
  const PackedNetwork network(test::random_network(random));
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
      const Verdict expected = expected_verdict(golden, faulty);
      const Verdict& verdict = verdicts[static_cast<size_t>(f)];
      REQUIRE(verdict.last_difference == expected.last_difference);
      REQUIRE(verdict.prediction == expected.prediction);
      REQUIRE((verdict == expected));
    }
  }
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

TEST_CASE("all channels of all layers at all levels at once: verdicts equal the reference") {
  for (uint64_t seed = 3000; seed < 3040; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const PackedNetwork network(test::random_network(random));
    std::vector<Effects> effects;
    for (const int layer : network.network().injectable_layers()) {
      const NumberFormat format = network.network().tensor_format(layer + 1);
      const int channels = network.network().tensor_shape(layer + 1).channels;
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
      REQUIRE((verdicts[f] == expected_verdict(golden, faulty)));
    }
  }
}

}  // namespace
}  // namespace stuckat::fast
