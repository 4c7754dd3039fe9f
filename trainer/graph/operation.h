// What a kind of layer computes in training, forwards and backwards, on block tensors (product.h)
// of 16-bit values and of float gradients. A kind is a file and a row (operation.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "trainer/product.h"
#include "trainer/workers.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// A tensor that a layer reads.
struct OperationInput {
  const int16_t* values = nullptr;
  int channels = 0;
  double unit_scale = 1;      ///< real value of a unit, as a multiple of the format's (Dropout)
  float* gradient = nullptr;  ///< by the real values; null: not wanted
  bool add = false;           ///< there is a part already: of another layer, or an input before
};

struct OperationBatch {
  std::vector<OperationInput> inputs;
  int samples = 0;
  Workers& workers;
};

/// Kinds that sum (LayerKindRow::sums) have sums(), the others values(). Gradients are by sums, or
/// by real values of those others; what has no weights has no more than input_gradients().
class Operation {
 public:
  virtual ~Operation() = default;

  /// [rows][columns], in units of the integer weights. backward: gradients will be asked for.
  virtual void set_weights(const float* /*weights*/, bool /*backward*/, Workers& /*workers*/) {}
  /// [block][pixel][row][16], 0 after the last sample.
  virtual void sums(const OperationBatch& /*batch*/, int32_t* /*sums*/) const {}
  /// As real numbers: of real weights, or of inputs whose units differ.
  virtual void sums(const OperationBatch& /*batch*/, float* /*sums*/) const {}
  virtual void values(const OperationBatch& /*batch*/, int16_t* /*values*/) const {}

  virtual void input_gradients(const OperationBatch& batch, const float* gradient) const = 0;
  /// [rows][columns], by the real weights at a scale of 1.
  virtual void weight_gradient(const OperationBatch& /*batch*/, const float* /*gradient*/,
                               float* /*result*/) const {}
};

/// Of the layer's kind; there is one for each of layer_kinds().
std::unique_ptr<Operation> make_operation(const Layer& layer);

struct OperationRow {
  LayerKind kind;
  std::unique_ptr<Operation> (*make)(const Layer& layer);
};
std::unique_ptr<Operation> make_window_operation(const Layer& layer);
std::unique_ptr<Operation> make_add(const Layer& layer);
std::unique_ptr<Operation> make_average_pool(const Layer& layer);
std::unique_ptr<Operation> make_max_pool(const Layer& layer);
std::unique_ptr<Operation> make_concat(const Layer& layer);

}  // namespace stuckat::trainer
