#include "models/dataflow/arming.h"

#include <algorithm>
#include <cassert>

namespace stuckat::dataflow {
namespace {

uint32_t level_code(const Network& network, int tensor, int level) {
  if (tensor < network.tensors() - 1) return network.tensor_format(tensor).code(level);
  // Fixed-point inputs have no levels of their own: -1 and +1 stand for the ends.
  const Layer& layer = network.layers.back();
  const bool fixed = layer.input_format.kind == FormatKind::fixed_point;
  const int low = fixed ? -1 : layer.input_format.min_level();
  const int high = fixed ? 1 : layer.input_format.max_level();
  const int64_t range = int64_t{layer.accumulator_max()} - layer.accumulator_min();
  const int64_t share = range * (std::clamp(level, low, high) - low) / (high - low);
  return static_cast<uint32_t>(layer.accumulator_min() + share);
}

}  // namespace

void arm_window(SlidingWindow& window, const Fault& fault) {
  const auto [slot, column, word, bit] = fault.coordinates;
  assert(fault.kind == SiteKind::window_cell);
  window.stick(slot, column, word, bit, fault.value != 0);
}

void arm_pool(MaxPool& pool, const Fault& fault) {
  const auto [first, second, third, unused] = fault.coordinates;
  const bool one = fault.value != 0;
  switch (fault.kind) {
    case SiteKind::pool_cell:
      return pool.stick_cell(first, second, third, one);
    case SiteKind::pool_comparator:
      return pool.stick_comparator(first, one);
    case SiteKind::pool_output:
      return pool.stick_output(first, one);
    default:
      assert(false && "not a site of a pool");
  }
}

void arm_stream(kernel::StampedFifo& fifo, const StreamSpec& stream, const Network& network,
                const Fault& fault) {
  const bool one = fault.value != 0;
  switch (fault.kind) {
    case SiteKind::stream_wire:
      return fifo.stick_wire(fault.coordinates[0], one);
    case SiteKind::stream_slot:
      if (fault.is_flip()) {
        return fifo.flip_slot_bit(fault.coordinates[0], fault.coordinates[1], fault.flip_cycle);
      }
      return fifo.stick_slot_bit(fault.coordinates[0], fault.coordinates[1], one);
    case SiteKind::stream_word: {
      const uint32_t code = level_code(network, stream.tensor, fault.value);
      for (int bit = 0; bit < stream.word_bits(); ++bit) {
        const int code_bit = bit % stream.lane_bits;
        fifo.stick_slot_bit(fault.coordinates[0], bit, (code >> code_bit & 1u) != 0);
      }
      return;
    }
    default:
      assert(false && "not a site of a stream");
  }
}

}  // namespace stuckat::dataflow
