// average_pool: the sum of a window, channel by channel; all operands have the same part in the
// gradient.
#include <algorithm>

#include "trainer/graph/operation.h"
#include "trainer/graph/windows.h"

namespace stuckat::trainer {
namespace {

class AveragePool : public Operation {
 public:
  explicit AveragePool(const Layer& layer)
      : layer_(layer), by_value_(static_cast<float>(layer.input_format.max_level())) {}

  void sums(const OperationBatch& batch, int32_t* sums) const override { add_up(batch, sums); }
  void sums(const OperationBatch& batch, float* sums) const override { add_up(batch, sums); }

  void input_gradients(const OperationBatch& batch, const float* gradient) const override {
    const OperationInput& input = batch.inputs[0];
    if (input.gradient == nullptr) return;
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(layer_.input.channels) * lanes;
    batch.workers.run(block_count(batch.samples), [&](int block) {
      const float* from = gradient + block * block_elements(layer_.output);
      float* to = input.gradient + block * block_elements(layer_.input);
      if (!input.add) std::fill_n(to, block_elements(layer_.input), 0.0f);
      for (int y = 0; y < layer_.output.height; ++y) {
        for_window_pixels(layer_, y, [&](int out, int in) {
          const float* g = from + out * pixel;
          float* t = to + in * pixel;
          for (ptrdiff_t i = 0; i < pixel; ++i) t[i] += by_value_ * g[i];
        });
      }
    });
  }

 private:
  template <class Sum>
  void add_up(const OperationBatch& batch, Sum* sums) const {
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(layer_.input.channels) * lanes;
    batch.workers.run(block_count(batch.samples), [&](int block) {
      const int16_t* in = batch.inputs[0].values + block * block_elements(layer_.input);
      Sum* out = sums + block * block_elements(layer_.output);
      std::fill_n(out, block_elements(layer_.output), Sum{0});
      for (int y = 0; y < layer_.output.height; ++y) {
        for_window_pixels(layer_, y, [&](int to, int from) {
          const int16_t* v = in + from * pixel;
          Sum* s = out + to * pixel;
          for (ptrdiff_t i = 0; i < pixel; ++i) s[i] += static_cast<Sum>(v[i]);
        });
      }
    });
  }

  const Layer layer_;
  float by_value_ = 1;
};

}  // namespace

std::unique_ptr<Operation> make_average_pool(const Layer& layer) {
  return std::make_unique<AveragePool>(layer);
}

}  // namespace stuckat::trainer
