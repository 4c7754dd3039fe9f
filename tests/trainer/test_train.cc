#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "trainer/checkpoint.h"
#include "trainer/images.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"
#include "trainer/product.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

/// Images of two classes: bright on the left, or on the right, under noise.
DataSet halves(int count, Shape shape) {
  DataSet data;
  data.name = "halves";
  data.shape = shape;
  data.classes = 10;
  const Sequence random(5, Purpose::order);
  uint64_t drawn = 0;
  for (int n = 0; n < count; ++n) {
    const int label = random.below(drawn++, 2);
    data.labels.push_back(static_cast<uint16_t>(label));
    for (int i = 0; i < shape.size(); ++i) {
      const bool left = i / shape.channels % shape.width < shape.width / 2;
      const int base = left == (label == 0) ? 150 : 60;
      data.pixels.push_back(static_cast<uint8_t>(base + random.below(drawn++, 80)));
    }
  }
  return data;
}

TrainOptions quick_options() {
  TrainOptions options;
  options.method = Method::fat2;
  options.epochs = 4;
  options.batch = 20;
  options.learning_rate = 0.01;
  options.schedule = trainer::LearningRateSchedule::cosine;
  options.crop_padding = 1;
  options.flip = false;
  options.threads = 2;
  return options;
}

/// A checkpoint in a folder of its own.
class TemporaryFile {
 public:
  const std::string& path() const { return path_; }

 private:
  test::TemporaryFolder folder_;
  std::string path_ = folder_ / "checkpoint.h5";
};

}  // namespace

TEST_CASE("images are converted as input_tensor() converts them") {
  const DataSet data = halves(5, {28, 28, 1});
  for (const char* name : {"cnv-w1a1", "tfc-w1a1"}) {
    const Network network = zoo_network(name);
    const InputImages images(network, data);
    std::vector<int8_t> block(block_elements(network.input()));
    images.fill(3, {}, block.data(), 2);
    const Tensor expected = input_tensor(network, data, 3);
    for (int i = 0; i < network.input().size(); ++i) {
      REQUIRE(block[static_cast<size_t>(i * lanes + 2)] == expected.values[static_cast<size_t>(i)]);
    }
  }
}

TEST_CASE("augmentation shifts and mirrors, with dark pixels from outside") {
  DataSet data = halves(1, {28, 28, 1});
  for (size_t i = 0; i < data.pixels.size(); ++i) data.pixels[i] = static_cast<uint8_t>(i % 251);
  const Network network = zoo_network("cnv-w1a1", {.input_channels = 1});
  const InputImages images(network, data);
  std::vector<int8_t> block(block_elements(network.input()));
  images.fill(0, {.down = 3, .right = -2, .mirrored = true}, block.data(), 0);
  const auto at = [&](int y, int x) { return block[static_cast<size_t>(y * 32 + x) * lanes]; };
  // Image pixel (y, x) goes to column 27 - x, then 2 + 3 down and 2 - 2 right.
  CHECK(at(5, 0) == fixed_point_from_pixel(27));
  CHECK(at(6, 4) == fixed_point_from_pixel((28 + 23) % 251));
  CHECK(at(4, 0) == -128);
  CHECK(at(10, 28) == -128);
}

