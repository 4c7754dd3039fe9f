#include <atomic>

#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "trainer/forward.h"
#include "trainer/product.h"
#include "trainer/weight_gradient.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;
using test::uniform;

namespace {

size_t at(Shape shape, int sample, int pixel, int channel) {
  return static_cast<size_t>(sample / lanes) * block_elements(shape) +
         static_cast<size_t>(pixel * shape.channels + channel) * lanes +
         static_cast<size_t>(sample % lanes);
}

struct ProductCase {
  Layer layer;
  Geometry geometry;
  int samples = 1;
  std::vector<int8_t> weights;
  std::vector<int8_t> input;    // block tensor
  std::vector<float> gradient;  // block tensor, small integers: every sum is exact
};

int random_value(Random& random, NumberFormat format) {
  return format.level(uniform(random, 0, format.levels() - 1));
}

ProductCase random_case(Random& random, NumberFormat weight, NumberFormat activation) {
  ProductCase c;
  const bool dense = uniform(random, 0, 2) == 0;
  const Shape shape{uniform(random, 3, 6), uniform(random, 3, 6), uniform(random, 1, 40)};
  c.layer = test::random_layer(random, dense ? LayerKind::dense : LayerKind::convolution, shape,
                               activation, weight, binary_format, dense ? 1 : uniform(random, 1, 3),
                               dense ? 1 : uniform(random, 1, 2), 0, uniform(random, 1, 40),
                               "layer0", true);
  c.geometry = geometry_of(c.layer);
  c.samples = uniform(random, 1, 40);
  c.weights = c.layer.weights;
  c.input.resize(block_count(c.samples) * block_elements(c.geometry.in));
  c.gradient.resize(block_count(c.samples) * block_elements(c.geometry.out));
  for (int n = 0; n < c.samples; ++n) {
    for (int i = 0; i < c.geometry.in.size(); ++i) {
      c.input[at(c.geometry.in, n, 0, 0) + static_cast<size_t>(i) * lanes] =
          static_cast<int8_t>(random_value(random, activation));
    }
    for (int i = 0; i < c.geometry.out.size(); ++i) {
      c.gradient[at(c.geometry.out, n, 0, 0) + static_cast<size_t>(i) * lanes] =
          static_cast<float>(uniform(random, -9, 9));
    }
  }
  return c;
}

/// Calls visit(output pixel, input pixel, tap).
template <class Visit>
void for_taps(const Geometry& g, const Visit& visit) {
  for (int p = 0; p < g.out.pixels(); ++p) {
    for (int tap = 0; tap < g.taps(); ++tap) {
      const int y = p / g.out.width * g.stride + tap / g.kernel;
      const int x = p % g.out.width * g.stride + tap % g.kernel;
      visit(p, y * g.in.width + x, tap);
    }
  }
}

void check_products(const ProductCase& c, Workers& workers) {
  const Geometry& g = c.geometry;
  const int rows = g.out.channels;
  const int channels = g.in.channels;
  const int blocks = block_count(c.samples);
  ForwardLayer layer(c.layer, Values::levels, true);
  layer.set_weights(c.weights.data(), workers);
  std::vector<int> rows_done(static_cast<size_t>(blocks));
  layer.run(
      c.input.data(), c.samples,
      [&](int block, int y, Range range) {
        if (range.begin == 0) rows_done[static_cast<size_t>(block)] += y + 1;
      },
      workers);
  CHECK(rows_done ==
        std::vector<int>(static_cast<size_t>(blocks), g.out.height * (g.out.height + 1) / 2));
  // Rows come once for each channel, in ascending order.
  std::vector<std::vector<int>> next(static_cast<size_t>(blocks),
                                     std::vector<int>(static_cast<size_t>(channels)));
  std::atomic<bool> in_order{true};
  const auto done = [&](int block, int y, Range range) {
    for (int ch = range.begin; ch < range.end; ++ch) {
      if (next[static_cast<size_t>(block)][static_cast<size_t>(ch)]++ != y) in_order = false;
    }
  };
  const auto source = [&](int block, int y, bool, float* row) {
    const auto size = static_cast<size_t>(g.out.width * rows * lanes);
    std::copy_n(c.gradient.begin() + block * block_elements(g.out) + y * size, size, row);
  };
  std::vector<float> input_gradient(c.input.size(), 99.0f);
  data_gradient(g, layer.weights, c.samples, source, input_gradient.data(), done, workers);
  CHECK(in_order);
  for (const auto& rows_of_block : next) {
    CHECK(rows_of_block == std::vector<int>(static_cast<size_t>(channels), g.in.height));
  }

  std::vector<float> transposed(transposed_size(g, blocks));
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(blocks) * lanes * lanes;
  for (int block = 0; block < blocks; ++block) {
    transpose(c.gradient.data() + block * block_elements(g.out), g.out.pixels(), rows,
              transposed.data() + block * lanes * lanes, g.out.pixels() * pixel, pixel);
  }
  std::vector<float> weight_result(c.weights.size());
  PackedActivations packed;
  packed.pack(g, layer.activation_digits, c.samples, c.input.data(), workers);
  weight_gradient(g, packed, transposed.data(), c.samples, weight_result.data(), workers);

  std::vector<double> acc(c.gradient.size());
  std::vector<double> expected_input(c.input.size());
  std::vector<double> expected_weight(c.weights.size());
  for_taps(g, [&](int p, int q, int tap) {
    for (int n = 0; n < c.samples; ++n) {
      for (int r = 0; r < rows; ++r) {
        for (int ch = 0; ch < channels; ++ch) {
          const size_t w = static_cast<size_t>(r) * g.columns() + tap * channels + ch;
          const double x = c.input[at(g.in, n, q, ch)];
          const double d = c.gradient[at(g.out, n, p, r)];
          acc[at(g.out, n, p, r)] += c.weights[w] * x;
          expected_input[at(g.in, n, q, ch)] += c.weights[w] * d;
          expected_weight[w] += x * d;
        }
      }
    }
  });
  bool same = true;
  layer.with_accumulators([&](const auto* a) {
    for (size_t i = 0; i < acc.size(); ++i) same = same && a[i] == acc[i];
  });
  CHECK(same);
  for (int n = 0; n < c.samples; ++n) {
    for (int i = 0; i < g.in.size(); ++i) {
      const size_t k = at(g.in, n, 0, 0) + static_cast<size_t>(i) * lanes;
      same = same && input_gradient[k] == expected_input[k];
    }
  }
  CHECK(same);
  for (size_t i = 0; i < expected_weight.size(); ++i) {
    same = same && weight_result[i] == expected_weight[i];
  }
  CHECK(same);
}

}  // namespace

