// Stuck bits of stored weights, by layer, row and column: no hardware is named. Inside sim/campaign
// only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat::campaign {

/// Bit `bit` of the stored code of one weight.
struct WeightBit {
  int layer = 0;
  int row = 0;
  int column = 0;
  int bit = 0;
  bool one = false;
};

/// "layer1/weight[3,17]/bit[2]=1"
std::string name(const WeightBit& bit, const Network& network);

/// Nothing if the name has another form. Throws InputError(where, ...) for a layer, row, column,
/// bit or value that is not there.
std::optional<WeightBit> parse_weight_bit(const std::string& name, const Network& network,
                                          const std::string& where);

/// Adds them all to what is patched already. Throws InputError(where, ...) for a bit stuck both
/// ways.
void add_weight_bits(const Network& network, const std::vector<WeightBit>& bits,
                     const std::string& where, Effects& effects);

/// "5", "3,4": as many numbers as `count`, and nothing else.
std::optional<std::vector<int>> parse_numbers(std::string_view text, size_t count);

}  // namespace stuckat::campaign
