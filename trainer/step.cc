#include "trainer/step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace stuckat::trainer {

/// A layer with weights, and what the forward pass leaves for the backward pass.
struct TrainingStep::LayerState {
  LayerState(const Layer& layer, Values inputs, bool with_backward, bool wide)
      : forward(layer, inputs, with_backward, wide) {}

  ForwardLayer forward;
  std::vector<int8_t> weights;  // quantized, as the products see them
  std::vector<int32_t> sign;    // [row] of the batch-norm's scale
  Steps steps;
  PassBand band;
  std::vector<double> deviation;  // [row] unit / sqrt(variance + eps): of the normalised sum
  PackedActivations activations;
};

TrainingStep::TrainingStep(const Network& architecture, bool can_drop, const Effects& effects,
                           Workers& workers)
    : network_(architecture),
      workers_(workers),
      layers_(architecture.layers.size()),
      faults_(faults_by_tensor(effects, architecture)),
      unit_scale_(static_cast<size_t>(architecture.tensors()), 1.0),
      values_(static_cast<size_t>(architecture.tensors())),
      value_gradients_(static_cast<size_t>(architecture.tensors())),
      masks_(static_cast<size_t>(architecture.tensors())),
      gradients_(architecture.layers.size()) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = network_.layers[i];
    layer.weights.clear();
    layer.thresholds.clear();
    if (!layer.has_weights()) continue;
    const bool any_code = !effects.elements.empty();
    const Values inputs = can_drop && i > 0 ? Values::levels_and_zero
                          : any_code        ? Values::codes
                                            : Values::levels;
    layers_[i] =
        std::make_unique<LayerState>(layer, inputs, i > 0, needs_wide(faults_[i + 1], layer));
  }
}

TrainingStep::~TrainingStep() = default;

StepResult TrainingStep::run(Model& model, const int8_t* input, const std::vector<int>& labels,
                             const StepInjection& injection) {
  samples_ = static_cast<int>(labels.size());
  image_index_ = injection.image_index;
  const size_t size = block_count(samples_) * block_elements(network_.input());
  values_[0].grow(size);
  std::memcpy(values_[0].data(), input, size);
  forward(model, injection);
  const StepResult result = loss(model.layers.back(), labels);
  backward(model, injection);
  return result;
}

bool TrainingStep::injected(int tensor, const StepInjection& injection) const {
  return std::binary_search(injection.tensors.begin(), injection.tensors.end(), tensor);
}

void TrainingStep::forward(Model& model, const StepInjection& injection) {
  const int blocks = block_count(samples_);
  for (int t = 0; t < network_.tensors() - 1; ++t) {
    const auto i = static_cast<size_t>(t);
    Buffer<int8_t>& values = values_[i];
    if (t > 0) {
      const Layer& layer = network_.layers[i - 1];
      values.grow(blocks * block_elements(layer.output));
      if (layer.has_weights()) {
        forward_layer(t - 1, model.layers[i - 1]);
      } else {
        pool_forward(layer, values_[i - 1].data(), blocks, values.data(), workers_);
      }
    }
    overwrite_elements(faults_[i], network_, t, samples_, image_index_, values.data());
    unit_scale_[i] = t > 0 && !network_.layers[i - 1].has_weights() ? unit_scale_[i - 1] : 1.0;
    if (!injected(t, injection)) continue;
    const Sequence random(injection.seed, Purpose::injection, injection.step, i);
    masks_[i].draw(injection.injection, network_.tensor_shape(t), network_.tensor_format(t),
                   samples_, random, workers_);
    masks_[i].apply(values.data(), workers_);
    if (injection.injection.zeros) unit_scale_[i] /= 1 - injection.injection.percent / 100;
  }
  forward_layer(network_.tensors() - 2, model.layers.back());
}

