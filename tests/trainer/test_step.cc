#include <cmath>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "tests/support/random_network.h"
#include "trainer/elementwise.h"
#include "trainer/fixed_faults.h"
#include "trainer/injection_overlay.h"
#include "trainer/optimizer.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

struct StepBatch {
  std::vector<int8_t> input;
  std::vector<int> labels;
};

StepBatch random_batch(const Network& network, int samples, Random& random) {
  StepBatch batch;
  const Shape shape = network.input();
  batch.input.resize(block_count(samples) * block_elements(shape));
  for (int n = 0; n < samples; ++n) {
    const Tensor image = test::random_image(random, network);
    for (size_t i = 0; i < image.values.size(); ++i) {
      batch.input[static_cast<size_t>(n / lanes) * block_elements(shape) + i * lanes + n % lanes] =
          static_cast<int8_t>(image.values[i]);
    }
    batch.labels.push_back(uniform(random, 0, network.classes() - 1));
  }
  return batch;
}

InjectionOverlay inject(InjectionKind kind, double percent, std::vector<int> tensors,
                        bool zeros = false) {
  InjectionOverlay overlay;
  overlay.set({kind, percent, zeros}, std::move(tensors), 7);
  overlay.set_step(3);
  return overlay;
}

using Overlays = std::vector<FaultOverlay*>;

bool same(const std::vector<LayerGradient>& a, const std::vector<LayerGradient>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].weights != b[i].weights || a[i].gamma != b[i].gamma || a[i].beta != b[i].beta) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("the loss has the derivatives that central differences give") {
  Random random(1);
  const Network network = zoo_network("tfc-w1a1", {.width = 0.1});
  Model model = initial_model(network, 1);
  model.layers.back().gamma = {0.7f};
  model.layers.back().beta = {-0.2f};
  Workers workers(1);
  TrainingStep step(network, {}, workers);
  const StepBatch batch = random_batch(network, 20, random);
  const auto loss = [&](float gamma, float beta) {
    Model m = model;
    m.layers.back().gamma = {gamma};
    m.layers.back().beta = {beta};
    return step.run(m, batch.input.data(), batch.labels).loss;
  };
  const float h = 1e-3f;
  const double by_gamma = (loss(0.7f + h, -0.2f) - loss(0.7f - h, -0.2f)) / (2 * double{h});
  const double by_beta = (loss(0.7f, -0.2f + h) - loss(0.7f, -0.2f - h)) / (2 * double{h});
  loss(0.7f, -0.2f);
  CHECK(step.gradients().back().gamma[0] == Approx(by_gamma).epsilon(1e-3));
  CHECK(step.gradients().back().beta[0] == Approx(by_beta).epsilon(1e-3));
}

