// Exported networks against an executor of the operators' definitions (execute_qonnx.py), and
// against our own importer.
#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"
#include "tests/support/shared_data.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "workloads/dataset.h"
#include "workloads/export/qonnx.h"
#include "workloads/import/import.h"
#include "workloads/reference.h"
#include "workloads/sanitized.h"
#include "workloads/text_file.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

bool takes_pixels(const Network& network) {
  const NumberFormat format = network.layers.front().input_format;
  return !network.input_map.pixels.empty() || format == binary_format ||
         format == fixed_point_format;
}

/// Images as the file takes them, and as the network does.
struct Images {
  DataSet data;  // of pixels
  std::vector<std::vector<int>> given;
  std::vector<Tensor> tensors;
};

Images random_images(const Network& network, test::Random& random, int count) {
  Images images;
  images.data.name = "random";
  images.data.shape = network.input();
  for (int i = 0; i < count; ++i) {
    images.data.labels.push_back(0);
    images.given.emplace_back();
    if (!takes_pixels(network)) {
      images.tensors.push_back(test::random_image(random, network));
      for (const int32_t v : images.tensors.back().values) images.given.back().push_back(v);
      continue;
    }
    for (int e = 0; e < network.input().size(); ++e) {
      const int pixel = test::uniform(random, 0, 255);
      images.given.back().push_back(pixel);
      images.data.pixels.push_back(static_cast<uint8_t>(pixel));
    }
  }
  for (int i = 0; takes_pixels(network) && i < count; ++i) {
    images.tensors.push_back(input_tensor(network, images.data, i));
  }
  return images;
}

/// What the file should give: [image][element].
std::vector<std::vector<double>> scores(const Network& network, const Images& images) {
  std::vector<std::vector<double>> result;
  const Layer& last = network.layers.back();
  for (const Tensor& image : images.tensors) {
    result.emplace_back();
    const Tensor scores = reference::run(network, image).back();
    for (const int32_t v : scores.values) {
      const bool matches = last.accumulator_output && last.is_xnor();
      result.back().push_back(matches ? 2 * v - last.columns() : v);
    }
  }
  return result;
}

template <class Rows>
void write_rows(const std::string& path, const Rows& rows) {
  std::ofstream file(path);
  file.precision(17);
  for (const auto& row : rows) {
    for (const auto value : row) file << value << ' ';
    file << '\n';
  }
}

bool has_python() {
  static const bool found = std::system(PYTHON3 " -c 'import onnx, numpy' 2>/dev/null") == 0;
  return found;
}

void check_executed(const Network& network, const Images& images, const std::string& path,
                    const std::string& options = "") {
  write_rows(path + ".inputs", images.given);
  write_rows(path + ".scores", scores(network, images));
  const std::string command = std::string(PYTHON3 " '") + EXECUTE_QONNX + "' '" + path + "' '" +
                              path + ".inputs' '" + path + ".scores' " + options;
  CHECK(std::system(command.c_str()) == 0);
}

/// Whether the importer takes the file; then it must compute the same.
bool check_imported(const Network& network, const Images& images, const std::string& path) {
  ImportOptions options;
  options.pixels = "byte";
  Network again;
  try {
    again = import_network(path, "onnx", options).network;
  } catch (const InputError& error) {
    INFO(error.what());
    const std::string text = error.what();
    CHECK((text.find("Pad") != std::string::npos || text.find("Gather") != std::string::npos ||
           text.find("_padded") != std::string::npos || text.find("_branch") != std::string::npos));
    return false;
  }
  Images same;
  for (size_t i = 0; i < images.tensors.size(); ++i) {
    same.tensors.push_back(input_tensor(again, images.data, static_cast<int>(i)));
  }
  CHECK(scores(again, same) == scores(network, images));
  return true;
}

void write(const Network& network, const std::string& path) {
  write_text_file(path, [&](std::ostream& out) { out << to_qonnx(network, "a test").bytes; });
}

}  // namespace

TEST_CASE("an exported network of the zoo gives our scores, executed and imported again") {
  if (!has_python()) test::skip("no python3 with onnx and numpy");
  const test::TemporaryFolder folder;
  test::Random random(7);
  for (const std::string& name : zoo_names()) {
    const bool small = zoo_network(name).input().size() <= 32 * 32 * 3;
    const bool between = name.ends_with("w4a4") || name.ends_with("w1a3");  // formats of others
    if (!small || between || (sanitized && name != "tfc-w1a2")) continue;
    CAPTURE(name);
    Network network = zoo_network(name);
    for (Layer& layer : network.layers) {
      layer.thresholds.clear();
      test::fill_graph_parameters(layer, random);
      if (layer.weight_format.bits == 8) {  // sums of trained ones are not near the limit
        for (int8_t& w : layer.weights) w = static_cast<int8_t>(w / 4);
      }
    }
    const Images images = random_images(network, random, network.input().pixels() > 800 ? 1 : 2);
    write(network, folder / "net.onnx");
    check_executed(network, images, folder / "net.onnx");
    if (takes_pixels(network)) check_imported(network, images, folder / "net.onnx");
  }
}

TEST_CASE("exported random graphs give our scores, executed and imported again") {
  if (!has_python()) test::skip("no python3 with onnx and numpy");
  const test::TemporaryFolder folder;
  int again = 0;
  int executed = 0;
  for (unsigned seed = 0; seed < (sanitized ? 30U : 400U); ++seed) {
    CAPTURE(seed);
    test::Random random(seed);
    const Network network = test::RandomGraph(random).build();
    if (!takes_pixels(network) && executed++ > (sanitized ? 1 : 12)) continue;
    const Images images = random_images(network, random, 3);
    write(network, folder / "net.onnx");
    const Layer& last = network.layers.back();
    const bool means = last.kind == LayerKind::average_pool && last.accumulator_output;
    if (means) continue;
    check_executed(network, images, folder / "net.onnx");
    if (takes_pixels(network))
      again += check_imported(network, images, folder / "net.onnx") ? 1 : 0;
  }
  if (!sanitized) CHECK(again > 4);
}

TEST_CASE("TFLite's ResNet-8, imported and exported, predicts the same") {
  if (!has_python()) test::skip("no python3 with onnx and numpy");
  const std::string path = test::shared_data("networks/mlperf-tiny/pretrainedResnet_quant.tflite");
  const test::TemporaryFolder folder;
  const Network network = import_network(path, "", {}).network;
  test::Random random(3);
  const Images images = random_images(network, random, sanitized ? 1 : 20);
  write(network, folder / "net.onnx");
  check_executed(network, images, folder / "net.onnx", "--predictions");
}

TEST_CASE("what cannot be exact is refused, with the layer") {
  Network network;
  network.name = "wide";
  Layer layer;
  layer.name = "layer0";
  layer.kind = LayerKind::dense;
  layer.input = {1, 1, 2048};
  layer.output = {1, 1, 2};
  layer.input_format = fixed_point_format;
  layer.weight_format = full_format(8);
  layer.accumulator_output = true;
  layer.weights.assign(size_t{2} * 2048, -128);
  network.add(layer);
  validate(network, "wide");
  CHECK_THAT(test::refusal([&] { to_qonnx(network, "m.h5"); }),
             Catch::Contains("m.h5: layer0: sums up to 33554432 are not exact in float32"));

  network.layers[0].input.channels = 2;
  network.layers[0].weights.resize(4);
  for (int p = 0; p < 256; ++p) network.input_map.pixels.push_back(127 - p);
  CHECK_THAT(test::refusal([&] { to_qonnx(network, "m.h5"); }),
             Catch::Contains("m.h5: layer0: what pixels become falls while they rise"));
}
