#include "trainer/injection_overlay.h"

#include <algorithm>

namespace stuckat::trainer {

void InjectionOverlay::set(const Injection& injection, std::vector<int> tensors, uint64_t seed) {
  injection_ = injection;
  tensors_ = std::move(tensors);
  seed_ = seed;
  if (!tensors_.empty() && masks_.size() <= static_cast<size_t>(tensors_.back())) {
    masks_.resize(static_cast<size_t>(tensors_.back()) + 1);
  }
}

bool InjectionOverlay::injected(int tensor) const {
  return std::binary_search(tensors_.begin(), tensors_.end(), tensor);
}

void InjectionOverlay::values(const StepContext& context, int tensor, const TensorValues& of) {
  if (!injected(tensor)) return;
  const Sequence random(seed_, Purpose::injection, step_, static_cast<uint64_t>(tensor));
  InjectionMask& mask = masks_[static_cast<size_t>(tensor)];
  mask.draw(injection_, context.network.shape(tensor), context.network.format(tensor),
            context.samples, random, context.workers, of.wide != nullptr);
  of.with_values([&](auto* values) { mask.apply(values, context.workers); });
}

double InjectionOverlay::kept_share(int tensor) const {
  return injection_.zeros && injected(tensor) ? 1 - injection_.percent / 100 : 1;
}

void InjectionOverlay::gradient(const StepContext& /*context*/, int tensor, int block, int y,
                                Range channels, float* row) const {
  if (injected(tensor)) mask(tensor).clear_gradient(block, y, channels, row);
}

}  // namespace stuckat::trainer