TEST_CASE("batch-norm backward has the derivatives that central differences give") {
  // f = sum over samples and pixels of coefficient * y, y = gamma * (a - mean) / deviation + beta.
  Random random(2);
  constexpr int pixels = 3;
  constexpr int samples = 13;
  const double unit = 0.25;
  const double gamma = -0.8;
  std::vector<int16_t> acc(pixels * lanes);
  std::vector<float> gradient(pixels * lanes);
  for (int p = 0; p < pixels; ++p) {
    for (int n = 0; n < samples; ++n) {
      acc[static_cast<size_t>(p * lanes + n)] = static_cast<int16_t>(uniform(random, -20, 20));
      gradient[static_cast<size_t>(p * lanes + n)] = static_cast<float>(uniform(random, -9, 9));
    }
  }
  const std::vector<float> coefficient = gradient;
  const double count = pixels * samples;
  const auto f = [&](const std::vector<double>& a, double scale) {
    double mean = 0;
    double square = 0;
    for (int i = 0; i < pixels * lanes; ++i) {
      if (i % lanes >= samples) continue;
      mean += a[static_cast<size_t>(i)] * unit / count;
      square += a[static_cast<size_t>(i)] * unit * a[static_cast<size_t>(i)] * unit / count;
    }
    double result = 0;
    for (int i = 0; i < pixels * lanes; ++i) {
      if (i % lanes >= samples) continue;
      const auto k = static_cast<size_t>(i);
      result += coefficient[k] * scale * (a[k] * unit - mean) /
                std::sqrt(square - mean * mean + batch_norm_epsilon);
    }
    return result;
  };
  const std::vector<double> a(acc.begin(), acc.end());
  ChannelSums sums{{0}, {0}};
  add_sums(acc.data(), pixels, 1, {0, 1}, 20, sums);
  const double mean = static_cast<double>(sums.sum[0]) / count;
  const double variance = (static_cast<double>(sums.square[0]) / count - mean * mean) * unit * unit;
  const double deviation = unit / std::sqrt(variance + batch_norm_epsilon);
  PassBand band{{-1000}, {1000}, {static_cast<float>(mean)}};
  std::vector<float> lane_sums(lanes);
  std::vector<float> lane_products(lanes);
  pass_gradient(acc.data(), pixels, 1, {0, 1}, band, gradient.data(), lane_sums.data(),
                lane_products.data());
  const double s = std::accumulate(lane_sums.begin(), lane_sums.end(), 0.0);
  const double d = std::accumulate(lane_products.begin(), lane_products.end(), 0.0);
  CHECK(d * deviation == Approx(f(a, 1)).epsilon(1e-5));  // by gamma
  const BatchNormBackward k{
      {static_cast<float>(gamma * deviation)},
      {static_cast<float>(gamma * deviation * s / count)},
      {static_cast<float>(gamma * deviation * deviation * deviation * d / count)},
      {static_cast<float>(mean)}};
  std::vector<float> transposed(pixels * lanes * lanes);
  batch_norm_gradient(acc.data(), pixels, 1, k, samples, gradient.data(), gradient.data());
  transpose(gradient.data(), pixels, 1, transposed.data(), 0, lanes * lanes);
  for (int i = 0; i < pixels * lanes; ++i) {
    if (i % lanes >= samples) {
      CHECK(gradient[static_cast<size_t>(i)] == 0);
      continue;
    }
    std::vector<double> above = a;
    std::vector<double> below = a;
    above[static_cast<size_t>(i)] += 1e-3;
    below[static_cast<size_t>(i)] -= 1e-3;
    const double expected = (f(above, gamma) - f(below, gamma)) / 2e-3;
    CHECK(gradient[static_cast<size_t>(i)] == Approx(expected).margin(1e-4));
    CHECK(transposed[static_cast<size_t>(i / lanes * lanes * lanes + i % lanes * lanes)] ==
          gradient[static_cast<size_t>(i)]);
  }
}

TEST_CASE("the straight-through gradient passes inside of the band and nowhere else") {
  const std::vector<int16_t> values = {-4, -3, -2, 0, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0};
  std::vector<float> gradient(lanes, 1.0f);
  const PassBand band{{-3}, {3}, {0.0f}};
  std::vector<float> sums(lanes);
  std::vector<float> products(lanes);
  pass_gradient(values.data(), 1, 1, {0, 1}, band, gradient.data(), sums.data(), products.data());
  CHECK(std::vector<float>(gradient.begin(), gradient.begin() + 8) ==
        std::vector<float>{0, 1, 1, 1, 1, 1, 0, 0});
  for (size_t l = 0; l < lanes; ++l) {
    CHECK(sums[l] == gradient[l]);
    CHECK(products[l] == gradient[l] * static_cast<float>(values[l]));
  }
}

TEST_CASE("p = 0 and no injection at all are the same step") {
  Random random(3);
  const Network network = test::random_network(random);
  Workers workers(1);
  const StepBatch batch = random_batch(network, 33, random);
  std::vector<int> tensors;
  for (int t = 1; t + 1 < network.tensors(); ++t) tensors.push_back(t);
  for (const InjectionKind kind :
       {InjectionKind::channel, InjectionKind::pixel, InjectionKind::element}) {
    const Model model = initial_model(network, 1);
    TrainingStep plain(network, {}, workers);
    TrainingStep injected(network, {}, workers);
    const double loss = plain.run(model, batch.input.data(), batch.labels).loss;
    InjectionOverlay nothing = inject(kind, 0, tensors);
    CHECK(loss == injected.run(model, batch.input.data(), batch.labels, Overlays{&nothing}).loss);
    CHECK(same(plain.gradients(), injected.gradients()));
    CHECK(plain.statistics() == injected.statistics());
  }
}

