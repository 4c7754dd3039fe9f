// Operators of TFLite files that the networks of others in STUCKAT_DATA do not have, in files made
// here; values by the kernels' definition, in wide integers.
#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/workloads/import/tflite_writer.h"
#include "workloads/import/import.h"
#include "workloads/import/tflite_arithmetic.h"
#include "workloads/reference.h"

using namespace stuckat;
using test::TfliteWriter;

namespace {

enum Code {
  convolution = 3,
  dense = 9,
  reshape = 22,
  transpose = 39,
  mean = 40,
  strided_slice = 45,
  shape = 77,
  pack = 83,
  tanh_code = 28
};

Imported read(const std::string& bytes) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "a.tflite", bytes);
  return import_network(folder / "a.tflite", "", {});
}

std::vector<int8_t> random_weights(test::Random& random, int count) {
  std::vector<int8_t> result;
  for (int i = 0; i < count; ++i)
    result.push_back(static_cast<int8_t>(test::uniform(random, -127, 127)));
  return result;
}

/// a / b, a tie away from zero.
int64_t rounded(int64_t a, int64_t b) {
  return a >= 0 ? (2 * a + b) / (2 * b) : -((-2 * a + b) / (2 * b));
}

/// The mean of int8 codes as the kernel makes it.
int64_t mean_of(const std::vector<int64_t>& codes, TfliteWriter::Quantization in,
                TfliteWriter::Quantization out) {
  int64_t sum = 0;
  for (const int64_t code : codes) sum += code - in.zero_point;
  const auto count = static_cast<int64_t>(codes.size());
  const auto factor = importing::TfliteMultiplier::of(static_cast<double>(in.scale) /
                                                      static_cast<double>(out.scale));
  int shift = 0;
  while (int64_t{2} << shift <= count) ++shift;
  const int64_t multiplier = (int64_t{factor.multiplier} << shift) / count;
  const int exponent = factor.shift - shift;
  const int64_t shifted = sum << std::max(exponent, 0);
  const int64_t high = (shifted * multiplier + (int64_t{1} << 30)) >> 31;  // a tie goes up
  const int64_t result = rounded(high, int64_t{1} << std::max(-exponent, 0)) + out.zero_point;
  return std::clamp<int64_t>(result, -128, 127);
}

}  // namespace

TEST_CASE("MEAN over all pixels divides as the reference kernel does") {
  int64_t inside = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    test::Random random(seed);
    const int height = test::uniform(random, 1, 9), width = test::uniform(random, 1, 9);
    const TfliteWriter::Quantization in{static_cast<float>(test::uniform(random, 1, 50)) / 100,
                                        test::uniform(random, -128, 127)};
    const TfliteWriter::Quantization out{static_cast<float>(test::uniform(random, 1, 50)) / 100,
                                         test::uniform(random, -128, 127)};
    TfliteWriter file;
    const int image = file.activation({1, height, width, 3}, in);
    const int result = file.activation({1, 3}, out);
    const auto axes = seed % 3 == 0   ? std::vector<int32_t>{1, 2}
                      : seed % 3 == 1 ? std::vector<int32_t>{2, 1}
                                      : std::vector<int32_t>{-3, -2};
    file.node(mean, {image, file.integers(axes)}, result);
    const Network network = read(file.file(image, result)).network;
    Tensor input = test::random_image(random, network);
    const auto got = reference::run(network, input).back();
    for (int c = 0; c < 3; ++c) {
      std::vector<int64_t> codes;
      for (int pixel = 0; pixel < height * width; ++pixel) {
        codes.push_back(input.values[static_cast<size_t>(pixel * 3 + c)] + in.zero_point);
      }
      INFO("seed " << seed << " channel " << c);
      const int64_t expected = mean_of(codes, in, out);
      const auto index = static_cast<size_t>(c);
      const double offset = network.class_map.offset.empty() ? 0 : network.class_map.offset[index];
      CHECK(got.values[index] + static_cast<int64_t>(offset) == expected);
      inside += expected > -128 && expected < 127 ? 1 : 0;
    }
  }
  CHECK(inside > 200);
}

