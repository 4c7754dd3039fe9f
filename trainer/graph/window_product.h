// The three products of a layer with weights (forward, gradient of the input, gradient of the
// weights) for every convolution: rectangular kernels, strides by axis, padding of four sides,
// groups. A dense layer is a convolution whose kernel is the image.
//
// Tensors are block tensors (product.h) of 16-bit values and of floats. Work is cut by sizes alone:
// the same bytes on any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/buffer.h"
#include "trainer/graph/direct_product.h"
#include "trainer/product.h"
#include "trainer/workers.h"
#include "workloads/network.h"

namespace stuckat::trainer {

class WindowProduct {
 public:
  explicit WindowProduct(const Layer& layer);

  /// weights: [rows][columns], real numbers in units of the integer weights. by_value: how much
  /// more the gradient of a value is than that of a unit of it; 0: no gradient of the input will be
  /// asked for.
  void set_weights(const float* weights, float by_value, Workers& workers);

  /// sums[block][pixel][row][16]; 0 in lanes after the last sample. Exact where the weights are
  /// integers of the layer's format.
  void forward(const int16_t* input, int samples, int32_t* sums, Workers& workers) const;
  /// The same as real numbers.
  void forward(const int16_t* input, int samples, float* sums, Workers& workers) const;
  /// From the gradient by the sums. add: on top of what is there.
  void input_gradient(const float* gradient, int samples, bool add, float* result,
                      Workers& workers) const;
  /// result[row][column] = scale * sum over samples and pixels of value * gradient.
  void weight_gradient(const int16_t* input, const float* gradient, int samples, float scale,
                       float* result, Workers& workers) const;

 private:
  /// Operands whose products are added up before a sum is rounded to an integer.
  struct Piece {
    std::vector<OperandRun> operands;
    int first = 0;  ///< number of its first operand among all of a row
  };
  /// Pixels of the input whose windows reach them by the same taps, y or x: those whose position
  /// in the padded image leaves `number` modulo the stride.
  struct Phase {
    std::vector<OperandRun> operands;
    int first = 0;
  };

  /// Every row looks at the whole image: blocks take the place of pixels.
  bool is_flat() const { return padding_ == Padding() && kernel_ == Extent(in_.height, in_.width); }
  int group_rows() const { return out_.channels / groups_; }
  int group_channels() const { return in_.channels / groups_; }
  int columns() const { return kernel_.height * kernel_.width * group_channels(); }
  Shape padded() const {
    return {in_.height + padding_.top + padding_.bottom, in_.width + padding_.left + padding_.right,
            in_.channels};
  }
  /// Rows `ys` of the padded input of a block, from ys.begin on.
  void pad(const int16_t* block, int present, Range ys, float* padded) const;
  void cut_forward();
  void cut_backward();
  template <class Sum>
  void forward_to(const int16_t* input, int samples, const std::vector<Piece>& pieces, Sum* sums,
                  Workers& workers) const;
  template <class Sum>
  void flat_forward(const int16_t* input, int samples, const std::vector<Piece>& pieces, Sum* sums,
                    Workers& workers) const;
  void flat_input_gradient(const float* gradient, int samples, bool add, float* result,
                           Workers& workers) const;
  void gradient_of_block(const float* gradient, bool add, float* result) const;
  void add_block(const int16_t* input, int present, const float* gradient, Range rows,
                 float* sums) const;
  std::vector<ptrdiff_t> column_offsets() const;

  Shape in_, out_;
  Extent kernel_, stride_;
  Padding padding_;
  int groups_ = 1;
  int padding_value_ = 0;
  int64_t greatest_product_ = 1;
  int row_tile_ = product_rows;      // of the forward product
  int channel_tile_ = product_rows;  // of the gradient of the input
  std::vector<Piece> whole_;         // sums that are integers
  std::vector<Piece> real_;          // one piece
  std::vector<Phase> phases_;        // [y modulo stride][x modulo stride]
  Extent margin_;                    // around the gradient: taps of a phase less one
  Shape wide_;                       // the gradient with margins
  std::vector<float> forward_;       // [group][tile of rows][column][rows of a tile]
  std::vector<float> backward_;      // [group][tile of channels][tap by phase][row][channels]
};

}  // namespace stuckat::trainer
