#include "sim/fast/channel_rows.h"

#include <cassert>

namespace stuckat::fast {

ChannelRows::ChannelRows(const TensorLayout& layout)
    : layout_(layout),
      rows_(static_cast<size_t>(layout.words) * rows_per_word * static_cast<size_t>(layout.planes) *
            static_cast<size_t>(layout.shape.height)) {
  assert(fits(layout));
}

void ChannelRows::fill(const uint64_t* planes) {
  const int width = layout_.shape.width;
  const size_t height = static_cast<size_t>(layout_.shape.height);
  uint64_t block[64];
  for (int y = 0; y < layout_.shape.height; ++y) {
    for (int w = 0; w < layout_.pixel_words(); ++w) {
      const int plane = w / layout_.words;
      const int first_channel = w % layout_.words * rows_per_word;
      const uint64_t* from =
          planes + static_cast<size_t>(y) * width * layout_.pixel_words() + static_cast<size_t>(w);
      uint64_t* to =
          rows_.data() + (static_cast<size_t>(first_channel) * layout_.planes + plane) * height + y;
      const size_t stride = static_cast<size_t>(layout_.planes) * height;
      if (width == 1) {
        for (int c = 0; c < rows_per_word; ++c) to[c * stride] = *from >> c & 1;
        continue;
      }
      for (int x = 0; x < width; ++x)
        block[x] = from[static_cast<size_t>(x) * layout_.pixel_words()];
      for (int x = width; x < 64; ++x) block[x] = 0;
      transpose_64x64(block);
      for (int c = 0; c < rows_per_word; ++c) to[c * stride] = block[c];
    }
  }
}

bool ChannelRows::is_constant(int channel, int level) const {
  const int width = layout_.shape.width;
  const uint64_t full = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  uint64_t differs = 0;
  for (int k = 0; k < layout_.planes; ++k) {
    const uint64_t* row = rows(channel, k);
    const uint64_t stuck = k < level ? full : 0;
    for (int y = 0; y < layout_.shape.height; ++y) differs |= row[y] ^ stuck;
  }
  return differs == 0;
}

void transpose_64x64(uint64_t (&words)[64]) {
  // Quadrants of 32x32 change places, then of 16x16 inside each, and so on down to single bits.
  uint64_t mask = 0x00000000ffffffffu;
  for (int half = 32; half != 0; half /= 2, mask ^= mask << half) {
    for (int i = 0; i < 64; i = ((i | half) + 1) & ~half) {
      const uint64_t swap = ((words[i] >> half) ^ words[i | half]) & mask;
      words[i] ^= swap << half;
      words[i | half] ^= swap;
    }
  }
}

}  // namespace stuckat::fast
