#include "trainer/activation_penalty.h"

#include <algorithm>
#include <cstdlib>
#include <type_traits>

#include "workloads/errors.h"

namespace stuckat::trainer {

const std::vector<std::string>& penalty_names() {
  static const std::vector<std::string> names = {"none", "l1", "hoyer-square"};
  return names;
}

namespace {

template <class Value>
ValueSums sums_of(const Value* values, Shape shape, int samples, Workers& workers) {
  const int blocks = block_count(samples);
  const size_t size = block_elements(shape);
  std::vector<ValueSums> of_blocks(static_cast<size_t>(blocks));
  workers.run(blocks, [&](int block) {
    ValueSums& sums = of_blocks[static_cast<size_t>(block)];
    const Value* v = values + block * size;
    constexpr size_t piece = sizeof(Value) == 1 ? 4096 : 256;  // 32 bits hold its sums
    for (size_t first = 0; first < size; first += piece) {
      const size_t end = std::min(size, first + piece);
      int32_t zeros = 0;
      int32_t sizes = 0;
      std::conditional_t<sizeof(Value) == 1, int32_t, int64_t> squares = 0;
      for (size_t i = first; i < end; ++i) {
        const int32_t x = v[i];
        zeros += x == 0 ? 1 : 0;
        sizes += std::abs(x);
        squares += x * x;
      }
      sums.zeros += zeros;
      sums.sizes += sizes;
      sums.squares += squares;
    }
    // Lanes after the last sample hold 0.
    const int present = std::min(lanes, samples - block * lanes);
    sums.zeros -= static_cast<int64_t>(lanes - present) * shape.size();
    sums.count = static_cast<int64_t>(present) * shape.size();
  });
  ValueSums all;
  for (const ValueSums& s : of_blocks) {
    all.count += s.count;
    all.zeros += s.zeros;
    all.sizes += s.sizes;
    all.squares += s.squares;
  }
  return all;
}

}  // namespace

ValueSums sums_of_values(const int8_t* values, Shape shape, int samples, Workers& workers) {
  return sums_of(values, shape, samples, workers);
}
ValueSums sums_of_values(const int16_t* values, Shape shape, int samples, Workers& workers) {
  return sums_of(values, shape, samples, workers);
}

PenaltyTerms penalty_terms(PenaltyKind kind, const ValueSums& sums, int greatest) {
  if (kind == PenaltyKind::none || sums.squares == 0) return {};
  const auto n = static_cast<double>(sums.count);
  const auto s = static_cast<double>(sums.sizes);
  const auto q = static_cast<double>(sums.squares);
  if (kind == PenaltyKind::l1) return {s / greatest / n, 1 / n, 0};
  // a = v / greatest: (sum |a|)^2 / sum a^2 = s^2 / q.
  return {s * s / q / n, 2 * greatest * s / q / n, -2 * greatest * s * s / (q * q) / n};
}

std::vector<int> penalised_tensors(PenaltyKind kind, const Network& network) {
  std::vector<int> tensors;
  if (kind == PenaltyKind::none) return tensors;
  for (const int layer : network.injectable_layers()) {
    const int tensor = network.output_tensor(layer);
    const NumberFormat format = network.format(tensor);
    if (format.kind == FormatKind::binary) continue;
    if (kind == PenaltyKind::hoyer_square && format.max_level() == 1) continue;
    tensors.push_back(tensor);
  }
  return tensors;
}

ActivationPenalty::ActivationPenalty(const Penalty& penalty, const Network& network)
    : penalty_(penalty),
      tensors_(penalised_tensors(penalty.kind, network)),
      number_(static_cast<size_t>(network.tensors()), -1),
      sums_(tensors_.size()),
      terms_(tensors_.size()),
      values_(tensors_.size()) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    number_[static_cast<size_t>(tensors_[i])] = static_cast<int>(i);
  }
  if (penalty.active() && tensors_.empty()) {
    throw InputError(network.name,
                     "penalty " + penalty_names()[static_cast<size_t>(penalty.kind)] +
                         " on activations that it can't make smaller",
                     penalty.kind == PenaltyKind::l1
                         ? "activations with a 0: of more than one bit"
                         : "activations with a 0 and of several sizes: of more than two bits");
  }
}

void ActivationPenalty::begin(const StepContext& /*context*/) {
  open_ = -1;
  value_ = 0;
}

void ActivationPenalty::values(const StepContext& context, int tensor, const TensorValues& of) {
  finish(context);
  open_ = number_[static_cast<size_t>(tensor)];
  if (open_ >= 0) values_[static_cast<size_t>(open_)] = of;
}

void ActivationPenalty::logits(const StepContext& context,
                               const ComputedLayer& /*computed*/) const {
  finish(context);
}

void ActivationPenalty::finish(const StepContext& context) const {
  if (open_ < 0) return;
  const auto i = static_cast<size_t>(open_);
  const int tensor = tensors_[i];
  values_[i].with_values([&](const auto* values) {
    sums_[i] =
        sums_of_values(values, context.network.shape(tensor), context.samples, context.workers);
  });
  PenaltyTerms& terms = terms_[i];
  terms = penalty_terms(penalty_.kind, sums_[i], context.network.format(tensor).max_level());
  terms.penalty *= penalty_.weight;
  terms.by_sign *= penalty_.weight;
  terms.by_value *= penalty_.weight;
  value_ += terms.penalty;
  open_ = -1;
}

void ActivationPenalty::gradient(const StepContext& context, int tensor, int block, int y,
                                 Range channels, float* row) const {
  const int number = number_[static_cast<size_t>(tensor)];
  if (number < 0) return;
  const auto i = static_cast<size_t>(number);
  const Shape shape = context.network.shape(tensor);
  const ptrdiff_t first = static_cast<ptrdiff_t>(block * block_elements(shape)) +
                          static_cast<ptrdiff_t>(y) * shape.width * shape.channels * lanes;
  const auto by_sign = static_cast<float>(terms_[i].by_sign);
  const auto by_value = static_cast<float>(terms_[i].by_value);
  const int count = (channels.end - channels.begin) * lanes;
  values_[i].with_values([&](const auto* values) {
    for (int x = 0; x < shape.width; ++x) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(x * shape.channels + channels.begin) * lanes;
      const auto* v = values + first + at;
      float* g = row + at;
      for (int k = 0; k < count; ++k) {
        const int value = v[k];
        const int sign = (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0);
        g[k] += by_sign * static_cast<float>(sign) + by_value * static_cast<float>(value);
      }
    }
  });
}

}  // namespace stuckat::trainer
