// Operators of ONNX one by one, on small files made here: what their definitions say, computed in
// the most obvious way, against the imported network on every value of the input.
#include <cmath>
#include <random>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/workloads/import/expected.h"
#include "workloads/export/onnx_writer.h"

using namespace stuckat;

namespace {

/// A network of one or two channels whose input is the quantizer of int8 codes, scale 1.
OnnxWriter start(int64_t channels) {
  OnnxWriter w;
  w.input("x", {1, channels, 1, 1}).scalar("one", 1).scalar("zero", 0).scalar("eight", 8);
  w.scalar("half", 0.5F).scalar("four", 4).scalar("quarter", 0.25F).scalar("two", 2);
  w.node("Quant", {"x", "one", "zero", "eight"}, "q", {.ints = {{"signed", {1}}}});
  return w;
}

Network network_of(const OnnxWriter& writer, const ImportOptions& options = {}) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "small.onnx", writer.bytes());
  return test::imported(folder / "small.onnx", options);
}

std::string refusal_of(const OnnxWriter& writer) {
  return test::refusal([&] { network_of(writer); });
}

/// Results for integers [inputs][elements].
std::vector<std::vector<int32_t>> outputs(const Network& network,
                                          const std::vector<std::vector<int>>& inputs) {
  DataSet data;
  data.name = "integers";
  data.shape = {1, 1, static_cast<int>(inputs.front().size())};
  data.is_raw = true;
  data.is_signed = true;
  for (const auto& one : inputs) {
    for (const int v : one) data.pixels.push_back(static_cast<uint8_t>(v));
    data.labels.push_back(0);
  }
  return test::results(network, data, static_cast<int>(inputs.size()));
}

std::vector<std::vector<int>> every_integer() {
  std::vector<std::vector<int>> all;
  for (int v = -128; v < 128; ++v) all.push_back({v});
  return all;
}

double half_even(double y) {
  const double floor = std::floor(y);
  if (y - floor != 0.5) return std::floor(y + 0.5);
  return std::fmod(floor, 2) == 0 ? floor : floor + 1;
}

double clamped(double y, double low, double high) { return std::min(std::max(y, low), high); }

/// The network of `writer` after `node` gives expected(v) for every input v.
void check_every(const OnnxWriter& writer, const std::function<double(int)>& expected) {
  const auto inputs = every_integer();
  const auto found = outputs(network_of(writer), inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << inputs[i][0]);
    CHECK(found[i].at(0) == expected(inputs[i][0]));
  }
}

}  // namespace

TEST_CASE("Quant decides ties by parity, after a scale below 0 and a bias too") {
  OnnxWriter w = start(1);
  w.scalar("minus", -0.25F).scalar("bias", 0.125F);
  w.node("Mul", {"q", "minus"}, "m").node("Add", {"m", "bias"}, "a");
  w.node("Quant", {"a", "half", "zero", "four"}, "y", {.ints = {{"narrow", {1}}}});
  w.output("y", {1, 1, 1, 1});
  check_every(w, [](int v) { return half_even(clamped((v * -0.25 + 0.125) / 0.5, -7, 7)); });
}

TEST_CASE("every rounding mode of Quant has its own ties and side of 0") {
  const auto expected = [](const std::string& mode, double y) {
    if (mode == "CEIL") return std::ceil(y);
    if (mode == "FLOOR") return std::floor(y);
    if (mode == "UP") return y > 0 ? std::ceil(y) : std::floor(y);
    if (mode == "DOWN") return std::trunc(y);
    if (mode == "HALF_UP") return std::round(y);
    return y > 0 ? std::ceil(y - 0.5) : std::floor(y + 0.5);  // HALF_DOWN
  };
  for (const char* mode : {"CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"}) {
    INFO(mode);
    OnnxWriter w = start(1);
    w.node("Mul", {"q", "quarter"}, "m");
    w.node("Quant", {"m", "one", "zero", "four"}, "y", {.texts = {{"rounding_mode", mode}}});
    w.output("y", {1, 1, 1, 1});
    check_every(w, [&](int v) { return expected(mode, clamped(v * 0.25, -8, 7)); });
  }
}

