// Training of graphs: sums are the reference's integers, gradients those of the products, and what
// is exported is what was trained.
#include <cmath>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/graphs.h"
#include "tests/trainer/noise.h"
#include "trainer/fixed_faults.h"
#include "trainer/graph/graph_predictor.h"
#include "trainer/graph/graph_step.h"
#include "trainer/graph/window_product.h"
#include "trainer/images.h"
#include "trainer/model_from_network.h"
#include "trainer/step.h"
#include "trainer/train.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

std::vector<std::vector<Tensor>> by_reference(const Network& network,
                                              const std::vector<Tensor>& images) {
  std::vector<std::vector<Tensor>> result;
  for (const Tensor& image : images) result.push_back(reference::run(network, image));
  return result;
}

std::vector<float> random_floats(Random& random, size_t count) {
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(uniform(random, -8, 8));
  return values;
}

/// Graphs of the zoo that are small.
Network small(const std::string& name) {
  const bool keywords = name.starts_with("ds-cnn");
  return zoo_network(name, {.width = 0.25, .classes = 10, .input_side = keywords ? 0 : 16});
}

}  // namespace

TEST_CASE("random graphs are predicted as the reference computes them, every tensor") {
  Random random(11);
  int levels = 0;
  for (int i = 0; i < 60; ++i) {
    const Network network = test::trainable_graph(random);
    const int count = uniform(random, 1, 35);
    const test::GraphImages images(network, count, random);
    Workers workers(i % 2 + 1);
    GraphPredictor predictor(network, {}, workers);
    const auto expected = by_reference(network, images.images);
    const std::vector<int32_t> result = predictor.logits(images.block.data(), count, 0);
    for (int t = 0; t < network.tensors(); ++t) {
      if (network.holds_accumulators(t)) continue;
      INFO("graph " << i << ", tensor " << t << ", " << network.tensor_name(t));
      REQUIRE(test::differing(predictor.values(t), expected, t) == 0);
      ++levels;
    }
    for (size_t n = 0; n < expected.size(); ++n) {
      const auto first = result.begin() + static_cast<ptrdiff_t>(n) * network.classes();
      REQUIRE(std::vector<int32_t>(first, first + network.classes()) == expected[n].back().values);
    }
  }
  CHECK(levels > 200);
}

