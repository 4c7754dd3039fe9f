// ONNX networks of several origins, value for value. With sanitizers, a few images.
#include <algorithm>
#include <set>

#include "tests/support/bnn_pynq_folder.h"
#include "tests/workloads/import/expected.h"
#include "tests/workloads/import/npz.h"
#include "workloads/import/onnx_file.h"

using namespace stuckat;

namespace {

const std::string expected_results = "networks/expected/";

void check_predictions(const std::string& file, const std::string& expected, int count,
                       const ImportOptions& options = {}) {
  const std::string path = test::shared_data(file);
  const std::string mnist = test::shared_data("mnist");
  const auto lines = test::expected_lines(test::shared_data(expected_results + expected));
  const Network network = test::imported(path, options);
  const DataSet data = read_dataset("mnist:" + mnist, {.count = count});
  const auto results = test::results(network, data, count);
  int different = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    if (predicted_class(network, results[at].data()) != std::stoi(lines[at][0])) ++different;
  }
  INFO(file);
  CHECK(different == 0);
}

/// Our tensor in the order channels, height, width.
std::vector<int64_t> channels_first(const Tensor& tensor) {
  std::vector<int64_t> values;
  for (int c = 0; c < tensor.shape.channels; ++c) {
    for (int y = 0; y < tensor.shape.height; ++y) {
      for (int x = 0; x < tensor.shape.width; ++x) values.push_back(tensor.at(y, x, c));
    }
  }
  return values;
}

/// One input in the order channels, height, width as raw data.
DataSet one_input(Shape shape, const std::vector<int64_t>& values, bool is_signed) {
  DataSet data;
  data.name = "one input";
  data.shape = shape;
  data.is_raw = true;
  data.is_signed = is_signed;
  data.classes = 1;
  data.labels = {0};
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      for (int c = 0; c < shape.channels; ++c) {
        const int at = (c * shape.height + y) * shape.width + x;
        data.pixels.push_back(static_cast<uint8_t>(values[static_cast<size_t>(at)]));
      }
    }
  }
  return data;
}

/// What a layer sums up before its thresholds.
Tensor sums_of(const Network& network, int index, const std::vector<Tensor>& tensors) {
  Layer layer = network.layer(index);
  layer.accumulator_output = true;
  std::vector<const Tensor*> inputs;
  for (const int t : layer.inputs) inputs.push_back(&tensors[static_cast<size_t>(t)]);
  return reference::run_layer(layer, inputs);
}

/// The listed sums of a layer at the end include its bias, which is in our thresholds.
void add_biased(std::set<std::vector<int64_t>>& ours, const std::string& path) {
  const importing::OnnxFile file = importing::read_onnx(path);
  std::vector<std::vector<int64_t>> biased;
  for (const auto& [name, tensor] : file.initializers) {
    if (!name.ends_with(".bias")) continue;
    for (std::vector<int64_t> sums : ours) {
      if (sums.size() != tensor.values.size()) continue;
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<int64_t>(tensor.values[i]);
      biased.push_back(std::move(sums));
    }
  }
  ours.insert(biased.begin(), biased.end());
}

/// Every activation of the archive is one of ours, levels or sums, and every tensor of ours one of
/// theirs.
void check_activations(const std::string& folder, const std::string& pixels) {
  const std::string path = test::shared_data("networks/deeploy/" + folder);
  const Network network = test::imported(path + "/network.onnx", {.pixels = pixels});
  const auto inputs = test::read_npz(path + "/inputs.npz");
  REQUIRE(inputs.size() == 1);
  const auto values = inputs.begin()->second.integers(path);
  const DataSet data = one_input(network.input(), values, pixels == "int8");
  const auto tensors = reference::run(network, input_tensor(network, data, 0));
  std::set<std::vector<int64_t>> ours;
  std::vector<std::vector<int64_t>> levels;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    levels.push_back(channels_first(tensors[static_cast<size_t>(i) + 1]));
    ours.insert(levels.back());
    if (network.layer(i).kind->sums) ours.insert(channels_first(sums_of(network, i, tensors)));
  }
  add_biased(ours, path + "/network.onnx");
  std::set<std::vector<int64_t>> theirs;
  for (const auto& [name, array] : test::read_npz(path + "/activations.npz")) {
    INFO(folder << ": " << name);
    const auto activation = array.integers(name);
    CHECK(ours.count(activation) == 1);
    theirs.insert(activation);
  }
  for (size_t i = 0; i < levels.size(); ++i) {
    INFO(folder << ": " << network.layers[i].name);
    CHECK(theirs.count(levels[i]) == 1);
  }
  const auto outputs = test::read_npz(path + "/outputs.npz");
  CHECK(outputs.begin()->second.integers(path) == levels.back());
}

}  // namespace

