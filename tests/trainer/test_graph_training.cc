// Runs on graphs: gradients as PyTorch's, the same bytes on any number of threads and after a
// resume, fault-aware methods, flat minima and penalties, and networks that others trained.
#include <cmath>
#include <fstream>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/graphs.h"
#include "tests/trainer/noise.h"
#include "tests/trainer/pytorch.h"
#include "trainer/fixed_faults.h"
#include "trainer/images.h"
#include "trainer/injection_overlay.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"
#include "trainer/step.h"
#include "trainer/train.h"
#include "workloads/dataset.h"
#include "workloads/import/import.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;

namespace {

const std::string graphs_file = STUCKAT_TEST_FOLDER "/pytorch_graphs.txt";

struct Numbers {
  int layer = 0;
  double norm = 0;
  double first = 0;
  double second = 0;
  double gamma = 0;
  double beta = 0;
};

struct GraphCase {
  std::string network;
  double loss = 0;
  std::vector<Numbers> layers;
};

std::vector<GraphCase> graph_cases(std::istream& file) {
  std::vector<GraphCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "network") {
      std::string name;
      std::string bits;
      words >> name >> bits;
      cases.push_back({name + "-w" + bits + "a" + bits, 0, {}});
    } else if (kind == "loss") {
      words >> cases.back().loss;
    } else if (kind == "gradient") {
      Numbers n;
      words >> n.layer >> n.norm >> n.first >> n.second >> n.gamma >> n.beta;
      cases.back().layers.push_back(n);
    }
  }
  return cases;
}

double direction_product(const std::vector<float>& gradient, uint64_t seed, int layer) {
  const Sequence random(seed, Purpose::order, static_cast<uint64_t>(layer));
  double sum = 0;
  for (size_t i = 0; i < gradient.size(); ++i) {
    sum += static_cast<double>(gradient[i]) * (random.uniform(i) - 0.5);
  }
  return sum;
}

Network small_graph(const std::string& name) {
  return zoo_network(name, {.width = 0.25, .classes = 10, .input_side = 16});
}

TrainOptions short_run() {
  TrainOptions options;
  options.epochs = 2;
  options.batch = 20;
  options.learning_rate = 0.01;
  options.threads = 2;
  return options;
}

/// As an import gives it: without the training's batch-norms.
Network trained_elsewhere(const DataSet& data) {
  TrainOptions options = short_run();
  options.epochs = 4;
  return train(small_graph("resnet-8-w8a8"), {data}, options).network;
}

bool same_floats(const std::vector<LayerGradient>& a, const std::vector<LayerGradient>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].weights != b[i].weights || a[i].gamma != b[i].gamma || a[i].beta != b[i].beta) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("gradients of graphs are PyTorch's") {
  constexpr int batch = 20;
  std::ifstream file(graphs_file);
  const std::vector<GraphCase> cases = graph_cases(file);
  REQUIRE(cases.size() == 3);
  for (const GraphCase& c : cases) {
    INFO(c.network);
    REQUIRE(c.layers.size() > 9);
    const Network network = small_graph(c.network);
    Model model = initial_model(network, 1);
    for (LayerParameters& p : model.layers) {
      for (size_t r = 0; r < p.gamma.size(); ++r) {
        p.gamma[r] = r % 3 == 1 && !p.weights.empty() ? -0.8f : 1.1f;
        p.beta[r] = static_cast<float>(0.05 * static_cast<double>(r % 5) - 0.1);
      }
    }
    model.layers.back().gamma = {1.0f};
    model.layers.back().beta = {0.0f};
    std::vector<int> labels;
    for (int n = 0; n < batch; ++n) labels.push_back(n % 10);
    Workers workers(2);
    TrainingStep step(network, {}, workers);
    const auto images = test::pytorch_images(network.input(), 0, batch);
    CHECK(step.run(model, images.data(), labels).loss == Approx(c.loss).epsilon(1e-9));
    size_t at = 0;
    for (size_t i = 0; i < network.layers.size(); ++i) {
      if (!network.layers[i].kind->sums) continue;
      const Numbers& expected = c.layers[at];
      const LayerGradient& g = step.gradients()[i];
      const int layer = static_cast<int>(at++);
      INFO(network.layers[i].name);
      double square = 0;
      for (const float w : g.weights) square += static_cast<double>(w) * static_cast<double>(w);
      const double margin = 1e-5 * std::max(expected.norm, 0.1);
      const auto near = [&](double value) { return Approx(value).margin(margin).epsilon(0); };
      CHECK(std::sqrt(square) == near(expected.norm));
      CHECK(direction_product(g.weights, 7, layer) == near(expected.first));
      CHECK(direction_product(g.weights, 8, layer) == near(expected.second));
      CHECK(direction_product(g.gamma, 7, layer) == near(expected.gamma));
      CHECK(direction_product(g.beta, 7, layer) == near(expected.beta));
    }
    CHECK(at == c.layers.size());
  }
}

