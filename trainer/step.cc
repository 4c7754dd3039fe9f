#include "trainer/step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "trainer/weight_gradient.h"

namespace stuckat::trainer {
namespace {

/// Some elements of the tensor are what a fixed fault makes of them, or are read as that.
/// faults: by tensor.
bool decided_by_fault(const std::vector<LayerFaults>& faults, size_t tensor) {
  const LayerFaults& of_tensor = faults[tensor];
  const bool held = tensor + 1 < faults.size() && !faults[tensor + 1].operands.empty();
  return !of_tensor.elements.empty() || !of_tensor.operators.empty() || !of_tensor.pools.empty() ||
         held;
}

}  // namespace

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
  std::vector<ChannelSums> sums;  // [block]
  // Backward: [block][row][16] as pass_gradient() adds them up.
  std::vector<float> pass_sums;
  std::vector<float> pass_products;
  BatchNormBackward norm;
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
  create_layers(can_drop,
                !effects.elements.empty() || !effects.operands.empty() || !effects.pools.empty(),
                false);
}

TrainingStep::TrainingStep(const Network& architecture, bool can_drop, bool can_break,
                           Workers& workers)
    : TrainingStep(architecture, can_drop, Effects{}, workers) {
  if (can_break) create_layers(can_drop, true, true);
}

void TrainingStep::create_layers(bool can_drop, bool any_code, bool always_wide) {
  check_trainable(network_);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = network_.layers[i];
    layer.weights.clear();
    layer.thresholds.clear();
    if (!layer.has_weights()) continue;
    const Values inputs = can_drop && i > 0 ? Values::levels_and_zero
                          : any_code        ? Values::codes
                                            : Values::levels;
    layers_[i] = std::make_unique<LayerState>(layer, inputs, i > 0,
                                              always_wide || needs_wide(faults_[i + 1], layer));
  }
}

TrainingStep::~TrainingStep() = default;

void TrainingStep::set_faults(const Effects& common, const std::vector<Effects>& of_samples) {
  faults_ = faults_by_tensor(common, network_);
  of_samples_.clear();
  for (const Effects& effects : of_samples) {
    of_samples_.push_back(faults_by_tensor(effects, network_));
  }
}

int TrainingStep::faulty_samples() const {
  return std::min(samples_, static_cast<int>(of_samples_.size()));
}

bool TrainingStep::breaks_sums(int index) const {
  const auto tensor = static_cast<size_t>(index) + 1;
  return faults_[tensor].breaks_sums() ||
         std::any_of(of_samples_.begin(), of_samples_.end(),
                     [&](const auto& faults) { return faults[tensor].breaks_sums(); });
}

bool TrainingStep::decided_by_fault(int tensor) const {
  return faulty_samples() > 0 || trainer::decided_by_fault(faults_, static_cast<size_t>(tensor));
}

void TrainingStep::clear_decided(int tensor) {
  const auto t = static_cast<size_t>(tensor);
  const Shape shape = network_.shape(tensor);
  float* gradient = value_gradients_[t].data();
  clear_faulty_gradient(faults_[t], shape, samples_, injection_->image_index, gradient);
  for (int n = 0; n < faulty_samples(); ++n) {
    clear_faulty_gradient(of_samples_[static_cast<size_t>(n)][t], shape, n + 1,
                          injection_->image_index, gradient, n);
  }
}

StepResult TrainingStep::run(Model& model, const int8_t* input, const std::vector<int>& labels,
                             const StepInjection& injection) {
  samples_ = static_cast<int>(labels.size());
  injection_ = &injection;
  const size_t size = block_count(samples_) * block_elements(network_.input());
  values_[0].grow(size);
  std::memcpy(values_[0].data(), input, size);
  forward(model);
  const StepResult result = loss(model.layers.back(), labels);
  backward(model);
  return result;
}

bool TrainingStep::injected(int tensor) const {
  return std::binary_search(injection_->tensors.begin(), injection_->tensors.end(), tensor);
}

