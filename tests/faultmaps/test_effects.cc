#include "faultmaps/effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/faulty_values.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/reference.h"

using namespace stuckat;

TEST_CASE("a mask after a mask equals one after the other, for every code") {
  test::Random random(7);
  for (int i = 0; i < 2000; ++i) {
    auto any = [&] {
      return CodeMask{static_cast<uint32_t>(random()) & 15, static_cast<uint32_t>(random()) & 15,
                      static_cast<uint32_t>(random()) & 15};
    };
    const CodeMask first = any();
    const CodeMask second = any();
    const CodeMask both = first.then(second);
    for (uint32_t code = 0; code < 16; ++code) {
      REQUIRE(both.apply(code) == second.apply(first.apply(code)));
    }
  }
  CHECK(CodeMask{}.then(CodeMask{}).is_identity());
  CHECK(CodeMask::stuck_bit_sign_extended(3, 4, true).apply(0b0101) == 0xFFFFFFFDu);
  CHECK(CodeMask::stuck_bit_sign_extended(3, 4, false).apply(0xFFFFFFFDu) == 0b0101u);
  CHECK(CodeMask::stuck_bit_sign_extended(1, 4, true).apply(0b0101) == 0b0111u);
}

TEST_CASE("a PE with nothing broken computes what the reference computes, padding included") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Tensor image = test::random_image(random, network);
    Effects effects;
    for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
      const Layer& layer = network.layers[static_cast<size_t>(i)];
      if (!layer.has_weights()) continue;
      OperatorFault healthy{i, {}, {}, {}};
      for (int row = 0; row < layer.rows(); ++row) healthy.rows.push_back(row);
      healthy.pe.simd = test::uniform(random, 1, 5);
      healthy.pe.padded_columns =
          (layer.columns() / healthy.pe.simd + test::uniform(random, 1, 3)) * healthy.pe.simd;
      healthy.pe.accumulator_bits = layer.accumulator_bits();
      effects.operators.push_back(healthy);
    }
    CHECK(reference::run(network, image, effects) == reference::run(network, image));
  }
}

TEST_CASE("an accumulator bit is stuck in every partial sum, in the order of the fold") {
  Layer layer;
  layer.kind = LayerKind::dense;
  layer.input = {1, 1, 4};
  layer.output = {1, 1, 1};
  layer.input_format = signed_format(3);
  layer.weights = {1, 1, 1, 1};
  const std::vector<int32_t> window = {1, 1, 1, 1};
  BrokenPe pe;
  pe.simd = 1;
  pe.padded_columns = 4;
  pe.accumulator_bits = 5;
  pe.accumulator = CodeMask::stuck_bit(0, true);
  // 0+1=1 -> 1; 1+1=2 -> 3; 3+1=4 -> 5; 5+1=6 -> 7
  CHECK(broken_accumulate(layer, pe, 0, layer.weights.data(), window.data()) == 7);
  pe.simd = 2;
  // 0+2=2 -> 3; 3+2=5 -> 5
  CHECK(broken_accumulate(layer, pe, 0, layer.weights.data(), window.data()) == 5);
  pe.accumulator = CodeMask::stuck_bit(4, true);  // the sign
  // 2 -> 2-16 = -14; -14+2 = -12, sign set already
  CHECK(broken_accumulate(layer, pe, 0, layer.weights.data(), window.data()) == -12);
}

TEST_CASE("a stuck product in a padded lane still adds") {
  Layer layer;
  layer.kind = LayerKind::dense;
  layer.input = {1, 1, 3};
  layer.output = {1, 1, 1};
  layer.weights = {1, 1, 1};
  const std::vector<int32_t> window = {1, 1, 1, -1, -1, -1};
  BrokenPe pe;
  pe.simd = 2;
  pe.padded_columns = 6;
  pe.accumulator_bits = 4;
  pe.products = {{1, CodeMask::stuck_bit(0, true)}};
  // matches at columns 0, 1, 2; padded columns 3 and 5 sit on lane 1 and match for ever
  CHECK(broken_accumulate(layer, pe, 0, layer.weights.data(), window.data()) == 5);
  pe.products.clear();
  pe.padded_weights = {{0, 4, -1}};  // now equal to the padded input code 0
  CHECK(broken_accumulate(layer, pe, 0, layer.weights.data(), window.data()) == 4);
}

