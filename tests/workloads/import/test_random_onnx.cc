// Random QONNX networks, computed node by node in doubles while they are written. All scales are
// powers of two, so that doubles are exact and ties are everywhere.
#include <cmath>
#include <random>

#include "tests/support/temporary_folder.h"
#include "tests/workloads/import/expected.h"
#include "workloads/export/onnx_writer.h"

using namespace stuckat;

namespace {

/// [channels][height][width]
struct Array {
  int channels = 1;
  int height = 1;
  int width = 1;
  std::vector<double> values;

  int size() const { return channels * height * width; }
  double at(int c, int y, int x) const {
    return values[static_cast<size_t>((c * height + y) * width + x)];
  }
};

double rounded_to_even(double y) {
  const double floor = std::floor(y);
  if (y - floor != 0.5) return std::floor(y + 0.5);
  return std::fmod(floor, 2) == 0 ? floor : floor + 1;
}

/// Writes nodes and computes them for one input.
class WrittenNetwork {
 public:
  explicit WrittenNetwork(unsigned seed) : random_(seed) {
    x_ = {draw(1, 3), draw(5, 8), draw(5, 8), {}};
    for (int i = 0; i < x_.size(); ++i) x_.values.push_back(draw(-128, 127));
    input_ = x_;
    writer_.input("x", {1, x_.channels, x_.height, x_.width}).scalar("zero", 0).scalar("one", 1);
    name_ = "x";
    quantize(0, 8, true, false);
  }

  int draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool flip() { return draw(0, 1) == 1; }

  void quantize_randomly() {
    if (draw(0, 5) == 0) {
      const std::string out = next();
      scale_ = std::ldexp(1.0, draw(-2, 2));
      writer_.node("BipolarQuant", {name_, scalar(static_cast<float>(scale_))}, out);
      for (double& v : x_.values) v = v >= 0 ? scale_ : -scale_;
      binary_ = true;
      name_ = out;
      return;
    }
    const int bits = draw(2, 6);
    const bool is_signed = flip();
    quantize(draw(-2, 3), bits, is_signed, is_signed && flip());
  }

  void quantize(int exponent, int bits, bool is_signed, bool narrow) {
    const std::string out = next();
    const double s = std::ldexp(1.0, exponent);
    writer_.node("Quant",
                 {name_, scalar(static_cast<float>(s)), "zero", scalar(static_cast<float>(bits))},
                 out, {.ints = {{"signed", {is_signed}}, {"narrow", {narrow}}}, .texts = {}});
    const double top = std::ldexp(1.0, is_signed ? bits - 1 : bits);
    const double low = is_signed ? -top + (narrow ? 1 : 0) : 0;
    for (double& v : x_.values) v = s * rounded_to_even(std::min(std::max(v / s, low), top - 1));
    scale_ = s;
    binary_ = false;
    name_ = out;
  }

  /// Convolution, in groups perhaps, batch-norm with scales of both signs, perhaps a ReLU.
  void convolve() {
    const int groups = draw(0, 2) == 0 ? x_.channels : 1;
    const int rows = groups * draw(1, 3);
    const int kh = draw(1, std::min(3, x_.height));
    const int kw = draw(1, std::min(3, x_.width));
    const int sy = draw(1, 2);
    const int sx = draw(1, 2);
    const auto side = [&](int k) { return binary_ ? 0 : draw(0, k - 1); };
    const int top = side(kh), left = side(kw), bottom = side(kh), right = side(kw);
    const int inputs = x_.channels / groups;
    const bool bipolar = flip();
    const std::string w = next(), wq = next(), out = next();
    std::vector<float> weights;
    for (int i = 0; i < rows * inputs * kh * kw; ++i) {
      weights.push_back(bipolar ? (flip() ? 0.5F : -0.5F) : 0.5F * static_cast<float>(draw(-4, 3)));
    }
    writer_.floats(w, {rows, inputs, kh, kw}, weights);
    if (bipolar) {
      writer_.node("BipolarQuant", {w, scalar(0.5F)}, wq);
    } else {
      writer_.node("Quant", {w, scalar(0.5F), "zero", scalar(3)}, wq);
    }
    writer_.node("Conv", {name_, wq}, out,
                 {.ints = {{"group", {groups}},
                           {"kernel_shape", {kh, kw}},
                           {"strides", {sy, sx}},
                           {"pads", {top, left, bottom, right}}},
                  .texts = {}});
    Array y{rows,
            (x_.height + top + bottom - kh) / sy + 1,
            (x_.width + left + right - kw) / sx + 1,
            {}};
    for (int r = 0; r < rows; ++r) {
      for (int oy = 0; oy < y.height; ++oy) {
        for (int ox = 0; ox < y.width; ++ox) {
          double sum = 0;
          for (int c = 0; c < inputs; ++c) {
            for (int ky = 0; ky < kh; ++ky) {
              for (int kx = 0; kx < kw; ++kx) {
                const int iy = oy * sy + ky - top;
                const int ix = ox * sx + kx - left;
                if (iy < 0 || ix < 0 || iy >= x_.height || ix >= x_.width) continue;
                sum += static_cast<double>(
                           weights[static_cast<size_t>(((r * inputs + c) * kh + ky) * kw + kx)]) *
                       x_.at(r / (rows / groups) * inputs + c, iy, ix);
              }
            }
          }
          y.values.push_back(sum);
        }
      }
    }
    x_ = y;
    name_ = out;
    normalize();
    if (flip()) relu();
  }

