// FINN's files with hardware nodes, against the nodes' definitions computed here from the file's
// own tensors: integers, thresholds at or below the sum, windows.
#include <random>

#include "tests/workloads/import/expected.h"
#include "workloads/import/onnx_file.h"

using namespace stuckat;

namespace {

using Numbers = std::vector<int64_t>;

Numbers tensor(const importing::OnnxFile& file, const std::string& name) {
  const auto& values = file.initializers.at(name).values;
  return {values.begin(), values.end()};
}

/// Thresholds of row `row` at or below the sum, of `count` for each row.
int64_t reached(const Numbers& thresholds, int64_t count, int64_t row, int64_t sum) {
  int64_t n = 0;
  for (int64_t i = 0; i < count; ++i) n += thresholds[static_cast<size_t>(row * count + i)] <= sum;
  return n;
}

/// x [K] times w [K][N].
Numbers product(const Numbers& x, const Numbers& w, int64_t columns) {
  Numbers sums(static_cast<size_t>(columns), 0);
  for (size_t k = 0; k < x.size(); ++k) {
    for (size_t n = 0; n < sums.size(); ++n) sums[n] += x[k] * w[k * sums.size() + n];
  }
  return sums;
}

DataSet raw(Shape shape, const Numbers& values) {
  DataSet data;
  data.name = "random integers";
  data.shape = shape;
  data.is_raw = true;
  data.is_signed = true;
  data.labels = {0};
  for (const int64_t v : values) data.pixels.push_back(static_cast<uint8_t>(v));
  return data;
}

Numbers wide(const std::vector<int32_t>& values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a residual block of FINN's streams computes what its nodes say, with its folding") {
  const std::string path = test::shared_data("networks/finn/residual_testcase.onnx");
  const Imported imported = import_network(path, "", {});
  const importing::OnnxFile file = importing::read_onnx(path);
  const Numbers depthwise = tensor(file, "Conv_3_param0");
  const Numbers matrix = tensor(file, "Conv_4_param0");
  const Numbers t3 = tensor(file, "MultiThreshold_3_param0");
  const Numbers t4 = tensor(file, "MultiThreshold_4_param0");
  constexpr int side = 32;
  constexpr int channels = 16;
  std::mt19937 random(5);
  Numbers x(static_cast<size_t>(side * side * channels));
  for (auto& v : x) v = std::uniform_int_distribution<int>(-8, 7)(random);
  const auto at = [&](int y, int x_pixel, int c) -> int64_t {
    if (y < 0 || x_pixel < 0 || y >= side || x_pixel >= side) return 0;
    return x[static_cast<size_t>((y * side + x_pixel) * channels + c)];
  };
  Numbers expected;
  for (int y = 0; y < side; ++y) {
    for (int p = 0; p < side; ++p) {
      Numbers levels;
      for (int c = 0; c < channels; ++c) {
        int64_t sum = 0;
        for (int k = 0; k < 9; ++k) {
          sum += depthwise[static_cast<size_t>(c * 9 + k)] * at(y + k / 3 - 1, p + k % 3 - 1, c);
        }
        levels.push_back(reached(t3, 15, c, sum));
      }
      const Numbers sums = product(levels, matrix, channels);
      for (int c = 0; c < channels; ++c) {
        expected.push_back(reached(t4, 15, c, sums[static_cast<size_t>(c)]) - 8 + at(y, p, c));
      }
    }
  }
  const DataSet data = raw({side, side, channels}, x);
  CHECK(wide(test::results(imported.network, data, 1).front()) == expected);
  CHECK(imported.network.layers.size() == 3);

  const auto folding = [&](const std::string& layer) {
    for (const ImportedFolding& node : imported.folding) {
      if (node.layer == layer) return node.values;
    }
    return decltype(ImportedFolding::values){};
  };
  using Values = decltype(ImportedFolding::values);
  CHECK(folding("layer0") == Values{{"PE", {16}}});
  CHECK(folding("layer1") == Values{{"PE", {1}}, {"SIMD", {16}}});
  CHECK(folding("add0") == Values{{"PE", {16}}});
}

TEST_CASE("a chain of FINN's MVAUs on -1 and +1 computes what its nodes say, with its folding") {
  const std::string path = test::shared_data("networks/finn/cybsec_PE_SIMD.onnx");
  const Imported imported = import_network(path, "", {});
  const importing::OnnxFile file = importing::read_onnx(path);
  std::mt19937 random(6);
  int ones = 0;
  for (int trial = 0; trial < 50; ++trial) {
    Numbers x(600);
    for (auto& v : x) v = std::uniform_int_distribution<int>(0, 9)(random) < trial / 5 ? 1 : -1;
    Numbers levels = x;
    for (int i = 0; i < 4; ++i) {
      const std::string n = std::to_string(i);
      const Numbers thresholds = tensor(file, "MultiThreshold_" + n + "_param0");
      const int64_t rows = i == 3 ? 1 : 64;
      const Numbers sums = product(levels, tensor(file, "MatMul_" + n + "_param0"), rows);
      levels.clear();
      for (int64_t row = 0; row < rows; ++row) {
        levels.push_back(reached(thresholds, i == 3 ? 1 : 3, row, sums[static_cast<size_t>(row)]));
      }
    }
    const int64_t expected = 2 * levels[0] - 1;
    ones += expected > 0 ? 1 : 0;
    CHECK(wide(test::results(imported.network, raw({1, 1, 600}, x), 1).front()) ==
          Numbers{expected});
  }
  CHECK(ones > 0);
  CHECK(ones < 50);
  REQUIRE(imported.folding.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(imported.folding[i].layer == "layer" + std::to_string(i));
    CHECK(imported.folding[i].values[0] == std::pair<std::string, std::vector<int64_t>>("PE", {1}));
  }
}