TEST_CASE("products by tables are the products, for every pair of formats and any threads") {
  const NumberFormat weights[] = {binary_format, signed_format(2), signed_format(3),
                                  signed_format(4), signed_format(8)};
  const uint64_t seed = GENERATE(1u, 2u, 3u);
  Random random(seed);
  for (const NumberFormat weight : weights) {
    for (const NumberFormat activation : zoo_number_formats()) {
      INFO("seed " << seed << ", " << weight.name() << " x " << activation.name());
      Workers workers(uniform(random, 1, 3));
      check_products(random_case(random, weight, activation), workers);
    }
  }
}

TEST_CASE("a weight that no quantizer emits is computed with") {
  Random random(5);
  Workers workers(1);
  ProductCase c = random_case(random, signed_format(2), signed_format(2));
  c.weights.front() = -2;
  check_products(c, workers);
}

TEST_CASE("windows of a pool that overlap add up their gradients, each at its first greatest") {
  const uint64_t seed = GENERATE(range(0u, 20u));
  INFO("seed " << seed);
  Random random(seed);
  const int kernel = uniform(random, 1, 3);
  const Shape shape{uniform(random, 3, 8), uniform(random, 3, 8), uniform(random, 1, 5)};
  const Layer layer = test::random_layer(random, LayerKind::max_pool, shape, unsigned_format(2), {},
                                         {}, kernel, uniform(random, 1, 3), 0, 0, "pool0", false);
  const Geometry g{1, 1, layer.input, layer.output};
  const int samples = 21;
  std::vector<int8_t> in(block_count(samples) * block_elements(g.in));
  std::vector<float> gradient(block_count(samples) * block_elements(g.out));
  for (int8_t& v : in) v = static_cast<int8_t>(uniform(random, 0, 3));
  for (float& v : gradient) v = static_cast<float>(uniform(random, -9, 9));
  std::vector<float> expected(in.size());
  std::vector<int8_t> greatest(gradient.size());
  for (int n = 0; n < samples; ++n) {
    for (int p = 0; p < layer.output.pixels(); ++p) {
      for (int c = 0; c < shape.channels; ++c) {
        int best = -1;
        const auto value = [&](int q) { return in[at(g.in, n, q, c)]; };
        for (int k = 0; k < kernel * kernel; ++k) {
          const int q = (p / layer.output.width * layer.stride + k / kernel) * shape.width +
                        p % layer.output.width * layer.stride + k % kernel;
          if (best < 0 || value(q) > value(best)) best = q;
        }
        expected[at(g.in, n, best, c)] += gradient[at(g.out, n, p, c)];
        greatest[at(g.out, n, p, c)] = value(best);
      }
    }
  }
  Workers workers(2);
  std::vector<int8_t> pooled(gradient.size());
  pool_forward(layer, in.data(), block_count(samples), pooled.data(), workers);
  std::vector<float> result(in.size(), 7.0f);
  pool_backward(
      layer, in.data(), gradient.data(), block_count(samples), result.data(),
      [](int, int, Range) {}, workers);
  int wrong = 0;
  for (int n = 0; n < samples; ++n) {
    for (int p = 0; p < shape.pixels(); ++p) {
      for (int c = 0; c < shape.channels; ++c) {
        wrong += result[at(g.in, n, p, c)] == expected[at(g.in, n, p, c)] ? 0 : 1;
      }
    }
    for (int p = 0; p < layer.output.pixels(); ++p) {
      for (int c = 0; c < shape.channels; ++c) {
        wrong += pooled[at(g.out, n, p, c)] == greatest[at(g.out, n, p, c)] ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a pool's gradient goes to the first of the greatest in raster order") {
  Layer layer;
  layer.kind = LayerKind::max_pool;
  layer.kernel = 2;
  layer.stride = 2;
  layer.input = {2, 4, 1};
  layer.output = {1, 2, 1};
  Workers workers(1);
  std::vector<int8_t> in(8 * lanes);
  const int8_t values[] = {-1, 1, -1, -1, 1, -1, -1, -1};
  for (int i = 0; i < 8; ++i) std::fill_n(in.begin() + i * lanes, lanes, values[i]);
  std::vector<float> gradient(2 * lanes, 3.0f);
  std::vector<float> result(8 * lanes, 7.0f);
  std::vector<int> rows;
  pool_backward(
      layer, in.data(), gradient.data(), 1, result.data(),
      [&](int, int y, Range) { rows.push_back(y); }, workers);
  CHECK(rows == std::vector<int>{0, 1});
  const float expected[] = {0, 3, 3, 0, 0, 0, 0, 0};
  for (int i = 0; i < 8; ++i) {
    CHECK(result[static_cast<size_t>(i) * lanes + 5] == expected[i]);
  }
}
