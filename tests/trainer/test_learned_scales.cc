// Scales of weights that are learned: against PyTorch, against differences of the loss, in runs.
#include <cmath>
#include <fstream>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/graphs.h"
#include "tests/trainer/noise.h"
#include "tests/trainer/pytorch.h"
#include "trainer/checkpoint.h"
#include "trainer/fixed_faults.h"
#include "trainer/learned_scales.h"
#include "trainer/model_from_network.h"
#include "trainer/optimizer.h"
#include "trainer/predict.h"
#include "trainer/sharpness.h"
#include "trainer/step.h"
#include "trainer/train.h"
#include "workloads/hdf5_file.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

const std::string scales_file = STUCKAT_TEST_FOLDER "/pytorch_scales.txt";

struct ScaleStep {
  double loss = 0;
  std::vector<double> scales;
};

struct ScaleCase {
  std::string network;
  std::vector<ScaleStep> steps;
};

std::vector<ScaleCase> scale_cases(std::istream& file) {
  std::vector<ScaleCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "network") {
      std::string name;
      std::string bits;
      words >> name >> bits;
      cases.push_back({name + "-w" + bits + "a" + bits, {}});
    } else if (kind == "step") {
      ScaleStep step;
      words >> step.loss;
      for (double scale = 0; words >> scale;) step.scales.push_back(scale);
      cases.back().steps.push_back(step);
    }
  }
  return cases;
}

Network small_resnet(const std::string& name) {
  return zoo_network(name, {.width = 0.25, .classes = 10, .input_side = 16});
}

TrainOptions learned_run() {
  TrainOptions options;
  options.epochs = 2;
  options.batch = 20;
  options.learning_rate = 0.01;
  options.threads = 2;
  options.scales = Scales::learned;
  return options;
}

std::vector<int> ten_classes(int count) {
  std::vector<int> labels;
  for (int n = 0; n < count; ++n) labels.push_back(n % 10);
  return labels;
}

/// One layer's scale so small that part of its weights are beyond their levels.
Model cut_model(const Network& network) {
  Model model = initial_model(network, 3);
  add_learned_scales(model, true);
  for (LayerParameters& p : model.layers) {
    if (!p.scale.empty()) p.scale = {0.7f};
  }
  return model;
}

}  // namespace

TEST_CASE("ten steps with learned scales are PyTorch's") {
  constexpr int batch = 20;
  std::ifstream file(scales_file);
  const std::vector<ScaleCase> cases = scale_cases(file);
  REQUIRE(cases.size() == 2);
  for (const ScaleCase& c : cases) {
    INFO(c.network);
    REQUIRE(c.steps.size() == 10);
    const Network network = small_resnet(c.network);
    Model model = initial_model(network, 1);
    add_learned_scales(model, true);
    Workers workers(2);
    TrainingStep step(network, {}, workers);
    Adam adam(model);
    const auto images = test::pytorch_images(network.input(), 0, batch);
    for (const ScaleStep& expected : c.steps) {
      // Levels that floats round otherwise than doubles cost a little.
      CHECK(step.run(model, images.data(), ten_classes(batch)).loss ==
            Approx(expected.loss).epsilon(2e-3));
      std::vector<LayerGradient> gradients = step.gradients();
      pass_weight_quantizers(model, gradients);
      adam.update(model, gradients, 0.005, workers);
      size_t layer = 0;
      for (const LayerParameters& p : model.layers) {
        if (p.weights.empty()) continue;
        INFO("layer " << layer);
        REQUIRE(p.scale.size() == 1);
        CHECK(p.scale.front() == Approx(expected.scales[layer++]).margin(2e-4).epsilon(0));
      }
      CHECK(layer == expected.scales.size());
    }
  }
}

TEST_CASE("the scales on file are what PyTorch computes") {
  std::istringstream printed(
      test::from_pytorch(STUCKAT_TEST_FOLDER "/scales_in_pytorch.py " + scales_file));
  std::ifstream file(scales_file);
  const std::vector<ScaleCase> found = scale_cases(printed);
  const std::vector<ScaleCase> expected = scale_cases(file);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    REQUIRE(found[i].steps.size() == expected[i].steps.size());
    for (size_t k = 0; k < found[i].steps.size(); ++k) {
      CHECK(found[i].steps[k].loss == Approx(expected[i].steps[k].loss).epsilon(1e-6));
    }
  }
}

TEST_CASE("a scale begins at LSQ's step times the greatest level") {
  const Network network = small_resnet("resnet-8-w4a4");
  Model model = initial_model(network, 3);
  add_learned_scales(model, true);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const LayerParameters& p = model.layers[i];
    CHECK(p.scale.size() == (p.weights.empty() ? 0u : 1u));
    if (p.weights.empty()) continue;
    double sum = 0;
    for (const float w : p.weights) sum += std::abs(w);
    const int qp = network.layers[i].weight_format.max_level();
    const double step = 2 * (sum / static_cast<double>(p.weights.size())) / std::sqrt(qp);
    CHECK(p.scale.front() == Approx(qp * step).epsilon(1e-6));
  }
  Model trained = initial_model(network, 3);
  add_learned_scales(trained, false);
  CHECK(export_network(trained) == export_network(initial_model(network, 3)));
}

