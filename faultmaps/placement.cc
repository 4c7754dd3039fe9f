#include "faultmaps/placement.h"

#include <algorithm>
#include <set>

#include "faultmaps/effects.h"
#include "workloads/errors.h"

namespace stuckat {

int stored_bits(const Network& network, int tensor) {
  return network.holds_accumulators(tensor) ? 32 : network.format(tensor).bits;
}

namespace {

/// Layers first .. last - 1 each make their tensor from the one before, which nobody else reads.
bool follow_each_other(const Network& network, int first, int last) {
  for (int l = first; l < last; ++l) {
    if (network.layer(l).has_weights() || network.only_consumer(l) != l) return false;
  }
  return true;
}

}  // namespace

void validate(const Placement& placement, const Network& network) {
  std::set<std::string> names;
  auto check = [&](bool ok, const std::string& part, const std::string& what,
                   const std::string& expected) {
    if (!ok) throw InputError(placement.accelerator, part + ": " + what, expected);
  };
  for (const PeArray& array : placement.arrays) {
    check(names.insert(array.name).second, array.name, "repeated name", "unique names");
    check(array.pe >= 1 && array.simd >= 1, array.name,
          "PE " + std::to_string(array.pe) + ", SIMD " + std::to_string(array.simd), "at least 1");
    for (const ArrayUse& use : array.uses) {
      const bool exists = use.layer >= 0 && use.layer < static_cast<int>(network.layers.size()) &&
                          network.layer(use.layer).part() == HardwarePart::pe_array;
      check(exists, array.name, "layer " + std::to_string(use.layer),
            "a layer for an array of PEs");
      const Layer& layer = network.layers[static_cast<size_t>(use.layer)];
      check(use.rows >= layer.rows() &&
                (array.schedule == Schedule::pixel_parallel || use.rows % array.pe == 0),
            array.name, std::to_string(use.rows) + " rows for " + layer.name,
            "a multiple of " + std::to_string(array.pe) + " >= " + std::to_string(layer.rows()));
      check(array.schedule == Schedule::pixel_parallel || layer.groups == 1 ||
                (use.rows / array.pe % (layer.groups / use.groups_at_once) == 0 &&
                 use.rows >= layer.rows()),
            array.name, std::to_string(use.rows) + " rows for " + layer.name,
            "as many folds for each of its " + std::to_string(layer.groups) + " groups");
      check(
          use.columns >= layer.columns() && use.columns % array.simd == 0, array.name,
          std::to_string(use.columns) + " columns for " + layer.name,
          "a multiple of " + std::to_string(array.simd) + " >= " + std::to_string(layer.columns()));
      check(!layer.signed_sum || (use.columns - layer.columns()) % 2 == 0, array.name,
            std::to_string(use.columns) + " columns for the " + std::to_string(layer.columns()) +
                " of " + layer.name + ", which sums binary values",
            "an even number of padded columns, whose products cancel");
      check(use.accumulator_bits >= layer.accumulator_bits() && use.accumulator_bits <= 32,
            array.name,
            std::to_string(use.accumulator_bits) + " accumulator bits for " + layer.name,
            std::to_string(layer.accumulator_bits()) + " to 32");
      check(use.threshold_bits >= layer.threshold_bits() && use.threshold_bits <= 32, array.name,
            std::to_string(use.threshold_bits) + " threshold bits for " + layer.name,
            std::to_string(layer.threshold_bits()) + " to 32");
    }
  }
  for (const Stream& stream : placement.streams) {
    check(names.insert(stream.name).second, stream.name, "repeated name", "unique names");
    check(stream.tensor >= 0 && stream.tensor < network.tensors(), stream.name,
          "tensor " + std::to_string(stream.tensor), "a tensor of the network");
    const std::vector<int> readers = network.consumers(stream.tensor);
    check(stream.layer < 0
              ? stream.layer == -1 && stream.carries == Carries::tensor
              : std::find(readers.begin(), readers.end(), stream.layer) != readers.end(),
          stream.name,
          "tensor " + std::to_string(stream.tensor) + " for layer " + std::to_string(stream.layer),
          "a layer that reads the tensor");
    const Shape shape = network.shape(stream.tensor);
    const int channels = stream.packed ? shape.size() : shape.channels;
    check(stream.depth >= 0 && stream.channels_per_word >= 1 &&
              int64_t{stream.words_per_pixel} * stream.channels_per_word >= channels,
          stream.name,
          std::to_string(stream.words_per_pixel) + " words of " +
              std::to_string(stream.channels_per_word) + " channels a pixel, depth " +
              std::to_string(stream.depth),
          "words that hold " + std::to_string(channels) + " channels, depth >= 0");
  }
  auto check_unit = [&](const std::string& name, int layer, bool pool, int channels_per_word) {
    check(names.insert(name).second, name, "repeated name", "unique names");
    const bool exists = layer >= 0 && layer < static_cast<int>(network.layers.size());
    check(exists && (pool ? network.layer(layer).part() == HardwarePart::max_pool
                          : network.layer(layer).part() == HardwarePart::pe_array &&
                                !network.layer(layer).is_flat()),
          name, "layer " + std::to_string(layer),
          pool ? "a max-pool" : "a layer with windows for an array of PEs");
    const int channels = network.layers[static_cast<size_t>(layer)].input.channels;
    check(channels_per_word >= 1 && channels % channels_per_word == 0, name,
          std::to_string(channels_per_word) + " channels in a word",
          "a divisor of " + std::to_string(channels));
  };
  for (const WindowBuffer& window : placement.windows) {
    check_unit(window.name, window.layer, false, window.channels_per_word);
    const int kernel = network.layers[static_cast<size_t>(window.layer)].kernel;
    check(window.slots >= kernel, window.name, std::to_string(window.slots) + " row slots",
          "at least " + std::to_string(kernel));
  }
  for (const PoolUnit& pool : placement.pools) {
    check_unit(pool.name, pool.layer, true, pool.channels_per_word);
    const Layer& layer = network.layers[static_cast<size_t>(pool.layer)];
    const int words = layer.input.channels / pool.channels_per_word;
    check((pool.columns == layer.output.width && pool.words == words) ||
              (pool.columns == 1 && pool.words == 1),
          pool.name,
          std::to_string(pool.columns) + " columns of " + std::to_string(pool.words) + " words",
          std::to_string(layer.output.width) + " of " + std::to_string(words) + ", or 1 of 1");
  }
  for (const ActivationMemory& memory : placement.memories) {
    check(names.insert(memory.name).second, memory.name, "repeated name", "unique names");
    for (const auto& stored : memory.tensors) {
      const bool good = stored.tensor >= 0 && stored.tensor < network.tensors() &&
                        stored.kept >= stored.tensor && stored.kept < network.tensors() &&
                        follow_each_other(network, stored.tensor, stored.kept) &&
                        stored.buffer >= 0 && stored.buffer < memory.buffers && stored.address >= 0;
      check(good, memory.name,
            "tensor " + std::to_string(stored.tensor) + " kept as " + std::to_string(stored.kept) +
                " in buffer " + std::to_string(stored.buffer),
            "tensors of the network, and what the layers that follow make of them");
    }
  }
  for (const OtherPart& other : placement.others) {
    check(names.insert(other.name).second, other.name, "repeated name", "unique names");
    check(other.layer >= -1 && other.layer < static_cast<int>(network.layers.size()), other.name,
          "layer " + std::to_string(other.layer), "a layer of the network, or -1");
  }
}

}  // namespace stuckat
