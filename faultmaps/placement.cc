#include "faultmaps/placement.h"

#include <set>

#include "faultmaps/effects.h"
#include "workloads/errors.h"

namespace stuckat {

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
                          network.layers[static_cast<size_t>(use.layer)].has_weights();
      check(exists, array.name, "layer " + std::to_string(use.layer), "a layer with weights");
      const Layer& layer = network.layers[static_cast<size_t>(use.layer)];
      check(use.rows >= layer.rows() &&
                (array.schedule == Schedule::pixel_parallel || use.rows % array.pe == 0),
            array.name, std::to_string(use.rows) + " rows for " + layer.name,
            "a multiple of " + std::to_string(array.pe) + " >= " + std::to_string(layer.rows()));
      check(
          use.columns >= layer.columns() && use.columns % array.simd == 0, array.name,
          std::to_string(use.columns) + " columns for " + layer.name,
          "a multiple of " + std::to_string(array.simd) + " >= " + std::to_string(layer.columns()));
      check(use.accumulator_bits >= minimal_accumulator_bits(layer) && use.accumulator_bits <= 32,
            array.name,
            std::to_string(use.accumulator_bits) + " accumulator bits for " + layer.name,
            std::to_string(minimal_accumulator_bits(layer)) + " to 32");
      check(use.threshold_bits >= minimal_threshold_bits(layer) && use.threshold_bits <= 32,
            array.name, std::to_string(use.threshold_bits) + " threshold bits for " + layer.name,
            std::to_string(minimal_threshold_bits(layer)) + " to 32");
    }
  }
  for (const Stream& stream : placement.streams) {
    check(names.insert(stream.name).second, stream.name, "repeated name", "unique names");
    check(stream.tensor >= 0 && stream.tensor < network.tensors(), stream.name,
          "tensor " + std::to_string(stream.tensor), "a tensor of the network");
    const int channels = network.tensor_shape(stream.tensor).channels;
    check(stream.depth >= 1 && stream.channels_per_word >= 1 &&
              int64_t{stream.words_per_pixel} * stream.channels_per_word >= channels &&
              int64_t{stream.words_per_pixel - 1} * stream.channels_per_word < channels,
          stream.name,
          std::to_string(stream.words_per_pixel) + " words of " +
              std::to_string(stream.channels_per_word) + " channels a pixel, depth " +
              std::to_string(stream.depth),
          "words that hold " + std::to_string(channels) + " channels, depth >= 1");
  }
}

}  // namespace stuckat