TEST_CASE("the gradient of a scale is the derivative along what it moves of the weights") {
  // In the last layer, where no quantizer is in between; "tfc" goes by tables, the other does not.
  for (const Network& network :
       {zoo_network("tfc-w2a2", {.width = 0.25}), small_resnet("resnet-8-w8a8")}) {
    INFO(network.name);
    const Model model = cut_model(network);
    const LayerParameters& last = model.layers.back();
    const Layer& layer = network.layers.back();
    const double qp = layer.weight_format.max_level();
    const double s = last.scale.front() / qp;
    std::vector<float> moved;  // by the step size: q - w/s, or q where it is cut
    size_t cut = 0;
    for (const float w : last.weights) {
      const double level = w / s;
      const double q = std::nearbyint(std::min(std::max(level, -qp), qp));
      cut += std::abs(level) > qp;
      moved.push_back(static_cast<float>(std::abs(level) > qp ? q : q - level));
    }
    REQUIRE(cut > 10);
    REQUIRE(cut + 10 < last.weights.size());
    Workers workers(2);
    TrainingStep step(network, {}, workers);
    const auto images = test::pytorch_images(network.input(), 0, 20);
    step.run(model, images.data(), ten_classes(20));
    std::vector<LayerGradient> gradients = step.gradients();
    const std::vector<float> by_quantized = gradients.back().weights;
    pass_weight_quantizers(model, gradients);
    const auto loss = [&](double h) {
      std::vector<std::vector<float>> offsets;
      for (const LayerParameters& p : model.layers) offsets.emplace_back(p.weights.size());
      for (size_t k = 0; k < moved.size(); ++k) {
        offsets.back()[k] = static_cast<float>(h) * moved[k];
      }
      return step.run(model, images.data(), ten_classes(20), {}, 0, {&offsets}).loss;
    };
    constexpr double h = 1e-3;
    const double derivative = (loss(h) - loss(-h)) / (2 * h);
    const double share = 1 / std::sqrt(static_cast<double>(moved.size()) * qp);
    INFO("derivative " << derivative);
    CHECK(std::abs(derivative) > 1e-3);
    CHECK(gradients.back().scale.front() * qp / share == Approx(derivative).epsilon(1e-2));
    for (size_t k = 0; k < moved.size(); ++k) {
      const bool passes = std::abs(last.weights[k] / s) <= qp;
      REQUIRE(gradients.back().weights[k] == (passes ? by_quantized[k] : 0));
    }
  }
}

TEST_CASE("what was trained with learned scales is exported, value for value") {
  for (const char* name : {"resnet-8-w4a4", "resnet-8-w8a8"}) {
    INFO(name);
    const Network network = small_resnet(name);
    const DataSet data = test::noise({16, 16, 3}, 60);
    const TrainResult result = train(network, {data}, learned_run());
    for (const LayerParameters& p : result.model.layers) {
      if (!p.weights.empty()) CHECK(p.scale.front() != 1);
    }
    test::Random random(5);
    const test::GraphImages images(network, 20, random);
    std::vector<std::vector<Tensor>> expected;
    for (const Tensor& image : images.images) {
      expected.push_back(reference::run(result.network, image));
    }
    Workers workers(2);
    TrainingStep step(network, {}, workers);
    step.run(result.model, images.block.data(), ten_classes(20), {}, 0, {nullptr, true});
    for (int t = 1; t + 1 < network.tensors(); ++t) {
      INFO("tensor " << t);
      CHECK(test::differing(step.wide_values(t), expected, t) == 0);
    }
  }
}

TEST_CASE("a run with learned scales gives the same bytes on any threads and after a resume") {
  for (const Network& network :
       {small_resnet("resnet-8-w4a4"), zoo_network("tfc-w2a2", {.width = 0.25})}) {
    INFO(network.name);
    const DataSet data = test::noise(network.input(), 60);
    TrainOptions options = learned_run();
    const TrainResult whole = train(network, {data, nullptr, &data}, options);
    options.scales = Scales::maximum;
    CHECK_FALSE(train(network, {data}, options).network == whole.network);
    options.scales = Scales::learned;
    options.threads = 1;
    CHECK(train(network, {data, nullptr, &data}, options).model == whole.model);
    const test::TemporaryFolder folder;
    options.threads = 3;
    options.checkpoint = folder / "run.ckpt";
    const auto stop = [](const Progress& p) { return !p.epoch_done; };
    CHECK(train(network, {data, nullptr, &data}, options, stop).stopped);
    const TrainResult resumed = train(network, {data, nullptr, &data}, options);
    CHECK(resumed.model == whole.model);
    CHECK(resumed.network == whole.network);
    CHECK(resumed.history == whole.history);
    CHECK(read_checkpoint_model(options.checkpoint, network, Kept::last) == whole.model);
    options.scales = Scales::maximum;
    CHECK_THAT(test::refusal([&] {
                 train(network, {data, nullptr, &data}, options);
               }),
               Catch::Contains("scales \"learned\", now none"));
    options.checkpoint.clear();
    CHECK_THAT(test::refusal([&] { train(network, {data}, options, {}, &whole.model); }),
               Catch::Contains("that has learned ones"));
    options.scales = Scales::learned;
    CHECK(test::refusal([&] { train(network, {data}, options, {}, &whole.model); }) == "accepted");
  }
}