TEST_CASE("QuantizeLinear rounds before it adds an odd zero point") {
  OnnxWriter w = start(1);
  w.int8s("three", {}, {3});
  w.node("QuantizeLinear", {"q", "two", "three"}, "i");
  w.node("DequantizeLinear", {"i", "two", "three"}, "d");
  w.node("QuantizeLinear", {"d", "two", "three"}, "y");
  w.output("y", {1, 1, 1, 1});
  // Our integers are those less the zero point.
  check_every(w, [](int v) { return clamped(half_even(v / 2.0) + 3, -128, 127) - 3; });
}

TEST_CASE("a convolution between QuantizeLinear and DequantizeLinear is one of integers") {
  OnnxWriter w = start(1);
  w.int8s("three", {}, {3}).int8s("minus", {}, {-5}).int8s("none", {2}, {0, 0});
  w.int8s("w", {2, 1, 1, 1}, {57, -31}).floats("ws", {2}, {0.25F, 0.5F});
  w.int64s("b", {2}, {9, -40}).floats("bs", {2}, {0.5F, 1}).scalar("ys", 16);
  w.node("QuantizeLinear", {"q", "two", "three"}, "i");
  w.node("DequantizeLinear", {"i", "two", "three"}, "d");
  w.node("DequantizeLinear", {"w", "ws", "none"}, "wd", {.ints = {{"axis", {0}}}, .texts = {}});
  w.node("DequantizeLinear", {"b", "bs", "none"}, "bd", {.ints = {{"axis", {0}}}, .texts = {}});
  w.node("Conv", {"d", "wd", "bd"}, "c");
  w.node("QuantizeLinear", {"c", "ys", "minus"}, "y").output("y", {1, 2, 1, 1});
  const auto inputs = every_integer();
  const auto found = outputs(network_of(w), inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const double d = 2 * (clamped(half_even(inputs[i][0] / 2.0) + 3, -128, 127) - 3);
    const double sums[] = {57 * 0.25 * d + 9 * 0.5, -31 * 0.5 * d - 40};
    for (size_t c = 0; c < 2; ++c) {
      INFO("input " << inputs[i][0] << ", channel " << c);
      CHECK(found[i][c] == clamped(half_even(sums[c] / 16) - 5, -128, 127) + 5);
    }
  }
}