TEST_CASE("injection: each level with p / K, per sample, gradient 0 there and passed elsewhere") {
  Workers workers(2);
  InjectionMask mask;
  const NumberFormat format = GENERATE(signed_format(2), unsigned_format(2), binary_format);
  INFO(format.name());
  const Shape shape{4, 5, 32};
  const int samples = 400;
  for (const InjectionKind kind :
       {InjectionKind::channel, InjectionKind::pixel, InjectionKind::element}) {
    mask.draw({kind, 30, false}, shape, format, samples, Sequence(9, Purpose::injection), workers);
    std::vector<int> levels(static_cast<size_t>(format.levels()));
    int drawn = 0;
    int both = 0;  // channels (or pixels) 0 that are hit in two samples that follow each other
    for (int n = 0; n < samples; ++n) {
      for (int p = 0; p < shape.pixels(); ++p) {
        for (int c = 0; c < shape.channels; ++c) {
          const int value = mask.at(n, p, c);
          if (kind == InjectionKind::channel) REQUIRE(value == mask.at(n, 0, c));
          if (kind == InjectionKind::pixel) REQUIRE(value == mask.at(n, p, 0));
          const bool first = (kind == InjectionKind::channel && p == 0) ||
                             (kind == InjectionKind::pixel && c == 0) ||
                             kind == InjectionKind::element;
          if (!first) continue;
          ++drawn;
          if (value == InjectionMask::untouched) continue;
          for (size_t i = 0; i < levels.size(); ++i) {
            if (value == format.level(static_cast<int>(i))) ++levels[i];
          }
          if (n > 0 && mask.at(n - 1, p, c) != InjectionMask::untouched) ++both;
        }
      }
    }
    // Five standard deviations of a binomial count.
    const auto near = [&](int count, double share) {
      return std::abs(count - share * drawn) < 5 * std::sqrt(drawn * share * (1 - share));
    };
    for (const int count : levels) CHECK(near(count, 0.3 / format.levels()));
    CHECK(near(both, 0.09));
    std::vector<int8_t> values(block_count(samples) * block_elements(shape), int8_t{1});
    std::vector<float> gradient(values.size(), 2.0f);
    mask.apply(values.data(), workers);
    for (int block = 0; block < block_count(samples); ++block) {
      for (int y = 0; y < shape.height; ++y) {
        mask.clear_gradient(block, y, {0, shape.channels},
                            gradient.data() + block * block_elements(shape) +
                                y * shape.width * shape.channels * lanes);
      }
    }
    for (int n = 0; n < samples; ++n) {
      for (int e = 0; e < shape.size(); ++e) {
        const size_t i = static_cast<size_t>(n / lanes) * block_elements(shape) +
                         static_cast<size_t>(e * lanes + n % lanes);
        const int m = mask.at(n, e / shape.channels, e % shape.channels);
        const bool hit = m != InjectionMask::untouched;
        if (values[i] != (hit ? m : 1) || gradient[i] != (hit ? 0.0f : 2.0f)) FAIL("element " << e);
      }
    }
  }
}

TEST_CASE("a dropped channel is 0, its survivors count 1 / (1 - p) times as much") {
  Random random(4);
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  Workers workers(1);
  const StepBatch batch = random_batch(network, 20, random);
  const Model model = initial_model(network, 1);
  TrainingStep step(network, {.zeros = true}, workers);
  InjectionOverlay drop = inject(InjectionKind::channel, 50, {1}, true);
  step.run(model, batch.input.data(), batch.labels, Overlays{&drop});
  int zeros = 0;
  for (int c = 0; c < network.layers[0].rows(); ++c) {
    const int value = step.values(1)[c * lanes];
    zeros += value == 0 ? 1 : 0;
    CHECK((value == 0) == (drop.mask(1).at(0, 0, c) == 0));
  }
  CHECK(zeros > 0);
  CHECK(zeros < network.layers[0].rows());
}

TEST_CASE("training is the same bytes on any number of threads and every instruction set") {
  Random random(6);
  const Network network = zoo_network("cnv-w2a2", {.width = 0.0625});
  const StepBatch batch = random_batch(network, 24, random);
  std::vector<Model> models;
  std::vector<std::vector<LayerGradient>> gradients;
  const auto train = [&](int threads) {
    Model model = initial_model(network, 1);
    Workers workers(threads);
    TrainingStep step(network, {}, workers);
    Adam adam(model);
    for (int i = 0; i < 2; ++i) {
      InjectionOverlay injected = inject(InjectionKind::channel, 5, {1, 3, 4});
      step.run(model, batch.input.data(), batch.labels, Overlays{&injected});
      update_statistics(model, step.statistics());
      adam.update(model, step.gradients(), 0.01, workers);
    }
    models.push_back(model);
    gradients.push_back(step.gradients());
  };
  for (const int threads : {1, 2, 3, 5}) train(threads);
  test::for_every_target([&] { train(2); });
  CHECK(models.size() > 5);
  for (size_t i = 1; i < models.size(); ++i) {
    INFO("run " << i);
    CHECK(models[i] == models[0]);
    CHECK(same(gradients[i], gradients[0]));
  }
}

