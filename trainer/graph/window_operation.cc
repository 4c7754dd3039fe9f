// convolution, dense: weights times the values under a window (window_product.h).
#include "trainer/graph/operation.h"
#include "trainer/graph/window_product.h"

namespace stuckat::trainer {
namespace {

class WindowOperation : public Operation {
 public:
  explicit WindowOperation(const Layer& layer)
      : product_(layer),
        by_value_(static_cast<float>(layer.input_format.max_level())),
        by_weight_(static_cast<float>(layer.weight_format.max_level())) {}

  void set_weights(const float* weights, bool backward, Workers& workers) override {
    product_.set_weights(weights, backward ? by_value_ : 0, workers);
  }
  void sums(const OperationBatch& batch, int32_t* sums) const override {
    product_.forward(batch.inputs[0].values, batch.samples, sums, batch.workers);
  }
  void sums(const OperationBatch& batch, float* sums) const override {
    product_.forward(batch.inputs[0].values, batch.samples, sums, batch.workers);
  }
  void input_gradients(const OperationBatch& batch, const float* gradient) const override {
    const OperationInput& input = batch.inputs[0];
    if (input.gradient == nullptr) return;
    product_.input_gradient(gradient, batch.samples, input.add, input.gradient, batch.workers);
  }
  void weight_gradient(const OperationBatch& batch, const float* gradient,
                       float* result) const override {
    product_.weight_gradient(batch.inputs[0].values, gradient, batch.samples, by_weight_, result,
                             batch.workers);
  }

 private:
  WindowProduct product_;
  float by_value_ = 1;
  float by_weight_ = 1;
};

}  // namespace

std::unique_ptr<Operation> make_window_operation(const Layer& layer) {
  return std::make_unique<WindowOperation>(layer);
}

}  // namespace stuckat::trainer
