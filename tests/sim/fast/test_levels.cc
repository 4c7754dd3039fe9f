// Networks of levels: every graph, every format, every effect, against the (faulty) reference.
#include <map>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/normal_form.h"
#include "sim/fast/fault_classes.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/levels/delta.h"
#include "tests/sim/fast/effect_forms.h"
#include "tests/sim/fast/expected_verdict.h"
#include "tests/sim/fast/patches.h"
#include "tests/sim/fast/random_effects.h"
#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "tests/support/random_graph.h"
#include "tests/support/rounded_sums.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

namespace stuckat::fast {
namespace {

using test::expected_verdict;
using test::Random;
using test::text;
using test::uniform;

/// A residual block, depthwise and pointwise layers, pools and a join, as wide as kernels take at
/// once and a little wider; thresholds that round, in 8 bits or fewer.
Network wide_graph(Random& random) {
  Network network;
  network.name = "wide";
  const auto format = [&] {
    return uniform(random, 0, 2) == 0 ? unsigned_format(uniform(random, 2, 8))
                                      : full_format(uniform(random, 5, 8));
  };
  std::vector<Shape> shapes = {{uniform(random, 5, 8), uniform(random, 5, 8), 3}};
  std::vector<NumberFormat> formats = {full_format(8)};
  const auto push = [&](Layer layer, std::vector<int> inputs, NumberFormat output) {
    layer.name = "layer" + std::to_string(network.layers.size());
    layer.input = shapes[static_cast<size_t>(inputs.front())];
    layer.input_format = formats[static_cast<size_t>(inputs.front())];
    layer.inputs = std::move(inputs);
    layer.output_format = output;
    layer.output = layer.kind->output(layer, "wide");
    if (layer.has_weights()) {
      layer.weight_format = signed_format(8);
      layer.weights.resize(static_cast<size_t>(layer.rows()) *
                           static_cast<size_t>(layer.columns()));
    }
    shapes.push_back(layer.output);
    formats.push_back(output);
    network.add(std::move(layer));
    return static_cast<int>(shapes.size()) - 1;
  };
  const auto convolution = [&](int from, int channels, int kernel, int groups) {
    Layer layer;
    layer.kernel = kernel;
    layer.padding = kernel / 2;
    layer.groups = groups;
    layer.output.channels = channels;
    return push(layer, {from}, format());
  };
  const auto add = [&](int a, int b) {
    Layer layer;
    layer.kind = LayerKind::add;
    layer.output.channels = shapes[static_cast<size_t>(a)].channels;
    for (const int t : {a, b}) {
      const NumberFormat f = formats[static_cast<size_t>(t)];
      layer.tables.push_back({f, std::vector<int32_t>(size_t{1} << f.bits)});
    }
    return push(layer, {a, b}, format());
  };
  const int channels = uniform(random, 0, 1) == 0 ? 64 : uniform(random, 17, 70);
  int t = convolution(0, channels, 3, 1);
  const int branch = convolution(t, channels, 3, 1);
  t = add(branch, t);
  t = convolution(t, channels, 3, channels);
  const int narrow = convolution(t, uniform(random, 1, 4) * 8, 1, 1);
  const int other = convolution(narrow, shapes[static_cast<size_t>(narrow)].channels, 3, 4);
  Layer pool;
  pool.kind = LayerKind::average_pool;
  pool.kernel = {shapes[static_cast<size_t>(other)].height,
                 shapes[static_cast<size_t>(other)].width};
  pool.output.channels = shapes[static_cast<size_t>(other)].channels;
  t = push(pool, {other}, format());
  Layer dense;
  dense.kind = LayerKind::dense;
  dense.output.channels = 10;
  dense.accumulator_output = true;
  push(dense, {t}, {});
  test::fill_rounding(network, random);
  validate(network, "wide");
  return network;
}

/// Thresholds of rows a little beside where rounding puts them, as further training leaves them.
void move_thresholds(Network& network, Random& random) {
  for (Layer& layer : network.layers) {
    const int n = layer.thresholds_per_row();
    for (int row = 0; layer.has_weights() && n > 1 && row < layer.rows(); ++row) {
      const auto begin = layer.thresholds.begin() + std::ptrdiff_t{row} * n;
      const int step = (begin[n - 1] - begin[0]) / n;
      for (auto t = begin; t != begin + n; ++t) *t += uniform(random, -step / 4, step / 4);
      std::sort(begin, begin + n);
    }
  }
}

/// Half of those with binary operands sum them; of wide ones half have thresholds that moved.
Network graph(Random& random, bool wide) {
  if (wide) {
    Network network = wide_graph(random);
    if (uniform(random, 0, 1) == 0) {
      move_thresholds(network, random);
      validate(network, "moved");
    }
    return network;
  }
  Network network = test::RandomGraph(random).build();
  if (uniform(random, 0, 1) == 0 && test::sum_binary_operands(network, random)) {
    validate(network, "summed");
  }
  return network;
}

/// Tensors and verdicts under each fault on two images, against the faulty reference.
void check_effects(const PackedNetwork& network, const std::vector<Effects>& effects,
                   Random& random, Path path) {
  const FaultList faults(network, effects);
  FaultSimulator simulator(faults, path);
  std::vector<Verdict> verdicts(effects.size());
  for (const int64_t index : {int64_t{1}, int64_t{123456789}}) {
    const Tensor image = test::random_image(random, network.network());
    simulator.simulate(image, index, verdicts);
    const std::vector<Tensor> golden = reference::run(network.network(), image, {});
    for (int f = 0; f < faults.size(); ++f) {
      const Effects& fault = effects[static_cast<size_t>(f)];
      INFO(text(fault, network.network()));
      const std::vector<Tensor> faulty = reference::run(network.network(), image, fault, index);
      REQUIRE(simulator.tensors(f) == faulty);
      REQUIRE((verdicts[static_cast<size_t>(f)] ==
               expected_verdict(network.network(), golden, faulty)));
    }
  }
}

void check_network(Network checked, uint64_t seed, Random& random, int count, Path path,
                   std::vector<Effects>* all = nullptr) {
  const PackedNetwork network(test::with_class_map(std::move(checked), seed));
  std::vector<Effects> effects;
  for (int i = 0; i < count; ++i)
    effects.push_back(test::random_effects(random, network.network()));
  effects.push_back(effects.front());  // a copy
  if (all != nullptr) all->insert(all->end(), effects.begin(), effects.end());
  check_effects(network, effects, random, path);
}

void check_network(uint64_t seed, int count, Path path, bool wide,
                   std::vector<Effects>* all = nullptr) {
  CAPTURE(seed, wide, static_cast<int>(path));
  Random random(seed);
  check_network(graph(random, wide), seed, random, count, path, all);
}

TEST_CASE("levels: every tensor of the executor equals the reference on random graphs") {
  int in_levels = 0;
  int summed = 0;
  std::map<int, int> lines;
  test::for_every_target([&] {
    for (uint64_t seed = 0; seed < 120; ++seed) {
      const bool wide = seed % 10 == 0;
      CAPTURE(seed, wide);
      Random random(seed);
      const PackedNetwork network(graph(random, wide));
      in_levels += network.levels() != nullptr ? 1 : 0;
      for (const Layer& layer : network.network().layers) summed += layer.signed_sum ? 1 : 0;
      for (int i = 0; i < network.last_tensor() && network.levels() != nullptr; ++i) {
        const LevelLayer& layer = network.levels()->layer(i);
        if (layer.activation.thresholds() > 0) ++lines[static_cast<int>(layer.activation.way(0))];
      }
      Executor executor(network);
      for (int i = 0; i < 2; ++i) {
        const Tensor image = test::random_image(random, network.network());
        executor.run(image);
        REQUIRE(executor.tensors() == reference::run(network.network(), image));
      }
    }
  });
  CHECK(in_levels > 100);
  CHECK(summed > 5);
  for (const auto way : {Activation::Way::count, Activation::Way::lines, Activation::Way::near,
                         Activation::Way::search}) {
    CAPTURE(static_cast<int>(way));
    CHECK(lines[static_cast<int>(way)] > 10);
  }
}

TEST_CASE(
    "levels: graphs of the zoo give what the reference says, fault-free and with a channel stuck") {
  for (const std::string& name : zoo_names()) {
    const auto is = [&](const char* prefix) { return name.starts_with(prefix); };
    if (!is("resnet") && !is("mobilenet") && !is("ds-cnn") && !is("mlp")) continue;
    CAPTURE(name);
    Random random(11);
    ZooOptions options;
    options.width = is("resnet-20") ? 0.3 : 0.6;
    if (is("mobilenet")) options.input_side = 40;
    Network zoo = zoo_network(name, options);
    test::fill_rounding(zoo, random);
    validate(zoo, name);
    const PackedNetwork network(zoo);
    const Tensor image = test::random_image(random, zoo);
    const std::vector<int> layers = zoo.injectable_layers();
    const int layer = layers[layers.size() / 2];
    const Effects stuck = stuck_channel(zoo, layer, 1, zoo.layer(layer).output_format.max_level());
    CHECK(run(network, {}, image, 0) == reference::run(zoo, image));
    CHECK(run(network, stuck, image, 0) == reference::run(zoo, image, stuck));
  }
}

TEST_CASE("levels: tensors and verdicts under random effects equal the faulty reference") {
  std::vector<Effects> effects;
  test::for_every_target([&] {
    for (uint64_t seed = 0; seed < 60; ++seed) {
      check_network(seed, 25, Path::automatic, false, &effects);
    }
    for (uint64_t seed = 100; seed < 104; ++seed) {
      check_network(seed, 12, Path::automatic, true, &effects);
    }
  });
  for (const auto& [form, count] : test::count_forms(effects)) {
    // Graphs seldom pad all sides alike; test_fault_simulator.cc has many of those.
    if (form.find("within a frame") != std::string::npos) continue;
    INFO(form);
    CHECK(count >= 4);
  }
  const auto of = [&](const auto& has) {
    return std::count_if(effects.begin(), effects.end(), has);
  };
  CHECK(of([](const Effects& e) { return !e.pools.empty() && e.pools[0].pool.sum_bits > 0; }) >= 4);
  CHECK(of([](const Effects& e) { return !e.operands.empty() && e.operands[0].input > 0; }) >= 4);
}

TEST_CASE("operands of more than 8 bits: tensors and verdicts equal the faulty reference") {
  std::vector<NumberFormat> wide = wide_number_formats();
  std::erase_if(wide, [](const NumberFormat& format) { return format.bits > 12; });
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    check_network(test::RandomGraph(random, wide).build(), seed, random, 15, Path::automatic);
  }
}

TEST_CASE("levels: the differential path equals the faulty reference") {
  for (uint64_t seed = 1000; seed < 1060; ++seed) {
    check_network(seed, 15, Path::differential, seed % 20 == 0);
  }
}

TEST_CASE("levels: the dense path equals the faulty reference") {
  for (uint64_t seed = 2000; seed < 2060; ++seed) {
    check_network(seed, 15, Path::dense, seed % 20 == 0);
  }
}

/// Chips with broken weight memories: blocks of rows from patched weights, with sums that no row of
/// the network gives, and rows beside them whose thresholds are broken.
TEST_CASE("levels: many patches at once equal the faulty reference") {
  int anew = 0;
  int one_by_one = 0;
  test::for_every_target([&] {
    for (uint64_t seed = 5000; seed < 5020; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Network graph_of_seed = graph(random, seed % 10 == 0);
      std::vector<Effects> effects;
      for (const int count : {1, 20, 300, 1500}) {
        effects.push_back(test::random_patches(random, graph_of_seed, count));
        effects.push_back(test::random_effects(random, graph_of_seed));
        effects.back().patches = effects[effects.size() - 2].patches;
        normalize(effects.back());
      }
      const PackedNetwork network(graph_of_seed);
      const FaultList faults(network, effects);
      for (int f = 0; f < faults.size() && network.levels() != nullptr; ++f) {
        for (const TensorStep& step : faults.program(f).steps) {
          anew += step.level_patch.empty() ? 0 : 1;
          one_by_one += step.level_patch.empty() || step.others != nullptr ? 1 : 0;
        }
      }
      for (const Path path : {Path::automatic, Path::differential, Path::dense}) {
        check_effects(network, effects, random, path);
      }
    }
  });
  CHECK(anew > 100);
  CHECK(one_by_one > 100);
}

TEST_CASE("levels: all channels of a wide graph stuck: verdicts equal the faulty reference") {
  int by_delta = 0;
  for (uint64_t seed = 3000; seed < 3003; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const PackedNetwork network(wide_graph(random));
    std::vector<Effects> effects;
    for (const int layer : network.network().injectable_layers()) {
      const NumberFormat format = network.network().format(layer + 1);
      by_delta += ChannelDelta::pays(network.levels()->layer(layer), 1) ? 1 : 0;
      for (int c = 0; c < network.network().shape(layer + 1).channels; c += 3) {
        effects.push_back(stuck_channel(network.network(), layer, c,
                                        format.level(uniform(random, 0, format.levels() - 1))));
      }
    }
    const FaultList faults(network, effects);
    FaultSimulator simulator(faults);
    std::vector<Verdict> verdicts(effects.size());
    const Tensor image = test::random_image(random, network.network());
    simulator.simulate(image, 0, verdicts);
    const std::vector<Tensor> golden = reference::run(network.network(), image, {});
    FaultClasses classes(network);
    for (size_t f = 0; f < effects.size(); ++f) {
      INFO(text(effects[f], network.network()));
      const auto faulty = reference::run(network.network(), image, effects[f], 0);
      REQUIRE((verdicts[f] == expected_verdict(network.network(), golden, faulty)));
      CHECK(classes.add(effects[f]) == static_cast<int64_t>(f));
    }
  }
  CHECK(by_delta > 3);
}

TEST_CASE("levels: a line gives every count of rounding, and two for a bend") {
  Random random(5);
  int lines = 0;
  for (int i = 0; i < 200; ++i) {
    RowThresholds row;
    row.least = -uniform(random, 1000, 3000000);
    row.greatest = uniform(random, 1000, 3000000);
    const double scale = 255.0 / uniform(random, 100, 100000);
    const double zero = uniform(random, -40, 200) + 0.37;
    for (int k = 1; k <= 255; ++k) {
      row.ascending.push_back(static_cast<int32_t>(std::ceil((k - 0.5 - zero) / scale) - 1));
    }
    const auto line = fit_line(row);
    if (!line) continue;
    ++lines;
    for (int j = 0; j < 2000; ++j) {
      const int64_t near = row.ascending[static_cast<size_t>(uniform(random, 0, 254))];
      const int64_t sum = std::clamp(near + uniform(random, -3, 3), row.least, row.greatest);
      const double x = line->slope * static_cast<double>(sum) + line->offset;
      REQUIRE(std::clamp(static_cast<int>(x), line->lowest, line->highest) == row.count(sum));
    }
  }
  CHECK(lines == 200);
  RowThresholds bend{{0, 1, 2, 3, 100, 200, 300}, -1000, 1000};
  CHECK(!fit_line(bend));
  CHECK(fit_lines(bend, 1).empty());
  const std::vector<Line> two = fit_lines(bend, 2);
  REQUIRE(two.size() == 2);
  for (int sum = -1000; sum <= 1000; ++sum) {
    int count = 0;
    for (const Line& line : two) {
      count +=
          std::clamp(static_cast<int>(line.slope * sum + line.offset), line.lowest, line.highest);
    }
    CHECK(count == bend.count(sum));
  }
}

}  // namespace
}  // namespace stuckat::fast