TEST_CASE("TFC in QONNX predicts MNIST as listed") {
  test::shared_data("qonnx/TFC_1W2A.onnx");
  const int count = sanitized ? 20 : 2000;
  check_predictions("qonnx/TFC_1W1A.onnx", "TFC_1W1A_mnist10000.txt", count);
  check_predictions("qonnx/TFC_1W2A.onnx", "TFC_1W2A_mnist10000.txt", count);
}

TEST_CASE("a network whose power-of-two scales tie everywhere predicts MNIST as listed") {
  check_predictions("networks/qonnx-others/mnist_qonnx_model.onnx", "qonnx2mdc_mnist_first5000.txt",
                    sanitized ? 2 : 200);
}

TEST_CASE("KWS-W3A3 has the accumulators of the FPGA runs") {
  const std::string path = test::shared_data("networks/kws-w3a3/kws_w3a3_QONNX_model.onnx");
  const std::string archive = test::shared_data("networks/kws-w3a3/kws_bin_files.tar.xz");
  const auto lines =
      test::expected_lines(test::shared_data(expected_results + "kws_w3a3_first500.txt"));
  const test::TemporaryFolder folder;
  const int count = sanitized ? 5 : 500;
  const DataSet data =
      read_dataset("raw:" + test::unpacked(folder, archive, "kws_bin_files"), {.count = count});
  const Network network = test::imported(path);
  const auto results = test::results(network, data, count);
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    INFO(lines[at][0]);
    CHECK(results[at] == test::integers(lines[at], 3, 12));
    CHECK(data.labels[at] == std::stoi(lines[at][1]));
    CHECK(predicted_class(network, results[at].data()) == std::stoi(lines[at][2]));
  }
}

TEST_CASE("integer networks with RequantShift have every activation of every layer") {
  test::shared_data("networks/deeploy");
  check_activations("CNN_Linear1", "int8");
  for (const char* folder :
       {"miniMobileNet", "miniMobileNetv2", "MLPerf/AnomalyDetection", "MLPerf/KeywordSpotting"}) {
    check_activations(folder, "auto");
  }
  if (sanitized) return;
  for (const char* folder :
       {"CNN_Linear2", "MLPerf/ImageClassification", "MLPerf/VisualWakeWords"}) {
    check_activations(folder, "auto");
  }
}

TEST_CASE("FINN's network with MultiThreshold gives its expected outputs") {
  const std::string path = test::shared_data("networks/finn/model.onnx");
  const NpyArray inputs = read_npy(test::shared_data("networks/finn/input.npy"));
  const NpyArray outputs = read_npy(test::shared_data("networks/finn/expected_output.npy"));
  const Network network = test::imported(path);
  const auto pixels = inputs.integers("input.npy");
  const auto classes = outputs.integers("expected_output.npy");
  for (size_t i = 0; i < classes.size(); ++i) {
    const std::vector<int64_t> one(pixels.begin() + static_cast<std::ptrdiff_t>(784 * i),
                                   pixels.begin() + static_cast<std::ptrdiff_t>(784 * (i + 1)));
    const auto result = test::results(network, one_input(network.input(), one, false), 1).front();
    CHECK(predicted_class(network, result.data()) == classes[i]);
  }
}