void TrainingStep::forward(Model& model) {
  const StepInjection& injection = *injection_;
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
        break_pool(faults_[i], layer, values_[i - 1].data(), samples_, injection_->image_index,
                   values.data());
      }
    }
    overwrite_elements(faults_[i], network_, t, samples_, injection_->image_index, values.data());
    for (int n = 0; n < faulty_samples(); ++n) {
      overwrite_elements(of_samples_[static_cast<size_t>(n)][i], network_, t, n + 1,
                         injection.image_index, values.data(), n);
    }
    unit_scale_[i] = t > 0 && !network_.layers[i - 1].has_weights() ? unit_scale_[i - 1] : 1.0;
    if (!injected(t)) continue;
    const Sequence random(injection.seed, Purpose::injection, injection.step, i);
    masks_[i].draw(injection.injection, network_.shape(t), network_.format(t), samples_, random,
                   workers_);
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
  // Sums that will be broken are added up later.
  RowDone add_up;
  if (!layer.layer.accumulator_output) {
    state.sums.assign(static_cast<size_t>(block_count(samples_)),
                      {std::vector<int64_t>(rows), std::vector<int64_t>(rows)});
    if (!breaks_sums(index)) {
      add_up = [&](int block, int y, Range range) { add_row_sums(index, block, y, range); };
    }
  }
  layer.run(values_[i].data(), samples_, add_up, workers_, operands_edit(index));
  if (breaks_sums(index)) {
    std::vector<int8_t> exported = state.weights;
    for (size_t k = 0; k < exported.size(); ++k) {
      const size_t row = k / static_cast<size_t>(layer.layer.columns());
      exported[k] = static_cast<int8_t>(exported[k] * state.sign[row]);
    }
    break_sums(faults, layer, state.sign, exported.data(), samples_, injection_->image_index,
               broken_sum_limit);
    for (int n = 0; n < faulty_samples(); ++n) {
      break_sums(of_samples_[static_cast<size_t>(n)][i + 1], layer, state.sign, exported.data(),
                 n + 1, injection_->image_index, broken_sum_limit, n);
    }
  }
  if (layer.layer.accumulator_output) {
    overwrite_logits(faults, network_, layer, state.sign, samples_, injection_->image_index,
                     broken_sum_limit);
    for (int n = 0; n < faulty_samples(); ++n) {
      overwrite_logits(of_samples_[static_cast<size_t>(n)][i + 1], network_, layer, state.sign,
                       n + 1, injection_->image_index, broken_sum_limit, n);
    }
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
  break_values(faults, layer, state.steps, samples_, injection_->image_index, values);
}

ForwardLayer::Edit TrainingStep::operands_edit(int index) const {
  const auto t = static_cast<size_t>(index) + 1;
  const bool of_samples =
      std::any_of(of_samples_.begin(), of_samples_.end(),
                  [&](const auto& faults) { return !faults[t].operands.empty(); });
  if (faults_[t].operands.empty() && !of_samples) return {};
  return [this, t](int8_t* padded) {
    const Layer& layer = network_.layers[t - 1];
    const int64_t image = injection_->image_index;
    overwrite_operands(faults_[t], layer, samples_, image, padded);
    for (int n = 0; n < faulty_samples(); ++n) {
      overwrite_operands(of_samples_[static_cast<size_t>(n)][t], layer, n + 1, image, padded, n);
    }
  };
}

void TrainingStep::add_row_sums(int index, int block, int y, Range rows) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  const Layer& layer = state.forward.layer;
  const int64_t bound = breaks_sums(index)
                            ? std::max<int64_t>(state.forward.bound, broken_sum_limit)
                            : state.forward.bound;
  state.forward.with_accumulators([&](const auto* acc) {
    add_sums(acc + block * block_elements(layer.output) +
                 static_cast<ptrdiff_t>(y) * layer.output.width * layer.rows() * lanes,
             layer.output.width, layer.rows(), rows, bound, state.sums[static_cast<size_t>(block)]);
  });
}