TEST_CASE("channels that a file has first are last, in the image and before a dense layer") {
  test::Random random(3);
  const TfliteWriter::Quantization q{0.05F, -7};
  const std::vector<int8_t> filters = random_weights(random, 4 * 3);
  const std::vector<int8_t> rows = random_weights(random, 5 * 2 * 3 * 4);
  // 1 x 2 x 3 x 3 from channels first; 2 x 3 pixels of 4 channels before the dense layer.
  const auto file_of = [&](bool first) {
    TfliteWriter file;
    const int image = file.activation(
        first ? std::vector<int32_t>{1, 3, 2, 3} : std::vector<int32_t>{1, 2, 3, 3}, q);
    int pixels = image;
    if (first) {
      pixels = file.activation({1, 2, 3, 3}, q);
      file.node(transpose, {image, file.integers({0, 2, 3, 1})}, pixels);
    }
    const int sums = file.activation({1, 2, 3, 4}, {0.6F, 3});
    file.node(convolution, {pixels, file.weights({4, 1, 1, 3}, filters, 0.01F)}, sums, {1, 1, 1});
    int order = sums;
    if (first) {
      order = file.activation({1, 4, 2, 3}, {0.6F, 3});
      file.node(transpose, {sums, file.integers({0, 3, 1, 2})}, order);
    }
    const int flat = file.activation({1, 24}, {0.6F, 3});
    file.node(reshape, {order, file.integers({1, 24})}, flat);
    std::vector<int8_t> stored = rows;
    if (first) {
      for (size_t r = 0; r < 5; ++r) {
        for (size_t pixel = 0; pixel < 6; ++pixel) {
          for (size_t c = 0; c < 4; ++c)
            stored[r * 24 + c * 6 + pixel] = rows[r * 24 + pixel * 4 + c];
        }
      }
    }
    const int scores = file.activation({1, 5}, {0.8F, 0});
    file.node(dense, {flat, file.weights({5, 24}, stored, 0.01F)}, scores);
    return file.file(image, scores);
  };
  const Network last = read(file_of(false)).network;
  const Network first = read(file_of(true)).network;
  CHECK(first.input() == Shape{2, 3, 3});
  CHECK(first.layers == last.layers);
  CHECK(first.layers.back().weights == rows);
}

TEST_CASE("the arithmetic of a RESHAPE's shape is left out") {
  const TfliteWriter::Quantization q{0.05F, 0};
  TfliteWriter file;
  const int image = file.activation({1, 2, 2, 2}, q);
  const int extents = file.activation({4}, {}, 2);
  file.node(shape, {image}, extents);
  const int batch = file.activation({}, {}, 2);
  file.node(strided_slice, {extents, file.integers({0}), file.integers({1}), file.integers({1})},
            batch);
  const int wanted = file.activation({2}, {}, 2);
  file.node(pack, {batch, file.integers({8})}, wanted);
  const int flat = file.activation({1, 8}, q);
  file.node(reshape, {image, wanted}, flat);
  const int scores = file.activation({1, 2}, {0.8F, 0});
  file.node(dense, {flat, file.weights({2, 8}, std::vector<int8_t>(16, 3), 0.01F)}, scores);
  const Imported imported = read(file.file(image, scores));
  REQUIRE(imported.network.layers.size() == 1);
  CHECK(imported.nodes.front().became == "left out: shapes are known");
}

TEST_CASE("what TFLite files have that has no exact form is refused by its node") {
  const TfliteWriter::Quantization q{0.05F, 0};
  const auto refusal_of = [&](int code, const std::vector<int32_t>& to,
                              const std::vector<int32_t>& constants) {
    TfliteWriter file;
    const int image = file.activation({1, 2, 3, 4}, q);
    const int result = file.activation(to, q);
    file.node(code, {image, file.integers(constants)}, result);
    return test::refusal([&] { read(file.file(image, result)); });
  };
  CHECK_THAT(refusal_of(mean, {1, 2, 4}, {2}),
             Catch::EndsWith("node 't1' (MEAN): is no mean over height and width, expected axes 1 "
                             "and 2 of four"));
  CHECK_THAT(refusal_of(transpose, {1, 3, 2, 4}, {0, 2, 1, 3}),
             Catch::Contains("(TRANSPOSE): moves elements inside the network"));
  CHECK_THAT(refusal_of(transpose, {1, 4, 2, 3}, {0, 3, 1, 2}),
             Catch::EndsWith("a result whose channels are first, expected channels last"));
  CHECK_THAT(refusal_of(tanh_code, {1, 2, 3, 4}, {0}), Catch::Contains("(TANH): is not taken"));
  TfliteWriter file;
  const int image = file.activation({1, 4}, {}, 0);
  CHECK_THAT(test::refusal([&] { read(file.file(image, image)); }),
             Catch::EndsWith("tensor 't0' is float32, expected int8: a network converted to it "
                             "throughout"));
}