TEST_CASE("the same seed gives the same bytes, on any number of threads, and another one others") {
  const DataSet data = halves(100, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a2", {.width = 0.25});
  TrainOptions options = quick_options();
  const TrainResult first = train(network, {data, &data}, options);
  options.threads = 1;
  const TrainResult second = train(network, {data, &data}, options);
  CHECK(first.model == second.model);
  CHECK(first.network == second.network);
  CHECK(first.history == second.history);
  options.seed = 2;
  CHECK_FALSE(train(network, {data, &data}, options).model == first.model);
}

TEST_CASE("a run that was stopped and resumed equals one that was not, bit for bit") {
  const DataSet data = halves(100, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  TrainOptions options = quick_options();
  const TrainResult whole = train(network, {data, &data}, options);
  const TemporaryFile file;
  options.checkpoint = file.path();
  const TrainResult part = train(network, {data, &data}, options, [](const Progress& p) {
    return !(p.epoch == 2 && p.batch == 3);  // in the middle of the third epoch
  });
  CHECK(part.stopped);
  CHECK(part.history.size() == 2);
  const TrainResult resumed = train(network, {data, &data}, options);
  CHECK(resumed.model == whole.model);
  CHECK(resumed.network == whole.network);
  CHECK(resumed.best_validation.network == whole.best_validation.network);
  CHECK(resumed.best_validation.epoch == whole.best_validation.epoch);
  CHECK(resumed.history == whole.history);

  options.seed = 9;
  CHECK_THROWS_AS(train(network, {data, &data}, options), InputError);
  std::ofstream(file.path(), std::ios::trunc) << "no checkpoint";
  options.seed = 1;
  CHECK_THROWS_AS(train(network, {data, &data}, options), InputError);
}

TEST_CASE("every method learns halves, and the reference predicts what the trainer predicts") {
  const DataSet data = halves(200, {12, 12, 1});
  const std::pair<const char*, Method> cases[] = {
      {"cnv-w1a1", Method::standard}, {"cnv-w1a2", Method::fat1},      {"cnv-w2a2", Method::fat2},
      {"cnv-w1a3", Method::dropout},  {"cnv-w1a1", Method::dropout2d}, {"cnv-w1a4", Method::fat1},
      {"cnv-w4a4", Method::fat2},     {"lfc-w1a2", Method::dropout}};
  for (const auto& [name, method] : cases) {
    const Network network = zoo_network(name, {.width = 0.0625, .input_channels = 1});
    TrainOptions options = quick_options();
    options.epochs = 2;
    options.method = method;
    const TrainResult result = train(network, {data, &data}, options);
    Workers workers(2);
    const std::vector<int> predicted = predict(result.network, data, workers);
    for (int i = 0; i < 20; ++i) {
      const auto tensors = reference::run(result.network, input_tensor(result.network, data, i));
      CHECK(predicted[static_cast<size_t>(i)] ==
            predicted_class(tensors.back().values.data(), network.classes()));
    }
  }
}

TEST_CASE("TFC learns Fashion-MNIST in seconds") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    test::skip("no package dataset-fashion-mnist");
  }
  const DataSet train_data = read_dataset("fashion-mnist", {true, 0, 10000});
  const DataSet test_data = read_dataset("fashion-mnist", {false, 0, 2000});
  TrainOptions options;
  options.epochs = 6;
  options.schedule = trainer::LearningRateSchedule::cosine;
  const Network network = zoo_network("tfc-w1a1");
  const TrainResult result = train(network, {train_data, &test_data}, options);
  CHECK(result.history.back().validation_accuracy > 0.75);
  Workers workers(0);
  const std::vector<int> predicted = predict(result.network, test_data, workers);
  int wrong = 0;
  for (int i = 0; i < test_data.size(); ++i) {
    const auto tensors = reference::run(result.network, input_tensor(result.network, test_data, i));
    wrong += predicted[static_cast<size_t>(i)] !=
                     predicted_class(tensors.back().values.data(), network.classes())
                 ? 1
                 : 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("divergence stops with a message and leaves the checkpoint") {
  const DataSet data = halves(100, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  Model model = initial_model(network, 1);
  model.layers.back().gamma = {3e38f};
  TrainOptions options = quick_options();
  const TemporaryFile file;
  options.checkpoint = file.path();
  CHECK_THROWS_AS(train(network, {data, &data}, options, {}, &model), InputError);
  CHECK_FALSE(std::filesystem::exists(file.path()));
}

TEST_CASE("impossible options and data that does not fit are refused") {
  const DataSet data = halves(40, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  const auto refused = [&](const std::function<void(TrainOptions&)>& change) {
    TrainOptions options = quick_options();
    change(options);
    CHECK_THROWS_AS(train(network, {data}, options), InputError);
  };
  refused([](TrainOptions& o) { o.percent = 101; });
  refused([](TrainOptions& o) { o.percent = -1; });
  refused([](TrainOptions& o) { o.percent = std::nan(""); });
  refused([](TrainOptions& o) { o.epochs = 0; });
  refused([](TrainOptions& o) { o.batch = 1; });
  refused([](TrainOptions& o) { o.learning_rate = 0; });
  refused([](TrainOptions& o) { o.step_factor = 0; });
  refused([](TrainOptions& o) { o.crop_padding = -1; });
  refused([](TrainOptions& o) {
    o.crop_edge = true;
    o.crop_padding = 0;
  });
  for (const Method method : {Method::fat1, Method::fat2, Method::dropout, Method::dropout2d}) {
    refused([&](TrainOptions& o) {  // no layer is left
      o.method = method;
      o.convolutions_only = true;
    });
  }
  refused([](TrainOptions& o) {  // no layer has pixels
    o.method = Method::fat1;
    o.injection = InjectionKind::pixel;
  });
  const DataSet large = halves(40, {40, 40, 1});
  CHECK_THROWS_AS(train(network, {large}, quick_options()), InputError);
}

TEST_CASE("injection layers: after or before the pool, and no pixels where there is one pixel") {
  const Network network = zoo_network("cnv-w1a1");
  TrainOptions options;
  options.method = Method::fat1;
  CHECK(injection_tensors(network, options) == std::vector<int>{1, 3, 4, 6, 7, 8, 9, 10});
  options.site = InjectionSite::before_pool;
  CHECK(injection_tensors(network, options) == std::vector<int>{1, 2, 4, 5, 7, 8, 9, 10});
  options.injection = InjectionKind::pixel;
  CHECK(injection_tensors(network, options) == std::vector<int>{1, 2, 4, 5, 7});
  options.injection = InjectionKind::channel;
  options.convolutions_only = true;
  CHECK(injection_tensors(network, options) == std::vector<int>{1, 2, 4, 5, 7, 8});
}

TEST_CASE("learning rates follow their schedule") {
  TrainOptions options;
  options.epochs = 100;
  CHECK(learning_rate_at(options, 39) == 0.02);
  CHECK(learning_rate_at(options, 40) == 0.01);
  CHECK(learning_rate_at(options, 80) == 0.005);
  options.schedule = trainer::LearningRateSchedule::cosine;
  CHECK(learning_rate_at(options, 50) == Approx(0.01));
  options.schedule = trainer::LearningRateSchedule::constant;
  CHECK(learning_rate_at(options, 99) == 0.02);
}

TEST_CASE("p follows its points: linear in between, constant outside") {
  TrainOptions options;
  options.percent = 7;
  CHECK(percent_at(options, 3) == 7);
  options.percent_schedule = {{2, 0}, {6, 10}, {7, 4}};
  CHECK(percent_at(options, 0) == 0);
  CHECK(percent_at(options, 3) == 2.5);
  CHECK(percent_at(options, 6) == 10);
  CHECK(percent_at(options, 7) == 4);
  CHECK(percent_at(options, 100) == 4);
  const DataSet data = halves(40, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  options.percent_schedule = {{2, 0}, {2, 10}};
  CHECK_THROWS_AS(train(network, {data}, options), InputError);
}

TEST_CASE(
    "best on validation, best on test and last are told apart, and a run without patience ends") {
  const DataSet data = halves(100, {28, 28, 1});
  const DataSet validation = halves(60, {28, 28, 1});
  DataSet test = halves(50, {28, 28, 1});
  for (uint16_t& label : test.labels) label = static_cast<uint16_t>(1 - label);  // adversarial
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  TrainOptions options = quick_options();
  options.epochs = 12;
  const TrainResult whole = train(network, {data, &validation, &test}, options);
  int best_validation = 0;
  int best_test = 0;
  for (int e = 1; e < 12; ++e) {
    const auto& r = whole.history[static_cast<size_t>(e)];
    const auto better = [&](double EpochRecord::*a, int& best) {
      if (r.*a > whole.history[static_cast<size_t>(best)].*a) best = e;
    };
    better(&EpochRecord::validation_accuracy, best_validation);
    better(&EpochRecord::test_accuracy, best_test);
  }
  CHECK(whole.best_validation.epoch == best_validation);
  CHECK(whole.best_test.epoch == best_test);
  Workers workers(1);
  CHECK(accuracy(whole.best_test.network, test, workers) ==
        whole.history[static_cast<size_t>(best_test)].test_accuracy);
  CHECK(accuracy(whole.best_validation.network, validation, workers) ==
        whole.history[static_cast<size_t>(best_validation)].validation_accuracy);

  options.patience = 2;
  const TemporaryFile file;
  options.checkpoint = file.path();
  const TrainResult early = train(network, {data, &validation, &test}, options);
  REQUIRE(early.early);
  CHECK(static_cast<int>(early.history.size()) == early.best_validation.epoch + 3);
  CHECK(early.best_validation.network == whole.best_validation.network);
  const TrainResult again = train(network, {data, &validation, &test}, options);
  CHECK(again.history == early.history);
  CHECK(read_checkpoint_model(file.path(), network, Kept::last) == early.model);
  CHECK(export_network(read_checkpoint_model(file.path(), network, Kept::best_test)) ==
        early.best_test.network);
  const Network other = zoo_network("tfc-w1a1", {.width = 0.5});
  CHECK_THROWS_AS(read_checkpoint_model(file.path(), other, Kept::last), InputError);
  options.patience = 1;
  options.checkpoint.clear();
  CHECK_THROWS_AS(train(network, {data}, options), InputError);
}

TEST_CASE("an integer network becomes a model again: exactly with one threshold, else nearly") {
  const DataSet data = halves(100, {28, 28, 1});
  for (const char* name : {"tfc-w1a1", "tfc-w2a2", "tfc-w1a3"}) {
    const Network architecture = zoo_network(name, {.width = 0.25});
    TrainOptions options = quick_options();
    options.epochs = 20;
    const TrainResult trained = train(architecture, {data, nullptr, &data}, options);
    Workers workers(2);
    const Model model = model_from_network(trained.network, data, workers);
    const Network again = export_network(model);
    for (size_t i = 0; i < again.layers.size(); ++i) {
      CHECK(again.layers[i].weights == trained.network.layers[i].weights);
      if (again.layers[i].output_format.thresholds() == 1) {
        CHECK(again.layers[i].thresholds == trained.network.layers[i].thresholds);
      }
    }
    CHECK(accuracy(again, data, workers) >= accuracy(trained.network, data, workers) - 0.05);
    TrainOptions tune = quick_options();
    tune.epochs = 1;
    tune.learning_rate = 1e-3;
    const TrainResult tuned = train(architecture, {data, nullptr, &data}, tune, {}, &model);
    CHECK(tuned.history[0].test_accuracy >= accuracy(trained.network, data, workers) - 0.1);
  }
  CHECK_THROWS_AS(
      [&] {
        Workers workers(1);
        const DataSet one = halves(1, {28, 28, 1});
        model_from_network(zoo_network("tfc-w1a1"), one, workers);
      }(),
      InputError);
}

TEST_CASE("placement-aware training and training for one chip: resumed as in one piece") {
  const DataSet data = halves(100, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a2", {.width = 0.25});
  test::Random random(3);
  TrainOptions options = quick_options();
  options.epochs = 3;
  options.method = Method::fat_placement;
  options.percent = 10;
  options.hardware.placement = test::random_dataflow_placement(random, network);
  options.hardware.chip.accelerator = options.hardware.placement.accelerator;
  options.hardware.chip.faults = {
      {SiteKind::pe_dead, options.hardware.placement.arrays[0].name, {}, 1}};
  const TrainResult whole = train(network, {data, nullptr, &data}, options);
  CHECK_FALSE(whole.model == train(network, {data}, quick_options()).model);
  const TemporaryFile file;
  options.checkpoint = file.path();
  train(network, {data, nullptr, &data}, options,
        [](const trainer::Progress& p) { return p.epoch == 0; });
  options.threads = 1;
  CHECK(train(network, {data, nullptr, &data}, options).model == whole.model);
}

TEST_CASE(
    "a disk that is full stops the run with a message, and the last checkpoint goes on later") {
  const DataSet data = halves(100, {28, 28, 1});
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  TrainOptions options = quick_options();
  const TrainResult whole = train(network, {data}, options);
  const TemporaryFile file;
  options.checkpoint = file.path();
  train(network, {data}, options, [](const trainer::Progress& p) { return p.epoch == 0; });

  // No file can grow beyond the limit: what a full disk does, as far as a process sees.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{4096, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
  const std::string message = test::refusal([&] { train(network, {data}, options); });
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, Catch::Contains(file.path()));
  CHECK(train(network, {data}, options).model == whole.model);
}
