#include <cmath>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/normal_form.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "trainer/model.h"
#include "trainer/predict.h"
#include "trainer/product.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

/// Batch-norms as training could leave them: scales of both signs, and here and there 0.
void randomise(Model& model, Random& random) {
  std::normal_distribution<double> normal;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    LayerParameters& p = model.layers[i];
    const Layer& layer = model.architecture.layers[i];
    for (size_t r = 0; r < p.gamma.size(); ++r) {
      p.gamma[r] = uniform(random, 0, 6) == 0 ? 0.0f : static_cast<float>(normal(random));
      p.beta[r] = static_cast<float>(0.5 * normal(random));
      const double spread =
          accumulator_unit(layer) * std::sqrt(layer.columns()) * layer.input_format.max_level();
      p.mean[r] = spread * normal(random);
      p.variance[r] = spread * spread * (0.1 + std::abs(normal(random)));
    }
  }
}

Tensor image_of(const Network& network, Random& random) {
  return test::random_image(random, network);
}

std::vector<int8_t> block_of(const std::vector<Tensor>& images) {
  const Shape shape = images.front().shape;
  std::vector<int8_t> block(block_count(static_cast<int>(images.size())) * block_elements(shape));
  for (size_t n = 0; n < images.size(); ++n) {
    for (size_t i = 0; i < images[n].values.size(); ++i) {
      block[n / lanes * block_elements(shape) + i * lanes + n % lanes] =
          static_cast<int8_t>(images[n].values[i]);
    }
  }
  return block;
}

}  // namespace

TEST_CASE("the integer network is the float model: every value, every row, either sign of scale") {
  const uint64_t seed = GENERATE(range(0u, 40u));
  INFO("seed " << seed);
  Random random(seed);
  const Network architecture = test::random_network(random);
  Model model = initial_model(architecture, seed);
  randomise(model, random);
  const Network network = export_network(model);
  int compared = 0;
  for (int k = 0; k < 5; ++k) {
    const std::vector<Tensor> tensors = reference::run(network, image_of(network, random));
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const Layer& layer = network.layers[i];
      const LayerParameters& p = model.layers[i];
      if (!layer.has_weights()) continue;
      Layer plain = layer;  // signed sums with the weights before any row was negated
      plain.weights = quantized_weights(layer, p.weights);
      int best = 0;
      double best_logit = 0;
      for (int e = 0; e < layer.output.size(); ++e) {
        const int row = e % layer.rows();
        const size_t norm = p.gamma.size() == 1 ? 0 : static_cast<size_t>(row);
        const std::vector<int32_t> window =
            reference::window(plain, tensors[i], e / layer.rows() / layer.output.width,
                              e / layer.rows() % layer.output.width);
        double sum = 0;
        for (size_t c = 0; c < window.size(); ++c) sum += plain.weight_row(row)[c] * window[c];
        const double y = p.gamma[norm] * (sum * accumulator_unit(layer) - p.mean[norm]) /
                             std::sqrt(p.variance[norm] + batch_norm_epsilon) +
                         p.beta[norm];
        if (layer.accumulator_output) {
          if (e == 0 || y > best_logit) {
            best = e;
            best_logit = y;
          }
          continue;
        }
        const double n = layer.output_format.max_level();
        int level = 0;
        bool tie = false;
        for (int t = 0; t < layer.output_format.thresholds(); ++t) {
          const double edge =
              (layer.output_format.level(t) + layer.output_format.level(t + 1)) / (2 * n);
          level += y > edge ? 1 : 0;
          tie = tie || std::abs(y - edge) < 1e-9;
        }
        if (tie) continue;
        ++compared;
        if (tensors[i + 1].values[static_cast<size_t>(e)] != layer.output_format.level(level)) {
          FAIL("layer " << i << " element " << e << " y " << y);
        }
      }
      if (layer.accumulator_output) {
        CHECK(predicted_class(tensors.back().values.data(), network.classes()) == best);
      }
    }
  }
  CHECK(compared > 0);
}