TEST_CASE("fixed faults are in the training's forward pass, and nothing is learned there") {
  Random random(8);
  const Network network = zoo_network("cnv-w1a1", {.width = 0.125});
  Workers workers(1);
  const StepBatch batch = random_batch(network, 17, random);
  Effects effects = stuck_channel(network, 0, 2, -1);
  effects.patches.push_back({1, 3, false, 5, 1});
  OperatorFault broken;
  broken.layer = 3;
  broken.rows = {1};
  broken.pe.padded_columns = network.layers[3].columns();
  broken.pe.accumulator_bits = network.layers[3].accumulator_bits();
  broken.pe.accumulator = CodeMask::stuck_bit(0, true);
  effects.operators.push_back(broken);
  const Model model = initial_model(network, 1);
  TrainingStep step(network, {.faults = true}, workers);
  FixedFaults faults(network, effects);
  step.run(model, batch.input.data(), batch.labels, Overlays{&faults});
  const Layer& layer = network.layers[0];
  for (int p = 0; p < layer.output.pixels(); ++p) {
    REQUIRE(step.values(1)[(p * layer.rows() + 2) * lanes] == -1);
    REQUIRE(step.value_gradient(1)[(p * layer.rows() + 2) * lanes] == 0);
  }
  const auto columns = static_cast<size_t>(layer.columns());
  for (size_t c = 0; c < columns; ++c) REQUIRE(step.gradients()[0].weights[2 * columns + c] == 0);
  CHECK(step.gradients()[1].weights[3 * static_cast<size_t>(network.layers[1].columns()) + 5] == 0);
  const auto deep = static_cast<size_t>(network.layers[3].columns());
  for (size_t c = 0; c < deep; ++c) REQUIRE(step.gradients()[3].weights[deep + c] == 0);
  CHECK(step.gradients()[3].weights[0] != 0);
}

TEST_CASE("a step leaves the model alone: a second pass is the first one again") {
  Random random(9);
  const Network network = zoo_network("cnv-w2a2", {.width = 0.0625});
  Workers workers(2);
  const StepBatch batch = random_batch(network, 24, random);
  const Model model = initial_model(network, 1);
  const Model before = model;
  TrainingStep step(network, {.faults = true}, workers);
  InjectionOverlay injected = inject(InjectionKind::element, 10, {1, 3});
  FixedFaults broken(network, stuck_channel(network, 1, 2, 0));
  const Overlays overlays{&broken, &injected};
  const double loss = step.run(model, batch.input.data(), batch.labels, overlays).loss;
  const auto gradients = step.gradients();
  const auto statistics = step.statistics();
  // Another model in between, as a sharpness-aware step has it.
  Model other = model;
  for (float& w : other.layers[0].weights) w = -w;
  CHECK(step.run(other, batch.input.data(), batch.labels, overlays).loss != loss);
  CHECK(step.run(model, batch.input.data(), batch.labels, overlays).loss == loss);
  CHECK(same(step.gradients(), gradients));
  CHECK(step.statistics() == statistics);
  CHECK(model == before);
}

TEST_CASE("running statistics move towards those of the batch by the momentum") {
  Model model = initial_model(zoo_network("tfc-w1a1", {.width = 0.1}), 1);
  const double mean = model.layers[0].mean[1];
  const double variance = model.layers[0].variance[1];
  std::vector<BatchStatistics> batch(model.layers.size());
  batch[0].mean.assign(model.layers[0].mean.size(), 3.0);
  batch[0].variance.assign(model.layers[0].mean.size(), 5.0);
  const std::vector<double> untouched = model.layers[1].mean;
  update_statistics(model, batch);
  CHECK(model.layers[0].mean[1] == Approx(0.9 * mean + 0.1 * 3));
  CHECK(model.layers[0].variance[1] == Approx(0.9 * variance + 0.1 * 5));
  CHECK(model.layers[1].mean == untouched);
}
