#include "trainer/training_layer.h"

#include <algorithm>

#include "trainer/real_product.h"
#include "workloads/errors.h"

namespace stuckat::trainer {

TrainingLayer::TrainingLayer(const Layer& layer, int index, Values inputs)
    : index_(index), forward_(layer, inputs, index > 0) {}

namespace {

/// Whether one of the step's overlays says so of itself.
template <typename Says>
bool some_overlay(const StepContext& step, Says says) {
  return std::any_of(step.overlays.begin(), step.overlays.end(), says);
}

}  // namespace

void TrainingLayer::forward(const StepContext& step, const LayerParameters& parameters,
                            const int8_t* input, double unit_scale, LayerScratch& scratch) {
  unit_ = accumulator_unit(forward_.layer, parameters) * unit_scale;
  forward_.widen(some_overlay(
      step, [&](const FaultOverlay* o) { return o->needs_wide(index_, forward_.layer); }));
  quantize(step, parameters);
  multiply(step, input);
  if (step.pass.offsets != nullptr) {
    offset(step, parameters, scratch);
  } else if (!forward_.layer.accumulator_output) {
    norm_.normalise(parameters, sums_, count(step.samples), unit_, limit(), quantizer_);
  }
  if (forward_.layer.accumulator_output) return;
  for (FaultOverlay* overlay : step.overlays) {
    overlay->thresholds(index_, forward_.layer, quantizer_);
  }
}

void TrainingLayer::offset(const StepContext& step, const LayerParameters& parameters,
                           LayerScratch& scratch) {
  const Layer& layer = forward_.layer;
  const std::vector<float>& offsets = (*step.pass.offsets)[static_cast<size_t>(index_)];
  const float weight_unit = levels_per_weight(layer, parameters);
  // First the offsets alone, whose sums are small; then with the weights, for the data gradient.
  real_weights_.resize(offsets.size());
  for (size_t k = 0; k < offsets.size(); ++k) real_weights_[k] = weight_unit * offsets[k];
  forward_.add_offsets(real_weights_.data(), step.samples, scratch.real_input, step.workers);
  for (size_t k = 0; k < offsets.size(); ++k) real_weights_[k] += weights_[k];
  if (layer.accumulator_output) return;
  if (step.pass.frozen) {
    norm_.freeze(parameters, unit_, limit(), quantizer_);
    return;
  }
  const int blocks = block_count(step.samples);
  const auto rows = static_cast<size_t>(layer.rows());
  std::vector<RealChannelSums> sums(static_cast<size_t>(blocks),
                                    {std::vector<double>(rows), std::vector<double>(rows)});
  step.workers.run(blocks, [&](int block) {
    add_sums(forward_.acc_real.data() + block * block_elements(layer.output), layer.output.pixels(),
             layer.rows(), {0, layer.rows()}, sums[static_cast<size_t>(block)]);
  });
  norm_.normalise(parameters, sums, count(step.samples), unit_, limit(), quantizer_);
}

void TrainingLayer::quantize(const StepContext& step, const LayerParameters& parameters) {
  const Layer& layer = forward_.layer;
  const auto rows = static_cast<size_t>(layer.rows());
  const auto columns = static_cast<size_t>(layer.columns());
  weights_.resize(parameters.weights.size());
  step.workers.run(layer.rows(), [&](int row) {
    const size_t first = static_cast<size_t>(row) * columns;
    quantize_weights(layer.weight_format, weight_scale(parameters),
                     parameters.weights.data() + first, columns, weights_.data() + first);
  });
  quantizer_.format = layer.output_format;
  quantizer_.sign.resize(rows);
  for (size_t r = 0; r < rows; ++r) {
    const float gamma = parameters.gamma[parameters.gamma.size() == 1 ? 0 : r];
    quantizer_.sign[r] = gamma < 0 ? -1 : 1;
  }
  for (FaultOverlay* overlay : step.overlays) {
    overlay->weights(index_, layer, quantizer_.sign, weights_.data());
  }
  forward_.set_weights(weights_.data(), step.workers);
}

void TrainingLayer::multiply(const StepContext& step, const int8_t* input) {
  const Layer& layer = forward_.layer;
  const int blocks = block_count(step.samples);
  const auto rows = static_cast<size_t>(layer.rows());
  ForwardLayer::Edit edit;
  if (some_overlay(step, [&](const FaultOverlay* o) { return o->changes_operands(index_); })) {
    edit = [&](int8_t* padded) {
      for (FaultOverlay* overlay : step.overlays) overlay->operands(step, index_, padded);
    };
  }
  const bool sums_change =
      some_overlay(step, [&](const FaultOverlay* o) { return o->changes_sums(index_); });
  if (sums_change && step.pass.offsets != nullptr) {
    throw InputError(
        step.network.name,
        "faults in the arithmetic of '" + layer.name + "' where weights are real numbers",
        "faults that change weights, thresholds, operands or values");
  }
  const bool with_statistics = !layer.accumulator_output && step.pass.offsets == nullptr;
  if (with_statistics) {
    sums_.assign(static_cast<size_t>(blocks),
                 {std::vector<int64_t>(rows), std::vector<int64_t>(rows)});
  }
  RowDone add_up;
  if (with_statistics && !sums_change) {
    add_up = [&](int block, int y, Range range) { add_row_sums(block, y, range, forward_.bound); };
  }
  forward_.run(input, step.samples, add_up, step.workers, edit);
  if (!sums_change) return;
  for (FaultOverlay* overlay : step.overlays) overlay->sums(step, computed());
  if (!with_statistics) return;
  const int64_t bound = std::max<int64_t>(forward_.bound, broken_sum_limit);
  step.workers.run(blocks, [&](int block) {
    for (int y = 0; y < layer.output.height; ++y) add_row_sums(block, y, {0, layer.rows()}, bound);
  });
}

void TrainingLayer::add_row_sums(int block, int y, Range rows, int64_t bound) {
  const Layer& layer = forward_.layer;
  forward_.with_accumulators([&](const auto* acc) {
    add_sums(acc + block * block_elements(layer.output) +
                 static_cast<ptrdiff_t>(y) * layer.output.width * layer.rows() * lanes,
             layer.output.width, layer.rows(), rows, bound, sums_[static_cast<size_t>(block)]);
  });
}

void TrainingLayer::values(const StepContext& step, int8_t* values) {
  const Layer& layer = forward_.layer;
  step.workers.run(block_count(step.samples), [&](int block) {
    const size_t start = block * block_elements(layer.output);
    forward_.with_sums([&](const auto* acc) {
      apply_thresholds(acc + start, layer.output.pixels(), layer.rows(), quantizer_,
                       step.samples - block * lanes, values + start);
    });
  });
}

std::vector<double> TrainingLayer::logit_sums(int samples) {
  const int classes = forward_.layer.output.size();
  std::vector<double> sums;
  sums.reserve(static_cast<size_t>(samples) * static_cast<size_t>(classes));
  forward_.with_sums([&](const auto* acc) {
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < classes; ++c) {
        sums.push_back(acc[(n / lanes * classes + c) * lanes + n % lanes]);
      }
    }
  });
  return sums;
}

