#include "sim/fast/executor.h"

#include <algorithm>
#include <cassert>

#include "sim/fast/kernels.h"
#include "sim/fast/levels/level_executor.h"
#include "workloads/reference.h"

namespace stuckat::fast {

Executor::Executor(const PackedNetwork& network) : network_(network) {
  if (network.levels() != nullptr) {
    levels_ = std::make_unique<LevelExecutor>(*network.levels());
    return;
  }
  if (!network.in_planes()) return;
  const size_t tensors = static_cast<size_t>(network.tensors());
  state_.planes.resize(tensors);
  state_.values.resize(tensors);
  state_.margins.resize(tensors - 1);
  state_.padded_inputs.resize(tensors - 1);
  lists_.resize(tensors - 1);
  digits_.resize(tensors - 1);
  for (size_t t = 0; t < tensors; ++t) {
    const TensorLayout& layout = network.layout(static_cast<int>(t));
    if (layout.form == TensorForm::planes) state_.planes[t].resize(layout.total_words());
  }
  for (size_t i = 0; i + 1 < tensors; ++i) {
    const PackedLayer& layer = network.layer(static_cast<int>(i));
    const TensorLayout& layout = network.input_layout(static_cast<int>(i));
    if (layer.path != LayerPath::matrix) continue;
    if (layer.accumulator_output) {
      lists_[i].reserve(layer, layout);
      continue;
    }
    digits_[i] = DigitImage(layer, layout);
    const size_t margins = static_cast<size_t>(layer.output.pixels()) * layer.thresholds *
                           static_cast<size_t>(layer.rows_padded);
    state_.margins[i].narrow.resize(margins);
    state_.margins[i].wide.resize(margins);
    constexpr size_t widest_vector = 8;  // words that a load may read beyond the end
    if (!layer.bit_columns.empty()) {
      state_.margins[i].bits.resize(margins / rows_per_word * margin_bits + widest_vector);
    }
  }
  state_.logits.resize(static_cast<size_t>(network.network().classes()));
}

Executor::~Executor() = default;

void Executor::run(const Tensor& image) {
  assert(image.shape == network_.network().input());
  if (levels_ != nullptr) {
    levels_->run(image);
    prediction_ = predicted_class(network_.network(), levels_->result().data());
    return;
  }
  if (!network_.in_planes()) {
    tensors_ = reference::run(network_.network(), image);
    prediction_ = predicted_class(network_.network(), tensors_.back().values.data());
    return;
  }
  if (network_.layout(0).form == TensorForm::planes)
    planes_from_values(network_.layout(0), image, state_.planes[0].data());
  else
    state_.values[0] = image;
  bit_products_ = 0;
  for (int i = 0; i < network_.last_tensor(); ++i) run_layer(i);
  prediction_ = predicted_class(network_.network(), state_.logits.data());
}

void Executor::run_layer(int index) {
  const size_t i = static_cast<size_t>(index);
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const TensorLayout& in = network_.input_layout(index);
  const TensorLayout& out = network_.output_layout(index);
  switch (layer.path) {
    case LayerPath::matrix:
      if (layer.accumulator_output) {
        kernels::list_from_reference(layer, in, state_.planes[from].data(), lists_[i]);
        sums_.resize(static_cast<size_t>(layer.rows_padded));
        kernels::sum_columns(layer, lists_[i], sums_.data());
        for (size_t row = 0; row < state_.logits.size(); ++row) {
          state_.logits[row] = layer.base[row] + layer.unit * sums_[row];
        }
      } else {
        kernels::fill_digits(state_.planes[from].data(), nullptr, digits_[i]);
        kernels::compute_layer(layer, out, digits_[i], {}, &state_.margins[i],
                               state_.planes[to].data());
        bit_products_ += stuckat::fast::bit_products(layer, digits_[i].digits);
      }
      break;
    case LayerPath::first:
      state_.padded_inputs[i].reset(layer, in.format.padding_value());
      for (int pixel = 0; pixel < in.shape.pixels(); ++pixel) {
        state_.padded_inputs[i].set_pixel(
            pixel, state_.values[from].values.data() +
                       static_cast<std::ptrdiff_t>(pixel) * in.shape.channels);
      }
      kernels::compute_first_layer(layer, out, state_.padded_inputs[i].data(),
                                   state_.planes[to].data());
      break;
    case LayerPath::pool:
      pool_planes(layer, in, state_.planes[from].data(), state_.planes[to].data());
      break;
  }
}

std::span<const int32_t> Executor::logits() const {
  if (levels_ != nullptr) return levels_->result();
  return network_.in_planes() ? std::span<const int32_t>(state_.logits) : tensors_.back().values;
}

Tensor Executor::tensor(int tensor) const {
  if (levels_ != nullptr) return levels_->tensor(tensor);
  if (!network_.in_planes()) return tensors_[static_cast<size_t>(tensor)];
  const TensorLayout& layout = network_.layout(tensor);
  const size_t t = static_cast<size_t>(tensor);
  if (layout.form == TensorForm::values) return state_.values[t];
  if (layout.form == TensorForm::accumulators) return {layout.shape, state_.logits};
  return values_from_planes(layout, state_.planes[t].data());
}

std::vector<Tensor> Executor::tensors() const {
  std::vector<Tensor> result;
  for (int t = 0; t < network_.tensors(); ++t) result.push_back(tensor(t));
  return result;
}

}  // namespace stuckat::fast
