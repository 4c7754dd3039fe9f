// concat: the channels of all inputs, one input after the other.
#include <algorithm>

#include "trainer/graph/operation.h"

namespace stuckat::trainer {
namespace {

class Concat : public Operation {
 public:
  explicit Concat(const Layer& layer) : shape_(layer.output) {}

  void values(const OperationBatch& batch, int16_t* values) const override {
    for_samples(batch,
              [&](const OperationInput& input, ptrdiff_t joined, ptrdiff_t apart, ptrdiff_t count) {
                std::copy_n(input.values + apart, count, values + joined);
              });
  }

  void input_gradients(const OperationBatch& batch, const float* gradient) const override {
    for_samples(batch,
              [&](const OperationInput& input, ptrdiff_t joined, ptrdiff_t apart, ptrdiff_t count) {
                if (input.gradient == nullptr) return;
                float* to = input.gradient + apart;
                const float* from = gradient + joined;
                for (ptrdiff_t i = 0; i < count; ++i) to[i] = input.add ? to[i] + from[i] : from[i];
              });
  }

 private:
  /// visit(input, place in the joined tensor, place in the input, elements) pixel by pixel.
  template <class Visit>
  void for_samples(const OperationBatch& batch, const Visit& visit) const {
    batch.workers.run(block_count(batch.samples), [&](int block) {
      for (int pixel = 0; pixel < shape_.pixels(); ++pixel) {
        ptrdiff_t joined =
            (static_cast<ptrdiff_t>(block) * shape_.pixels() + pixel) * shape_.channels * lanes;
        for (const OperationInput& input : batch.inputs) {
          const ptrdiff_t count = static_cast<ptrdiff_t>(input.channels) * lanes;
          const ptrdiff_t apart = (static_cast<ptrdiff_t>(block) * shape_.pixels() + pixel) * count;
          visit(input, joined, apart, count);
          joined += count;
        }
      }
    });
  }

  Shape shape_;
};

}  // namespace

std::unique_ptr<Operation> make_concat(const Layer& layer) {
  return std::make_unique<Concat>(layer);
}

}  // namespace stuckat::trainer
