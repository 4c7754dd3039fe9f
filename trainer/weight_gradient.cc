#include "trainer/weight_gradient.h"

#include <algorithm>
#include <cstring>

#include "trainer/buffer.h"

namespace stuckat::trainer {
namespace {

constexpr int entry_bytes = lanes * static_cast<int>(sizeof(float));

/// The signs of eight values: bit i is 0 where value i is -1. 0 (no sample) counts as +1: its
/// gradients are 0.
uint64_t plus_bits(const int8_t* values) {
  uint64_t word;
  std::memcpy(&word, values, sizeof word);
  // Byte i has its bit at 8i, and 8i + 7(8 - i) = 56 + i: bit i of the product's top byte.
  return ((~word >> 7 & 0x0101010101010101u) * 0x0102040810204080u) >> 56;
}

/// Groups of values of {-1, +1} as byte offsets of table entries.
void binary_entries(const int8_t* values, int count, int group, uint16_t* out, int groups) {
  uint64_t bits = 0;
  int held = 0;
  int next = 0;
  for (int g = 0; g < groups; ++g) {
    while (held < group && next < count) {
      bits |= plus_bits(values + next) << held;
      held += 8;
      next += 8;
    }
    out[g] = static_cast<uint16_t>((bits & ((1u << group) - 1)) * entry_bytes);
    bits >>= group;
    held -= group;
  }
}

/// Parts to cut `count` columns into, so that there is work for all threads.
int slices_for(int row_blocks, int count, const Workers& workers) {
  if (row_blocks % workers.threads() == 0) return 1;
  const int wanted = (2 * workers.threads() + row_blocks - 1) / row_blocks;
  return std::clamp(wanted, 1, std::max(1, count / 3));
}

/// sums[tap][channel of the range][16] over all pixels.
void add_by_tables(const Geometry& geometry, const PackedActivations& activations,
                   const float* transposed, int samples, Range range, float* sums) {
  const Digits& digits = activations.digits;
  const int channels = geometry.in.channels;
  const int padded = block_count(samples) * lanes;
  // The samples in as few and as equal rounds as tables fit.
  const int fit = groups_at_once(digits, entry_bytes);
  const int rounds = (activations.groups + fit - 1) / fit;
  Buffer<float> tables;
  tables.grow(static_cast<size_t>(fit) * digits.entries() * lanes);
  const int width = range.end - range.begin;
  for (int p = 0; p < geometry.out.pixels(); ++p) {
    const int y = p / geometry.out.width * geometry.stride;
    const int x = p % geometry.out.width * geometry.stride;
    for (int round = 0; round < rounds; ++round) {
      const Range groups = slice_of(activations.groups, round, rounds);
      const int first = groups.begin * digits.group;
      const int values = std::min(groups.end * digits.group, padded) - first;
      build_tables(digits, transposed + (static_cast<ptrdiff_t>(p) * padded + first) * lanes, lanes,
                   values, lanes, tables.data());
      for (int tap = 0; tap < geometry.taps(); ++tap) {
        const int q = (y + tap / geometry.kernel) * geometry.in.width + x + tap % geometry.kernel;
        const LookUp look_up{
            digits.entries(), groups.end - groups.begin,
            activations.index.data() +
                (static_cast<ptrdiff_t>(q) * channels + range.begin) * activations.groups +
                groups.begin,
            activations.groups};
        add_entries(tables.data(), look_up, sums + static_cast<ptrdiff_t>(tap) * width * lanes,
                    width, lanes);
      }
    }
  }
}

/// The same by multiplication; `range` is of the columns of one row of the window.
void add_by_products(const Geometry& geometry, const PackedActivations& activations,
                     const float* transposed, int samples, Range range, float* sums) {
  const int padded = block_count(samples) * lanes;
  const int width = range.end - range.begin;
  for (int p = 0; p < geometry.out.pixels(); ++p) {
    const int y = p / geometry.out.width * geometry.stride;
    const int left = p % geometry.out.width * geometry.stride;
    for (int ky = 0; ky < geometry.kernel; ++ky) {
      const int q = (y + ky) * geometry.in.width + left;
      multiply(
          activations.plain.data() + static_cast<ptrdiff_t>(q) * geometry.in.channels + range.begin,
          geometry.in.size(), transposed + static_cast<ptrdiff_t>(p) * padded * lanes, samples,
          width, sums + static_cast<ptrdiff_t>(ky) * width * lanes);
    }
  }
}

}  // namespace

void PackedActivations::pack(const Geometry& geometry, const Digits& activation_digits, int samples,
                             const int8_t* input, Workers& workers) {
  digits = activation_digits;
  const int size = geometry.in.size();
  const int blocks = block_count(samples);
  if (digits.radix == 0) {
    plain.resize(static_cast<size_t>(samples) * size);
    workers.run(samples, [&](int n) {
      const int8_t* in = input + n / lanes * block_elements(geometry.in) + n % lanes;
      float* out = plain.data() + static_cast<ptrdiff_t>(n) * size;
      for (int e = 0; e < size; ++e) out[e] = in[e * lanes];
    });
    return;
  }
  groups = (samples + digits.group - 1) / digits.group;
  index.resize(static_cast<size_t>(size) * groups);
  const int slices = std::min(size, 16 * workers.threads());
  workers.run(slices, [&](int slice) {
    const Range range = slice_of(size, slice, slices);
    std::vector<int8_t> all(static_cast<size_t>(blocks) * lanes);
    for (int e = range.begin; e < range.end; ++e) {
      for (int block = 0; block < blocks; ++block) {
        std::memcpy(all.data() + block * lanes,
                    input + block * block_elements(geometry.in) + static_cast<ptrdiff_t>(e) * lanes,
                    lanes);
      }
      uint16_t* out = index.data() + static_cast<ptrdiff_t>(e) * groups;
      if (digits == Digits{}) {
        binary_entries(all.data(), blocks * lanes, digits.group, out, groups);
        continue;
      }
      for (int g = 0; g < groups; ++g) {
        int entry = 0;
        const int first = g * digits.group;
        for (int i = std::min(digits.group, samples - first) - 1; i >= 0; --i) {
          entry = entry * digits.radix + digits.digit(all[static_cast<size_t>(first) + i]);
        }
        out[g] = static_cast<uint16_t>(entry * entry_bytes);
      }
    }
  });
}

void weight_gradient(const Geometry& geometry, const PackedActivations& activations,
                     const float* transposed, int samples, float* result, Workers& workers) {
  const bool by_tables = activations.digits.radix != 0;
  // Sums are [tap][channel], or [window row][channels of all its pixels].
  const int runs = by_tables ? geometry.taps() : geometry.kernel;
  const int run = geometry.columns() / runs;
  const int blocks = row_blocks(geometry);
  const int slices = slices_for(blocks, run, workers);
  workers.run(blocks * slices, [&](int item) {
    const int block = item / slices;
    const Range range = slice_of(run, item % slices, slices);
    const int width = range.end - range.begin;
    const size_t size = static_cast<size_t>(runs) * width * lanes;
    Buffer<float> sums;
    sums.grow(size);
    std::fill_n(sums.data(), size, 0.0f);
    const float* gradient =
        transposed + block * (transposed_size(geometry, block_count(samples)) / blocks);
    (by_tables ? add_by_tables : add_by_products)(geometry, activations, gradient, samples, range,
                                                  sums.data());
    const int rows = std::min(lanes, geometry.out.channels - block * lanes);
    for (int row = 0; row < rows; ++row) {
      float* out =
          result + static_cast<ptrdiff_t>(block * lanes + row) * geometry.columns() + range.begin;
      for (int r = 0; r < runs; ++r) {
        for (int i = 0; i < width; ++i)
          out[r * run + i] = sums.data()[(r * width + i) * lanes + row];
      }
    }
  });
}

}  // namespace stuckat::trainer
