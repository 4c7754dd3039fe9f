#include "faultmaps/broken_pool.h"

#include <algorithm>

#include "workloads/reference.h"

namespace stuckat {
namespace {

uint32_t inverted_after(const BrokenPool& pool, int taken) {
  uint32_t bits = 0;
  for (const auto& f : pool.flips) bits ^= f.taken == taken ? f.bits : 0;
  return bits;
}

bool replaces(const BrokenPool& pool, bool greater, int taken) {
  if (pool.comparator != BrokenPool::Comparator::healthy) {
    return pool.comparator == BrokenPool::Comparator::replaces;
  }
  for (const auto& f : pool.flips) greater = greater != (f.bits == 0 && f.taken == taken);
  return greater;
}

/// visit(value) for what the layer takes for an element, one after the other.
template <class Visit>
void for_each_operand(const Layer& layer, std::span<const Tensor* const> inputs, int y, int x,
                      int channel, const Visit& visit) {
  if (layer.kind == LayerKind::add) {
    int32_t sum = 0;
    for (size_t k = 0; k < inputs.size(); ++k) {
      const CodeTable& table = layer.tables[k];
      sum += table.values[table.format.code(inputs[k]->at(y, x, channel))];
    }
    return visit(sum);
  }
  for (int k = 0; k < layer.kernel.height * layer.kernel.width; ++k) {
    const int iy = y * layer.stride.height + k / layer.kernel.width - layer.padding.top;
    const int ix = x * layer.stride.width + k % layer.kernel.width - layer.padding.left;
    if (layer.input.holds(iy, ix)) visit(inputs.front()->at(iy, ix, channel));
  }
}

}  // namespace

void merge(BrokenPool& into, const BrokenPool& from) {
  into.cell = into.cell.then(from.cell);
  if (from.comparator != BrokenPool::Comparator::healthy) into.comparator = from.comparator;
  into.flips.insert(into.flips.end(), from.flips.begin(), from.flips.end());
  into.sum_bits = std::max(into.sum_bits, from.sum_bits);
}

bool is_pooled(const Layer& layer) {
  return layer.kind == LayerKind::max_pool || layer.kind == LayerKind::average_pool ||
         layer.kind == LayerKind::add;
}

int32_t broken_element(const Layer& layer, const BrokenPool& pool,
                       std::span<const Tensor* const> inputs, int y, int x, int channel) {
  const bool sums = layer.kind->sums;
  const NumberFormat format = layer.input_format;
  int32_t held = 0;
  const auto code = [&](int32_t value) {
    return sums ? static_cast<uint32_t>(value) : format.code(value);
  };
  const auto store = [&](uint32_t stored) {
    stored = pool.cell.apply(stored);
    held = sums ? read_register(stored, pool.sum_bits, false) : format.value(stored);
  };
  int taken = 0;
  for_each_operand(layer, inputs, y, x, channel, [&](int32_t value) {
    if (taken > 0) store(code(held) ^ inverted_after(pool, taken));
    if (taken > 0 && sums) value += held;
    const bool keeps = taken > 0 && !sums && !replaces(pool, value > held, taken);
    store(code(keeps ? held : value));
    ++taken;
  });
  store(code(held) ^ inverted_after(pool, taken));
  return sums ? reference::threshold(layer, layer.threshold_row(channel), held) : held;
}

}  // namespace stuckat