void TrainingStep::forward_layer(int index, LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  ForwardLayer& layer = state.forward;
  const LayerFaults& faults = faults_[i + 1];
  const auto rows = static_cast<size_t>(layer.layer.rows());
  const auto columns = static_cast<size_t>(layer.layer.columns());
  state.weights.resize(parameters.weights.size());
  workers_.run(static_cast<int>(rows), [&](int row) {
    const size_t first = static_cast<size_t>(row) * columns;
    quantize_weights(layer.layer.weight_format, parameters.weights.data() + first, columns,
                     state.weights.data() + first);
  });
  state.sign.resize(rows);
  for (size_t r = 0; r < rows; ++r) {
    const float gamma = parameters.gamma[parameters.gamma.size() == 1 ? 0 : r];
    state.sign[r] = gamma < 0 ? -1 : 1;
  }
  patch_weights(faults, layer.layer, state.sign, state.weights.data());
  layer.set_weights(state.weights.data(), workers_);
  layer.run(values_[i].data(), samples_, workers_);
  if (!faults.operators.empty()) {
    std::vector<int8_t> exported = state.weights;
    for (size_t k = 0; k < exported.size(); ++k) {
      const size_t row = k / static_cast<size_t>(layer.layer.columns());
      exported[k] = static_cast<int8_t>(exported[k] * state.sign[row]);
    }
    break_sums(faults, layer, state.sign, exported.data(), samples_, broken_sum_limit);
  }
  if (layer.layer.accumulator_output) {
    overwrite_logits(faults, network_, layer, state.sign, samples_, image_index_, broken_sum_limit);
    return;
  }
  normalise(index, parameters);
  int8_t* values = values_[i + 1].data();
  workers_.run(block_count(samples_), [&](int block) {
    layer.with_accumulators([&](const auto* acc) {
      apply_steps(acc + block * block_elements(layer.layer.output), layer.layer.output.pixels(),
                  layer.layer.rows(), state.steps, samples_ - block * lanes,
                  values + block * block_elements(layer.layer.output));
    });
  });
  break_values(faults, layer, state.steps, samples_, values);
}

/// Statistics of the batch, and the quantizer's integer thresholds that follow from them.
void TrainingStep::normalise(int index, LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  ForwardLayer& layer = state.forward;
  const auto rows = static_cast<size_t>(layer.layer.rows());
  const int blocks = block_count(samples_);
  const int64_t bound = layer.wide && !faults_[i + 1].operators.empty()
                            ? std::max<int64_t>(layer.bound, broken_sum_limit)
                            : layer.bound;
  std::vector<ChannelSums> sums(static_cast<size_t>(blocks));
  workers_.run(blocks, [&](int block) {
    ChannelSums& s = sums[static_cast<size_t>(block)];
    s.sum.assign(rows, 0);
    s.square.assign(rows, 0);
    layer.with_accumulators([&](const auto* acc) {
      add_sums(acc + block * block_elements(layer.layer.output), layer.layer.output.pixels(),
               layer.layer.rows(), bound, s);
    });
  });
  const double unit = accumulator_unit(layer.layer) * unit_scale_[i];
  const double count = static_cast<double>(samples_) * layer.layer.output.pixels();
  state.steps.format = layer.layer.output_format;
  state.steps.sign = state.sign;
  state.steps.thresholds.clear();
  state.band.low.resize(rows);
  state.band.high.resize(rows);
  state.band.mean.resize(rows);
  state.deviation.resize(rows);
  const auto limit = static_cast<int32_t>(layer.bound + 1);
  for (size_t r = 0; r < rows; ++r) {
    int64_t sum = 0;
    int64_t square = 0;
    for (const ChannelSums& s : sums) {
      sum += s.sum[r];
      square += s.square[r];
    }
    const double mean = static_cast<double>(sum) / count;
    const double variance = std::max(0.0, static_cast<double>(square) / count - mean * mean);
    const double real_mean = mean * unit;
    const double real_variance = variance * unit * unit;
    const IntegerBatchNorm norm =
        integer_batch_norm(unit, parameters.gamma[r], parameters.beta[r], real_mean, real_variance);
    const FoldedRow row = fold(norm, layer.layer.output_format, limit);
    state.steps.thresholds.insert(state.steps.thresholds.end(), row.thresholds.begin(),
                                  row.thresholds.end());
    state.band.low[r] = row.low;
    state.band.high[r] = row.high;
    state.band.mean[r] = static_cast<float>(mean);
    state.deviation[r] = unit / std::sqrt(real_variance + batch_norm_epsilon);
    const double unbiased = count > 1 ? real_variance * count / (count - 1) : real_variance;
    parameters.mean[r] += batch_norm_momentum * (real_mean - parameters.mean[r]);
    parameters.variance[r] += batch_norm_momentum * (unbiased - parameters.variance[r]);
  }
  patch_thresholds(faults_[i + 1], layer.layer, state.steps);
}

