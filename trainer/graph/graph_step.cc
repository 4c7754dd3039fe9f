#include "trainer/graph/graph_step.h"

#include <algorithm>

#include "trainer/graph/levels.h"
#include "trainer/graph/result_values.h"
#include "trainer/loss.h"
#include "workloads/errors.h"

namespace stuckat::trainer {

struct GraphStep::Summing {
  Buffer<int32_t> whole;
  Buffer<float> real;
  bool is_real = false;
  double unit = 1;                // real value of a unit of the sums
  std::vector<int8_t> weights;    // quantized, as the products see them
  std::vector<float> multiplied;  // the same as numbers, with the pass's offsets
  MultiThreshold steps;
  bool moved = false;  // by thresholds, not by norm
  BatchNorm norm;
  MovedThresholds thresholds;
  BatchNorm::Passed passed;

  const PassBand& band() const { return moved ? thresholds.band() : norm.band(); }
  /// f(sums), with a pointer to int32_t or float.
  template <class F>
  void with_sums(const F& f) const {
    if (is_real) {
      f(real.data());
    } else {
      f(whole.data());
    }
  }
};

namespace {

/// f(block, first pixel, pixels) for pieces of all blocks, cut by sizes alone; number: of the
/// piece.
template <class F>
void for_pieces(Workers& workers, int blocks, Shape shape, const F& f) {
  const int parts = std::clamp(shape.height / 8, 1, 4);
  workers.run(blocks * parts, [&](int item) {
    const Range ys = slice_of(shape.height, item % parts, parts);
    f(item / parts, ys.begin * shape.width, (ys.end - ys.begin) * shape.width);
  });
}

ptrdiff_t place(Shape shape, int block, int pixel) {
  return static_cast<ptrdiff_t>(block * block_elements(shape)) +
         static_cast<ptrdiff_t>(pixel) * shape.channels * lanes;
}

}  // namespace

GraphStep::GraphStep(const Network& architecture, Workers& workers)
    : network_(architecture),
      workers_(workers),
      unit_scale_(static_cast<size_t>(architecture.tensors()), 1.0),
      values_(static_cast<size_t>(architecture.tensors())),
      value_gradients_(static_cast<size_t>(architecture.tensors())),
      has_gradient_(static_cast<size_t>(architecture.tensors())) {
  gradients_.resize(network_.layers.size());
  statistics_.resize(network_.layers.size());
  for (const Layer& layer : network_.layers) {
    operations_.push_back(make_operation(layer));
    summing_.push_back(layer.kind->sums ? std::make_unique<Summing>() : nullptr);
  }
}

GraphStep::~GraphStep() = default;

void GraphStep::check_overlays(const StepContext& step) const {
  const int last = static_cast<int>(network_.layers.size()) - 1;
  for (const FaultOverlay* overlay : step.overlays) {
    for (int i = 0; i <= last; ++i) {
      const bool logits = i == last && overlay->needs_wide(i, network_.layer(i));
      if (!overlay->changes_sums(i) && !overlay->changes_operands(i) && !logits) continue;
      throw InputError(network_.name,
                       "faults in the arithmetic, the operands or the result of '" +
                           network_.layer(i).name + "', in a graph or with many levels",
                       "faults that change weights, thresholds or values");
    }
  }
}

StepResult GraphStep::run(const Model& model, StepInput input, const std::vector<int>& labels,
                          std::span<FaultOverlay* const> overlays, int64_t image_index,
                          const Pass& pass) {
  const StepContext step{network_,    workers_, overlays, static_cast<int>(labels.size()),
                         image_index, pass};
  for (FaultOverlay* overlay : overlays) overlay->begin(step);
  check_overlays(step);
  forward(step, model, input);
  const StepResult result = loss(step, model, labels);
  backward(step, model);
  return result;
}

OperationBatch GraphStep::batch_of(const StepContext& step, int layer, bool gradients) {
  OperationBatch batch{{}, step.samples, workers_};
  for (const int tensor : network_.layer(layer).inputs) {
    const auto t = static_cast<size_t>(tensor);
    OperationInput input{values_[t].data(), network_.shape(tensor).channels, unit_scale_[t]};
    if (gradients && tensor > 0) {
      value_gradients_[t].grow(static_cast<size_t>(block_count(step.samples)) *
                               block_elements(network_.shape(tensor)));
      input.gradient = value_gradients_[t].data();
      input.add = has_gradient_[t] != 0;
      has_gradient_[t] = 1;
    }
    batch.inputs.push_back(input);
  }
  return batch;
}

void GraphStep::forward(const StepContext& step, const Model& model, StepInput input) {
  const size_t size =
      static_cast<size_t>(block_count(step.samples)) * block_elements(network_.input());
  values_[0].grow(size);
  input.copy(size, values_[0].data());
  unit_scale_.assign(unit_scale_.size(), 1.0);
  change_values(step, 0);
  for (int i = 0; i < static_cast<int>(network_.layers.size()); ++i) forward_layer(step, model, i);
}

void GraphStep::forward_layer(const StepContext& step, const Model& model, int index) {
  const Layer& layer = network_.layer(index);
  const auto i = static_cast<size_t>(index);
  const int blocks = block_count(step.samples);
  const int tensor = network_.output_tensor(index);
  if (summing_[i] != nullptr) {
    set_weights(step, model, index);
    compute_sums(step, model, index);
    if (layer.accumulator_output) return;
    set_steps(step, model, index);
  }
  Buffer<int16_t>& values = values_[static_cast<size_t>(tensor)];
  values.grow(static_cast<size_t>(blocks) * block_elements(layer.output));
  if (summing_[i] != nullptr) {
    const Levels levels(summing_[i]->steps);
    for_pieces(workers_, blocks, layer.output, [&](int block, int pixel, int pixels) {
      const ptrdiff_t at = place(layer.output, block, pixel);
      summing_[i]->with_sums([&](const auto* sums) {
        levels.apply(sums + at, pixels, step.samples - block * lanes, values.data() + at);
      });
    });
  } else {
    operations_[i]->values(batch_of(step, index, false), values.data());
    unit_scale_[static_cast<size_t>(tensor)] =
        unit_scale_[static_cast<size_t>(layer.inputs.front())];
  }
  change_values(step, tensor);
}

void GraphStep::set_weights(const StepContext& step, const Model& model, int index) {
  const auto i = static_cast<size_t>(index);
  const Layer& layer = network_.layer(index);
  const LayerParameters& parameters = model.layers[i];
  Summing& s = *summing_[i];
  s.moved = model.moved_thresholds;
  s.steps.format = layer.output_format;
  s.steps.sign.assign(static_cast<size_t>(layer.rows()), 1);
  for (size_t r = 0; r < s.steps.sign.size() && !s.moved; ++r) {
    if (parameters.gamma[parameters.gamma.size() == 1 ? 0 : r] < 0) s.steps.sign[r] = -1;
  }
  if (!layer.has_weights()) return;
  s.weights.resize(parameters.weights.size());
  s.multiplied.resize(parameters.weights.size());
  const auto columns = static_cast<size_t>(layer.columns());
  step.workers.run(layer.rows(), [&](int row) {
    const size_t first = static_cast<size_t>(row) * columns;
    quantize_weights(layer.weight_format, weight_scale(parameters),
                     parameters.weights.data() + first, columns, s.weights.data() + first);
  });
  for (FaultOverlay* overlay : step.overlays) {
    overlay->weights(index, layer, s.steps.sign, s.weights.data());
  }
  std::copy(s.weights.begin(), s.weights.end(), s.multiplied.begin());
  if (step.pass.offsets != nullptr) {
    const std::vector<float>& offsets = (*step.pass.offsets)[i];
    const float unit = levels_per_weight(layer, parameters);
    for (size_t k = 0; k < offsets.size(); ++k) s.multiplied[k] += unit * offsets[k];
  }
  operations_[i]->set_weights(s.multiplied.data(), layer.inputs.front() > 0, workers_);
}

void GraphStep::compute_sums(const StepContext& step, const Model& model, int index) {
  const auto i = static_cast<size_t>(index);
  const Layer& layer = network_.layer(index);
  Summing& s = *summing_[i];
  const OperationBatch batch = batch_of(step, index, false);
  const size_t size = static_cast<size_t>(block_count(step.samples)) * block_elements(layer.output);
  s.unit = accumulator_unit(layer, model.layers[i]);
  // An add of values that Dropout has scaled differently has no common unit.
  const bool scaled = layer.inputs.size() > 1 &&
                      std::any_of(batch.inputs.begin(), batch.inputs.end(),
                                  [](const OperationInput& in) { return in.unit_scale != 1; });
  if (!scaled) s.unit *= batch.inputs.front().unit_scale;
  s.is_real = step.pass.offsets != nullptr || scaled;
  if (s.is_real) {
    s.real.grow(size);
    operations_[i]->sums(batch, s.real.data());
  } else {
    s.whole.grow(size);
    operations_[i]->sums(batch, s.whole.data());
  }
}

void GraphStep::set_steps(const StepContext& step, const Model& model, int index) {
  const auto i = static_cast<size_t>(index);
  const Layer& layer = network_.layer(index);
  const LayerParameters& parameters = model.layers[i];
  Summing& s = *summing_[i];
  s.steps.edges.clear();
  if (s.moved) {
    s.thresholds.set(layer, parameters, s.is_real, s.steps);
    statistics_[i] = {};
  } else if (step.pass.frozen) {
    const auto limit = static_cast<int32_t>(sum_bound(layer) + 1);
    s.norm.freeze(parameters, s.unit, limit, s.steps);
    if (!s.is_real) s.steps.edges.clear();
    statistics_[i] = s.norm.statistics();
  } else {
    add_statistics(step, parameters, index);
    statistics_[i] = s.norm.statistics();
  }
  for (FaultOverlay* overlay : step.overlays) overlay->thresholds(index, layer, s.steps);
}

void GraphStep::add_statistics(const StepContext& step, const LayerParameters& parameters,
                               int index) {
  const Layer& layer = network_.layer(index);
  Summing& s = *summing_[static_cast<size_t>(index)];
  const int blocks = block_count(step.samples);
  const auto rows = static_cast<size_t>(layer.rows());
  const int pixels = layer.output.pixels();
  const int64_t bound = sum_bound(layer);
  const auto limit = static_cast<int32_t>(bound + 1);
  const double count = static_cast<double>(step.samples) * pixels;
  if (s.is_real) {
    std::vector<RealChannelSums> sums(static_cast<size_t>(blocks),
                                      {std::vector<double>(rows), std::vector<double>(rows)});
    workers_.run(blocks, [&](int block) {
      add_sums(s.real.data() + place(layer.output, block, 0), pixels, layer.rows(),
               {0, layer.rows()}, sums[static_cast<size_t>(block)]);
    });
    s.norm.normalise(parameters, sums, count, s.unit, limit, s.steps);
    return;
  }
  std::vector<ChannelSums> sums(static_cast<size_t>(blocks),
                                {std::vector<int64_t>(rows), std::vector<int64_t>(rows)});
  workers_.run(blocks, [&](int block) {
    add_sums(s.whole.data() + place(layer.output, block, 0), pixels, layer.rows(),
             {0, layer.rows()}, bound, sums[static_cast<size_t>(block)]);
  });
  s.norm.normalise(parameters, sums, count, s.unit, limit, s.steps);
}

void GraphStep::change_values(const StepContext& step, int tensor) {
  const auto t = static_cast<size_t>(tensor);
  FaultOverlay::TensorValues of;
  of.wide = values_[t].data();
  for (FaultOverlay* overlay : step.overlays) {
    overlay->values(step, tensor, of);
    unit_scale_[t] /= overlay->kept_share(tensor);
  }
}

StepResult GraphStep::loss(const StepContext& step, const Model& model,
                           const std::vector<int>& labels) {
  const Layer& layer = network_.layers.back();
  const Summing& s = *summing_.back();
  const LayerParameters& last = model.layers.back();
  if (!layer.accumulator_output && !model.moved_thresholds) {
    throw InputError(network_.name, "a result of levels without a network to start from",
                     "a network that ends with sums, or one that has its thresholds");
  }
  const int classes = network_.classes();
  const size_t size =
      static_cast<size_t>(block_count(step.samples)) * static_cast<size_t>(classes) * lanes;
  const ResultValues meaning(network_);
  std::vector<double> values;
  const auto push = [&](const auto* from) {
    for (int n = 0; n < step.samples; ++n) {
      for (int c = 0; c < classes; ++c) {
        values.push_back(meaning.of(c, from[(n / lanes * classes + c) * lanes + n % lanes]));
      }
    }
  };
  LogitNorm norm{s.unit, last.gamma[0], last.beta[0]};
  if (layer.accumulator_output) {
    s.with_sums(push);
  } else {
    norm.unit = logit_unit(layer);
    push(values_.back().data());
  }
  if (step.pass.frozen) {
    norm.frozen = true;
    norm.mean = last.mean[0];
    norm.variance = last.variance[0];
  }
  const Loss loss = squared_hinge(values, classes, norm, labels);
  statistics_.back() = {{loss.mean}, {loss.variance}};
  gradients_.back().gamma.assign(1, static_cast<float>(loss.by_gamma));
  gradients_.back().beta.assign(1, static_cast<float>(loss.by_beta));
  Buffer<float>& gradient = value_gradients_.back();
  gradient.grow(size);
  std::fill_n(gradient.data(), size, 0.0f);
  // By the sums, or by the real values of levels.
  const double unit = layer.accumulator_output ? 1 : layer.output_format.max_level();
  for (int n = 0; n < step.samples; ++n) {
    for (int c = 0; c < classes; ++c) {
      gradient.data()[(n / lanes * classes + c) * lanes + n % lanes] = static_cast<float>(
          unit * meaning.scale(c) * loss.by_sum[static_cast<size_t>(n * classes + c)]);
    }
  }
  return {loss.loss, loss.correct};
}

void GraphStep::backward(const StepContext& step, const Model& model) {
  std::fill(has_gradient_.begin(), has_gradient_.end(), char{0});
  has_gradient_.back() = 1;
  for (int i = static_cast<int>(network_.layers.size()) - 1; i >= 0; --i) {
    const auto index = static_cast<size_t>(i);
    const Layer& layer = network_.layer(i);
    const float* gradient = value_gradients_[index + 1].data();
    pass_gradient_of(step, i);
    if (summing_[index] != nullptr) gradient_by_sums(step, model, i);
    const OperationBatch batch = batch_of(step, i, true);
    operations_[index]->input_gradients(batch, gradient);
    if (!layer.has_weights()) continue;
    LayerGradient& result = gradients_[index];
    result.weights.resize(summing_[index]->weights.size());
    operations_[index]->weight_gradient(batch, gradient, result.weights.data());
    const float scale = weight_scale(model.layers[index]);
    if (scale != 1) {
      for (float& w : result.weights) w /= scale;
    }
    for (FaultOverlay* overlay : step.overlays) {
      overlay->weight_gradient(i, layer, result.weights);
    }
  }
}

void GraphStep::pass_gradient_of(const StepContext& step, int index) {
  const auto i = static_cast<size_t>(index);
  const Layer& layer = network_.layer(index);
  const Shape shape = layer.output;
  const int tensor = network_.output_tensor(index);
  const int blocks = block_count(step.samples);
  float* gradient = value_gradients_[static_cast<size_t>(tensor)].data();
  Summing* s = layer.accumulator_output ? nullptr : summing_[i].get();
  if (s != nullptr) {
    const size_t size = static_cast<size_t>(blocks) * static_cast<size_t>(layer.rows()) * lanes;
    s->passed.sums.assign(size, 0.0f);
    s->passed.products.assign(size, 0.0f);
  }
  const Range all{0, shape.channels};
  workers_.run(blocks, [&](int block) {
    if (!step.overlays.empty()) {
      for (int y = 0; y < shape.height; ++y) {
        float* row = gradient + place(shape, block, y * shape.width);
        for (FaultOverlay* overlay : step.overlays) {
          overlay->gradient(step, tensor, block, y, all, row);
        }
      }
    }
    if (s == nullptr) return;
    const ptrdiff_t sums_at = static_cast<ptrdiff_t>(block) * layer.rows() * lanes;
    s->with_sums([&](const auto* sums) {
      pass_gradient(sums + place(shape, block, 0), shape.pixels(), shape.channels, all, s->band(),
                    gradient + place(shape, block, 0), s->passed.sums.data() + sums_at,
                    s->passed.products.data() + sums_at);
    });
  });
}

void GraphStep::gradient_by_sums(const StepContext& step, const Model& model, int index) {
  const auto i = static_cast<size_t>(index);
  const Layer& layer = network_.layer(index);
  if (layer.accumulator_output) return;
  const Shape shape = layer.output;
  Summing& s = *summing_[i];
  LayerGradient& result = gradients_[i];
  const double count = static_cast<double>(step.samples) * shape.pixels();
  BatchNormBackward norm =
      s.moved ? s.thresholds.backward(model.layers[i], s.passed, result.gamma, result.beta)
              : s.norm.backward(model.layers[i], s.passed, count, result.gamma, result.beta);
  for (FaultOverlay* overlay : step.overlays) overlay->norm_gradient(index, norm);
  float* gradient = value_gradients_[i + 1].data();
  for_pieces(workers_, block_count(step.samples), shape, [&](int block, int pixel, int pixels) {
    const ptrdiff_t at = place(shape, block, pixel);
    s.with_sums([&](const auto* sums) {
      batch_norm_gradient(sums + at, pixels, shape.channels, norm, step.samples - block * lanes,
                          gradient + at, gradient + at);
    });
  });
}

}  // namespace stuckat::trainer