void TrainingLayer::begin_backward(int samples) {
  const size_t size = static_cast<size_t>(block_count(samples)) *
                      static_cast<size_t>(forward_.layer.rows()) * lanes;
  passed_.sums.assign(size, 0.0f);
  passed_.products.assign(size, 0.0f);
}

void TrainingLayer::pass_row(int block, int y, Range range, float* row) {
  const Shape shape = forward_.layer.output;
  const ptrdiff_t at = static_cast<ptrdiff_t>(block * block_elements(shape)) +
                       static_cast<ptrdiff_t>(y) * shape.width * shape.channels * lanes;
  const ptrdiff_t sums = static_cast<ptrdiff_t>(block) * shape.channels * lanes;
  forward_.with_sums([&](const auto* acc) {
    pass_gradient(acc + at, shape.width, shape.channels, range, norm_.band(), row,
                  passed_.sums.data() + sums, passed_.products.data() + sums);
  });
}

void TrainingLayer::gradient_row(const StepContext& step, const BatchNormBackward& norm,
                                 const float* output_gradient, int block, int y, float* transposed,
                                 float* row) {
  const Layer& layer = forward_.layer;
  const ptrdiff_t row_elements = static_cast<ptrdiff_t>(layer.output.width) * layer.rows() * lanes;
  const ptrdiff_t at =
      static_cast<ptrdiff_t>(block * block_elements(layer.output)) + y * row_elements;
  const float* gradient = output_gradient + at;
  if (layer.accumulator_output) {
    std::copy_n(gradient, row_elements, row);
  } else {
    forward_.with_sums([&](const auto* acc) {
      batch_norm_gradient(acc + at, layer.output.width, layer.rows(), norm,
                          step.samples - block * lanes, gradient, row);
    });
  }
  if (transposed == nullptr) return;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(block_count(step.samples)) * lanes * lanes;
  transpose(
      row, layer.output.width, layer.rows(),
      transposed + y * layer.output.width * pixel + static_cast<ptrdiff_t>(block) * lanes * lanes,
      layer.output.pixels() * pixel, pixel);
}

