// The loops of the level engine over rows: compiled once for each instruction set (Highway).
#pragma once

#include <cstdint>
#include <span>

#include "sim/fast/levels/level_network.h"

namespace stuckat::fast::kernels {

/// Products of rows with windows: of weights in 8 bits with levels in 8 (bytes, four to a word), or
/// of weights with differences of levels, both in 16 bits (two to a word).
struct WindowProducts {
  bool shorts = false;
  const uint8_t* image = nullptr;  ///< the group's first channel of the first bordered pixel
  int pixel_bytes = 0;
  std::span<const uint32_t> corners;  ///< pixels; see LevelLayer
  std::span<const int32_t> runs;      ///< likewise
  int run_words = 0;
  const int8_t* weights = nullptr;  ///< [block][run][word][16 rows][4 bytes]
};

/// sums[i][slots], blocks first .. first+count-1 of it: the products at output pixel pixels[i].
/// Exact: nothing saturates.
void multiply(const WindowProducts& products, int first, int count, std::span<const int> pixels,
              int slots, int32_t* sums);

/// The same for a depthwise layer; image: all channels.
void multiply_depthwise(const LevelLayer& layer, const uint8_t* image, std::span<const int> blocks,
                        std::span<const int> pixels, int32_t* sums);

/// What becomes of sums.
struct Finish {
  const int32_t* sums = nullptr;    ///< [pixels of the area in raster order][slots]
  const int32_t* golden = nullptr;  ///< unless null they are differences from these, [pixel][slots]
  const uint8_t* before = nullptr;  ///< the fault-free tensor; null: nothing is compared
  uint8_t* to = nullptr;            ///< the tensor
  uint8_t* channels = nullptr;      ///< where something differs, bits are set here
};

/// Levels of some blocks of a layer with thresholds, at an area of its output. Returns the area of
/// what differs.
Area finish(const LevelLayer& layer, const LevelTensor& output, std::span<const int> blocks,
            const Area& area, const Finish& work);

}  // namespace stuckat::fast::kernels