TEST_CASE("QLinearConv rescales in float32 and rounds before it adds the zero point") {
  OnnxWriter w = start(1);
  w.scalar("xs", 0.731F).int8s("xz", {}, {-7}).scalar("ws", 0.0317F).int8s("wz", {}, {0});
  w.scalar("ys", 0.2113F).int8s("yz", {}, {11}).int8s("w", {1, 1, 1, 1}, {23});
  w.int64s("b", {1}, {-150}).node("QuantizeLinear", {"q", "xs", "xz"}, "i");
  w.node("QLinearConv", {"i", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, "y");
  w.output("y", {1, 1, 1, 1});
  const float factor = 0.731F * 0.0317F / 0.2113F;
  check_every(w, [&](int v) {
    const double scale = 0.731F;
    const double i = clamped(half_even(v / scale) - 7, -128, 127);
    const auto sum = static_cast<float>(23 * (i + 7) - 150);
    return clamped(half_even(static_cast<double>(sum * factor)) + 11, -128, 127) - 11;
  });
}

TEST_CASE("ReLU and clips before a quantizer cut its levels off") {
  OnnxWriter w = start(1);
  w.scalar("low", -3.5F).scalar("high", 20);
  w.node("Clip", {"q", "low", "high"}, "c").node("Relu", {"c"}, "r");
  w.node("Quant", {"r", "two", "zero", "four"}, "y", {.ints = {{"signed", {0}}}});
  w.output("y", {1, 1, 1, 1});
  check_every(w, [](int v) { return half_even(clamped(std::max(0, v), 0, 20) / 2); });
}

TEST_CASE("Trunc keeps the scale in version 1 and takes a new one in version 2") {
  OnnxWriter first = start(1);
  first.node("Trunc", {"q", "one", "zero", "eight", "four"}, "y").output("y", {1, 1, 1, 1});
  check_every(first, [](int v) { return std::floor(v / 16.0); });
  OnnxWriter second = start(1);
  second.scalar("sixteen", 16);
  second.node("Trunc", {"q", "one", "zero", "eight", "sixteen", "four"}, "y");
  second.output("y", {1, 1, 1, 1});
  check_every(second, [](int v) { return clamped(std::floor(v / 16.0), -8, 7); });
}

TEST_CASE("MultiThreshold counts thresholds at or below, with scale and bias") {
  OnnxWriter w = start(1);
  w.floats("t", {1, 3}, {-5, 0, 7});
  w.node("MultiThreshold", {"q", "t"}, "y",
         {.ints = {{"out_bias", {-2}}}, .texts = {{"out_dtype", "INT2"}}});
  w.output("y", {1, 1, 1, 1});
  check_every(w, [](int v) { return (v >= -5) + (v >= 0) + (v >= 7) - 2; });
}

TEST_CASE("matches of bits are counted, through a pool and with padding") {
  OnnxWriter w;
  w.input("x", {1, 2, 4, 4}).floats("t", {1, 1}, {3}).scalar("one", 1).scalar("zero", 0);
  w.scalar("eight", 8).node("Quant", {"x", "one", "zero", "eight"}, "q");
  w.node("MultiThreshold", {"q", "t"}, "b", {.ints = {}, .texts = {{"out_dtype", "BINARY"}}});
  w.node("Transpose", {"b"}, "last", {.ints = {{"perm", {0, 2, 3, 1}}}, .texts = {}});
  w.node("MaxPoolNHWC", {"last"}, "p",
         {.ints = {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}, .texts = {}});
  w.node("Im2Col", {"p"}, "c",
         {.ints = {{"kernel_size", {2, 2}}, {"stride", {1, 1}}, {"pad_amount", {1, 0, 0, 1}}},
          .texts = {}});
  w.floats("w", {8, 3}, {1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0});
  w.node("XnorPopcountMatMul", {"c", "w"}, "y").output("y", {1, 2, 2, 3});
  const int weights[8][3] = {{1, 0, 1}, {0, 0, 1}, {1, 1, 0}, {0, 1, 0},
                             {1, 1, 1}, {0, 0, 0}, {1, 0, 1}, {1, 0, 0}};
  const Network network = network_of(w);
  CHECK(network.layers.back().is_xnor());
  std::mt19937 random(4);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<int> x(32);  // [height][width][channels]
    for (int& v : x) v = std::uniform_int_distribution<int>(-4, 5)(random);
    const auto pooled = [&](int y, int p, int c) {
      if (y < 0 || p < 0 || y > 1 || p > 1) return 0;
      int bit = 0;
      for (int k = 0; k < 4; ++k) {
        bit |= x[static_cast<size_t>(((2 * y + k / 2) * 4 + 2 * p + k % 2) * 2 + c)] >= 3 ? 1 : 0;
      }
      return bit;
    };
    std::vector<int32_t> expected;
    for (int y = 0; y < 2; ++y) {
      for (int p = 0; p < 2; ++p) {
        for (int row = 0; row < 3; ++row) {
          int agreeing = 0;
          for (int k = 0; k < 8; ++k) {
            const int bit = pooled(y + k / 4 - 1, p + k / 2 % 2, k % 2);
            agreeing += bit == weights[k][row] ? 1 : 0;
          }
          expected.push_back(agreeing);
        }
      }
    }
    CHECK(outputs(network, {x}).front() == expected);
  }
}