/// Loss, and its derivative by the logits' sums (into the last value gradient).
StepResult TrainingStep::loss(LayerParameters& parameters, const std::vector<int>& labels) {
  LayerState& state = *layers_.back();
  const int classes = network_.classes();
  const auto size = static_cast<size_t>(samples_) * static_cast<size_t>(classes);
  std::vector<double> sums(size);  // [sample][class]
  const auto at = [&](int sample, int c) {
    return (static_cast<size_t>(sample / lanes) * classes + c) * lanes + sample % lanes;
  };
  state.forward.with_accumulators([&](const auto* acc) {
    for (int n = 0; n < samples_; ++n) {
      for (int c = 0; c < classes; ++c) {
        sums[static_cast<size_t>(n) * classes + c] = acc[at(n, c)];
      }
    }
  });
  const double unit = accumulator_unit(state.forward.layer) * unit_scale_[layers_.size() - 1];
  const auto count = static_cast<double>(size);
  double mean = 0;
  for (const double s : sums) mean += s * unit / count;
  double variance = 0;
  for (const double s : sums) variance += (s * unit - mean) * (s * unit - mean) / count;
  const double inverse = 1 / std::sqrt(variance + batch_norm_epsilon);
  const double gamma = parameters.gamma[0];
  const double beta = parameters.beta[0];
  const double unbiased = count > 1 ? variance * count / (count - 1) : variance;
  parameters.mean[0] += batch_norm_momentum * (mean - parameters.mean[0]);
  parameters.variance[0] += batch_norm_momentum * (unbiased - parameters.variance[0]);

  StepResult result;
  std::vector<double> gradient(size);
  double beta_gradient = 0;
  double gamma_gradient = 0;
  for (int n = 0; n < samples_; ++n) {
    int best = 0;
    double best_logit = 0;
    for (int c = 0; c < classes; ++c) {
      const size_t k = static_cast<size_t>(n) * classes + c;
      const double normalised = (sums[k] * unit - mean) * inverse;
      const double logit = gamma * normalised + beta;
      const double target = labels[static_cast<size_t>(n)] == c ? 1 : -1;
      const double margin = 1 - target * logit;
      // Not (margin <= 0), so that a NaN shows.
      if (!(margin <= 0)) {
        result.loss += margin * margin / count;
        gradient[k] = -2 * target * margin / count;
      }
      beta_gradient += gradient[k];
      gamma_gradient += gradient[k] * normalised;
      if (c == 0 || logit > best_logit) {
        best = c;
        best_logit = logit;
      }
    }
    if (best == labels[static_cast<size_t>(n)]) ++result.correct;
  }
  LayerGradient& layer_gradient = gradients_.back();
  layer_gradient.gamma.assign(1, static_cast<float>(gamma_gradient));
  layer_gradient.beta.assign(1, static_cast<float>(beta_gradient));

  const Geometry& g = state.forward.geometry;
  const int blocks = block_count(samples_);
  Buffer<float>& out = value_gradients_.back();
  out.grow(blocks * block_elements(g.out));
  std::fill_n(out.data(), blocks * block_elements(g.out), 0.0f);
  const size_t transposed_size = static_cast<size_t>(blocks) * lanes * padded_rows(g);
  transposed_.grow(transposed_size);
  std::fill_n(transposed_.data(), transposed_size, 0.0f);
  for (int n = 0; n < samples_; ++n) {
    for (int c = 0; c < classes; ++c) {
      const size_t k = static_cast<size_t>(n) * classes + c;
      const double normalised = (sums[k] * unit - mean) * inverse;
      const double by_sum =
          gamma * inverse * unit *
          (gradient[k] - beta_gradient / count - normalised * gamma_gradient / count);
      out.data()[at(n, c)] = static_cast<float>(by_sum);
    }
  }
  clear_faulty_gradient(faults_.back(), g.out, samples_, image_index_, out.data());
  for (int n = 0; n < samples_; ++n) {
    for (int c = 0; c < classes; ++c) {
      transposed_.data()[static_cast<size_t>(n) * padded_rows(g) + c] = out.data()[at(n, c)];
    }
  }
  return result;
}

void TrainingStep::backward(const Model& model, const StepInjection& injection) {
  const int blocks = block_count(samples_);
  for (int index = network_.tensors() - 2; index >= 0; --index) {
    const auto i = static_cast<size_t>(index);
    const Layer& layer = network_.layers[i];
    if (index > 0) value_gradients_[i].grow(blocks * block_elements(layer.input));
    if (!layer.has_weights()) {
      pool_backward(layer, values_[i].data(), value_gradients_[i + 1].data(), blocks,
                    value_gradients_[i].data(), workers_);
    } else {
      backward_layer(index, model.layers[i]);
    }
    if (index == 0) break;
    float* gradient = value_gradients_[i].data();
    if (injected(index, injection)) masks_[i].clear_gradient(gradient, workers_);
    clear_faulty_gradient(faults_[i], layer.input, samples_, image_index_, gradient);
  }
}