/// Statistics of the batch, and the quantizer's integer thresholds that follow from them.
void TrainingStep::normalise(int index, LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  ForwardLayer& layer = state.forward;
  const auto rows = static_cast<size_t>(layer.layer.rows());
  if (breaks_sums(index)) {
    workers_.run(block_count(samples_), [&](int block) {
      for (int y = 0; y < layer.layer.output.height; ++y) {
        add_row_sums(index, block, y, {0, layer.layer.rows()});
      }
    });
  }
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
    for (const ChannelSums& s : state.sums) {
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
    state.band.low[r] = static_cast<float>(row.low);
    state.band.high[r] = static_cast<float>(row.high);
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
  clear_decided(network_.tensors() - 1);
  return result;
}

void TrainingStep::backward(const Model& model) {
  const int blocks = block_count(samples_);
  for (int index = network_.tensors() - 2; index >= 0; --index) {
    const auto i = static_cast<size_t>(index);
    const Layer& layer = network_.layers[i];
    if (index > 0) {
      value_gradients_[i].grow(blocks * block_elements(layer.input));
      if (LayerState* before = layers_[i - 1].get()) {
        const size_t size = static_cast<size_t>(blocks) * layer.input.channels * lanes;
        before->pass_sums.assign(size, 0.0f);
        before->pass_products.assign(size, 0.0f);
      }
    }
    if (layer.has_weights()) {
      backward_layer(index, model.layers[i]);
    } else {
      pool_backward(
          layer, values_[i].data(), value_gradients_[i + 1].data(), blocks,
          value_gradients_[i].data(),
          [&](int block, int y, Range range) { finish_row(index, block, y, range); }, workers_);
    }
    if (index == 0 || !decided_by_fault(index)) continue;
    clear_decided(index);
    clear_operand_gradient(faults_[i + 1], layer, samples_, injection_->image_index,
                           value_gradients_[i].data());
    for (int n = 0; n < faulty_samples(); ++n) {
      clear_operand_gradient(of_samples_[static_cast<size_t>(n)][i + 1], layer, n + 1,
                             injection_->image_index, value_gradients_[i].data(), n);
    }
    workers_.run(blocks, [&](int block) {
      for (int y = 0; y < layer.input.height; ++y) {
        pass_row(index, block, y, {0, layer.input.channels});
      }
    });
  }
}

/// Row y of the gradient of a tensor is summed.
void TrainingStep::finish_row(int tensor, int block, int y, Range channels) {
  const auto t = static_cast<size_t>(tensor);
  const Shape shape = network_.shape(tensor);
  if (injected(tensor)) {
    masks_[t].clear_gradient(block, y, channels,
                             value_gradients_[t].data() + block * block_elements(shape) +
                                 static_cast<ptrdiff_t>(y) * shape.width * shape.channels * lanes);
  }
  if (!decided_by_fault(tensor)) pass_row(tensor, block, y, channels);
}

/// Through the quantizer before a tensor, if there is one.
void TrainingStep::pass_row(int tensor, int block, int y, Range channels) {
  const auto t = static_cast<size_t>(tensor);
  if (layers_[t - 1] == nullptr) return;
  LayerState& state = *layers_[t - 1];
  const Shape shape = network_.shape(tensor);
  const ptrdiff_t at = static_cast<ptrdiff_t>(block * block_elements(shape)) +
                       static_cast<ptrdiff_t>(y) * shape.width * shape.channels * lanes;
  const ptrdiff_t sums = static_cast<ptrdiff_t>(block) * shape.channels * lanes;
  state.forward.with_accumulators([&](const auto* acc) {
    pass_gradient(acc + at, shape.width, shape.channels, channels, state.band,
                  value_gradients_[t].data() + at, state.pass_sums.data() + sums,
                  state.pass_products.data() + sums);
  });
}

void TrainingStep::backward_norm(int index, const LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  LayerGradient& result = gradients_[i];
  const Layer& layer = state.forward.layer;
  const auto rows = static_cast<size_t>(layer.rows());
  const double count = static_cast<double>(samples_) * layer.output.pixels();
  BatchNormBackward& k = state.norm;
  k.mean = state.band.mean;
  for (auto* values : {&k.scale, &k.offset, &k.slope, &result.gamma, &result.beta}) {
    values->resize(rows);
  }
  for (size_t r = 0; r < rows; ++r) {
    double s = 0;
    double d = 0;
    for (size_t block = 0; block < static_cast<size_t>(block_count(samples_)); ++block) {
      for (size_t l = 0; l < lanes; ++l) {
        s += static_cast<double>(state.pass_sums[(block * rows + r) * lanes + l]);
        d += static_cast<double>(state.pass_products[(block * rows + r) * lanes + l]);
      }
    }
    const double deviation = state.deviation[r];
    const double gain = static_cast<double>(parameters.gamma[r]) * deviation;
    result.beta[r] = static_cast<float>(s);
    result.gamma[r] = static_cast<float>(d * deviation);
    k.scale[r] = static_cast<float>(gain);
    k.offset[r] = static_cast<float>(gain * s / count);
    k.slope[r] = static_cast<float>(gain * deviation * deviation * d / count);
  }
  for (const OperatorFault& fault : faults_[i + 1].operators) {
    // A row that is broken everywhere learns nothing, not even through the statistics.
    if (!fault.pixels.empty() || !fault.images.is_all()) continue;
    for (const int row : fault.rows) {
      k.offset[static_cast<size_t>(row)] = 0;
      k.slope[static_cast<size_t>(row)] = 0;
    }
  }
}

void TrainingStep::gradient_row(int index, int block, int y, bool transposed, float* row) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  const Layer& layer = state.forward.layer;
  const ptrdiff_t row_elements = static_cast<ptrdiff_t>(layer.output.width) * layer.rows() * lanes;
  const ptrdiff_t at =
      static_cast<ptrdiff_t>(block * block_elements(layer.output)) + y * row_elements;
  const float* gradient = value_gradients_[i + 1].data() + at;
  if (layer.accumulator_output) {
    std::copy_n(gradient, row_elements, row);
  } else {
    state.forward.with_accumulators([&](const auto* acc) {
      batch_norm_gradient(acc + at, layer.output.width, layer.rows(), state.norm,
                          samples_ - block * lanes, gradient, row);
    });
  }
  if (!transposed) return;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(block_count(samples_)) * lanes * lanes;
  transpose(row, layer.output.width, layer.rows(),
            transposed_.data() + y * layer.output.width * pixel +
                static_cast<ptrdiff_t>(block) * lanes * lanes,
            layer.output.pixels() * pixel, pixel);
}

