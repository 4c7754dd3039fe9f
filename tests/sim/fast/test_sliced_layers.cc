// Layers with pixels as bits: the oracle is the faulty reference.
#include <algorithm>

#include "faultmaps/faulty_reference.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/sliced_chain.h"
#include "tests/sim/fast/patches.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "workloads/zoo.h"

namespace stuckat::fast {
namespace {

using test::Random;

struct Case {
  const char* network;
  double width;
};

/// Patched chips of a network with random parameters, and what the reference computes for each.
struct Chips {
  Chips(const Case& of, const std::vector<int>& counts, uint64_t seed)
      : random(seed),
        network(filled(of, random)),
        image(test::random_image(random, network.network())) {
    for (const int count : counts) {
      effects.push_back(test::random_patches(random, network.network(), count));
      expected.push_back(reference::run(network.network(), image, effects.back(), 0));
    }
  }

  static Network filled(const Case& of, Random& random) {
    ZooOptions options;
    options.width = of.width;
    Network network = zoo_network(of.network, options);
    for (Layer& layer : network.layers) {
      if (layer.has_weights()) test::fill_parameters(layer, random);
    }
    return network;
  }

  Random random;
  PackedNetwork network;
  Tensor image;
  std::vector<Effects> effects;
  std::vector<std::vector<Tensor>> expected;
};

constexpr Case cases[] = {{"cnv-w1a1", 0.125}, {"cnv-w1a2", 0.125}, {"cnv-w2a2", 0.25}};

TEST_CASE("what leaves the sliced layers of a patched chip is what the reference computes") {
  for (const Case& of : cases) {
    CAPTURE(of.network);
    const Chips chips(of, {1, 20, 60, 60, 200, 2000}, 1);
    const PackedNetwork& network = chips.network;
    const SlicedChain chain(network);
    REQUIRE(chain.stages().size() >= 3);  // two convolutions and a pool, at least
    const TensorLayout& in = network.layout(chain.input());
    const TensorLayout& out = network.layout(chain.output());
    Executor golden(network);
    golden.run(chips.image);
    test::for_every_target([&] {
      SlicedPass pass(chain);
      int ran = 0;
      for (int turn = 0; turn < 2; ++turn) {  // the second finds nothing left of the first
        for (size_t f = 0; f < chips.effects.size(); ++f) {
          CAPTURE(f);
          const FaultProgram program = make_program(network, chips.effects[f], "test");
          if (!chain.runs(program)) continue;
          ++ran;
          const std::vector<Tensor>& expected = chips.expected[f];
          AlignedVector<uint64_t> before(in.total_words());
          planes_from_values(in, expected[static_cast<size_t>(chain.input())], before.data());
          PixelSet changed_before(in.shape.pixels());
          const auto& right_before = golden.state().planes[static_cast<size_t>(chain.input())];
          for (size_t w = 0; w < before.size(); ++w) {
            before[w] ^= right_before[w];
            if (before[w] != 0) {
              changed_before.insert(static_cast<int>(w) / in.pixel_words());
            }
          }
          AlignedVector<uint64_t> after(out.total_words());
          PixelSet changed(out.shape.pixels());
          const int last = pass.run(golden.state(), program, before.data(), changed_before,
                                    after.data(), changed);
          int expected_last = -1;
          for (int t = chain.input() + 1; t <= chain.output(); ++t) {
            if (!(golden.tensor(t) == expected[static_cast<size_t>(t)])) expected_last = t;
          }
          CHECK(last == expected_last);
          for (int pixel = 0; pixel < out.shape.pixels(); ++pixel) {
            const auto first = after.begin() + pixel * out.pixel_words();
            const bool differs = std::any_of(first, first + out.pixel_words(),
                                             [](uint64_t word) { return word != 0; });
            CHECK(changed.contains(pixel) == differs);
          }
          for (size_t w = 0; w < after.size(); ++w) {
            after[w] ^= golden.state().planes[static_cast<size_t>(chain.output())][w];
          }
          CHECK((values_from_planes(out, after.data()) ==
                 expected[static_cast<size_t>(chain.output())]));
        }
      }
      CHECK(ran >= 6);
    });
  }
}

TEST_CASE("verdicts of chips that go through sliced layers equal the reference") {
  for (const Case& of : cases) {
    CAPTURE(of.network);
    const Chips chips(of, {1, 20, 60, 60, 200, 200, 2000}, 2);
    const FaultList faults(chips.network, chips.effects);
    int sliced = 0;
    for (int f = 0; f < faults.size(); ++f) sliced += faults.is_sliced(f) ? 1 : 0;
    CHECK(sliced >= 3);
    const std::vector<Tensor> golden = reference::run(chips.network.network(), chips.image, {});
    test::for_every_target([&] {
      FaultSimulator simulator(faults);
      std::vector<Verdict> verdicts(chips.effects.size());
      for (int turn = 0; turn < 2; ++turn) {
        simulator.simulate(chips.image, turn, verdicts);
        for (size_t f = 0; f < verdicts.size(); ++f) {
          CAPTURE(f);
          const std::vector<Tensor>& expected = chips.expected[f];
          int last_difference = -1;
          for (size_t t = 0; t < golden.size(); ++t) {
            if (!(golden[t] == expected[t])) last_difference = static_cast<int>(t);
          }
          CHECK(verdicts[f].last_difference == last_difference);
          const auto& logits = expected.back().values;
          CHECK(verdicts[f].prediction ==
                predicted_class(logits.data(), static_cast<int>(logits.size())));
          CHECK((simulator.tensors(static_cast<int>(f)) == expected));
        }
      }
    });
  }
}

}  // namespace
}  // namespace stuckat::fast
