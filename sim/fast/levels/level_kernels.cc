#include "sim/fast/levels/level_kernels.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "sim/fast/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/levels/level_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#if HWY_TARGET == HWY_AVX3_DL && defined(HWY_TARGET_STR)
// Highway asks the processor for AVX512_VNNI here, but its older versions do not tell the compiler.
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
#endif
namespace stuckat::fast::HWY_NAMESPACE {
using kernels::Finish;
using kernels::WindowProducts;
namespace hn = hwy::HWY_NAMESPACE;

using Sums = hn::CappedTag<int32_t, block_rows>;
using SumVector = hn::Vec<Sums>;
inline constexpr int lanes = static_cast<int>(hn::MaxLanes(Sums()));
inline constexpr int parts = block_rows / lanes;  // vectors of a block

/// sum + the four products of bytes, or two of 16 bits, in each lane; levels are unsigned.
template <bool kShorts>
HWY_INLINE SumVector add_products(SumVector sum, SumVector inputs, SumVector weights) {
#if HWY_TARGET == HWY_AVX3_DL
  if constexpr (kShorts) return SumVector{_mm512_dpwssd_epi32(sum.raw, inputs.raw, weights.raw)};
  return SumVector{_mm512_dpbusd_epi32(sum.raw, inputs.raw, weights.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  // On x86 the products that are added are neighbours (pmaddwd).
  const Sums d;
  const hn::Repartition<int16_t, Sums> d16;
  const hn::Repartition<uint16_t, Sums> du16;
  SumVector nothing = hn::Zero(d);
  const auto w = hn::BitCast(d16, weights);
  if constexpr (kShorts) {
    return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, inputs), w, sum, nothing);
  }
  const auto x = hn::BitCast(du16, inputs);
  const auto even = hn::BitCast(d16, hn::And(x, hn::Set(du16, 0xff)));
  const auto odd = hn::BitCast(d16, hn::ShiftRight<8>(x));
  sum =
      hn::ReorderWidenMulAccumulate(d, even, hn::ShiftRight<8>(hn::ShiftLeft<8>(w)), sum, nothing);
  return hn::ReorderWidenMulAccumulate(d, odd, hn::ShiftRight<8>(w), sum, nothing);
#else
  const Sums d;
  if constexpr (kShorts) {
    const auto low = [](SumVector v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
    sum = hn::Add(sum, hn::Mul(low(inputs), low(weights)));
    return hn::Add(sum, hn::Mul(hn::ShiftRight<16>(inputs), hn::ShiftRight<16>(weights)));
  }
  const auto byte = hn::Set(d, 0xff);
  const auto at = [&](SumVector v) { return hn::And(v, byte); };
  sum = hn::Add(sum, hn::Mul(at(inputs), hn::ShiftRight<24>(hn::ShiftLeft<24>(weights))));
  sum = hn::Add(
      sum, hn::Mul(at(hn::ShiftRight<8>(inputs)), hn::ShiftRight<24>(hn::ShiftLeft<16>(weights))));
  sum = hn::Add(
      sum, hn::Mul(at(hn::ShiftRight<16>(inputs)), hn::ShiftRight<24>(hn::ShiftLeft<8>(weights))));
  return hn::Add(sum, hn::Mul(at(hn::ShiftRight<24>(inputs)), hn::ShiftRight<24>(weights)));
#endif
}

/// Blocks and pixels whose sums stay in registers together.
inline constexpr bool many_registers = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL;
template <int kBlocks>
inline constexpr int tile_pixels = many_registers ? (kBlocks == 4   ? 6
                                                     : kBlocks == 2 ? 12
                                                                    : 16)
                                                  : (parts > 4 ? 1 : 4 / kBlocks);

/// kBlocks blocks at kPixels pixels. inputs: where their windows begin.
template <int kBlocks, int kPixels, bool kShorts>
HWY_INLINE void multiply_tile(const WindowProducts& p, const uint8_t* const (&inputs)[kPixels],
                              const int8_t* weights, size_t block_bytes,
                              int32_t* const (&sums)[kPixels]) {
  const Sums d;
  SumVector sum[kPixels][kBlocks * parts];
  for (auto& pixel : sum) {
    for (auto& s : pixel) s = hn::Zero(d);
  }
  for (const int32_t run : p.runs) {
    const std::ptrdiff_t offset = std::ptrdiff_t{run} * p.pixel_bytes;
    for (int word = 0; word < p.run_words; ++word, weights += block_rows * 4) {
      SumVector w[kBlocks * parts];
      for (int b = 0; b < kBlocks; ++b) {
        for (int v = 0; v < parts; ++v) {
          const int8_t* from = weights + static_cast<size_t>(b) * block_bytes + v * lanes * 4;
          w[b * parts + v] = hn::LoadU(d, reinterpret_cast<const int32_t*>(from));
        }
      }
      for (int i = 0; i < kPixels; ++i) {
        int32_t four;
        memcpy(&four, inputs[i] + offset + word * 4, sizeof(four));
        const SumVector x = hn::Set(d, four);
        for (int v = 0; v < kBlocks * parts; ++v) {
          sum[i][v] = add_products<kShorts>(sum[i][v], x, w[v]);
        }
      }
    }
  }
  for (int i = 0; i < kPixels; ++i) {
    for (int v = 0; v < kBlocks * parts; ++v) hn::StoreU(sum[i][v], d, sums[i] + v * lanes);
  }
}

template <int kBlocks, bool kShorts>
HWY_INLINE void multiply_blocks(const WindowProducts& p, int first, std::span<const int> pixels,
                                int slots, int32_t* sums) {
  constexpr int at_once = tile_pixels<kBlocks>;
  const size_t block_bytes = p.runs.size() * static_cast<size_t>(p.run_words) * block_rows * 4;
  const int8_t* weights = p.weights + static_cast<size_t>(first) * block_bytes;
  const auto count = static_cast<int>(pixels.size());
  for (int i = 0; i < count; i += at_once) {
    const uint8_t* inputs[at_once];
    int32_t* to[at_once];
    for (int k = 0; k < at_once; ++k) {
      // The last tile does its last pixel several times.
      const int at = std::min(i + k, count - 1);
      const int pixel = pixels[static_cast<size_t>(at)];
      inputs[k] = p.image + size_t{p.corners[static_cast<size_t>(pixel)]} *
                                static_cast<size_t>(p.pixel_bytes);
      to[k] = sums + static_cast<std::ptrdiff_t>(at) * slots + first * block_rows;
    }
    multiply_tile<kBlocks, at_once, kShorts>(p, inputs, weights, block_bytes, to);
  }
}

template <bool kShorts>
HWY_INLINE void multiply_all(const WindowProducts& p, int first, int count,
                             std::span<const int> pixels, int slots, int32_t* sums) {
  const int end = first + count;
  if constexpr (many_registers) {
    for (; first + 4 <= end; first += 4) multiply_blocks<4, kShorts>(p, first, pixels, slots, sums);
    for (; first + 2 <= end; first += 2) multiply_blocks<2, kShorts>(p, first, pixels, slots, sums);
  }
  for (; first < end; ++first) multiply_blocks<1, kShorts>(p, first, pixels, slots, sums);
}

void multiply(const WindowProducts& products, int first, int count, std::span<const int> pixels,
              int slots, int32_t* sums) {
  if (products.shorts)
    multiply_all<true>(products, first, count, pixels, slots, sums);
  else
    multiply_all<false>(products, first, count, pixels, slots, sums);
}

void multiply_depthwise(const LevelLayer& layer, const uint8_t* image, std::span<const int> blocks,
                        std::span<const int> pixels, int32_t* sums) {
  const Sums d;
  const hn::Rebind<uint8_t, Sums> levels;
  const hn::Rebind<int8_t, Sums> bytes;
  const auto channels = static_cast<std::ptrdiff_t>(layer.input.channels);
  for (size_t i = 0; i < pixels.size(); ++i) {
    const uint8_t* corner = image + layer.corners[static_cast<size_t>(pixels[i])] * channels;
    for (const int block : blocks) {
      const int8_t* weights =
          layer.weights.data() + static_cast<size_t>(block) * layer.block_bytes();
      const uint8_t* from = corner + block * block_rows;
      SumVector sum[parts];
      for (auto& s : sum) s = hn::Zero(d);
      for (const int32_t run : layer.runs) {
        const uint8_t* x = from + run * channels;
        for (int v = 0; v < parts; ++v) {
          const auto input = hn::PromoteTo(d, hn::LoadU(levels, x + v * lanes));
          const auto weight = hn::PromoteTo(d, hn::LoadU(bytes, weights + v * lanes));
          sum[v] = hn::Add(sum[v], hn::Mul(input, weight));
        }
        weights += block_rows;
      }
      int32_t* to = sums + i * static_cast<size_t>(layer.slots) + block * block_rows;
      for (int v = 0; v < parts; ++v) hn::StoreU(sum[v], d, to + v * lanes);
    }
  }
}

using Bytes = hn::CappedTag<uint8_t, block_rows>;
inline constexpr int byte_lanes = static_cast<int>(hn::MaxLanes(Bytes()));

/// The levels of a block's 16 rows.
struct BlockLevels {
  hn::Vec<Bytes> bytes[block_rows / byte_lanes];
};

/// From `kLanes` 32-bit numbers in each of some vectors.
template <class D, int kVectors>
HWY_INLINE BlockLevels block_levels(D d, const hn::Vec<D> (&numbers)[kVectors]) {
  BlockLevels result;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  // In registers: a load of what two stores wrote waits for both.
  if constexpr (kVectors == 2)
    result.bytes[0] = hn::DemoteTo(Bytes(), hn::Combine(Sums(), numbers[1], numbers[0]));
  else
    result.bytes[0] = hn::DemoteTo(Bytes(), numbers[0]);
#else
  const hn::Rebind<uint8_t, D> narrow;
  HWY_ALIGN uint8_t levels[block_rows];
  for (int v = 0; v < kVectors; ++v) {
    hn::StoreU(hn::DemoteTo(narrow, numbers[v]), narrow,
               levels + v * static_cast<int>(hn::MaxLanes(d)));
  }
  for (int v = 0; v < block_rows / byte_lanes; ++v) {
    result.bytes[v] = hn::Load(Bytes(), levels + v * byte_lanes);
  }
#endif
  return result;
}

/// The first line of a block's rows, in registers.
struct FirstLine {
  using Wide = hn::CappedTag<double, 8>;
  using Whole = hn::Rebind<int32_t, Wide>;
  static constexpr int at_once = static_cast<int>(hn::MaxLanes(Wide()));
  static constexpr int vectors = block_rows / at_once;

  FirstLine(const Activation& a, int slot) {
    for (int v = 0; v < vectors; ++v) {
      const int at = slot + v * at_once;
      slope[v] = hn::LoadU(Wide(), a.slopes() + at);
      offset[v] = hn::LoadU(Wide(), a.offsets() + at);
      lowest[v] = hn::LoadU(Whole(), a.lowest() + at);
      highest[v] = hn::LoadU(Whole(), a.highest() + at);
    }
  }

  /// Of vector v.
  HWY_INLINE hn::Vec<Whole> count(hn::Vec<Wide> sum, int v) const {
    return count(sum, slope[v], offset[v], lowest[v], highest[v]);
  }
  static HWY_INLINE hn::Vec<Whole> count(hn::Vec<Wide> sum, hn::Vec<Wide> slope,
                                         hn::Vec<Wide> offset, hn::Vec<Whole> lowest,
                                         hn::Vec<Whole> highest) {
    const auto rounded = hn::DemoteTo(Whole(), hn::MulAdd(sum, slope, offset));  // to zero
    return hn::Min(hn::Max(rounded, lowest), highest);
  }

  hn::Vec<Wide> slope[vectors];
  hn::Vec<Wide> offset[vectors];
  hn::Vec<Whole> lowest[vectors];
  hn::Vec<Whole> highest[vectors];
};

/// A block by its lines. golden: added to sums, unless null.
template <bool kOneLine>
class ByLines {
 public:
  ByLines(const LevelLayer& layer, int block)
      : layer_(layer),
        slot_(block * block_rows),
        lines_(layer.activation.lines(block)),
        first_(layer.activation, slot_) {}

  HWY_INLINE BlockLevels operator()(const int32_t* sums, const int32_t* golden) const {
    const FirstLine::Wide wide;
    const FirstLine::Whole whole;
    const Activation& a = layer_.activation;
    const auto lowest_level = hn::Set(whole, a.first_level());
    hn::Vec<FirstLine::Whole> level[FirstLine::vectors];
    for (int v = 0; v < FirstLine::vectors; ++v) {
      const int lane = v * FirstLine::at_once;
      auto sum = hn::LoadU(whole, sums + lane);
      if (golden != nullptr) sum = hn::Add(sum, hn::LoadU(whole, golden + lane));
      const auto x = hn::PromoteTo(wide, sum);
      level[v] = hn::Add(lowest_level, first_.count(x, v));
      for (int i = 1; !kOneLine && i < lines_; ++i) {
        const int at = i * layer_.slots + slot_ + lane;
        level[v] = hn::Add(level[v], FirstLine::count(x, hn::LoadU(wide, a.slopes() + at),
                                                      hn::LoadU(wide, a.offsets() + at),
                                                      hn::LoadU(whole, a.lowest() + at),
                                                      hn::LoadU(whole, a.highest() + at)));
      }
    }
    return block_levels(whole, level);
  }

 private:
  const LevelLayer& layer_;
  int slot_;
  int lines_;
  FirstLine first_;
};

/// A block by a line that is off by at most one, and the thresholds on either side of it.
class ByNearLine {
 public:
  ByNearLine(const LevelLayer& layer, int block)
      : activation_(layer.activation), line_(layer.activation, block * block_rows) {
    const FirstLine::Whole whole;
    const int row = activation_.thresholds() + 2;
    for (int v = 0; v < FirstLine::vectors; ++v) {
      const int slot = block * block_rows + v * FirstLine::at_once;
      rows_[v] = hn::Mul(hn::Iota(whole, slot), hn::Set(whole, row));
    }
  }

  HWY_INLINE BlockLevels operator()(const int32_t* sums, const int32_t* golden) const {
    const FirstLine::Wide wide;
    const FirstLine::Whole whole;
    const auto lowest_level = hn::Set(whole, activation_.first_level());
    hn::Vec<FirstLine::Whole> level[FirstLine::vectors];
    for (int v = 0; v < FirstLine::vectors; ++v) {
      const int lane = v * FirstLine::at_once;
      auto sum = hn::LoadU(whole, sums + lane);
      if (golden != nullptr) sum = hn::Add(sum, hn::LoadU(whole, golden + lane));
      const auto count = line_.count(hn::PromoteTo(wide, sum), v);
      const auto at = hn::Add(rows_[v], count);
      const auto below = hn::GatherIndex(whole, activation_.enclosed(), at);
      const auto above = hn::GatherIndex(whole, activation_.enclosed() + 1, at);
      // A mask is -1 in lanes where it holds.
      const auto more = hn::VecFromMask(whole, hn::Gt(sum, above));
      const auto less = hn::VecFromMask(whole, hn::Not(hn::Gt(sum, below)));
      level[v] = hn::Add(lowest_level, hn::Add(hn::Sub(count, more), less));
    }
    return block_levels(whole, level);
  }

 private:
  const Activation& activation_;
  FirstLine line_;
  hn::Vec<FirstLine::Whole> rows_[FirstLine::vectors];  // where they begin among the thresholds
};

/// By comparing with each threshold.
struct ByCounting {
  const LevelLayer& layer;
  int block;

  HWY_INLINE BlockLevels operator()(const int32_t* sums, const int32_t* golden) const {
    const Sums d;
    const Activation& a = layer.activation;
    SumVector level[parts];
    for (int v = 0; v < parts; ++v) {
      auto sum = hn::LoadU(d, sums + v * lanes);
      if (golden != nullptr) sum = hn::Add(sum, hn::LoadU(d, golden + v * lanes));
      level[v] = hn::Set(d, a.first_level());
      for (int t = 0; t < a.thresholds(); ++t) {
        // A mask is -1 in lanes where it holds.
        const int at = t * layer.slots + block * block_rows + v * lanes;
        const auto above = hn::Gt(sum, hn::LoadU(d, a.counted() + at));
        level[v] = hn::Sub(level[v], hn::VecFromMask(d, above));
      }
    }
    return block_levels(d, level);
  }
};

struct BySearch {
  const LevelLayer& layer;
  int block;

  BlockLevels operator()(const int32_t* sums, const int32_t* golden) const {
    HWY_ALIGN uint8_t levels[block_rows];
    for (int i = 0; i < block_rows; ++i) {
      const int32_t sum = sums[i] + (golden == nullptr ? 0 : golden[i]);
      levels[i] = static_cast<uint8_t>(layer.activation.level(block * block_rows + i, sum));
    }
    BlockLevels result;
    for (int v = 0; v < block_rows / byte_lanes; ++v) {
      result.bytes[v] = hn::Load(Bytes(), levels + v * byte_lanes);
    }
    return result;
  }
};

/// One block at every pixel of the area. differs[pixels of the area]: set where it differs.
template <class Levels>
HWY_INLINE void finish_block(const LevelLayer& layer, const LevelTensor& output, int block,
                             const Area& area, const Finish& work, const Levels& levels_of,
                             uint8_t* differs) {
  const Bytes bytes;
  constexpr int vectors = block_rows / byte_lanes;
  const LevelLayer::Block& b = layer.blocks[static_cast<size_t>(block)];
  const auto count = static_cast<size_t>(b.count);
  const bool whole = b.count == block_rows;
  const std::ptrdiff_t slot = std::ptrdiff_t{block} * block_rows;
  hn::Vec<Bytes> changed[vectors];  // bits of each channel
  for (auto& c : changed) c = hn::Zero(bytes);
  HWY_ALIGN uint8_t part[block_rows] = {};  // of a block that is not whole
  HWY_ALIGN uint8_t old_part[block_rows] = {};
  const int32_t* sums = work.sums + slot;
  for (int y = area.top; y < area.bottom; ++y) {
    for (int x = area.left; x < area.right; ++x, sums += layer.slots, ++differs) {
      const auto pixel = static_cast<size_t>(y * layer.output.width + x);
      const int32_t* golden =
          work.golden == nullptr
              ? nullptr
              : work.golden + static_cast<std::ptrdiff_t>(pixel) * layer.slots + slot;
      const size_t at = output.at[pixel] + static_cast<size_t>(b.channel);
      const BlockLevels levels = levels_of(sums, golden);
      uint8_t* to = whole ? work.to + at : part;
      for (int v = 0; v < vectors; ++v) hn::StoreU(levels.bytes[v], bytes, to + v * byte_lanes);
      if (!whole) memcpy(work.to + at, part, count);
      if (work.before == nullptr) continue;
      const uint8_t* old = work.before + at;
      if (!whole) {
        memcpy(old_part, old, count);
        memcpy(old_part + count, part + count, block_rows - count);
        old = old_part;
      }
      hn::Vec<Bytes> any = hn::Zero(bytes);
      for (int v = 0; v < vectors; ++v) {
        const auto change = hn::Xor(hn::LoadU(bytes, old + v * byte_lanes), levels.bytes[v]);
        changed[v] = hn::Or(changed[v], change);
        any = hn::Or(any, change);
      }
      const bool same = hn::AllTrue(bytes, hn::Eq(any, hn::Zero(bytes)));
      *differs = static_cast<uint8_t>(*differs | (same ? 0 : 1));
    }
  }
  if (work.before == nullptr) return;
  for (int v = 0; v < vectors; ++v) hn::Store(changed[v], bytes, part + v * byte_lanes);
  for (size_t c = 0; c < count; ++c) {
    uint8_t& channel = work.channels[static_cast<size_t>(b.channel) + c];
    channel = static_cast<uint8_t>(channel | part[c]);
  }
}

Area finish(const LevelLayer& layer, const LevelTensor& output, std::span<const int> blocks,
            const Area& area, const Finish& work) {
  std::vector<uint8_t> differs(static_cast<size_t>(area.pixels()), 0);
  for (const int block : blocks) {
    switch (layer.activation.way(block)) {
      case Activation::Way::lines:
        if (layer.activation.lines(block) == 1)
          finish_block(layer, output, block, area, work, ByLines<true>(layer, block),
                       differs.data());
        else
          finish_block(layer, output, block, area, work, ByLines<false>(layer, block),
                       differs.data());
        break;
      case Activation::Way::near:
        finish_block(layer, output, block, area, work, ByNearLine(layer, block), differs.data());
        break;
      case Activation::Way::count:
        finish_block(layer, output, block, area, work, ByCounting{layer, block}, differs.data());
        break;
      case Activation::Way::search:
        finish_block(layer, output, block, area, work, BySearch{layer, block}, differs.data());
        break;
    }
  }
  return differing(area, differs);
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(multiply);
HWY_EXPORT(multiply_depthwise);
HWY_EXPORT(finish);

namespace kernels {

void multiply(const WindowProducts& products, int first, int count, std::span<const int> pixels,
              int slots, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(multiply)(products, first, count, pixels, slots, sums);
}

void multiply_depthwise(const LevelLayer& layer, const uint8_t* image, std::span<const int> blocks,
                        std::span<const int> pixels, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(multiply_depthwise)(layer, image, blocks, pixels, sums);
}

Area finish(const LevelLayer& layer, const LevelTensor& output, std::span<const int> blocks,
            const Area& area, const Finish& work) {
  return HWY_DYNAMIC_DISPATCH(finish)(layer, output, blocks, area, work);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