void TrainingStep::backward_layer(int index, const LayerParameters& parameters) {
  const auto i = static_cast<size_t>(index);
  LayerState& state = *layers_[i];
  ForwardLayer& forward = state.forward;
  const Geometry& g = forward.geometry;
  const Layer& layer = forward.layer;
  const int blocks = block_count(samples_);
  LayerGradient& result = gradients_[i];
  if (!layer.accumulator_output) backward_norm(index, parameters);
  const size_t size = transposed_size(g, blocks);
  transposed_.grow(size);
  if (layer.rows() % lanes != 0) std::fill_n(transposed_.data(), size, 0.0f);
  const size_t row_elements = static_cast<size_t>(layer.input.width) * layer.input.channels * lanes;
  if (index == 0) {
    workers_.run(blocks, [&](int block) {
      Buffer<float> row;
      row.grow(static_cast<size_t>(layer.output.width) * layer.rows() * lanes);
      for (int y = 0; y < layer.output.height; ++y) gradient_row(index, block, y, true, row.data());
    });
  } else {
    const auto activation_unit = static_cast<float>(layer.input_format.max_level());
    float* padded = value_gradients_[i].data();
    if (layer.padding > 0) {
      padded_gradient_.grow(blocks * block_elements(g.in));
      padded = padded_gradient_.data();
    }
    const auto source = [&](int block, int y, bool first, float* row) {
      gradient_row(index, block, y, first, row);
    };
    const auto finish = [&](int block, int padded_y, Range range) {
      const int y = padded_y - layer.padding;
      if (y < 0 || y >= layer.input.height) return;
      const float* in =
          padded + block * block_elements(g.in) +
          (static_cast<ptrdiff_t>(padded_y) * (layer.input.width + 2 * layer.padding) +
           layer.padding) *
              layer.input.channels * lanes;
      float* out =
          value_gradients_[i].data() + block * block_elements(layer.input) + y * row_elements;
      if (layer.padding > 0 || activation_unit != 1) {
        for (int x = 0; x < layer.input.width; ++x) {
          for (int e = range.begin * lanes; e < range.end * lanes; ++e) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(x) * layer.input.channels * lanes + e;
            out[at] = in[at] * activation_unit;
          }
        }
      }
      finish_row(index, block, y, range);
    };
    // A dense layer's product sees pixels and channels as one: its rows are none of the image's.
    const bool flattened = layer.is_flat() && layer.input.pixels() > 1;
    data_gradient(g, forward.weights, samples_, source, padded, flattened ? RowDone{} : finish,
                  workers_);
    if (flattened) {
      workers_.run(blocks, [&](int block) {
        for (int y = 0; y < layer.input.height; ++y) finish(block, y, {0, layer.input.channels});
      });
    }
  }
  result.weights.resize(state.weights.size());
  state.activations.pack(g, forward.activation_digits, samples_, forward.padded_input(), workers_);
  weight_gradient(g, state.activations, transposed_.data(), samples_, result.weights.data(),
                  workers_);
  const auto weight_unit = static_cast<float>(layer.weight_format.max_level());
  if (weight_unit != 1) {
    for (float& w : result.weights) w *= weight_unit;
  }
  for (const ParameterPatch& patch : faults_[i + 1].weights) {
    result.weights[static_cast<size_t>(patch.row) * layer.columns() + patch.index] = 0;
  }
}

}  // namespace stuckat::trainer
