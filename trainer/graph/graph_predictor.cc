#include "trainer/graph/graph_predictor.h"

#include "trainer/fault_positions.h"
#include "workloads/errors.h"

namespace stuckat::trainer {
namespace {

void check_effects(const Effects& effects, const Network& network) {
  bool logits = false;
  for (const ElementFault& fault : effects.elements) {
    logits = logits ||
             (network.layers.back().accumulator_output && fault.tensor + 1 == network.tensors());
  }
  if (effects.operators.empty() && effects.operands.empty() && effects.windows.empty() &&
      effects.pools.empty() && !logits) {
    return;
  }
  throw InputError(network.name,
                   "faults in arithmetic, operands, pools or sums that are the result, in a graph "
                   "or with many levels",
                   "faults that change weights, thresholds or values");
}

}  // namespace

GraphPredictor::GraphPredictor(const Network& network, const Effects& effects, Workers& workers)
    : network_(network),
      workers_(workers),
      faults_(faults_by_tensor(effects, network)),
      levels_(network.layers.size()),
      values_(static_cast<size_t>(network.tensors())) {
  check_effects(effects, network);
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    const Layer& layer = network_.layers[i];
    operations_.push_back(make_operation(layer));
    if (!layer.kind->sums) continue;
    const LayerFaults& faults = faults_[i + 1];
    MultiThreshold steps{
        layer.output_format, std::vector<int32_t>(static_cast<size_t>(layer.rows()), 1), {}};
    if (layer.has_weights()) {
      std::vector<int8_t> weights = layer.weights;
      patch_weights(faults, layer, steps.sign, weights.data());
      const std::vector<float> real(weights.begin(), weights.end());
      operations_[i]->set_weights(real.data(), false, workers_);
    }
    if (layer.accumulator_output) continue;
    for (const int32_t t : layer.thresholds) {
      steps.thresholds.push_back(static_cast<int32_t>(sum_of(layer, t)));
    }
    patch_thresholds(faults, layer, steps);
    levels_[i] = std::make_unique<Levels>(steps);
  }
}

std::vector<int32_t> GraphPredictor::logits(StepInput input, int samples, int64_t image_index) {
  const int blocks = block_count(samples);
  const Range all{0, samples};
  const auto size = [&](Shape shape) {
    return static_cast<size_t>(blocks) * block_elements(shape);
  };
  values_[0].grow(size(network_.input()));
  input.copy(size(network_.input()), values_[0].data());
  overwrite_elements(faults_[0], network_, 0, all, image_index, values_[0].data());
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    const Layer& layer = network_.layers[i];
    OperationBatch batch{{}, samples, workers_};
    for (const int tensor : layer.inputs) {
      batch.inputs.push_back(
          {values_[static_cast<size_t>(tensor)].data(), network_.shape(tensor).channels});
    }
    Buffer<int16_t>& values = values_[i + 1];
    values.grow(size(layer.output));
    if (layer.kind->sums) {
      sums_.grow(size(layer.output));
      operations_[i]->sums(batch, sums_.data());
      if (layer.accumulator_output) break;
      workers_.run(blocks, [&](int block) {
        const size_t at = block * block_elements(layer.output);
        levels_[i]->apply(sums_.data() + at, layer.output.pixels(), samples - block * lanes,
                          values.data() + at);
      });
    } else {
      operations_[i]->values(batch, values.data());
    }
    overwrite_elements(faults_[i + 1], network_, static_cast<int>(i) + 1, all, image_index,
                       values.data());
  }
  const Layer& last = network_.layers.back();
  const int classes = network_.classes();
  std::vector<int32_t> result(static_cast<size_t>(samples) * static_cast<size_t>(classes));
  for (int n = 0; n < samples; ++n) {
    for (int c = 0; c < classes; ++c) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(n / lanes * classes + c) * lanes + n % lanes;
      result[static_cast<size_t>(n * classes + c)] =
          last.accumulator_output ? static_cast<int32_t>(accumulator_of(last, sums_.data()[at]))
                                  : values_.back().data()[at];
    }
  }
  return result;
}

}  // namespace stuckat::trainer
