// Training on a folder of pictures, decoded ahead or in memory: a small DoReFa-Net, end to end.
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/picture_files.h"
#include "tests/support/random_network.h"
#include "tests/support/temporary_folder.h"
#include "trainer/model_from_network.h"
#include "trainer/optimizer.h"
#include "trainer/predict.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/image_folder.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::TemporaryFolder;
using test::uniform;

namespace {

/// Stripes along the rows, along the columns, or a chess board, of any width and colours.
Picture texture(int kind, Random& random) {
  Picture p{uniform(random, 64, 80), uniform(random, 64, 80), {}};
  const int size = uniform(random, 3, 6);
  int colours[2][3];
  for (auto& colour : colours) {
    for (int& c : colour) c = uniform(random, 0, 120);
  }
  for (int& c : colours[1]) c += 120;
  for (int y = 0; y < p.height; ++y) {
    for (int x = 0; x < p.width; ++x) {
      const int which = ((kind != 1 ? y / size : 0) + (kind != 0 ? x / size : 0)) % 2;
      for (const int c : colours[which]) {
        p.pixels.push_back(static_cast<uint8_t>(c + uniform(random, 0, 15)));
      }
    }
  }
  return p;
}

/// 3 classes of `train` and `test` pictures each, PNG and JPEG.
void write_textures(const TemporaryFolder& folder, int train, int test) {
  Random random(1);
  const char* classes[] = {"columns", "rows", "squares"};
  for (const auto& [half, count] : {std::pair{"train", train}, std::pair{"val", test}}) {
    for (int c = 0; c < 3; ++c) {
      const std::string path = folder / (std::string(half) + "/" + classes[c]);
      std::filesystem::create_directories(path);
      for (int n = 0; n < count; ++n) {
        const std::string file = path + "/" + std::to_string(1000 + n);
        const Picture picture = texture((c + 1) % 3, random);
        n % 2 == 0 ? test::write_png(file + ".png", picture)
                   : test::write_jpeg(file + ".jpg", picture);
      }
    }
  }
}

Network small_dorefa() {
  return zoo_network("dorefa-w1a2", {.width = 1.0 / 32, .classes = 3, .input_side = 64});
}

TrainOptions options_for(int epochs) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch = 12;
  o.learning_rate = 0.01;
  o.crop_padding = 2;
  o.flip = true;
  o.threads = 2;
  return o;
}

}  // namespace

TEST_CASE("pictures from files train as those in memory do, on any threads, and after a resume") {
  const TemporaryFolder folder;
  write_textures(folder, 17, 5);
  const std::string name = "images@64:" + folder.path().string();
  const DataSet train_memory = read_dataset(name, {true});
  const DataSet test_memory = read_dataset(name, {false});
  const DataSet train_files = open_dataset(name, {true}, 0);
  const DataSet test_files = open_dataset(name, {false}, 0);
  const Network network = small_dorefa();
  TrainOptions options = options_for(3);
  options.method = Method::fat2;
  const TrainResult memory = train(network, {train_memory, nullptr, &test_memory}, options);
  const TrainData files = {train_files, nullptr, &test_files};
  const TrainResult ahead = train(network, files, options);
  CHECK(ahead.model == memory.model);
  CHECK(ahead.history == memory.history);
  options.threads = 1;
  options.checkpoint = folder / "c.h5";
  train(network, files, options, [](const trainer::Progress& p) { return p.epoch < 1; });
  options.threads = 3;
  const TrainResult resumed = train(network, files, options);
  CHECK(resumed.model == memory.model);
  CHECK(resumed.history == memory.history);

  // A picture that is damaged later stops the run by its name and leaves the checkpoint.
  options.epochs = 4;
  options.checkpoint = folder / "d.h5";
  train(network, files, options, [](const trainer::Progress& p) { return p.epoch < 1; });
  const std::string checkpoint = test::read_bytes(options.checkpoint);
  const std::string picture = train_files.folder->files[7].path;
  const std::string bytes = test::read_bytes(picture);
  test::write_bytes(picture, std::string(bytes.size(), 'x'));
  CHECK_THROWS_WITH(train(network, files, options), Catch::Contains(picture));
  CHECK(test::read_bytes(options.checkpoint) == checkpoint);
  test::write_bytes(picture, bytes);
  options.checkpoint.clear();
  Workers workers(2);
  CHECK(export_network(model_from_network(ahead.network, first_images(train_files, 20), workers))
            .layers[0]
            .weights == ahead.network.layers[0].weights);
}

TEST_CASE(
    "a small DoReFa-Net learns textures, and every test image is predicted as the reference does") {
  const TemporaryFolder folder;
  write_textures(folder, 40, 12);
  const std::string name = "images@64:" + folder.path().string();
  const DataSet train_set = open_dataset(name, {true}, 0);
  const DataSet test_set = read_dataset(name, {false});
  TrainOptions options = options_for(12);
  options.schedule = trainer::LearningRateSchedule::cosine;
  const TrainResult result = train(small_dorefa(), {train_set, nullptr, &test_set}, options);
  CHECK(result.history.back().test_accuracy > 0.5);  // chance is 1/3
  Workers workers(2);
  const std::vector<int> predicted = predict(result.network, test_set, workers);
  for (int i = 0; i < test_set.size(); ++i) {
    const auto tensors = reference::run(result.network, input_tensor(result.network, test_set, i));
    CHECK(predicted[static_cast<size_t>(i)] ==
          predicted_class(tensors.back().values.data(), result.network.classes()));
  }
}

TEST_CASE(
    "a row of 8-bit weights never keeps a negative scale, and the network stays what it was") {
  Random random(4);
  const Network network = small_dorefa();
  Model model = initial_model(network, 1);
  for (LayerParameters& p : model.layers) {
    for (float& g : p.gamma) g = uniform(random, 0, 1) == 0 ? -0.7f : 0.6f;
    for (double& m : p.mean) m = uniform(random, -9, 9) / 10.0;
  }
  model.layers.back().gamma = {-0.5f};
  const Network before = export_network(model);
  std::vector<LayerGradient> gradients(model.layers.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    gradients[i].weights.assign(model.layers[i].weights.size(), 0.0f);
    gradients[i].gamma.assign(model.layers[i].gamma.size(), 0.0f);
    gradients[i].beta = gradients[i].gamma;
  }
  Workers workers(1);
  Adam adam(model);
  adam.first[0].weights.assign(adam.first[0].weights.size(), 1e-30f);
  adam.first[0].gamma.assign(adam.first[0].gamma.size(), 1e-30f);
  const float sign = model.layers[0].gamma[0];
  adam.update(model, gradients, 1e-9, workers);
  for (const size_t i : {size_t{0}, model.layers.size() - 1}) {
    for (const float g : model.layers[i].gamma) CHECK(g > 0);
  }
  CHECK((adam.first[0].weights[0] < 0) == (sign < 0));
  CHECK((adam.first[0].gamma[0] < 0) == (sign < 0));
  CHECK(export_network(model) == before);
}
