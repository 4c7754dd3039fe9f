// max_pool: the greatest value of a window, channel by channel; the gradient goes to the first of
// the greatest, in raster order.
#include <algorithm>
#include <array>
#include <limits>

#include "trainer/graph/operation.h"
#include "trainer/graph/windows.h"

namespace stuckat::trainer {
namespace {

class MaxPool : public Operation {
 public:
  explicit MaxPool(const Layer& layer) : layer_(layer) {}

  void values(const OperationBatch& batch, int16_t* values) const override {
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(layer_.input.channels) * lanes;
    batch.workers.run(block_count(batch.samples), [&](int block) {
      const int16_t* in = batch.inputs[0].values + block * block_elements(layer_.input);
      int16_t* out = values + block * block_elements(layer_.output);
      std::fill_n(out, block_elements(layer_.output), std::numeric_limits<int16_t>::min());
      for (int y = 0; y < layer_.output.height; ++y) {
        for_window_pixels(layer_, y, [&](int to, int from) {
          const int16_t* v = in + from * pixel;
          int16_t* best = out + to * pixel;
          for (ptrdiff_t i = 0; i < pixel; ++i) best[i] = std::max(best[i], v[i]);
        });
      }
    });
  }

  void input_gradients(const OperationBatch& batch, const float* gradient) const override {
    const OperationInput& input = batch.inputs[0];
    if (input.gradient == nullptr) return;
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(layer_.input.channels) * lanes;
    batch.workers.run(block_count(batch.samples), [&](int block) {
      const int16_t* values = input.values + block * block_elements(layer_.input);
      const float* from = gradient + block * block_elements(layer_.output);
      float* to = input.gradient + block * block_elements(layer_.input);
      if (!input.add) std::fill_n(to, block_elements(layer_.input), 0.0f);
      std::vector<int> under;
      for (int y = 0; y < layer_.output.height; ++y) {
        int open = -1;
        const auto close = [&] {
          if (open >= 0) spread(under, values, from + open * pixel, to);
          under.clear();
        };
        for_window_pixels(layer_, y, [&](int out, int in) {
          if (out != open) close();
          open = out;
          under.push_back(in);
        });
        close();
      }
    });
  }

 private:
  /// The gradient of one output pixel to those of the input under its window.
  void spread(const std::vector<int>& under, const int16_t* values, const float* gradient,
              float* to) const {
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(layer_.input.channels) * lanes;
    for (ptrdiff_t first = 0; first < pixel; first += lanes) {
      std::array<int16_t, lanes> best{};
      std::array<float, lanes> left{};
      best.fill(std::numeric_limits<int16_t>::min());
      for (size_t l = 0; l < lanes; ++l) left[l] = gradient[first + static_cast<ptrdiff_t>(l)];
      for (const int in : under) {
        const int16_t* v = values + in * pixel + first;
        for (size_t l = 0; l < lanes; ++l) best[l] = std::max(best[l], v[l]);
      }
      for (const int in : under) {
        const int16_t* v = values + in * pixel + first;
        float* t = to + in * pixel + first;
        for (size_t l = 0; l < lanes; ++l) {
          const bool taken = v[l] == best[l];
          t[l] += taken ? left[l] : 0;
          left[l] = taken ? 0 : left[l];
        }
      }
    }
  }

  const Layer layer_;
};

}  // namespace

std::unique_ptr<Operation> make_max_pool(const Layer& layer) {
  return std::make_unique<MaxPool>(layer);
}

}  // namespace stuckat::trainer
