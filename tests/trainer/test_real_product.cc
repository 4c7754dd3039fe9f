// Products with real weights: exactly the plain sums where those are integers, on every instruction
// set; the same bytes on any number of threads.
#include <atomic>

#include "tests/support/catch.h"
#include "tests/support/every_target.h"
#include "tests/support/random_network.h"
#include "trainer/eigen_product.h"
#include "trainer/real_product.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

struct RealCase {
  Geometry geometry;
  int samples = 1;
  std::vector<float> weights;   // [rows][columns]
  std::vector<int8_t> input;    // block tensor
  std::vector<float> gradient;  // block tensor
};

/// whole: all numbers are integers.
RealCase random_case(Random& random, bool whole) {
  RealCase c;
  const bool dense = uniform(random, 0, 3) == 0;
  Geometry& g = c.geometry;
  g.kernel = dense ? 1 : uniform(random, 1, 3);
  g.stride = dense ? 1 : uniform(random, 1, 2);
  g.in = {dense ? 1 : uniform(random, 3, 9), dense ? 1 : uniform(random, 3, 20),
          uniform(random, 1, 70)};
  g.out = {(g.in.height - g.kernel) / g.stride + 1, (g.in.width - g.kernel) / g.stride + 1,
           uniform(random, 1, 70)};
  c.samples = uniform(random, 1, 40);
  const auto number = [&] {
    return whole ? static_cast<float>(uniform(random, -9, 9))
                 : static_cast<float>(uniform(random, -999, 999)) / 512.0f;
  };
  c.weights.resize(static_cast<size_t>(g.out.channels * g.columns()));
  for (float& w : c.weights) w = number();
  c.input.resize(block_count(c.samples) * block_elements(g.in));
  c.gradient.resize(block_count(c.samples) * block_elements(g.out));
  for (auto& x : c.input) x = static_cast<int8_t>(uniform(random, -128, 127));
  for (auto& x : c.gradient) x = number();
  return c;
}

struct Products {
  std::vector<float> sums;
  std::vector<float> input_gradient;
  bool operator==(const Products&) const = default;
};

Products products(const RealCase& c, int threads) {
  const Geometry& g = c.geometry;
  Workers workers(threads);
  Products result;
  result.sums.assign(c.gradient.size(), 5.0f);
  Buffer<float> real_input;
  add_real_product(g, c.weights.data(), c.samples, c.input.data(), real_input, result.sums.data(),
                   workers);
  result.input_gradient.assign(c.input.size(), 99.0f);
  std::atomic<int> rows{0};
  const size_t size = static_cast<size_t>(g.out.width * g.out.channels * lanes);
  real_data_gradient(
      g, c.weights.data(), c.samples,
      [&](int block, int y, bool, float* row) {
        std::copy_n(c.gradient.begin() + block * block_elements(g.out) + y * size, size, row);
      },
      result.input_gradient.data(),
      [&](int, int, Range channels) { rows += channels.end - channels.begin; }, workers);
  CHECK(rows == block_count(c.samples) * g.in.height * g.in.channels);
  return result;
}

/// By the definition.
Products plain(const RealCase& c) {
  const Geometry& g = c.geometry;
  Products result;
  result.sums.assign(c.gradient.size(), 5.0f);
  result.input_gradient.assign(c.input.size(), 0.0f);
  const int columns = g.columns();
  for (int block = 0; block < block_count(c.samples); ++block) {
    for (int p = 0; p < g.out.pixels(); ++p) {
      for (int column = 0; column < columns; ++column) {
        const int tap = column / g.in.channels;
        const int y = p / g.out.width * g.stride + tap / g.kernel;
        const int x = p % g.out.width * g.stride + tap % g.kernel;
        const size_t in =
            block * block_elements(g.in) +
            static_cast<size_t>((y * g.in.width + x) * g.in.channels + column % g.in.channels) *
                lanes;
        for (int row = 0; row < g.out.channels; ++row) {
          const float w = c.weights[static_cast<size_t>(row * columns + column)];
          const size_t out =
              block * block_elements(g.out) + static_cast<size_t>(p * g.out.channels + row) * lanes;
          for (size_t l = 0; l < lanes; ++l) {
            result.sums[out + l] += w * c.input[in + l];
            result.input_gradient[in + l] += w * c.gradient[out + l];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("products with real weights are the plain sums, on every instruction set") {
  Random random(1);
  for (int i = 0; i < 12; ++i) {
    const RealCase c = random_case(random, true);
    const Products expected = plain(c);
    test::for_every_target([&] { CHECK(products(c, 1) == expected); });
  }
}

TEST_CASE("products with real weights are the same bytes on any number of threads") {
  Random random(2);
  for (int i = 0; i < 12; ++i) {
    const RealCase c = random_case(random, false);
    const Products one = products(c, 1);
    CHECK(products(c, 2) == one);
    CHECK(products(c, 5) == one);
  }
}