TEST_CASE("the gradients of graphs on file are what PyTorch computes") {
  std::istringstream printed(
      test::from_pytorch(STUCKAT_TEST_FOLDER "/graph_in_pytorch.py " + graphs_file));
  std::ifstream file(graphs_file);
  const std::vector<GraphCase> found = graph_cases(printed);
  const std::vector<GraphCase> expected = graph_cases(file);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].loss == Approx(expected[i].loss).epsilon(1e-9));
    for (size_t k = 0; k < found[i].layers.size(); ++k) {
      CHECK(found[i].layers[k].norm == Approx(expected[i].layers[k].norm).epsilon(1e-7));
    }
  }
}

TEST_CASE("a run on a graph gives the same bytes on any number of threads and after a resume") {
  const Network network = small_graph("resnet-8-w8a8");
  const DataSet data = test::noise({16, 16, 3}, 60);
  TrainOptions options = short_run();
  options.method = Method::fat1;
  options.flip = true;
  const TrainResult whole = train(network, {data, nullptr, &data}, options);
  REQUIRE(whole.history.size() == 2);
  CHECK(whole.history[1].loss < whole.history[0].loss);
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
}

TEST_CASE("every method trains a graph, with a second pass and with a penalty") {
  const Network network = small_graph("resnet-8-w4a4");
  const DataSet data = test::noise({16, 16, 3}, 40);
  TrainOptions options = short_run();
  options.epochs = 1;
  const Model plain = train(network, {data}, options).model;
  const auto differs = [&](const TrainOptions& o) {
    const TrainResult result = train(network, {data}, o);
    CHECK(std::isfinite(result.history.back().loss));
    return !(result.model == plain);
  };
  test::check_methods(options, differs);
  options.penalty = {PenaltyKind::l1, 0.1};
  const TrainResult sparse = train(network, {data}, options);
  CHECK(sparse.history.back().penalty > 0);
  CHECK(sparse.history.back().zeros.front() > 0);
}

TEST_CASE("what a fault decides in a graph is learned around, as the exported network has it") {
  const Network network = small_graph("resnet-8-w8a8");
  Random random(4);
  const test::GraphImages images(network, 20, random);
  std::vector<int> labels;
  for (int n = 0; n < 20; ++n) labels.push_back(n % 10);
  const Model model = initial_model(network, 2);
  Effects effects = stuck_channel(network, 1, 2, 200);
  effects.patches.push_back({2, 0, false, 3, -100});
  Workers workers(2);
  TrainingStep step(network, {.faults = true}, workers);
  FixedFaults faults(network, effects);
  const std::vector<FaultOverlay*> overlays{&faults};
  step.run(model, images.block.data(), labels, overlays);
  const auto columns = static_cast<size_t>(network.layer(1).columns());
  for (size_t k = 0; k < columns; ++k) REQUIRE(step.gradients()[1].weights[2 * columns + k] == 0);
  CHECK(step.gradients()[2].weights[3] == 0);
  CHECK(step.gradients()[2].weights[4] != 0);
  const Shape shape = network.shape(2);
  for (int p = 0; p < shape.pixels(); ++p) {
    REQUIRE(step.wide_values(2)[(static_cast<size_t>(p) * shape.channels + 2) * lanes] == 200);
  }
  // Nothing at p = 0.
  TrainingStep healthy(network, {}, workers);
  InjectionOverlay nothing;
  nothing.set({InjectionKind::channel, 0, false}, {1, 2}, 3);
  const std::vector<FaultOverlay*> transparent{&nothing};
  healthy.run(model, images.block.data(), labels);
  const std::vector<LayerGradient> expected = healthy.gradients();
  healthy.run(model, images.block.data(), labels, transparent);
  CHECK(same_floats(healthy.gradients(), expected));
  Effects broken;
  broken.operators.push_back({1, {0}, {}, {}, {}});
  CHECK(test::refusal([&] { Predictor(network, broken, workers); }).find("faults in arithmetic") !=
        std::string::npos);
}

TEST_CASE("a network with thresholds of its own is trained on from its predictions") {
  const DataSet data = test::noise({16, 16, 3}, 60);
  const Network imported = trained_elsewhere(data);
  TrainOptions options = short_run();
  options.epochs = 4;
  Workers workers(2);
  const Model start = model_from_network(imported, data, workers);
  REQUIRE(export_network(start) == imported);
  options.learning_rate = 0.001;
  options.method = Method::fat1;
  options.percent = 5;
  const TrainResult result = train(imported, {data, nullptr, &data}, options, {}, &start);
  CHECK(result.history.back().loss < result.history.front().loss);
  CHECK_FALSE(result.network == imported);
  CHECK(accuracy(result.network, data, workers) == result.history.back().test_accuracy);
}