  void normalize() {
    std::vector<float> gamma, beta, mean, variance;
    for (int c = 0; c < x_.channels; ++c) {
      gamma.push_back(std::ldexp(flip() ? 1.0F : -1.0F, draw(-2, 1)));
      beta.push_back(0.25F * static_cast<float>(draw(-8, 8)));
      mean.push_back(0.5F * static_cast<float>(draw(-8, 8)));
      variance.push_back(std::ldexp(1.0F, 2 * draw(-1, 2)));
    }
    const std::string out = next();
    const auto parameter = [&](const std::vector<float>& values) {
      const std::string name = next();
      writer_.floats(name, {x_.channels}, values);
      return name;
    };
    writer_.node("BatchNormalization",
                 {name_, parameter(gamma), parameter(beta), parameter(mean), parameter(variance)},
                 out, {.ints = {{"epsilon", {0}}}, .texts = {}});
    for (int i = 0; i < x_.size(); ++i) {
      const auto c = static_cast<size_t>(i / (x_.height * x_.width));
      double& v = x_.values[static_cast<size_t>(i)];
      v = (v - static_cast<double>(mean[c])) / std::sqrt(static_cast<double>(variance[c])) *
              static_cast<double>(gamma[c]) +
          static_cast<double>(beta[c]);
    }
    name_ = out;
  }

  void relu() {
    const std::string out = next();
    writer_.node("Relu", {name_}, out);
    for (double& v : x_.values) v = std::max(v, 0.0);
    name_ = out;
  }

  void pool(bool greatest) {
    if (x_.height < 2 || x_.width < 2) return;
    const int stride = draw(1, 2);
    const std::string out = next();
    writer_.node(greatest ? "MaxPool" : "AveragePool", {name_}, out,
                 {.ints = {{"kernel_shape", {2, 2}}, {"strides", {stride, stride}}}, .texts = {}});
    Array y{x_.channels, (x_.height - 2) / stride + 1, (x_.width - 2) / stride + 1, {}};
    for (int c = 0; c < y.channels; ++c) {
      for (int oy = 0; oy < y.height; ++oy) {
        for (int ox = 0; ox < y.width; ++ox) {
          const int iy = oy * stride;
          const int ix = ox * stride;
          const double four[] = {x_.at(c, iy, ix), x_.at(c, iy, ix + 1), x_.at(c, iy + 1, ix),
                                 x_.at(c, iy + 1, ix + 1)};
          y.values.push_back(greatest ? *std::max_element(four, four + 4)
                                      : (four[0] + four[1] + four[2] + four[3]) / 4);
        }
      }
    }
    x_ = y;
    name_ = out;
    if (!greatest) quantize_randomly();
  }

  /// x and a scaled, requantized x, added or joined.
  void branch(bool joined) {
    const Array before = x_;
    const std::string name = name_;
    const double scale = scale_;
    const bool was_binary = binary_;
    std::string out = next();
    const float factor = std::ldexp(flip() ? 1.0F : -1.0F, draw(-1, 1));
    writer_.node("Mul", {name_, scalar(factor)}, out);
    for (double& v : x_.values) v *= static_cast<double>(factor);
    name_ = out;
    if (joined && was_binary) return quantize(0, 3, true, false);
    quantize(joined ? static_cast<int>(std::log2(scale)) : draw(-1, 2), draw(2, 5), flip(), false);
    out = next();
    if (joined) {
      writer_.node("Concat", {name, name_}, out, {.ints = {{"axis", {1}}}, .texts = {}});
      x_.channels += before.channels;
      x_.values.insert(x_.values.begin(), before.values.begin(), before.values.end());
    } else {
      writer_.node("Add", {name, name_}, out);
      for (size_t i = 0; i < x_.values.size(); ++i) x_.values[i] += before.values[i];
    }
    name_ = out;
    if (!joined) quantize_randomly();
  }

