// A layer on the differences of a few channels of its input: its sums change by their products.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/levels/level_network.h"

namespace stuckat::fast {

class ChannelDelta {
 public:
  /// Only layers of one group that keep their columns can be done in this way.
  static bool fits(const LevelLayer& layer) { return !layer.columns.empty(); }
  /// Is it cheaper than all channels of the windows?
  static bool pays(const LevelLayer& layer, size_t channels);

  /// changes[i][slots]: what `faulty` minus `golden` in `channels` and `changed` does to the sums
  /// at output pixel pixels[i]. Nothing else of the input differs.
  void multiply(const LevelLayer& layer, const LevelTensor& input, const uint8_t* golden,
                const uint8_t* faulty, std::span<const int> channels, const Area& changed,
                std::span<const int> pixels, int32_t* changes);

 private:
  void gather_weights(const LevelLayer& layer, std::span<const int> channels);

  const LevelLayer* layer_ = nullptr;  // that weights_ are of
  std::vector<int> channels_;
  AlignedVector<int16_t> weights_;  // [block][run][word][16 rows][2]
  AlignedVector<int16_t> image_;    // [bordered height][width][channels_]
};

}  // namespace stuckat::fast
