// Sharpness: a network of one dense layer, whose loss is a quadratic function of its weights.
#include <Eigen/Eigenvalues>
#include <cmath>

#include "faultmaps/effects.h"
#include "tests/support/catch.h"
#include "trainer/random.h"
#include "trainer/sharpness.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

Network one_layer() {
  Network network;
  network.name = "one";
  Layer layer;
  layer.name = "layer0";
  layer.kind = LayerKind::dense;
  layer.input = {1, 2, 4};
  layer.output = {1, 1, 3};
  layer.input_format = fixed_point_format;
  layer.weight_format = signed_format(2);
  layer.accumulator_output = true;
  network.add(layer);
  return network;
}

DataSet noise(Shape shape, int count, int classes) {
  DataSet data;
  data.name = "noise";
  data.shape = shape;
  data.classes = classes;
  const Sequence random(5, Purpose::order);
  for (int n = 0; n < count; ++n) {
    data.labels.push_back(static_cast<uint16_t>(n % classes));
    for (int i = 0; i < shape.size(); ++i) {
      data.pixels.push_back(
          static_cast<uint8_t>(random.below(static_cast<uint64_t>(n * shape.size() + i), 256)));
    }
  }
  return data;
}

}  // namespace

TEST_CASE("eigenvalue and trace are those of the whole Hessian, put together column by column") {
  const Network network = one_layer();
  Model model = initial_model(network, 1);
  // Logits stay within (-1, 1): every margin counts, and the loss is a quadratic function.
  model.layers[0].gamma = {0.1f};
  const DataSet data = noise(network.input(), 50, 3);
  Workers workers(2);
  LossSurface surface(model, data, 50, 20, workers);
  const size_t size = model.layers[0].weights.size();
  Eigen::MatrixXd hessian(size, size);
  for (size_t k = 0; k < size; ++k) {
    Weights unit = zeros_like(model);
    unit[0][k] = 3;  // its length does not matter to the step, but to the result
    const Weights column = surface.hessian_times(unit, 0.05);
    for (size_t i = 0; i < size; ++i) {
      hessian(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) = column[0][i] / 3;
    }
  }
  CHECK((hessian - hessian.transpose()).norm() < 1e-3 * hessian.norm());
  // Against the loss itself: its second difference along a direction.
  const Weights direction = normal_weights(model, 1, 5);
  const auto loss_at = [&](double factor) {
    Weights offset = zeros_like(model);
    add(factor, direction, offset);
    return surface.at(offset).loss;
  };
  const double h = 0.3;
  const double curvature = (loss_at(h) - 2 * loss_at(0) + loss_at(-h)) / (h * h);
  CHECK(dot(direction, surface.hessian_times(direction, 0.05)) == Approx(curvature).epsilon(1e-3));

  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((hessian + hessian.transpose()) / 2);
  SharpnessOptions options;
  options.iterations = 300;
  options.tolerance = 1e-7;
  options.repeats = 2;
  options.probes = 400;
  const Sharpness s = measure_sharpness(surface, model, options);
  CHECK(s.top_eigenvalue.mean == Approx(solver.eigenvalues().maxCoeff()).epsilon(5e-3));
  const double error = s.trace.deviation / std::sqrt(400.0);
  CHECK(std::abs(s.trace.mean - hessian.trace()) < 5 * error + 1e-3 * hessian.trace());
  CHECK(s.loss == Approx(loss_at(0)));
  CHECK(s.ascent_loss > s.loss);
}

TEST_CASE("filter normalisation gives each row of a direction the size of the row of weights") {
  const Network network = zoo_network("tfc-w2a2", {.width = 0.25});
  const Model model = initial_model(network, 1);
  Weights direction = normal_weights(model, 1, 0);
  normalise_filters(model, direction);
  const Weights q = quantized_weights_of(model);
  for (size_t i = 0; i < q.size(); ++i) {
    const auto columns = static_cast<size_t>(network.layers[i].columns());
    for (size_t first = 0; first < q[i].size(); first += columns) {
      double found = 0;
      double expected = 0;
      for (size_t k = first; k < first + columns; ++k) {
        found += double{direction[i][k]} * direction[i][k];
        expected += double{q[i][k]} * q[i][k];
      }
      CHECK(found == Approx(expected).epsilon(1e-4));
    }
  }
}

TEST_CASE("the offset of broken weights is where the exported network with them is") {
  const Network network = zoo_network("tfc-w2a2", {.width = 0.25});
  Model model = initial_model(network, 1);
  for (LayerParameters& p : model.layers) {
    for (size_t r = 0; r < p.gamma.size(); r += 2) p.gamma[r] = -0.9f;
    std::fill(p.variance.begin(), p.variance.end(), 3.0);
  }
  const Network exported = export_network(model);
  Effects effects;
  for (int i = 0; i < 30; ++i) {
    ParameterPatch patch;
    patch.layer = i % 4;
    patch.row = i % 10;
    patch.index = i % 16;
    patch.value = i % 4 - 2;  // -2 too, which no quantizer emits
    effects.patches.push_back(patch);
  }
  const Weights offset = offset_of(model, effects);
  const Weights q = quantized_weights_of(model);
  for (const ParameterPatch& patch : effects.patches) {
    const auto i = static_cast<size_t>(patch.layer);
    const Layer& layer = exported.layers[i];
    const auto k = static_cast<size_t>(patch.row * layer.columns() + patch.index);
    const float gamma = model.layers[i].gamma[layer.accumulator_output ? 0 : patch.row];
    const float sign = gamma < 0 ? -1.0f : 1.0f;
    CHECK(q[i][k] + offset[i][k] == sign * static_cast<float>(patch.value));
  }
  effects.patches.front().is_threshold = true;
  CHECK_THROWS_AS(offset_of(model, effects), InputError);
}
