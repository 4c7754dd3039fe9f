#include "trainer/table_step.h"

#include <algorithm>

#include "trainer/loss.h"

namespace stuckat::trainer {
namespace {

Values values_within(StepReach reach, NumberFormat format) {
  // Every code of a format that has a 0 covers the 0 of a dropped element.
  const bool has_zero = format.kind != FormatKind::binary;
  if (reach.faults && (has_zero || !reach.zeros)) return Values::codes;
  return reach.zeros ? Values::levels_and_zero : Values::levels;
}

}  // namespace

TableStep::TableStep(const Network& architecture, StepReach reach, Workers& workers)
    : network_(architecture),
      workers_(workers),
      layers_(architecture.layers.size()),
      unit_scale_(static_cast<size_t>(architecture.tensors()), 1.0),
      values_(static_cast<size_t>(architecture.tensors())),
      value_gradients_(static_cast<size_t>(architecture.tensors())) {
  gradients_.resize(layers_.size());
  statistics_.resize(layers_.size());
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = network_.layers[i];
    layer.weights.clear();
    layer.thresholds.clear();
    if (!layer.has_weights()) continue;
    const StepReach before = {reach.zeros && i > 0, reach.faults};
    layers_[i] = std::make_unique<TrainingLayer>(layer, static_cast<int>(i),
                                                 values_within(before, layer.input_format));
  }
}

TableStep::~TableStep() = default;

StepResult TableStep::run(const Model& model, StepInput input, const std::vector<int>& labels,
                          std::span<FaultOverlay* const> overlays, int64_t image_index,
                          const Pass& pass) {
  const StepContext step{network_,    workers_, overlays, static_cast<int>(labels.size()),
                         image_index, pass};
  for (FaultOverlay* overlay : overlays) overlay->begin(step);
  forward(step, model, input);
  const StepResult result = loss(step, model.layers.back(), labels);
  backward(step, model);
  return result;
}

void TableStep::forward(const StepContext& step, const Model& model, StepInput input) {
  const size_t blocks = static_cast<size_t>(block_count(step.samples));
  const size_t input_size = blocks * block_elements(network_.input());
  values_[0].grow(input_size);
  input.copy(input_size, values_[0].data());
  unit_scale_.assign(unit_scale_.size(), 1.0);
  change_values(step, 0, {values_[0].data()});
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = network_.layers[i];
    const int8_t* in = values_[i].data();
    values_[i + 1].grow(blocks * block_elements(layer.output));
    int8_t* out = values_[i + 1].data();
    if (!layer.has_weights()) {
      pool_forward(layer, in, block_count(step.samples), out, workers_);
      unit_scale_[i + 1] = unit_scale_[i];
      change_values(step, static_cast<int>(i) + 1, {out, in});
      continue;
    }
    TrainingLayer& training = *layers_[i];
    training.forward(step, model.layers[i], in, unit_scale_[i], scratch_);
    const ComputedLayer computed = training.computed();
    if (layer.accumulator_output) {
      for (FaultOverlay* overlay : step.overlays) overlay->logits(step, computed);
      continue;
    }
    statistics_[i] = training.statistics();
    training.values(step, out);
    change_values(step, static_cast<int>(i) + 1, {out, in, &computed});
  }
}

void TableStep::change_values(const StepContext& step, int tensor,
                              const FaultOverlay::TensorValues& of) {
  for (FaultOverlay* overlay : step.overlays) {
    overlay->values(step, tensor, of);
    unit_scale_[static_cast<size_t>(tensor)] /= overlay->kept_share(tensor);
  }
}

StepResult TableStep::loss(const StepContext& step, const LayerParameters& last,
                           const std::vector<int>& labels) {
  TrainingLayer& layer = *layers_.back();
  const int classes = network_.classes();
  LogitNorm norm{layer.unit(), last.gamma[0], last.beta[0]};
  if (step.pass.frozen) {
    norm.frozen = true;
    norm.mean = last.mean[0];
    norm.variance = last.variance[0];
  }
  const Loss loss = squared_hinge(layer.logit_sums(step.samples), classes, norm, labels);
  statistics_.back() = {{loss.mean}, {loss.variance}};
  gradients_.back().gamma.assign(1, static_cast<float>(loss.by_gamma));
  gradients_.back().beta.assign(1, static_cast<float>(loss.by_beta));
  const int blocks = block_count(step.samples);
  const size_t size = static_cast<size_t>(blocks) * static_cast<size_t>(classes) * lanes;
  Buffer<float>& by_sum = value_gradients_.back();
  by_sum.grow(size);
  std::fill_n(by_sum.data(), size, 0.0f);
  for (int n = 0; n < step.samples; ++n) {
    for (int c = 0; c < classes; ++c) {
      by_sum.data()[(n / lanes * classes + c) * lanes + n % lanes] =
          static_cast<float>(loss.by_sum[static_cast<size_t>(n * classes + c)]);
    }
  }
  const Shape shape = network_.shape(network_.tensors() - 1);
  for (int block = 0; block < blocks; ++block) {
    for (int y = 0; y < shape.height; ++y) {
      finish_row(step, network_.tensors() - 1, block, y, {0, shape.channels});
    }
  }
  return {loss.loss, loss.correct};
}

void TableStep::backward(const StepContext& step, const Model& model) {
  const int blocks = block_count(step.samples);
  for (int index = network_.tensors() - 2; index >= 0; --index) {
    const auto i = static_cast<size_t>(index);
    const Layer& layer = network_.layers[i];
    float* by_input = nullptr;  // the network's input needs no gradient
    if (index > 0) {
      value_gradients_[i].grow(blocks * block_elements(layer.input));
      by_input = value_gradients_[i].data();
      if (layers_[i - 1] != nullptr) layers_[i - 1]->begin_backward(step.samples);
    }
    const RowDone finish = [&](int block, int y, Range range) {
      finish_row(step, index, block, y, range);
    };
    const float* by_output = value_gradients_[i + 1].data();
    if (layer.has_weights()) {
      layers_[i]->backward(step, model.layers[i], by_output, by_input, finish, scratch_,
                           gradients_[i]);
    } else {
      pool_backward(layer, values_[i].data(), by_output, blocks, by_input, finish, workers_);
    }
  }
}

void TableStep::finish_row(const StepContext& step, int tensor, int block, int y, Range channels) {
  const auto t = static_cast<size_t>(tensor);
  const Shape shape = network_.shape(tensor);
  float* row = value_gradients_[t].data() + block * block_elements(shape) +
               static_cast<ptrdiff_t>(y) * shape.width * shape.channels * lanes;
  for (FaultOverlay* overlay : step.overlays) {
    overlay->gradient(step, tensor, block, y, channels, row);
  }
  const bool is_logits = tensor + 1 == network_.tensors();
  if (is_logits || layers_[t - 1] == nullptr) return;
  layers_[t - 1]->pass_row(block, y, channels, row);
}

}  // namespace stuckat::trainer