TEST_CASE("gradients of a convolution are those of its products, whatever its windows") {
  Random random(3);
  for (int i = 0; i < 80; ++i) {
    Layer layer;
    const bool flat = i % 8 == 0;
    layer.kind = flat ? LayerKind::dense : LayerKind::convolution;
    layer.groups = flat ? 1 : uniform(random, 1, 3);
    layer.input = {uniform(random, 1, 9), uniform(random, 1, 9),
                   layer.groups * uniform(random, 1, 9)};
    layer.input_format = i % 2 == 0 ? unsigned_format(8) : full_format(9);
    layer.weight_format = signed_format(8);
    if (!flat) {
      layer.kernel = {uniform(random, 1, std::min(4, layer.input.height)),
                      uniform(random, 1, std::min(4, layer.input.width))};
      layer.stride = {uniform(random, 1, 3), uniform(random, 1, 3)};
      layer.padding = {
          uniform(random, 0, layer.kernel.height - 1), uniform(random, 0, layer.kernel.width - 1),
          uniform(random, 0, layer.kernel.height - 1), uniform(random, 0, layer.kernel.width - 1)};
    }
    layer.output.channels = layer.groups * uniform(random, 1, 9);
    layer.output = layer.kind->output(layer, "test");
    const int samples = uniform(random, 1, 20);
    INFO("case " << i << ": " << layer.input.text() << " -> " << layer.output.text() << ", groups "
                 << layer.groups);
    const int blocks = block_count(samples);
    std::vector<int16_t> x(static_cast<size_t>(blocks) * block_elements(layer.input));
    for (size_t k = 0; k < x.size(); ++k) {
      const size_t sample = k / block_elements(layer.input) * lanes + k % lanes;
      if (sample < static_cast<size_t>(samples)) x[k] = static_cast<int16_t>(uniform(random, 0, 9));
    }
    std::vector<float> w = random_floats(
        random, static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()));
    const std::vector<float> g =
        random_floats(random, static_cast<size_t>(blocks) * block_elements(layer.output));
    Workers workers(2);
    WindowProduct product(layer);
    constexpr float by_value = 3;
    product.set_weights(w.data(), by_value, workers);
    std::vector<int32_t> sums(g.size());
    std::vector<float> real(g.size());
    product.forward(x.data(), samples, sums.data(), workers);
    product.forward(x.data(), samples, real.data(), workers);
    std::vector<float> by_input(x.size(), 1.0f);
    product.input_gradient(g.data(), samples, true, by_input.data(), workers);
    std::vector<float> by_weight(w.size());
    product.weight_gradient(x.data(), g.data(), samples, 2, by_weight.data(), workers);
    // sum(g * (w * x)) is the same by each of its factors. Small integers: exact.
    double by_sums = 0;
    for (size_t k = 0; k < g.size(); ++k) {
      REQUIRE(static_cast<float>(sums[k]) == real[k]);
      by_sums += static_cast<double>(g[k]) * sums[k];
    }
    double by_inputs = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      by_inputs += static_cast<double>(by_input[k] - 1) / by_value * x[k];
    }
    double by_weights = 0;
    for (size_t k = 0; k < w.size(); ++k) {
      by_weights += static_cast<double>(by_weight[k]) / 2 * static_cast<double>(w[k]);
    }
    CHECK(by_inputs == by_sums);
    CHECK(by_weights == by_sums);
    // A weight alone: which of them it is, not only their sum.
    const auto which = static_cast<size_t>(uniform(random, 0, static_cast<int>(w.size()) - 1));
    const double before = by_weight[which] / 2;
    w[which] += 1;
    product.set_weights(w.data(), by_value, workers);
    product.forward(x.data(), samples, sums.data(), workers);
    double moved = 0;
    for (size_t k = 0; k < g.size(); ++k) moved += static_cast<double>(g[k]) * sums[k];
    CHECK(moved - by_sums == before);
  }
}

TEST_CASE("a step by running statistics computes what the exported network computes") {
  Random random(5);
  for (const std::string name : {"resnet-8-w8a8", "resnet-8-w2a2", "mobilenet-0.25-w4a4",
                                 "ds-cnn-w8a8", "vgg-11-w8a8", "mlp-w8a8"}) {
    INFO(name);
    const Network network =
        name.starts_with("vgg") ? zoo_network(name, {.width = 0.05}) : small(name);
    Model model = initial_model(network, 4);
    for (LayerParameters& p : model.layers) {
      for (size_t r = 0; r < p.gamma.size(); ++r) {
        if (!p.weights.empty() && r % 3 == 1 && p.gamma.size() > 1) p.gamma[r] = -0.8f;
        p.beta[r] = static_cast<float>(0.05 * static_cast<double>(r % 5) - 0.1);
      }
    }
    const int count = 19;
    const test::GraphImages images(network, count, random);
    Workers workers(2);
    TrainingStep step(network, {}, workers);
    const std::vector<int> labels(static_cast<size_t>(count), 1);
    for (int i = 0; i < 8; ++i) {
      step.run(model, images.block.data(), labels);
      update_statistics(model, step.statistics());
    }
    step.run(model, images.block.data(), labels, {}, 0, {nullptr, true});
    const auto expected = by_reference(export_network(model), images.images);
    for (int t = 0; t + 1 < network.tensors(); ++t) {
      INFO(network.tensor_name(t));
      // Rows of negative scale are exported as rows of negative weights: the same values.
      REQUIRE(test::differing(step.wide_values(t), expected, t) == 0);
    }
  }
}