void TrainingStep::backward_layer(int index, const LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  ForwardLayer& forward = state.forward;
  const Geometry& g = forward.geometry;
  const Layer& layer = forward.layer;
  const int blocks = block_count(samples_);
  const auto rows = static_cast<size_t>(layer.rows());
  float* gradient = value_gradients_[i + 1].data();
  LayerGradient& result = gradients_[i];
  if (!layer.accumulator_output) {
    std::vector<double> sum(rows * blocks);  // [block][row]
    std::vector<double> product(rows * blocks);
    workers_.run(blocks, [&](int block) {
      forward.with_accumulators([&](const auto* acc) {
        pass_gradient(acc + block * block_elements(g.out), g.out.pixels(), layer.rows(), state.band,
                      gradient + block * block_elements(g.out), sum.data() + block * rows,
                      product.data() + block * rows);
      });
    });
    const double count = static_cast<double>(samples_) * g.out.pixels();
    BatchNormBackward k;
    k.mean = state.band.mean;
    result.gamma.resize(rows);
    result.beta.resize(rows);
    for (size_t r = 0; r < rows; ++r) {
      double s = 0;
      double d = 0;
      for (int block = 0; block < blocks; ++block) {
        s += sum[block * rows + r];
        d += product[block * rows + r];
      }
      const double deviation = state.deviation[r];
      const double gain = static_cast<double>(parameters.gamma[r]) * deviation;
      result.beta[r] = static_cast<float>(s);
      result.gamma[r] = static_cast<float>(d * deviation);
      k.scale.push_back(static_cast<float>(gain));
      k.offset.push_back(static_cast<float>(gain * s / count));
      k.slope.push_back(static_cast<float>(gain * deviation * deviation * d / count));
    }
    for (const OperatorFault& fault : faults_[i + 1].operators) {
      // A row that is broken everywhere learns nothing, not even through the statistics.
      if (!fault.pixels.empty()) continue;
      for (const int row : fault.rows) {
        k.offset[static_cast<size_t>(row)] = 0;
        k.slope[static_cast<size_t>(row)] = 0;
      }
    }
    const int stride = padded_rows(g);
    const size_t pixel = static_cast<size_t>(blocks) * lanes * stride;
    transposed_.grow(pixel * g.out.pixels());
    if (stride != layer.rows()) {
      std::fill_n(transposed_.data(), pixel * g.out.pixels(), 0.0f);
    }
    workers_.run(blocks, [&](int block) {
      forward.with_accumulators([&](const auto* acc) {
        batch_norm_gradient(acc + block * block_elements(g.out), g.out.pixels(), layer.rows(), k,
                            samples_ - block * lanes, gradient + block * block_elements(g.out),
                            transposed_.data() + static_cast<ptrdiff_t>(block) * lanes * stride,
                            static_cast<ptrdiff_t>(pixel), stride);
      });
    });
  }
  result.weights.resize(state.weights.size());
  if (forward.activation_digits.radix == 0) {
    weight_gradient(g, samples_, forward.padded_input(), transposed_.data(), blocks,
                    result.weights.data(), workers_);
  } else {
    state.activations.pack(g, forward.activation_digits, samples_, forward.padded_input(),
                           workers_);
    weight_gradient(g, state.activations, transposed_.data(), blocks, result.weights.data(),
                    workers_);
  }
  const auto weight_unit = static_cast<float>(layer.weight_format.max_level());
  if (weight_unit != 1) {
    for (float& w : result.weights) w *= weight_unit;
  }
  for (const ParameterPatch& patch : faults_[i + 1].weights) {
    result.weights[static_cast<size_t>(patch.row) * layer.columns() + patch.index] = 0;
  }
  if (index == 0) return;
  float* out = value_gradients_[i].data();
  if (layer.padding == 0) {
    data_gradient(g, state.forward.weights, samples_, gradient, out, workers_);
  } else {
    padded_gradient_.grow(blocks * block_elements(g.in));
    data_gradient(g, state.forward.weights, samples_, gradient, padded_gradient_.data(), workers_);
    const size_t row = static_cast<size_t>(layer.input.width) * layer.input.channels * lanes;
    for (int block = 0; block < blocks; ++block) {
      for (int y = 0; y < layer.input.height; ++y) {
        const size_t from = (static_cast<size_t>(y + layer.padding) * g.in.width +
                             static_cast<size_t>(layer.padding)) *
                            layer.input.channels * lanes;
        std::memcpy(out + block * block_elements(layer.input) + y * row,
                    padded_gradient_.data() + block * block_elements(g.in) + from,
                    row * sizeof(float));
      }
    }
  }
  const auto activation_unit = static_cast<float>(layer.input_format.max_level());
  if (activation_unit != 1) {
    for (size_t k = 0; k < blocks * block_elements(layer.input); ++k) out[k] *= activation_unit;
  }
}

}  // namespace stuckat::trainer