TEST_CASE("a residual add of unlike scales is exact at every pair") {
  OnnxWriter w = start(2);
  w.scalar("s", 0.0123F).scalar("t", 0.0457F).scalar("u", 0.021F);
  // Channels swapped by a convolution, so that every pair occurs.
  w.floats("w", {2, 2, 1, 1}, {0, 1, 1, 0});
  w.node("Conv", {"q", "w"}, "c");
  w.node("Mul", {"c", "s"}, "cs").node("Quant", {"cs", "s", "zero", "eight"}, "a");
  w.node("Mul", {"q", "t"}, "b").node("Add", {"a", "b"}, "sum");
  w.node("Quant", {"sum", "u", "zero", "eight"}, "y").output("y", {1, 2, 1, 1});
  const Network network = network_of(w);
  std::vector<std::vector<int>> pairs;
  for (int a = -128; a < 128; a += sanitized ? 37 : 3) {
    for (int b = -128; b < 128; ++b) pairs.push_back({a, b});
  }
  const auto found = outputs(network, pairs);
  const double s = 0.0123F;
  const double t = 0.0457F;
  const double u = 0.021F;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const int a = pairs[i][0];
    const int b = pairs[i][1];
    const auto level = [&](int swapped, int own) {
      return half_even(clamped((swapped * s + own * t) / u, -128, 127));
    };
    INFO(a << " and " << b);
    CHECK(found[i] == std::vector<int32_t>{static_cast<int32_t>(level(b, a)),
                                           static_cast<int32_t>(level(a, b))});
  }
}

TEST_CASE("biases and scales of classes stay at raw outputs") {
  OnnxWriter w = start(2);
  w.floats("w", {2, 2}, {1, 2, 3, -1}).floats("b", {2}, {0.5F, -0.25F}).int64s("flat", {2}, {1, 2});
  w.node("Reshape", {"q", "flat"}, "f").node("Gemm", {"f", "w", "b"}, "y");
  w.output("y", {1, 2});
  const Network network = network_of(w);
  CHECK(network.class_map.offset == std::vector<double>{0.5, -0.25});
  CHECK(outputs(network, {{3, 4}}).front() == std::vector<int32_t>{3 + 3 * 4, 2 * 3 - 4});
  const int32_t tied[] = {7, 7};
  CHECK(predicted_class(network, tied) == 0);
  const int32_t below[] = {6, 7};
  CHECK(predicted_class(network, below) == 1);
}

TEST_CASE("pixels mean what --pixels, mean and deviation say") {
  OnnxWriter w;
  w.input("x", {1, 1, 1, 1}).scalar("s", 0.125F).scalar("zero", 0).scalar("four", 4);
  w.node("Quant", {"x", "s", "zero", "four"}, "q").scalar("two", 2);
  w.node("Quant", {"q", "s", "zero", "two"}, "y").output("y", {1, 1, 1, 1});
  const auto check = [&](const ImportOptions& options, const std::function<double(int)>& real) {
    const auto map = network_of(w, options).input_map.pixels;
    REQUIRE(map.size() == 256);
    for (int p = 0; p < 256; ++p) {
      INFO(options.pixels << ", pixel " << p);
      CHECK(map[static_cast<size_t>(p)] == half_even(clamped(real(p) / 0.125, -8, 7)));
    }
  };
  check({}, [](int p) { return p / 255.0; });
  check({.pixels = "signed"}, [](int p) { return 2 * p / 255.0 - 1; });
  check({.pixels = "byte", .mean = {128}, .deviation = {64}},
        [](int p) { return (p - 128) / 64.0; });
}

TEST_CASE("what cannot be taken is named, with the reason and the remedy") {
  OnnxWriter unknown = start(1);
  unknown.node("Erf", {"q"}, "y").output("y", {1, 1, 1, 1});
  CHECK_THAT(refusal_of(unknown), Catch::Contains("node 'y' (Erf): is not taken"));

  OnnxWriter padded;
  padded.input("x", {1, 1, 4, 4})
      .scalar("one", 1)
      .floats("w", {1, 1, 3, 3}, std::vector<float>(9, 1));
  padded.node("BipolarQuant", {"x", "one"}, "q");
  padded.node("Conv", {"q", "w"}, "y", {.ints = {{"pads", {1, 1, 1, 1}}}});
  padded.output("y", {1, 1, 4, 4});
  CHECK_THAT(refusal_of(padded), Catch::Contains("0, which has no code (FINN issue 996)"));

  OnnxWriter weights = start(1);
  weights.floats("w", {2, 1, 1, 1}, {0.3F, 1.7F}).floats("v", {1, 2, 1, 1}, {0.3F, 1.7F});
  weights.node("Conv", {"q", "w"}, "c").node("Quant", {"c", "one", "zero", "four"}, "d");
  weights.node("Conv", {"d", "v"}, "y").output("y", {1, 1, 1, 1});
  CHECK_THAT(refusal_of(weights), Catch::Contains("its weights 'v' are not quantized"));

  OnnxWriter sums = start(1);
  sums.floats("w", {1, 1, 1, 1}, {1}).node("Conv", {"q", "w"}, "c").node("Conv", {"c", "w"}, "y");
  sums.output("y", {1, 1, 1, 1});
  CHECK_THAT(refusal_of(sums), Catch::Contains("reads sums that no quantizer has made levels of"));

  OnnxWriter joined = start(1);
  joined.node("Quant", {"q", "two", "zero", "eight"}, "a");
  joined.node("Concat", {"q", "a"}, "y").output("y", {1, 2, 1, 1});
  CHECK_THAT(refusal_of(joined), Catch::Contains("other scales or zero points"));
}