TEST_CASE("the size of somebody else's logits is no error to be trained away") {
  const DataSet data = test::noise({16, 16, 3}, 60);
  const Network imported = trained_elsewhere(data);
  Workers workers(2);
  Model model = model_from_network(imported, data, workers);
  const InputImages images(imported, data);
  std::vector<int16_t> input(block_count(60) * block_elements(imported.input()));
  std::vector<int> labels;
  for (int n = 0; n < 60; ++n) {
    images.fill(n, {}, input.data() + n / lanes * block_elements(imported.input()), n % lanes);
    labels.push_back(images.label(n));
  }
  TrainingStep step(imported, {}, workers);
  const auto loss = [&](float gamma, float beta) {
    model.layers.back().gamma[0] = gamma;
    model.layers.back().beta[0] = beta;
    return step.run(model, input.data(), labels).loss;
  };
  const float gamma = model.layers.back().gamma[0];
  const float beta = model.layers.back().beta[0];
  const double fitted = loss(gamma, beta);
  CHECK(std::abs(step.gradients().back().gamma[0]) < 1e-5);
  CHECK(std::abs(step.gradients().back().beta[0]) < 1e-5);
  // By the statistics of the same images: the same loss.
  const Pass frozen{nullptr, true};
  CHECK(step.run(model, input.data(), labels, {}, 0, frozen).loss == Approx(fitted).epsilon(0.01));
  CHECK(fitted < 0.7 * loss(1, 0));
  for (const float d : {-0.05f, 0.05f}) {
    CHECK(fitted < loss(gamma + d, beta));
    CHECK(fitted < loss(gamma, beta + d));
  }
}

TEST_CASE("a crop moves in black, or the outermost pixel") {
  DataSet data = test::noise({3, 4, 1}, 1);
  Network network;
  network.name = "none";
  Layer layer;
  layer.kind = LayerKind::dense;
  layer.input = {5, 6, 1};  // images of 3x4 in the middle
  layer.input_format = fixed_point_format;
  network.layers = {layer};
  const InputImages images(network, data);
  const auto at = [&](Shift shift) {
    std::vector<int16_t> block(5 * 6 * lanes);
    images.fill(0, shift, block.data(), 0);
    std::vector<int> values;
    for (size_t i = 0; i < 30; ++i) values.push_back(block[i * lanes]);
    return values;
  };
  const std::vector<int> still = at({});
  CHECK(at({0, 0, false, true}) == still);
  const std::vector<int> black = at({0, 2, false, false});
  const std::vector<int> edge = at({0, 2, false, true});
  const std::vector<int> far = at({-4, 0, false, true});
  for (size_t y = 0; y < 5; ++y) {
    for (size_t x = 0; x < 6; ++x) {
      CHECK(black[y * 6 + x] == (x < 2 ? fixed_point_from_pixel(0) : still[y * 6 + x - 2]));
      CHECK(edge[y * 6 + x] == still[y * 6 + (x < 2 ? 0 : x - 2)]);
      CHECK(far[y * 6 + x] == still[4 * 6 + x]);
    }
  }
}

TEST_CASE("TFLite's ResNet-8 is trained on from its own 894 right answers") {
  if (sanitized) test::skip("random graphs are trained");
  const std::string path = test::shared_data("networks/mlperf-tiny/pretrainedResnet_quant.tflite");
  const std::string images = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const Network imported = import_network(path, "", {}).network;
  const DataSet data = read_dataset("cifar10:" + images, {});
  REQUIRE(data.size() == 1017);
  Workers workers(2);
  const Model start = model_from_network(imported, first_images(data, 192), workers);
  REQUIRE(export_network(start) == imported);
  CHECK(std::lround(1017 * accuracy(imported, data, workers)) == 894);
  TrainOptions options = short_run();
  options.epochs = 1;
  options.batch = 64;
  options.learning_rate = 0.0002;
  options.method = Method::fat1;
  const DataSet some = first_images(data, 192);
  const TrainResult result = train(imported, {some}, options, {}, &start);
  CHECK_FALSE(result.network == imported);
  CHECK(accuracy(result.network, data, workers) > 0.8);
  options.method = Method::standard;
  const TrainResult plain = train(imported, {some}, options, {}, &start);
  CHECK(plain.history.back().loss < 0.3);
  CHECK(accuracy(plain.network, data, workers) > 0.87);
}