  /// A dense layer on the channels first or last, and a quantizer at the end.
  void finish() {
    const int rows = draw(2, 5);
    const int size = x_.size();
    const bool last = flip();
    if (last) {
      const std::string turned = next();
      writer_.node("Transpose", {name_}, turned, {.ints = {{"perm", {0, 2, 3, 1}}}, .texts = {}});
      name_ = turned;
    }
    const std::string flat = next(), w = next(), out = next();
    writer_.node("Flatten", {name_}, flat);
    std::vector<float> weights;
    for (int i = 0; i < size * rows; ++i) weights.push_back(static_cast<float>(draw(-3, 3)));
    writer_.floats(w, {size, rows}, weights).node("MatMul", {flat, w}, out);
    Array y{rows, 1, 1, std::vector<double>(static_cast<size_t>(rows), 0)};
    for (int k = 0; k < size; ++k) {
      const int pixel = k / x_.channels;
      const double v = last ? x_.at(k % x_.channels, pixel / x_.width, pixel % x_.width)
                            : x_.values[static_cast<size_t>(k)];
      for (int r = 0; r < rows; ++r) {
        y.values[static_cast<size_t>(r)] +=
            v * static_cast<double>(weights[static_cast<size_t>(k * rows + r)]);
      }
    }
    x_ = y;
    name_ = out;
    quantize(draw(-1, 4), 8, true, false);
    writer_.output(name_, {1, rows});
  }

  const OnnxWriter& writer() const { return writer_; }
  const Array& input() const { return input_; }
  /// The integers of the last quantizer.
  std::vector<int32_t> expected() const {
    std::vector<int32_t> result;
    for (const double v : x_.values) result.push_back(static_cast<int32_t>(v / scale_));
    return result;
  }

 private:
  std::string next() { return "t" + std::to_string(count_++); }
  std::string scalar(float value) {
    const std::string name = next();
    writer_.scalar(name, value);
    return name;
  }

  std::mt19937 random_;
  OnnxWriter writer_;
  Array x_, input_;
  std::string name_;
  double scale_ = 1;
  bool binary_ = false;
  int count_ = 0;
};

}  // namespace

TEST_CASE("random QONNX networks give what their nodes give one by one") {
  const test::TemporaryFolder folder;
  int adds = 0;
  int wide = 0;
  for (unsigned seed = 0; seed < (sanitized ? 20U : 150U); ++seed) {
    INFO("seed " << seed);
    WrittenNetwork one(seed);
    const int steps = one.draw(1, 4);
    for (int i = 0; i < steps; ++i) {
      switch (one.draw(0, 5)) {
        case 0:
          one.pool(true);
          break;
        case 1:
          one.pool(false);
          break;
        case 2:
          one.branch(true);
          break;
        case 3:
          one.branch(false);
          break;
        default:
          one.convolve();
          one.quantize_randomly();
      }
    }
    one.finish();
    test::write_bytes(folder / "random.onnx", one.writer().bytes());
    const Network network = test::imported(folder / "random.onnx");
    for (const Layer& layer : network.layers) {
      adds += layer.kind == LayerKind::add ? 1 : 0;
      wide += layer.groups > 1 ? 1 : 0;
    }
    const Array& x = one.input();
    DataSet data;
    data.name = "random";
    data.shape = {x.height, x.width, x.channels};
    data.is_raw = true;
    data.is_signed = true;
    data.labels = {0};
    for (int y = 0; y < x.height; ++y) {
      for (int p = 0; p < x.width; ++p) {
        for (int c = 0; c < x.channels; ++c) {
          data.pixels.push_back(static_cast<uint8_t>(static_cast<int>(x.at(c, y, p))));
        }
      }
    }
    CHECK(test::results(network, data, 1).front() == one.expected());
  }
  CHECK(adds > 0);
  CHECK(wide > 0);
}