void TrainingLayer::backward(const StepContext& step, const LayerParameters& parameters,
                             const float* output_gradient, float* input_gradient,
                             const RowDone& done, LayerScratch& scratch, LayerGradient& result) {
  const Geometry& g = forward_.geometry;
  const Layer& layer = forward_.layer;
  const int blocks = block_count(step.samples);
  BatchNormBackward norm;
  if (!layer.accumulator_output) {
    norm = norm_.backward(parameters, passed_, count(step.samples), result.gamma, result.beta);
    for (FaultOverlay* overlay : step.overlays) overlay->norm_gradient(index_, norm);
  }
  const size_t size = transposed_size(g, blocks);
  scratch.transposed.grow(size);
  float* transposed = scratch.transposed.data();
  if (layer.rows() % lanes != 0) std::fill_n(transposed, size, 0.0f);
  if (input_gradient == nullptr) {
    step.workers.run(blocks, [&](int block) {
      Buffer<float> row;
      row.grow(static_cast<size_t>(layer.output.width) * layer.rows() * lanes);
      for (int y = 0; y < layer.output.height; ++y) {
        gradient_row(step, norm, output_gradient, block, y, transposed, row.data());
      }
    });
  } else {
    const auto unit = static_cast<float>(layer.input_format.max_level());
    float* padded = input_gradient;
    if (layer.padding > 0) {
      scratch.padded_gradient.grow(blocks * block_elements(g.in));
      padded = scratch.padded_gradient.data();
    }
    const size_t row_elements =
        static_cast<size_t>(layer.input.width) * layer.input.channels * lanes;
    const size_t padded_row =
        static_cast<size_t>(layer.input.width + 2 * layer.padding) * layer.input.channels * lanes;
    const auto finish = [&](int block, int padded_y, Range range) {
      float* in = padded + block * block_elements(g.in) + padded_y * padded_row;
      const int y = padded_y - layer.padding;
      if (y < 0 || y >= layer.input.height) return;
      for (FaultOverlay* overlay : step.overlays) {
        overlay->operand_gradient(step, index_, block, padded_y, range, in);
      }
      in += static_cast<ptrdiff_t>(layer.padding) * layer.input.channels * lanes;
      float* out = input_gradient + block * block_elements(layer.input) + y * row_elements;
      if (layer.padding > 0 || unit != 1) {
        for (int x = 0; x < layer.input.width; ++x) {
          for (int e = range.begin * lanes; e < range.end * lanes; ++e) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(x) * layer.input.channels * lanes + e;
            out[at] = in[at] * unit;
          }
        }
      }
      done(block, y, range);
    };
    // A dense layer's product sees pixels and channels as one: its rows are none of the image's.
    const bool flattened = layer.is_flat() && layer.input.pixels() > 1;
    const RowSource source = [&](int block, int y, bool first, float* row) {
      gradient_row(step, norm, output_gradient, block, y, first ? transposed : nullptr, row);
    };
    const RowDone row_done = flattened ? RowDone{} : finish;
    if (forward_.real) {
      real_data_gradient(g, real_weights_.data(), step.samples, source, padded, row_done,
                         step.workers);
    } else {
      data_gradient(g, forward_.weights, step.samples, source, padded, row_done, step.workers);
    }
    if (flattened) {
      step.workers.run(blocks, [&](int block) {
        for (int y = 0; y < layer.input.height; ++y) finish(block, y, {0, layer.input.channels});
      });
    }
  }
  result.weights.resize(weights_.size());
  activations_.pack(g, forward_.activation_digits, step.samples, forward_.padded_input(),
                    step.workers);
  weight_gradient(g, activations_, transposed, step.samples, result.weights.data(), step.workers);
  const float weight_unit = levels_per_weight(layer, parameters);
  if (weight_unit != 1) {
    for (float& w : result.weights) w *= weight_unit;
  }
  for (FaultOverlay* overlay : step.overlays) {
    overlay->weight_gradient(index_, layer, result.weights);
  }
}

}  // namespace stuckat::trainer
