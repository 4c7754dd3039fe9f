#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/common/mvtu_core.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "workloads/reference.h"

using namespace stuckat;

namespace {

/// Room for broken weights below the lowest level (-2 in 2 bits): accumulators must not wrap.
Placement with_wide_accumulators(Placement placement) {
  for (ArrayUse& use : placement.arrays.front().uses) use.accumulator_bits = 24;
  return placement;
}

/// The layer's output for `input`, its rows computed in two parts as a tiled weight buffer does.
Tensor run_core(MvtuCore& core, const Tensor& input, int first_part) {
  const Layer& layer = core.layer();
  Tensor output{layer.output, std::vector<int32_t>(static_cast<size_t>(layer.output.size()))};
  const int split = std::min(first_part, layer.rows());
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    const auto window =
        reference::window(layer, input, pixel / layer.output.width, pixel % layer.output.width);
    core.load(window.data());
    int32_t* out = output.values.data() + pixel * layer.rows();
    core.compute(pixel, 0, split, out);
    core.compute(pixel, split, layer.rows(), out + split);
  }
  return output;
}

}  // namespace

TEST_CASE("packed rows give the sums of every pair of formats, broken weight codes included") {
  const uint64_t seed = GENERATE(range<uint64_t>(0, 40));
  test::Random random(seed);
  CAPTURE(seed);
  for (const NumberFormat weight_format : zoo_number_formats()) {
    const bool holds_weights =
        weight_format.kind == FormatKind::binary || weight_format.kind == FormatKind::signed_narrow;
    if (!holds_weights) continue;
    for (const NumberFormat input_format : zoo_number_formats()) {
      const int columns = test::uniform(random, 1, 200);
      PackedRows rows(weight_format, input_format, 2, columns);
      std::vector<int8_t> weights(static_cast<size_t>(columns));
      std::vector<int32_t> inputs(static_cast<size_t>(columns));
      int32_t expected = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        const auto any = [&](NumberFormat f) {
          return f.value(static_cast<uint32_t>(test::uniform(random, 0, (1 << f.bits) - 1)));
        };
        weights[i] = static_cast<int8_t>(any(weight_format));
        inputs[i] = any(input_format);
        expected += weights[i] * inputs[i];
      }
      rows.set_row(1, weights.data());
      rows.set_row(1, weights.data());
      PackedVector packed;
      rows.pack(inputs.data(), packed);
      CAPTURE(weight_format.name(), input_format.name(), columns);
      test::for_every_target([&] {
        int32_t sum = 0;
        rows.multiply(packed, 1, 2, &sum);
        CHECK(sum == expected);
      });
    }
  }
}

TEST_CASE("armed cores compute what the lowered effects say, on either schedule") {
  const uint64_t seed = GENERATE(range<uint64_t>(0, 300));
  CAPTURE(seed);
  test::Random random(seed);
  const Network network = test::random_network(random);
  Placement placement = with_wide_accumulators(test::random_loopback_placement(random, network));
  placement.memories.clear();  // not the core's
  const FaultMap map = test::random_faults(random, placement, network, 6);
  const Effects effects = lower(map, placement, network);
  const Tensor image = test::random_image(random, network);
  const std::vector<Tensor> expected = reference::run(network, image, effects, 0);
  const PeArray& array = placement.arrays.front();
  for (const ArrayUse& use : array.uses) {
    MvtuCore core(network.layers[static_cast<size_t>(use.layer)], array, use);
    for (const Fault& fault : map.faults) core.arm(fault);
    const Tensor output =
        run_core(core, expected[static_cast<size_t>(use.layer)], test::uniform(random, 0, 5));
    CAPTURE(use.layer, describe(effects, network), name(map.faults.front()));
    REQUIRE(output == expected[static_cast<size_t>(use.layer) + 1]);
  }
}

TEST_CASE("a stuck product in a padded lane still adds") {
  Layer layer;
  layer.name = "layer0";
  layer.kind = LayerKind::dense;
  layer.input = {1, 1, 3};
  layer.output = {1, 1, 1};
  layer.accumulator_output = true;
  layer.weights = {1, 1, 1};
  const PeArray array{"array", 1, 2, Schedule::channel_parallel, {}};
  MvtuCore core(layer, array, {0, 1, 4, 3, 3});
  const std::vector<int32_t> window = {1, 1, 1};
  int32_t out = 0;
  core.load(window.data());
  core.compute(0, 0, 1, &out);
  CHECK(out == 3);
  core.arm({SiteKind::pe_product, "array", {0, 1, 0}, 1});  // columns 1 and the padded 3
  core.compute(0, 0, 1, &out);
  CHECK(out == 4);
}
