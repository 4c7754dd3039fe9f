#include "trainer/fixed_faults.h"

#include <algorithm>
#include <climits>

#include "faultmaps/faulty_values.h"
#include "trainer/fault_positions.h"
#include "workloads/errors.h"

namespace stuckat::trainer {
namespace {

int32_t within_limit(int64_t sum) {
  return static_cast<int32_t>(std::clamp<int64_t>(sum, -broken_sum_limit, broken_sum_limit));
}

/// The values of rows whose comparators or thresholds are broken, from their sums.
void break_comparators(const LayerFaults& faults, const ComputedLayer& computed, Range samples,
                       int64_t image_index, int8_t* values) {
  const Layer& layer = computed.forward.layer;
  const MultiThreshold& quantizer = computed.quantizer;
  const int count = layer.thresholds_per_row();
  std::vector<int32_t> thresholds(static_cast<size_t>(count));
  for (const OperatorFault& fault : faults.operators) {
    const BrokenPe& pe = fault.pe;
    const bool healthy =
        pe.comparators.empty() && pe.comparator_flips.empty() && pe.threshold_flips.empty();
    if (healthy) continue;
    for_selected(fault, layer.output, samples, image_index, [&](int sample, int pixel) {
      for (const int row : fault.rows) {
        // On sums both sides of a comparison are twice the accumulator minus a constant.
        const auto first = quantizer.thresholds.begin() + static_cast<ptrdiff_t>(row) * count;
        std::transform(first, first + count, thresholds.begin(),
                       [&](int32_t t) { return static_cast<int32_t>(accumulator_of(layer, t)); });
        const size_t at = position(layer.output, sample, pixel * layer.rows() + row);
        const int32_t sum =
            quantizer.sign[static_cast<size_t>(row)] * computed.forward.acc32.data()[at];
        const auto accumulator = static_cast<int32_t>(accumulator_of(layer, sum));
        values[at] =
            static_cast<int8_t>(broken_threshold(layer, pe, row, thresholds.data(), accumulator));
      }
    });
  }
}

/// Everything of a tensor that a fault decides. A broken window decides nothing: the gradient
/// passes it as if it were healthy, since the operands that it does not touch, and all rows, go on
/// learning.
void add_decided(const LayerFaults& faults, Shape shape, Range samples, int64_t image_index,
                 DecidedElements& decided) {
  const auto add = [&](int sample, int element) { decided.add(sample, element); };
  for (const ElementFault& fault : faults.elements) {
    for_selected(fault, shape, samples, image_index, add);
  }
  for (const PoolFault& fault : faults.pools) {
    for_selected(fault, shape, samples, image_index, add);
  }
  for (const OperatorFault& fault : faults.operators) {
    for_selected(fault, shape, samples, image_index, [&](int sample, int pixel) {
      for (const int row : fault.rows) add(sample, pixel * shape.channels + row);
    });
  }
}

}  // namespace

void DecidedElements::reset(Shape shape, int samples) {
  shape_ = shape;
  lanes_.assign(static_cast<size_t>(block_count(samples)) * static_cast<size_t>(shape.size()), 0);
}

void DecidedElements::add(int sample, int element) {
  const auto block = static_cast<size_t>(sample / lanes);
  lanes_[block * static_cast<size_t>(shape_.size()) + static_cast<size_t>(element)] |=
      static_cast<uint16_t>(1u << (sample % lanes));
}

void DecidedElements::clear(int block, int y, Range channels, float* row) const {
  if (lanes_.empty()) return;
  const uint16_t* decided = lanes_.data() + static_cast<ptrdiff_t>(block) * shape_.size() +
                            y * shape_.width * shape_.channels;
  for (int x = 0; x < shape_.width; ++x) {
    for (int c = channels.begin; c < channels.end; ++c) {
      const int element = x * shape_.channels + c;
      const unsigned bits = decided[element];
      if (bits == 0) continue;
      float* of_lanes = row + static_cast<ptrdiff_t>(element) * lanes;
      for (int l = 0; l < lanes; ++l) {
        if ((bits >> l & 1) != 0) of_lanes[l] = 0;
      }
    }
  }
}

FixedFaults::FixedFaults(const Network& network, const Effects& common,
                         const std::vector<Effects>& of_samples)
    : decided_(static_cast<size_t>(network.tensors())), decided_operands_(network.layers.size()) {
  by_samples_.push_back({faults_by_tensor(common, network), {0, INT_MAX}});
  for (size_t n = 0; n < of_samples.size(); ++n) {
    const int sample = static_cast<int>(n);
    by_samples_.push_back({faults_by_tensor(of_samples[n], network), {sample, sample + 1}});
  }
}

template <class Visit>
void FixedFaults::for_samples(const StepContext& context, int tensor, const Visit& visit) const {
  for (const SampleFaults& of : by_samples_) {
    const Range samples{of.samples.begin, std::min(of.samples.end, context.samples)};
    if (samples.begin < samples.end) visit(of.faults[static_cast<size_t>(tensor)], samples);
  }
}

void FixedFaults::begin(const StepContext& context) {
  for (int t = 0; t < context.network.tensors(); ++t) {
    const Shape shape = context.network.shape(t);
    DecidedElements& decided = decided_[static_cast<size_t>(t)];
    decided = {};
    for_samples(context, t, [&](const LayerFaults& faults, Range samples) {
      if (faults.elements.empty() && faults.operators.empty() && faults.pools.empty()) return;
      if (!decided.any()) decided.reset(shape, context.samples);
      add_decided(faults, shape, samples, context.image_index, decided);
    });
    if (t == 0) continue;
    const Layer& layer = context.network.layers[static_cast<size_t>(t) - 1];
    DecidedElements& held = decided_operands_[static_cast<size_t>(t) - 1];
    held = {};
    for_samples(context, t, [&](const LayerFaults& faults, Range samples) {
      if (faults.operands.empty()) return;
      if (!held.any()) held.reset(padded_shape(layer), context.samples);
      for (const OperandFault& fault : faults.operands) {
        for_selected(fault, padded_shape(layer), samples, context.image_index,
                     [&](int sample, int element) { held.add(sample, element); });
      }
    });
  }
}

void FixedFaults::weights(int layer, const Layer& described, const std::vector<int32_t>& sign,
                          int8_t* weights) const {
  patch_weights(common(layer), described, sign, weights);
}

bool FixedFaults::changes_operands(int layer) const {
  return std::any_of(by_samples_.begin(), by_samples_.end(), [&](const SampleFaults& of) {
    return !of.faults[static_cast<size_t>(layer) + 1].operands.empty();
  });
}

void FixedFaults::operands(const StepContext& context, int layer, int8_t* padded_input) const {
  for_samples(context, layer + 1, [&](const LayerFaults& faults, Range samples) {
    overwrite_operands(faults, context.network.layers[static_cast<size_t>(layer)], samples,
                       context.image_index, padded_input);
  });
}

bool FixedFaults::changes_sums(int layer) const {
  return std::any_of(by_samples_.begin(), by_samples_.end(), [&](const SampleFaults& of) {
    return of.faults[static_cast<size_t>(layer) + 1].breaks_sums();
  });
}

bool FixedFaults::needs_wide(int layer, const Layer& described) const {
  return std::any_of(by_samples_.begin(), by_samples_.end(), [&](const SampleFaults& of) {
    return trainer::needs_wide(of.faults[static_cast<size_t>(layer) + 1], described);
  });
}

void FixedFaults::sums(const StepContext& context, const ComputedLayer& computed) const {
  if (!changes_sums(computed.index)) return;
  ForwardLayer& forward = computed.forward;
  const Layer& layer = forward.layer;
  const std::vector<int32_t>& sign = computed.quantizer.sign;
  std::vector<int8_t> exported = computed.weights;
  for (size_t k = 0; k < exported.size(); ++k) {
    const size_t row = k / static_cast<size_t>(layer.columns());
    exported[k] = static_cast<int8_t>(exported[k] * sign[row]);
  }
  for_samples(context, computed.index + 1, [&](const LayerFaults& faults, Range samples) {
    for (const BrokenAccumulator& a :
         broken_accumulators(faults, forward, exported.data(), samples, context.image_index)) {
      forward.acc32.data()[position(layer.output, a.sample, a.pixel * layer.rows() + a.row)] =
          within_limit(sign[static_cast<size_t>(a.row)] * sum_of(layer, a.accumulator));
    }
  });
}

void FixedFaults::thresholds(int layer, const Layer& described, MultiThreshold& quantizer) const {
  patch_thresholds(common(layer), described, quantizer);
}

void FixedFaults::values(const StepContext& context, int tensor, const TensorValues& of) {
  for_samples(context, tensor, [&](const LayerFaults& faults, Range samples) {
    if (of.wide != nullptr) {
      if (!faults.pools.empty()) {
        throw InputError(context.network.name, "a broken pool in a graph, or with many levels",
                         "faults that change weights, thresholds or values");
      }
      overwrite_elements(faults, context.network, tensor, samples, context.image_index, of.wide);
      return;
    }
    if (of.computed != nullptr) {
      break_comparators(faults, *of.computed, samples, context.image_index, of.values);
    } else if (tensor > 0) {
      break_pool(faults, context.network.layers[static_cast<size_t>(tensor) - 1], of.input, samples,
                 context.image_index, of.values);
    }
    overwrite_elements(faults, context.network, tensor, samples, context.image_index, of.values);
  });
}

void FixedFaults::logits(const StepContext& context, const ComputedLayer& computed) const {
  const Layer& layer = computed.forward.layer;
  const int tensor = computed.index + 1;
  for_samples(context, tensor, [&](const LayerFaults& faults, Range samples) {
    if (context.pass.offsets != nullptr && !faults.elements.empty()) {
      throw InputError(context.network.name, "faults in logits that are real numbers",
                       "faults that change weights, thresholds, operands or values");
    }
    for (const ElementFault& fault : faults.elements) {
      for_selected(fault, layer.output, samples, context.image_index, [&](int sample, int element) {
        const int s = computed.quantizer.sign[static_cast<size_t>(element % layer.rows())];
        int32_t& a = computed.forward.acc32.data()[position(layer.output, sample, element)];
        const auto before = static_cast<int32_t>(accumulator_of(layer, s * int64_t{a}));
        a = within_limit(s *
                         sum_of(layer, masked_value(context.network, tensor, fault.mask, before)));
      });
    }
  });
}

void FixedFaults::gradient(const StepContext& /*context*/, int tensor, int block, int y,
                           Range channels, float* row) const {
  decided_[static_cast<size_t>(tensor)].clear(block, y, channels, row);
}

void FixedFaults::operand_gradient(const StepContext& /*context*/, int layer, int block, int y,
                                   Range channels, float* row) const {
  decided_operands_[static_cast<size_t>(layer)].clear(block, y, channels, row);
}

void FixedFaults::norm_gradient(int layer, BatchNormBackward& k) const {
  for (const OperatorFault& fault : common(layer).operators) {
    // A row that is broken everywhere learns nothing, not even through the statistics.
    if (!fault.pixels.empty() || !fault.images.is_all()) continue;
    for (const int row : fault.rows) {
      k.offset[static_cast<size_t>(row)] = 0;
      k.slope[static_cast<size_t>(row)] = 0;
    }
  }
}

void FixedFaults::weight_gradient(int layer, const Layer& described,
                                  std::vector<float>& gradient) const {
  for (const ParameterPatch& patch : common(layer).weights) {
    gradient[static_cast<size_t>(patch.row) * described.columns() + patch.index] = 0;
  }
}

}  // namespace stuckat::trainer