TEST_CASE("a product whose sums may pass 32 bits is refused with the sums and their bits") {
  constexpr int64_t columns = 600;  // 16 bits, 8 bits, 600 of them
  const auto product = [&](float bits, bool quantized) {
    OnnxWriter w;
    w.input("x", {1, columns}).scalar("one", 1).scalar("zero", 0).scalar("bits", bits);
    w.scalar("eight", 8);
    w.node("Quant", {"x", "one", "zero", "bits"}, "q", {.ints = {{"signed", {1}}}});
    std::vector<float> weights(static_cast<size_t>(2 * columns), 127);
    weights[0] = -128;
    w.floats("w", {columns, 2}, weights);
    w.node("Quant", {"w", "one", "zero", "eight"}, "v", {.ints = {{"signed", {1}}}});
    w.node("MatMul", {"q", "v"}, quantized ? "m" : "y");
    if (quantized) {
      w.node("Quant", {"m", "one", "zero", "eight"}, "y", {.ints = {{"signed", {1}}}});
    }
    w.output("y", {1, 2});
    return w;
  };
  for (const bool quantized : {false, true}) {
    CHECK_THAT(refusal_of(product(16, quantized)),
               Catch::Contains("sums from -2516582400 to 2516582400, which take 33 bits, expected "
                               "at most 32 bits"));
    CHECK(refusal_of(product(15, quantized)).find("bits, expected at most") == std::string::npos);
  }
}

TEST_CASE("a RequantShift whose products pass 64 bits gives the level at its end") {
  for (const float term : {0.0F, 1e15F, -1e15F}) {
    OnnxWriter w = start(1);
    const double factor = 1073741824, div = 4194304;
    w.floats("mul", {1}, {static_cast<float>(factor)}).floats("add", {1}, {100});
    w.scalar("term", term).node("Add", {"q", "term"}, "m");
    w.node("RequantShift", {"m", "mul", "add"}, "y",
           {.ints = {{"n_levels_out", {256}}, {"signed", {1}}, {"div", {4194304}}}});
    w.output("y", {1, 1, 1, 1});
    check_every(w, [&](int v) {
      return clamped(std::floor(((v + double{term}) * factor + 100 + div / 2) / div), -128, 127);
    });
  }
}

TEST_CASE("a RequantShift's factors may be below 0, and its parameters of any shape") {
  for (const bool flat : {false, true}) {
    OnnxWriter w = start(2);
    const std::vector<int64_t> shape =
        flat ? std::vector<int64_t>{2} : std::vector<int64_t>{1, 2, 1, 1};
    w.floats("mul", shape, {-3, 5}).floats("add", shape, {9, -20});
    w.node("RequantShift", {"q", "mul", "add"}, "y",
           {.ints = {{"n_levels_out", {256}}, {"signed", {1}}, {"div", {4}}}});
    w.output("y", {1, 2, 1, 1});
    const Network network = network_of(w);
    for (int v = -128; v < 128; ++v) {
      const auto result = outputs(network, {{v, v}}).front();
      CHECK(result[0] == clamped(std::floor((v * -3.0 + 9 + 2) / 4), -128, 127));
      CHECK(result[1] == clamped(std::floor((v * 5.0 - 20 + 2) / 4), -128, 127));
    }
  }
}