TEST_CASE("checkpoints say that they hold scales, and others are written as ever") {
  const Network network = small_resnet("resnet-8-w4a4");
  const DataSet data = test::noise({16, 16, 3}, 20);
  const test::TemporaryFolder folder;
  TrainOptions options = learned_run();
  options.epochs = 1;
  const auto version = [&](Scales scales) {
    options.scales = scales;
    options.checkpoint = folder / scales_names()[static_cast<size_t>(scales)];
    train(network, {data}, options);
    return Hdf5File::open(options.checkpoint).read_int("/", "schema_version");
  };
  CHECK(version(Scales::learned) == 4);
  CHECK(version(Scales::maximum) == 3);
  for (const LayerParameters& p :
       read_checkpoint_model(options.checkpoint, network, Kept::last).layers) {
    CHECK(p.scale.empty());
  }
}

TEST_CASE("every method trains with learned scales, with a second pass and with a penalty") {
  const Network network = small_resnet("resnet-8-w4a4");
  const DataSet data = test::noise({16, 16, 3}, 40);
  TrainOptions options = learned_run();
  options.epochs = 1;
  const Model plain = train(network, {data}, options).model;
  const auto differs = [&](const TrainOptions& o) {
    const TrainResult result = train(network, {data}, o);
    CHECK(std::isfinite(result.history.back().loss));
    CHECK(has_learned_scales(result.model));
    return !(result.model == plain);
  };
  test::check_methods(options, differs);
  options.penalty = {PenaltyKind::l1, 0.1};
  CHECK(differs(options));
}

TEST_CASE("second passes perturb what a learned scale lets through, or the quantized weights") {
  const Network network = small_resnet("resnet-8-w4a4");
  const Model model = cut_model(network);
  Workers workers(2);
  const auto images = test::pytorch_images(network.input(), 0, 20);
  for (const AscentRow& row : ascent_rows()) {
    INFO(row.name);
    TrainingStep step(network, {}, workers);
    step.run(model, images.data(), ten_classes(20));
    SharpnessAware ascent({&row, row.rho});
    ascent.run(step, model, images.data(), ten_classes(20));
    for (size_t i = 0; i < model.layers.size(); ++i) {
      const LayerParameters& p = model.layers[i];
      if (p.weights.empty()) continue;
      REQUIRE(ascent.gradients()[i].scale.size() == 1);
      CHECK(ascent.gradients()[i].scale.front() != 0);
      // Far beyond the greatest level nothing passes, whatever the perturbation.
      for (size_t k = 0; k < p.weights.size(); ++k) {
        if (std::abs(p.weights[k]) < 0.95f) continue;
        REQUIRE(ascent.gradients()[i].weights[k] == 0);
      }
    }
  }
  // The real weights are the levels times the scale: an offset to other levels is what they do.
  const Weights q = quantized_weights_of(model);
  for (size_t i = 0; i < q.size(); ++i) {
    for (const float w : q[i]) REQUIRE(std::abs(w) <= 0.7f + 1e-6f);
  }
}

TEST_CASE("an offset by a level of a learned scale is that level") {
  const Network network = small_resnet("resnet-8-w8a8");
  const Model model = cut_model(network);
  Effects effects;
  effects.patches.push_back({0, 0, false, 4, 100});
  Workers workers(1);
  TrainingStep step(network, {.faults = true}, workers);
  const auto images = test::pytorch_images(network.input(), 0, 20);
  const Weights offset = offset_of(model, effects);
  const double shifted =
      step.run(model, images.data(), ten_classes(20), {}, 0, {&offset, true}).loss;
  FixedFaults faults(network, effects);
  const std::vector<FaultOverlay*> overlays{&faults};
  const double broken =
      step.run(model, images.data(), ten_classes(20), overlays, 0, {nullptr, true}).loss;
  CHECK(shifted == Approx(broken).epsilon(1e-5));
  CHECK(step.run(model, images.data(), ten_classes(20), {}, 0, {nullptr, true}).loss != broken);
}

TEST_CASE("learned scales are refused where weights have no steps, or thresholds are kept") {
  const Network binary = zoo_network("tfc-w1a1", {.width = 0.25});
  const DataSet digits = test::noise({28, 28, 1}, 20);
  CHECK_THAT(test::refusal([&] { train(binary, {digits}, learned_run()); }),
             Catch::Contains("weights of one bit"));
  const Network network = small_resnet("resnet-8-w8a8");
  const DataSet data = test::noise({16, 16, 3}, 20);
  Workers workers(1);
  const Model start = model_from_network(export_network(initial_model(network, 1)), data, workers);
  REQUIRE(start.moved_thresholds);
  CHECK_THAT(test::refusal([&] { train(start.architecture, {data}, learned_run(), {}, &start); }),
             Catch::Contains("keeps its thresholds"));
}
