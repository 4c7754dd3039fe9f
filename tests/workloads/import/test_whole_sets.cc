// Networks that others trained on whole data sets: minutes of integer code, so a program and a
// ctest label ("full-size") of its own. With sanitizers, test_import's few images stand for them.
#include "sim/fast/executor.h"
#include "tests/support/bnn_pynq_folder.h"
#include "tests/workloads/import/expected.h"

using namespace stuckat;

namespace {

const std::string right_values = "networks/expected/";

/// Images whose prediction is their label.
int right_of(const Network& network, const DataSet& data,
             const std::vector<std::vector<int32_t>>& results) {
  int right = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    right += predicted_class(network, results[i].data()) == data.labels[i] ? 1 : 0;
  }
  return right;
}

void check_mnist(const std::string& file, const std::string& expected, int listed, int right) {
  const std::string path = test::shared_data(file);
  const std::string mnist = test::shared_data("mnist");
  const auto lines = test::expected_lines(test::shared_data(right_values + expected));
  if (sanitized) test::skip("test_import has a few images of it");
  const Network network = test::imported(path);
  const DataSet data = read_dataset("mnist:" + mnist, {});
  const auto results = test::results(network, data, data.size());
  int different = 0;
  for (size_t i = 0; i < static_cast<size_t>(listed); ++i) {
    if (predicted_class(network, results[i].data()) != std::stoi(lines[i][0])) ++different;
  }
  CHECK(different == 0);
  CHECK(right_of(network, data, results) == right);
}

}  // namespace

TEST_CASE("TFC_1W1A is right on 9,296 of MNIST's 10,000, prediction for prediction") {
  check_mnist("qonnx/TFC_1W1A.onnx", "TFC_1W1A_mnist10000.txt", 10000, 9296);
}

TEST_CASE("TFC_1W2A is right on 9,474 of MNIST's 10,000, prediction for prediction") {
  check_mnist("qonnx/TFC_1W2A.onnx", "TFC_1W2A_mnist10000.txt", 10000, 9474);
}

TEST_CASE("the network of ties is right on 9,492 of MNIST's 10,000, the first 5,000 as listed") {
  check_mnist("networks/qonnx-others/mnist_qonnx_model.onnx", "qonnx2mdc_mnist_first5000.txt", 5000,
              9492);
}

TEST_CASE("KWS-W3A3 is right on 825 of its 1,000 inputs") {
  const std::string path = test::shared_data("networks/kws-w3a3/kws_w3a3_QONNX_model.onnx");
  const std::string archive = test::shared_data("networks/kws-w3a3/kws_bin_files.tar.xz");
  if (sanitized) test::skip("test_import has a few inputs of it");
  const test::TemporaryFolder folder;
  const DataSet data = read_dataset("raw:" + test::unpacked(folder, archive, "kws_bin_files"), {});
  const Network network = test::imported(path);
  CHECK(data.size() == 1000);
  CHECK(right_of(network, data, test::results(network, data, data.size())) == 825);
}

TEST_CASE("ResNet-8 has the listed int8 scores of 500 images, and is right on 894 of 1,017") {
  const std::string path = test::shared_data("networks/mlperf-tiny/pretrainedResnet_quant.tflite");
  const std::string images = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const auto lines =
      test::expected_lines(test::shared_data(right_values + "resnet8_int8_cifar10test_0_499.txt"));
  if (sanitized) test::skip("test_import has a few images of it");
  const Network network = test::imported(path);
  const DataSet data = read_dataset("cifar10:" + images, {});
  // The reference takes two minutes for all of them: it has the first ones, the fast engine all.
  const auto scores = fast::evaluate(
      fast::PackedNetwork(network),
      [&](int64_t i) { return input_tensor(network, data, static_cast<int>(i)); }, 0, data.size(),
      2);
  std::vector<std::vector<int32_t>> results;
  for (auto at = scores.logits.begin(); at != scores.logits.end(); at += 10) {
    results.emplace_back(at, at + 10);
  }
  const auto by_reference = test::results(network, data, 60);
  CHECK(std::equal(by_reference.begin(), by_reference.end(), results.begin()));
  int different = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    different += results[i] == test::integers(lines[i], 3, 10) ? 0 : 1;
  }
  CHECK(lines.size() == 500);
  CHECK(different == 0);
  CHECK(right_of(network, data, results) == 894);
}
