#include "trainer/table_predictor.h"

namespace stuckat::trainer {
namespace {

/// Thresholds of the network as thresholds on sums: matches > t <=> 2 * matches - columns >
/// 2 * t - columns.
MultiThreshold steps_of(const Layer& layer) {
  MultiThreshold steps{layer.output_format, std::vector<int32_t>(static_cast<size_t>(layer.rows()), 1), {}};
  for (const int32_t t : layer.thresholds) {
    steps.thresholds.push_back(layer.is_xnor() ? 2 * t - layer.columns() : t);
  }
  return steps;
}

}  // namespace

TablePredictor::TablePredictor(const Network& network, const Effects& effects, Workers& workers)
    : network_(network),
      workers_(workers),
      faults_(faults_by_tensor(effects, network)),
      layers_(network.layers.size()),
      steps_(network.layers.size()),
      thresholds_(network.layers.size()),
      sign_(network.layers.size()),
      weights_(network.layers.size()),
      values_(static_cast<size_t>(network.tensors())) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = network_.layers[i];
    if (!layer.has_weights()) continue;
    const LayerFaults& faults = faults_[i + 1];
    layers_[i] = std::make_unique<ForwardLayer>(layer, Values::levels, false);
    sign_[i].assign(static_cast<size_t>(layer.rows()), 1);
    weights_[i] = layer.weights;
    patch_weights(faults, layer, sign_[i], weights_[i].data());
    layers_[i]->widen(needs_wide(faults, layer));
    layers_[i]->set_weights(weights_[i].data(), workers_);
    steps_[i] = steps_of(layer);
    patch_thresholds(faults, layer, steps_[i]);
    thresholds_[i] = layer.thresholds;
    for (const ParameterPatch& patch : faults.thresholds) {
      thresholds_[i][static_cast<size_t>(patch.row * layer.thresholds_per_row() + patch.index)] =
          patch.value;
    }
  }
}

std::vector<int32_t> TablePredictor::logits(StepInput input, int samples, int64_t image_index) {
  const int blocks = block_count(samples);
  const Range all{0, samples};
  std::vector<BrokenAccumulator> broken;  // of the last layer with weights
  for (int t = 0; t < network_.tensors(); ++t) {
    const auto i = static_cast<size_t>(t);
    Buffer<int8_t>& values = values_[i];
    values.grow(blocks * block_elements(network_.shape(t)));
    if (t == 0) {
      input.copy(blocks * block_elements(network_.input()), values.data());
    } else if (const Layer& layer = network_.layers[i - 1]; !layer.has_weights()) {
      pool_forward(layer, values_[i - 1].data(), blocks, values.data(), workers_);
      break_pool(faults_[i], layer, values_[i - 1].data(), all, image_index, values.data());
    } else {
      ForwardLayer& forward = *layers_[i - 1];
      const LayerFaults& faults = faults_[i];
      ForwardLayer::Edit edit;
      if (!faults.operands.empty()) {
        edit = [&](int8_t* padded) { overwrite_operands(faults, layer, all, image_index, padded); };
      }
      forward.run(values_[i - 1].data(), samples, {}, workers_, edit);
      broken = broken_accumulators(faults, forward, weights_[i - 1].data(), all, image_index);
      if (layer.accumulator_output) break;
      workers_.run(blocks, [&](int block) {
        const size_t start = block * block_elements(layer.output);
        forward.with_accumulators([&](const auto* acc) {
          apply_thresholds(acc + start, layer.output.pixels(), layer.rows(), steps_[i - 1],
                      samples - block * lanes, values.data() + start);
        });
      });
      overwrite_broken(broken, layer, thresholds_[i - 1], values.data());
    }
    overwrite_elements(faults_[i], network_, t, all, image_index, values.data());
  }
  ForwardLayer& last = *layers_.back();
  const int classes = network_.classes();
  std::vector<int32_t> result(static_cast<size_t>(samples) * classes);
  last.with_accumulators([&](const auto* acc) {
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < classes; ++c) {
        const int32_t sum = acc[(n / lanes * classes + c) * lanes + n % lanes];
        result[static_cast<size_t>(n) * classes + c] =
            last.layer.is_xnor() ? (sum + last.layer.columns()) / 2 : sum;
      }
    }
  });
  for (const BrokenAccumulator& a : broken) {
    result[static_cast<size_t>(a.sample * classes + a.pixel * last.layer.rows() + a.row)] =
        a.accumulator;
  }
  overwrite_accumulators(faults_.back(), network_, all, image_index, result.data());
  return result;
}

}  // namespace stuckat::trainer
