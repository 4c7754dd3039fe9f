#include "faultmaps/broken_pool.h"

namespace stuckat {

void merge(BrokenPool& into, const BrokenPool& from) {
  into.cell = into.cell.then(from.cell);
  if (from.comparator != BrokenPool::Comparator::healthy) into.comparator = from.comparator;
  into.flips.insert(into.flips.end(), from.flips.begin(), from.flips.end());
}

int32_t broken_maximum(const Layer& layer, const BrokenPool& pool, const Tensor& input, int y,
                       int x, int channel) {
  const NumberFormat format = layer.input_format;
  int32_t running = 0;
  const auto inverted = [&](int taken) {  // the running maximum's bits
    uint32_t bits = 0;
    for (const auto& f : pool.flips) bits ^= f.taken == taken ? f.bits : 0;
    return bits;
  };
  const auto store = [&](uint32_t code) { running = format.value(pool.cell.apply(code)); };
  int size = 0;  // pixels of the window so far; padding takes no part
  for (int k = 0; k < layer.kernel.height * layer.kernel.width; ++k) {
    const int iy = y * layer.stride.height + k / layer.kernel.width - layer.padding.top;
    const int ix = x * layer.stride.width + k % layer.kernel.width - layer.padding.left;
    if (!input.shape.holds(iy, ix)) continue;
    const int32_t value = input.at(iy, ix, channel);
    if (size > 0) store(format.code(running) ^ inverted(size));
    bool greater = value > running;
    for (const auto& f : pool.flips) greater = greater != (f.bits == 0 && f.taken == size);
    if (pool.comparator != BrokenPool::Comparator::healthy) {
      greater = pool.comparator == BrokenPool::Comparator::replaces;
    }
    store(format.code(size == 0 || greater ? value : running));
    ++size;
  }
  store(format.code(running) ^ inverted(size));
  return running;
}

}  // namespace stuckat