TEST_CASE("images of raw data are those that the reference reads") {
  Random random(5);
  int wide = 0;
  for (int i = 0; i < 40; ++i) {
    const Network network = test::trainable_graph(random);
    const DataSet data = test::raw_data(network, 3, random);
    const InputImages images(network, data);
    wide += data.shape.pixels() > 1 ? 1 : 0;
    for (int n = 0; n < 3; ++n) {
      std::vector<int16_t> block(block_elements(network.input()));
      images.fill(n, {}, block.data(), 0);
      const Tensor expected = input_tensor(network, data, n);
      for (size_t e = 0; e < expected.values.size(); ++e) {
        INFO("graph " << i << ", image " << n << ", element " << e);
        REQUIRE(block[e * lanes] == expected.values[e]);
      }
    }
  }
  CHECK(wide > 30);
}

TEST_CASE("a network that came with its thresholds is exported bit for bit before the first step") {
  Random random(7);
  for (int i = 0; i < 40; ++i) {
    const Network network = test::trainable_graph(random);
    const DataSet data = test::raw_data(network, 10, random);
    Workers workers(2);
    Model model = model_from_network(network, data, workers);
    REQUIRE(export_network(model) == network);
    const int count = uniform(random, 2, 20);
    const test::GraphImages images(network, count, random);
    TrainingStep step(network, {}, workers);
    step.run(model, images.block.data(), std::vector<int>(static_cast<size_t>(count), 0));
    const auto expected = by_reference(network, images.images);
    for (int t = 0; t < network.tensors(); ++t) {
      if (network.holds_accumulators(t)) continue;
      INFO("graph " << i << ", " << network.tensor_name(t));
      REQUIRE(test::differing(step.wide_values(t), expected, t) == 0);
    }
    // Moved thresholds are exported as the step has them.
    for (LayerParameters& p : model.layers) {
      if (p.gamma.size() == 1) continue;
      for (size_t r = 0; r < p.gamma.size(); ++r) {
        p.gamma[r] = 0.9f + 0.1f * static_cast<float>(r % 3);
        p.beta[r] = 0.03f * static_cast<float>(r % 4) - 0.05f;
      }
    }
    step.run(model, images.block.data(), std::vector<int>(static_cast<size_t>(count), 0));
    const auto moved = by_reference(export_network(model), images.images);
    for (int t = 0; t < network.tensors(); ++t) {
      if (network.holds_accumulators(t)) continue;
      REQUIRE(test::differing(step.wide_values(t), moved, t) == 0);
    }
  }
}

TEST_CASE("gradients of graphs are what central differences of the loss give") {
  // Real weights of the last layer, and scale and offset of its norm: nothing quantizes them.
  Random random(2);
  const Network network = small("resnet-8-w4a4");
  Model model = initial_model(network, 3);
  model.layers.back().gamma = {0.7f};
  const int count = 24;
  const test::GraphImages images(network, count, random);
  std::vector<int> labels(static_cast<size_t>(count));
  for (int n = 0; n < count; ++n) labels[static_cast<size_t>(n)] = n % 10;
  Workers workers(1);
  TrainingStep step(network, {}, workers);
  std::vector<std::vector<float>> offsets;
  for (const LayerParameters& p : model.layers) offsets.emplace_back(p.weights.size());
  const Pass pass{&offsets, false};
  const auto loss = [&] { return step.run(model, images.block.data(), labels, {}, 0, pass).loss; };
  loss();
  const LayerGradient gradient = step.gradients().back();
  constexpr float h = 1e-2f;
  for (size_t k = 0; k < offsets.back().size(); k += 17) {
    offsets.back()[k] = h;
    const double above = loss();
    offsets.back()[k] = -h;
    const double below = loss();
    offsets.back()[k] = 0;
    CHECK(gradient.weights[k] ==
          Approx((above - below) / (2 * double{h})).epsilon(0.02).margin(2e-5));
  }
  float& gamma = model.layers.back().gamma[0];
  gamma = 0.7f + h;
  const double above = loss();
  gamma = 0.7f - h;
  CHECK(gradient.gamma[0] == Approx((above - loss()) / (2 * double{h})).epsilon(1e-3));
}
