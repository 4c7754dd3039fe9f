// TFLite int8 networks, value for value as the reference kernels of TFLite Micro. With sanitizers,
// a few images.
#include <algorithm>
#include <cmath>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/workloads/import/expected.h"
#include "workloads/compressed_file.h"
#include "workloads/import/tflite_file.h"

using namespace stuckat;

namespace {

const std::string networks = "networks/";
const std::string expected_scores = "networks/expected/";

/// A grey 8-bit BMP with a palette, rows from below.
DataSet bmp(const std::string& path, int side) {
  const std::vector<uint8_t> bytes = read_plain_file(path);
  const size_t start = bytes.at(10) | (size_t{bytes.at(11)} << 8);
  DataSet data;
  data.name = path;
  data.shape = {side, side, 1};
  data.classes = 2;
  data.labels = {0};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      data.pixels.push_back(bytes.at(start + static_cast<size_t>((side - 1 - y) * side + x)));
    }
  }
  return data;
}

/// The int8 probabilities that the file's SOFTMAX makes of two scores: p * 256 - 128.
std::vector<int32_t> probabilities(const std::vector<int32_t>& scores, double scale) {
  std::vector<int32_t> result;
  for (size_t c = 0; c < 2; ++c) {
    const double p = 1 / (1 + std::exp(scale * (scores[1 - c] - scores[c])));
    result.push_back(static_cast<int32_t>(std::min(127.0, std::round(256 * p) - 128)));
  }
  return result;
}

/// `softmax`: scale of the scores, where the listed outputs are after a SOFTMAX; else 0.
void check_generated(const std::string& file, const std::string& expected, double softmax) {
  const std::string path = test::shared_data(networks + file);
  const auto lines = test::expected_lines(test::shared_data(expected_scores + expected));
  const Network network = test::imported(path);
  const auto count = sanitized ? 1 : static_cast<int>(lines.size());
  const auto outputs =
      test::results(network, test::generated_inputs(network.input(), count), count);
  const auto size = static_cast<size_t>(network.layers.back().output.size());
  for (int i = 0; i < count; ++i) {
    INFO(file << ", input " << i);
    const auto& scores = outputs[static_cast<size_t>(i)];
    CHECK((softmax == 0 ? scores : probabilities(scores, softmax)) ==
          test::integers(lines[static_cast<size_t>(i)], 1, size));
  }
}

}  // namespace

TEST_CASE("ResNet-8's int8 scores are those of the reference kernels") {
  const std::string path =
      test::shared_data(networks + "mlperf-tiny/pretrainedResnet_quant.tflite");
  const std::string images = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  const auto lines = test::expected_lines(
      test::shared_data(expected_scores + "resnet8_int8_cifar10test_0_499.txt"));
  const Network network = test::imported(path);
  const int count = sanitized ? 2 : 20;
  const DataSet data = read_dataset("cifar10:" + images, {.count = count});
  const auto outputs = test::results(network, data, count);
  for (int i = 0; i < count; ++i) {
    INFO("image " << i);
    CHECK(outputs[static_cast<size_t>(i)] == test::integers(lines[static_cast<size_t>(i)], 3, 10));
  }
}

TEST_CASE("an autoencoder and visual wake words give the listed outputs") {
  test::shared_data(networks + "mlperf-tiny/ad01_int8.tflite");
  check_generated("mlperf-tiny/vww_96_int8.tflite", "vww_96_int8.txt", 0.014636218547821045);
  check_generated("mlperf-tiny/ad01_int8.tflite", "ad01_int8.txt", 0);
}

TEST_CASE("person detection gives the listed outputs for both pictures") {
  const std::string path = test::shared_data(networks + "tflite-micro/person_detect.tflite");
  const Network network = test::imported(path, {.pixels = "int8"});
  for (const auto& line :
       test::expected_lines(test::shared_data(expected_scores + "person_detect.txt"))) {
    const DataSet data = bmp(test::shared_data(networks + "tflite-micro/" + line[0] + ".bmp"), 96);
    const auto scores = test::results(network, data, 1).front();
    CHECK(probabilities(scores, 0.012518751434981823) == test::integers(line, 1, 2));
  }
}

TEST_CASE("every TFLite network that is there is read") {
  for (const char* file :
       {"mlperf-tiny/str_ww_ref_model.tflite", "tflite-micro/micro_speech_quantized.tflite"}) {
    const Imported imported = import_network(test::shared_data(networks + file), "", {});
    CHECK(imported.format == "tflite");
    CHECK(imported.network.layers.size() >= 2);
    CHECK(imported.nodes.size() >= imported.network.layers.size());
  }
}

TEST_CASE(
    "a bias with which a sum may pass 32 bits is refused by its node, one below it is taken") {
  const std::string path =
      test::shared_data(networks + "mlperf-tiny/pretrainedResnet_quant.tflite");
  const importing::TfliteFile file = importing::read_tflite(path);
  const auto node = std::find_if(file.nodes.begin(), file.nodes.end(), [](const auto& n) {
    return n.operation == importing::TfliteOperator::convolution && n.inputs.size() == 3;
  });
  REQUIRE(node != file.nodes.end());
  const auto& bias = file.tensors[static_cast<size_t>(node->inputs[2])];
  REQUIRE(bias.type == importing::TfliteType::int32);
  const auto at = static_cast<size_t>(bias.data - file.bytes.data());
  const test::TemporaryFolder folder;
  const auto refusal_of = [&](int32_t first_bias) {
    std::string bytes(file.bytes.begin(), file.bytes.end());
    for (size_t i = 0; i < 4; ++i) {
      bytes[at + i] = static_cast<char>(static_cast<uint32_t>(first_bias) >> (8 * i) & 255);
    }
    test::write_bytes(folder / "b.tflite", bytes);
    return test::refusal([&] { test::imported(folder / "b.tflite"); });
  };
  // 27 products of 8 bits with 8 bits are far below 2^20.
  for (const int32_t too_far : {INT32_MAX, INT32_MIN, INT32_MAX - 100}) {
    CHECK_THAT(refusal_of(too_far),
               Catch::Contains("CONV_2D") && Catch::Contains("sums") && Catch::Contains("33 bits"));
  }
  for (const int32_t near : {0, 1 << 30, -(1 << 30), INT32_MAX - (1 << 20)}) {
    CHECK(refusal_of(near) == "accepted");
  }
}