TEST_CASE("a FIFO slot drifts through the pixels from image to image") {
  ElementFault fault;
  fault.slot = {4, 1, 1, 2};
  const Shape shape{1, 6, 2};
  CHECK(selected_elements(fault, shape, 0) == std::vector<int>{2, 3, 10, 11});
  // image 1 starts at running word 6, so its pixel 3 has index 9 = 1 mod 4
  CHECK(selected_elements(fault, shape, 1) == std::vector<int>{6, 7});
  fault.channels = {1};
  CHECK(selected_elements(fault, shape, 1) == std::vector<int>{7});
}

TEST_CASE("stuck channels and pixels hold their level, everything before them is untouched") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Tensor image = test::random_image(random, network);
    const auto golden = reference::run(network, image);
    for (const int layer : network.injectable_layers()) {
      const size_t t = static_cast<size_t>(layer) + 1;
      const NumberFormat format = network.format(layer + 1);
      const Shape shape = network.shape(layer + 1);
      const int channel = test::uniform(random, 0, shape.channels - 1);
      const int level = format.level(test::uniform(random, 0, format.levels() - 1));
      const auto stuck =
          reference::run(network, image, stuck_channel(network, layer, channel, level));
      for (size_t before = 0; before < t; ++before) REQUIRE(stuck[before] == golden[before]);
      for (int p = 0; p < shape.pixels(); ++p) {
        for (int c = 0; c < shape.channels; ++c) {
          const auto i = static_cast<size_t>(p * shape.channels + c);
          REQUIRE(stuck[t].values[i] == (c == channel ? level : golden[t].values[i]));
        }
      }
      const int pixel = test::uniform(random, 0, shape.pixels() - 1);
      const auto dark =
          reference::run(network, image, stuck_pixel(network, layer + 1, pixel, level));
      for (int i = 0; i < shape.size(); ++i) {
        const bool hit = i / shape.channels == pixel;
        REQUIRE(dark[t].values[static_cast<size_t>(i)] ==
                (hit ? level : golden[t].values[static_cast<size_t>(i)]));
      }
    }
  }
}

TEST_CASE("a channel stuck before the pool is the channel stuck after it") {
  int checked = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Tensor image = test::random_image(random, network);
    for (const int layer : network.injectable_layers()) {
      const int after = network.after_pools(network.output_tensor(layer));
      if (after == layer + 1) continue;
      const NumberFormat format = network.format(after);
      const Effects before = stuck_channel(network, layer, 0, format.max_level());
      const Effects behind = stuck_channel(network, after - 1, 0, format.max_level());
      const auto a = reference::run(network, image, before);
      const auto b = reference::run(network, image, behind);
      for (size_t t = static_cast<size_t>(after); t < a.size(); ++t) REQUIRE(a[t] == b[t]);
      ++checked;
    }
  }
  CHECK(checked > 10);
}

TEST_CASE("every form is visited, counted, placed in the run and split by tensor") {
  const RunImages late{3, 5};
  Effects effects;
  effects.operators = {{1, {0}, {}, {}, late}};
  effects.elements = {{2, {}, {}, {}, CodeMask::constant(0), 0, late}};
  effects.operands = {{1, {}, {}, CodeMask::constant(0), {}, 0, late}};
  effects.windows = {{1, {}, {}, {}, CodeMask::constant(0), {}, 0, late}};
  effects.pools = {{1, {}, {}, {}, late}};
  CHECK(effects.images() == late);
  CHECK(effects.depends_on_image());
  effects.patches = {{1, 0, false, 0, 1}};
  CHECK(effects.images().is_all());
  CHECK(effects.size() == 6);
  int faults = 0;
  for_each_fault(std::as_const(effects), [&](const auto& fault) {
    ++faults;
    CHECK(tensor_of(fault) == 2);
  });
  CHECK(faults == 6);
  for_each_form(effects, [](auto& list) { list.clear(); });
  CHECK(effects.empty());
  CHECK_FALSE(effects.depends_on_image());
}

TEST_CASE("a slot of a FIFO makes effects depend on the image, whatever carries them") {
  Effects effects;
  effects.operands = {{0, {}, {}, CodeMask::constant(0), {2, 0, 1, 1}}};
  CHECK(effects.depends_on_image());
  effects.operands.front().slot.depth = 0;
  CHECK_FALSE(effects.depends_on_image());
}