TEST_CASE("the trainer's evaluation has the reference's logits, with and without effects") {
  const uint64_t seed = GENERATE(range(0u, 40u));
  INFO("seed " << seed);
  Random random(seed);
  Model model = initial_model(test::random_network(random), seed);
  randomise(model, random);
  const Network network = export_network(model);
  Effects effects;
  if (seed % 2 == 1) {
    for (int t = 0; t < network.tensors(); ++t) {
      ElementFault fault;
      fault.tensor = t;
      fault.channels = {uniform(random, 0, network.shape(t).channels - 1)};
      if (uniform(random, 0, 1) == 0) {
        fault.slot = {5, uniform(random, 0, 4), 1, network.shape(t).channels};
      }
      fault.mask = CodeMask::stuck_bit(0, uniform(random, 0, 1) == 0);
      effects.elements.push_back(fault);
    }
    for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
      const Layer& layer = network.layers[static_cast<size_t>(i)];
      if (!layer.has_weights()) continue;
      const int row = uniform(random, 0, layer.rows() - 1);
      const int value = layer.weight_format.value(static_cast<uint32_t>(uniform(random, 0, 7)));
      effects.patches.push_back({i, row, false, uniform(random, 0, layer.columns() - 1), value});
      if (!layer.accumulator_output) {
        const int t = uniform(random, 0, layer.thresholds_per_row() - 1);
        effects.patches.push_back({i, row, true, t, uniform(random, -9, 9)});
      }
      OperatorFault broken;
      broken.layer = i;
      broken.rows = {uniform(random, 0, layer.rows() - 1)};
      broken.pe.padded_columns = layer.columns();
      broken.pe.accumulator_bits = layer.accumulator_bits();
      broken.pe.accumulator = CodeMask::stuck_bit(1, uniform(random, 0, 1) == 0);
      if (!layer.accumulator_output && uniform(random, 0, 1) == 0) {
        broken.pe.comparators = {{0, true}};
      }
      effects.operators.push_back(broken);
    }
    normalize(effects);
  }
  Workers workers(2);
  Predictor predictor(network, effects, workers);
  std::vector<Tensor> images;
  for (int n = 0; n < 21; ++n) images.push_back(image_of(network, random));
  const std::vector<int32_t> logits =
      predictor.logits(block_of(images).data(), static_cast<int>(images.size()), 3);
  for (int n = 0; n < 21; ++n) {
    const std::vector<Tensor> tensors =
        reference::run(network, images[static_cast<size_t>(n)], effects, 3 + n);
    const auto first = logits.begin() + n * network.classes();
    INFO("image " << n);
    REQUIRE(tensors.back().values == std::vector<int32_t>(first, first + network.classes()));
  }
}

TEST_CASE("a value on the edge between two levels takes the lower one, whatever the scale's sign") {
  const FoldedRow up = fold({1, 0, 0}, binary_format, 100);  // y = sum
  CHECK(up.sign == 1);
  CHECK(up.thresholds == std::vector<int32_t>{0});  // +1 needs sum > 0: sign(0) = -1
  CHECK(up.low == -1);
  CHECK(up.high == 1);
  const FoldedRow down = fold({-1, 0, 0}, binary_format, 100);  // y = -sum
  CHECK(down.sign == -1);
  CHECK(down.thresholds == std::vector<int32_t>{0});
  const FoldedRow three = fold({0.5, 1, 0}, signed_format(2), 100);  // y = (sum - 1) / 2
  CHECK(three.thresholds == std::vector<int32_t>{0, 2});  // -1/2 and 1/2 themselves give -1 and 0
  CHECK(three.low == -1);
  CHECK(three.high == 3);
  const FoldedRow unsigned_row = fold({0.25, 0, 0}, unsigned_format(2), 100);
  CHECK(unsigned_row.thresholds == std::vector<int32_t>{0, 2, 3});  // 1/6, 1/2, 5/6 times 4
  CHECK(unsigned_row.low == 0);
  CHECK(unsigned_row.high == 4);
}

TEST_CASE("a scale of zero gives a constant") {
  const FoldedRow high = fold({0, 0, 0.7}, signed_format(2), 100);
  CHECK(high.thresholds == std::vector<int32_t>{-100, -100});
  CHECK(high.low == -100);
  CHECK(high.high == 100);
  const FoldedRow low = fold({0, 0, -2}, signed_format(2), 100);
  CHECK(low.thresholds == std::vector<int32_t>{100, 100});
  CHECK(low.low > low.high);  // clamped: no gradient
}

TEST_CASE("weights quantize as listed") {
  Layer layer;
  layer.weight_format = binary_format;
  CHECK(quantized_weights(layer, {-1, -0.1f, 0, 0.3f}) == std::vector<int8_t>{-1, -1, 1, 1});
  layer.weight_format = signed_format(2);
  CHECK(quantized_weights(layer, {-1, -0.51f, -0.5f, 0.4f, 0.5f, 0.6f, 1}) ==
        std::vector<int8_t>{-1, -1, 0, 0, 0, 1, 1});
  layer.weight_format = signed_format(3);
  CHECK(quantized_weights(layer, {-1, 0.2f, 0.6f}) == std::vector<int8_t>{-3, 1, 2});
  layer.weight_format = signed_format(8);
  CHECK(quantized_weights(layer, {-1, 0.5f, 0.004f, 1}) == std::vector<int8_t>{-127, 64, 1, 127});
}

TEST_CASE("a model that is not finite is not exported") {
  Model model = initial_model(zoo_network("tfc-w1a1"), 1);
  model.layers[1].gamma[3] = std::nanf("");
  CHECK_THROWS_AS(export_network(model), InputError);
}
