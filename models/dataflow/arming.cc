#include "models/dataflow/arming.h"

#include <algorithm>

namespace stuckat::dataflow {
namespace {

uint32_t level_code(const Network& network, int tensor, int level) {
  if (!network.holds_accumulators(tensor)) return network.format(tensor).code(level);
  // Fixed-point inputs have no levels of their own: -1 and +1 stand for the ends.
  const Layer& layer = network.layer(network.producer(tensor));
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
  if (fault.kind != SiteKind::window_cell) refuse_site(fault, "model of a window buffer");
  if (fault.is_flip()) return window.flip(slot, column, word, bit, fault.flip_cycle);
  window.stick(slot, column, word, bit, fault.value != 0);
}

void arm_ring(WordRing& ring, const Fault& fault) {
  const auto [slot, bit, unused, none] = fault.coordinates;
  if (fault.kind != SiteKind::ring_cell && fault.kind != SiteKind::replay_cell) {
    refuse_site(fault, "model of a ring of words");
  }
  if (fault.is_flip()) return ring.flip(slot, bit, fault.flip_cycle);
  ring.stick(slot, bit, fault.value != 0);
}

void arm_sums(SumPool& pool, const Fault& fault) {
  const auto [column, word, bit, unused] = fault.coordinates;
  if (fault.kind != SiteKind::average_sum) refuse_site(fault, "model of an average-pool");
  if (fault.is_flip()) return pool.flip_sum(column, word, bit, fault.flip_cycle);
  pool.stick_sum(column, word, bit, fault.value != 0);
}

void arm_adder(Junction& core, const Fault& fault) {
  auto* adder = dynamic_cast<Adder*>(&core);
  if (adder == nullptr || fault.kind != SiteKind::adder_sum)
    refuse_site(fault, "model of an adder");
  if (fault.is_flip()) return adder->flip(fault.coordinates[0], fault.flip_cycle);
  adder->stick(fault.coordinates[0], fault.value != 0);
}

void arm_pool(MaxPool& pool, const Fault& fault) {
  const auto [first, second, third, unused] = fault.coordinates;
  const bool one = fault.value != 0;
  const int64_t cycle = fault.flip_cycle;
  switch (fault.kind) {
    case SiteKind::pool_cell:
      if (fault.is_flip()) return pool.flip_cell(first, second, third, cycle);
      return pool.stick_cell(first, second, third, one);
    case SiteKind::pool_comparator:
      if (fault.is_flip()) return pool.flip_comparator(first, cycle);
      return pool.stick_comparator(first, one);
    case SiteKind::pool_output:
      if (fault.is_flip()) return pool.flip_output(first, cycle);
      return pool.stick_output(first, one);
    default:
      refuse_site(fault, "model of a max-pool");
  }
}

void arm_stream(kernel::StampedFifo& fifo, int tensor, int lane_bits, const Network& network,
                const Fault& fault) {
  const bool one = fault.value != 0;
  switch (fault.kind) {
    case SiteKind::stream_wire:
      if (fault.is_flip()) return fifo.flip_wire(fault.coordinates[0], fault.flip_cycle);
      return fifo.stick_wire(fault.coordinates[0], one);
    case SiteKind::stream_slot:
      if (fault.is_flip()) {
        return fifo.flip_slot_bit(fault.coordinates[0], fault.coordinates[1], fault.flip_cycle);
      }
      return fifo.stick_slot_bit(fault.coordinates[0], fault.coordinates[1], one);
    case SiteKind::stream_word: {
      const uint32_t code = level_code(network, tensor, fault.value);
      for (int bit = 0; bit < fifo.word_bits(); ++bit) {
        const int code_bit = bit % lane_bits;
        fifo.stick_slot_bit(fault.coordinates[0], bit, (code >> code_bit & 1u) != 0);
      }
      return;
    }
    default:
      refuse_site(fault, "model of a stream");
  }
}

}  // namespace stuckat::dataflow
