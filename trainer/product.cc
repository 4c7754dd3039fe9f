#include "trainer/product.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "trainer/dispatch.h"

namespace stuckat::trainer {
namespace {

struct Range {
  int begin = 0;
  int end = 0;
};

/// Part `part` of `parts` of 0 .. count-1.
Range part_of(int count, int part, int parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

/// Parts to cut `count` outputs into so that `items` pieces of work keep all threads busy. The
/// order of additions into an output does not depend on it.
int parts_for(int items, int count, const Workers& workers) {
  if (workers.threads() == 1) return 1;
  const int wanted = (4 * workers.threads() + items - 1) / items;
  return std::clamp(wanted, 1, std::max(1, count / 16));
}

template <class T>
struct Tables {
  // One table more than fits, for the longest group of the largest radix.
  static constexpr size_t size = 2 * table_bytes / sizeof(T);
  alignas(64) T values[size];
};

/// Calls visit(tap, output pixel) for each window that has input pixel (y, x) under it.
template <class Visit>
STUCKAT_INLINE void for_windows(const Geometry& g, int y, int x, const Visit& visit) {
  for (int ky = 0; ky < g.kernel; ++ky) {
    const int oy = y - ky;
    if (oy < 0 || oy % g.stride != 0 || oy / g.stride >= g.out.height) continue;
    for (int kx = 0; kx < g.kernel; ++kx) {
      const int ox = x - kx;
      if (ox < 0 || ox % g.stride != 0 || ox / g.stride >= g.out.width) continue;
      visit(ky * g.kernel + kx, oy / g.stride * g.out.width + ox / g.stride);
    }
  }
}

uint16_t offset(int entry, int entry_bytes) { return static_cast<uint16_t>(entry * entry_bytes); }

}  // namespace

Geometry geometry_of(const Layer& layer) {
  Geometry g;
  g.out = layer.output;
  if (layer.kind == LayerKind::dense) {
    g.in = {1, 1, layer.input.size()};
    return g;
  }
  g.kernel = layer.kernel;
  g.stride = layer.stride;
  g.in = {layer.input.height + 2 * layer.padding, layer.input.width + 2 * layer.padding,
          layer.input.channels};
  return g;
}

void PackedWeights::pack(const Geometry& geometry, const Digits& weight_digits,
                         const int8_t* weights, int entry_bytes, bool with_backward,
                         Workers& workers) {
  digits = weight_digits;
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int columns = geometry.columns();
  forward_groups = (channels + digits.group - 1) / digits.group;
  backward_groups = (rows + digits.group - 1) / digits.group;
  forward.resize(static_cast<size_t>(geometry.taps()) * rows * forward_groups);
  const int row_parts = std::min(rows, 8 * workers.threads());
  workers.run(row_parts, [&](int part) {
    const Range range = part_of(rows, part, row_parts);
    for (int row = range.begin; row < range.end; ++row) {
      for (int tap = 0; tap < geometry.taps(); ++tap) {
        const int8_t* w = weights + static_cast<ptrdiff_t>(row) * columns + tap * channels;
        uint16_t* out =
            forward.data() + (static_cast<ptrdiff_t>(tap) * rows + row) * forward_groups;
        for (int g = 0; g < forward_groups; ++g) {
          const int first = g * digits.group;
          int entry = 0;
          for (int i = std::min(digits.group, channels - first) - 1; i >= 0; --i) {
            entry = entry * digits.radix + digits.digit(w[first + i]);
          }
          out[g] = offset(entry, entry_bytes);
        }
      }
    }
  });
  if (!with_backward) return;
  backward.resize(static_cast<size_t>(columns) * backward_groups);
  const int gradient_bytes = lanes * static_cast<int>(sizeof(float));
  const int column_parts = std::min(columns, 8 * workers.threads());
  workers.run(column_parts, [&](int part) {
    const Range range = part_of(columns, part, column_parts);
    for (int g = 0; g < backward_groups; ++g) {
      const int first = g * digits.group;
      const int members = std::min(digits.group, rows - first);
      const int8_t* w = weights + static_cast<ptrdiff_t>(first) * columns;
      for (int column = range.begin; column < range.end; ++column) {
        int entry = 0;
        for (int i = members - 1; i >= 0; --i) {
          entry =
              entry * digits.radix + digits.digit(w[static_cast<ptrdiff_t>(i) * columns + column]);
        }
        backward[static_cast<size_t>(column) * backward_groups + g] = offset(entry, gradient_bytes);
      }
    }
  });
}

template <class Acc>
void forward_product(const Geometry& geometry, const PackedWeights& weights, int blocks,
                     const int8_t* input, Acc* acc, Workers& workers) {
  const Digits& digits = weights.digits;
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int at_once = groups_at_once(digits, lanes * sizeof(Acc));
  const int values_at_once = at_once * digits.group;
  const int parts = parts_for(blocks, rows, workers);
  workers.run(blocks * parts, [&](int item) {
    const int block = item / parts;
    const Range range = part_of(rows, item % parts, parts);
    Tables<Acc> tables;
    std::vector<Acc> vectors(static_cast<size_t>(values_at_once) * lanes);
    const int8_t* x = input + block * block_elements(geometry.in);
    Acc* out = acc + block * block_elements(geometry.out);
    const size_t range_bytes = static_cast<size_t>(range.end - range.begin) * lanes * sizeof(Acc);
    for (int p = 0; p < geometry.out.pixels(); ++p) {
      std::memset(out + (static_cast<ptrdiff_t>(p) * rows + range.begin) * lanes, 0, range_bytes);
    }
    for (int q = 0; q < geometry.in.pixels(); ++q) {
      for (int first = 0; first < channels; first += values_at_once) {
        const int values = std::min(values_at_once, channels - first);
        const int groups = (values + digits.group - 1) / digits.group;
        const int8_t* source = x + (static_cast<ptrdiff_t>(q) * channels + first) * lanes;
        std::copy(source, source + values * lanes, vectors.begin());
        build_tables(digits, vectors.data(), values, tables.values);
        for_windows(geometry, q / geometry.in.width, q % geometry.in.width, [&](int tap, int p) {
          add_entries(
              tables.values, digits.entries(), groups,
              weights.forward.data() +
                  (static_cast<ptrdiff_t>(tap) * rows + range.begin) * weights.forward_groups +
                  first / digits.group,
              weights.forward_groups,
              out + (static_cast<ptrdiff_t>(p) * rows + range.begin) * lanes,
              range.end - range.begin);
        });
      }
    }
  });
}

template void forward_product(const Geometry&, const PackedWeights&, int, const int8_t*, int16_t*,
                              Workers&);
template void forward_product(const Geometry&, const PackedWeights&, int, const int8_t*, int32_t*,
                              Workers&);

void data_gradient(const Geometry& geometry, const PackedWeights& weights, int samples,
                   const float* gradient, float* input_gradient, Workers& workers) {
  const Digits& digits = weights.digits;
  const int blocks = block_count(samples);
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int at_once = groups_at_once(digits, lanes * sizeof(float));
  const int rows_at_once = at_once * digits.group;
  const int parts = parts_for(blocks, channels, workers);
  workers.run(blocks * parts, [&](int item) {
    const int block = item / parts;
    const int used = samples - block * lanes <= 8 ? 8 : lanes;
    const Range range = part_of(channels, item % parts, parts);
    Tables<float> tables;
    const float* in = gradient + block * block_elements(geometry.out);
    float* out = input_gradient + block * block_elements(geometry.in);
    const size_t range_bytes = static_cast<size_t>(range.end - range.begin) * lanes * sizeof(float);
    for (int q = 0; q < geometry.in.pixels(); ++q) {
      std::memset(out + (static_cast<ptrdiff_t>(q) * channels + range.begin) * lanes, 0,
                  range_bytes);
    }
    for (int p = 0; p < geometry.out.pixels(); ++p) {
      const int y = p / geometry.out.width * geometry.stride;
      const int x = p % geometry.out.width * geometry.stride;
      for (int first = 0; first < rows; first += rows_at_once) {
        const int values = std::min(rows_at_once, rows - first);
        const int groups = (values + digits.group - 1) / digits.group;
        build_tables(digits, in + (static_cast<ptrdiff_t>(p) * rows + first) * lanes, lanes, values,
                     used, tables.values);
        for (int tap = 0; tap < geometry.taps(); ++tap) {
          const int q = (y + tap / geometry.kernel) * geometry.in.width + x + tap % geometry.kernel;
          add_entries(
              tables.values, digits.entries(), groups,
              weights.backward.data() +
                  (static_cast<ptrdiff_t>(tap) * channels + range.begin) * weights.backward_groups +
                  first / digits.group,
              weights.backward_groups,
              out + (static_cast<ptrdiff_t>(q) * channels + range.begin) * lanes,
              range.end - range.begin, used);
        }
      }
    }
  });
}

namespace {

/// Four values of {-1, +1} as the number of a table entry: bit 1 of a byte is 0 for +1 and 1
/// for -1. Bytes of 0 (no sample) count as +1; their gradients are 0.
STUCKAT_INLINE void binary_entries(const int8_t* x, uint16_t* out, int groups) {
  for (int g = 0; g < groups; ++g) {
    uint32_t word;
    std::memcpy(&word, x + g * 4, 4);
    const uint32_t bits = ~(word >> 1) & 0x01010101u;
    // Byte i has its bit at 8i, and 8i + (24 - 7i) = 24 + i: bit i of the product's top byte.
    const uint32_t entry = (bits * 0x01020408u) >> 24 & 0xFu;
    out[g] = static_cast<uint16_t>(entry * lanes * sizeof(float));
  }
}

}  // namespace

void PackedActivations::pack(const Geometry& geometry, const Digits& activation_digits, int samples,
                             const int8_t* input, Workers& workers) {
  digits = activation_digits;
  groups = (samples + digits.group - 1) / digits.group;
  const int blocks = block_count(samples);
  index.resize(static_cast<size_t>(geometry.in.size()) * groups);
  const int parts = std::min(geometry.in.size(), 16 * workers.threads());
  workers.run(parts, [&](int part) {
    const Range range = part_of(geometry.in.size(), part, parts);
    std::vector<int8_t> all(static_cast<size_t>(blocks) * lanes);
    for (int e = range.begin; e < range.end; ++e) {
      for (int block = 0; block < blocks; ++block) {
        std::memcpy(all.data() + block * lanes,
                    input + block * block_elements(geometry.in) + static_cast<ptrdiff_t>(e) * lanes,
                    lanes);
      }
      uint16_t* out = index.data() + static_cast<ptrdiff_t>(e) * groups;
      if (digits == Digits{}) {
        binary_entries(all.data(), out, groups);
        continue;
      }
      for (int g = 0; g < groups; ++g) {
        int entry = 0;
        const int first = g * digits.group;
        for (int i = std::min(digits.group, samples - first) - 1; i >= 0; --i) {
          entry = entry * digits.radix + digits.digit(all[static_cast<size_t>(first) + i]);
        }
        out[g] = offset(entry, lanes * sizeof(float));
      }
    }
  });
}

void weight_gradient(const Geometry& geometry, const PackedActivations& activations,
                     const float* transposed, int blocks, float* result, Workers& workers) {
  const Digits& digits = activations.digits;
  const int channels = geometry.in.channels;
  const int columns = geometry.columns();
  const int row_blocks = padded_rows(geometry) / lanes;
  const int stride = padded_rows(geometry);
  const int samples = blocks * lanes;
  // Few rows: the channels are cut as well.
  const int parts =
      row_blocks >= 2 * workers.threads() ? 1 : parts_for(row_blocks, channels, workers);
  // The samples in as few and as equal rounds as tables fit.
  const int at_once = groups_at_once(digits, lanes * sizeof(float)) * 3 / 2;
  const int rounds = (activations.groups + at_once - 1) / at_once;
  workers.run(row_blocks * parts, [&](int item) {
    const int row_block = item / parts;
    const Range range = part_of(channels, item % parts, parts);
    const int width = range.end - range.begin;
    Tables<float> tables;
    std::vector<float> storage(static_cast<size_t>(geometry.taps()) * width * lanes + lanes);
    auto* sums = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(storage.data()) + 63) &
                                          ~uintptr_t{63});
    for (int p = 0; p < geometry.out.pixels(); ++p) {
      const int y = p / geometry.out.width * geometry.stride;
      const int x = p % geometry.out.width * geometry.stride;
      for (int round = 0; round < rounds; ++round) {
        const Range groups = part_of(activations.groups, round, rounds);
        const int first = groups.begin * digits.group;
        const int values = std::min(groups.end * digits.group, samples) - first;
        build_tables(
            digits,
            transposed + (static_cast<ptrdiff_t>(p) * samples + first) * stride + row_block * lanes,
            stride, values, lanes, tables.values);
        for (int tap = 0; tap < geometry.taps(); ++tap) {
          const int q = (y + tap / geometry.kernel) * geometry.in.width + x + tap % geometry.kernel;
          add_entries(
              tables.values, digits.entries(), groups.end - groups.begin,
              activations.index.data() +
                  (static_cast<ptrdiff_t>(q) * channels + range.begin) * activations.groups +
                  groups.begin,
              activations.groups, sums + static_cast<ptrdiff_t>(tap) * width * lanes, width, lanes);
        }
      }
    }
    const int rows = std::min(lanes, geometry.out.channels - row_block * lanes);
    float* out = result + static_cast<ptrdiff_t>(row_block) * lanes * columns;
    for (int tap = 0; tap < geometry.taps(); ++tap) {
      for (int i = 0; i < width; ++i) {
        const float* sum = sums + (static_cast<ptrdiff_t>(tap) * width + i) * lanes;
        for (int row = 0; row < rows; ++row) {
          out[static_cast<ptrdiff_t>(row) * columns + tap * channels + range.begin + i] = sum[row];
        }
      }
    }
  });
}

namespace {

/// sums[column][16] += sum over samples of x[sample][column] * gradient[sample][16 rows].
template <int columns>
STUCKAT_INLINE void multiply_some(const float* x, ptrdiff_t x_stride, const float* gradient,
                                  ptrdiff_t gradient_stride, int samples, float* sums) {
  using V [[gnu::vector_size(32), gnu::may_alias, gnu::aligned(4)]] = float;
  V sum[columns][2];
  for (int c = 0; c < columns; ++c) {
    for (int j = 0; j < 2; ++j) sum[c][j] = *reinterpret_cast<V*>(sums + c * lanes + 8 * j);
  }
  for (int n = 0; n < samples; ++n) {
    const V g[2] = {*reinterpret_cast<const V*>(gradient),
                    *reinterpret_cast<const V*>(gradient + 8)};
    for (int c = 0; c < columns; ++c) {
      for (int j = 0; j < 2; ++j) sum[c][j] += g[j] * x[c];
    }
    x += x_stride;
    gradient += gradient_stride;
  }
  for (int c = 0; c < columns; ++c) {
    for (int j = 0; j < 2; ++j) *reinterpret_cast<V*>(sums + c * lanes + 8 * j) = sum[c][j];
  }
}

STUCKAT_MULTIVERSION void multiply(const float* x, ptrdiff_t x_stride, const float* gradient,
                                   ptrdiff_t gradient_stride, int samples, int columns,
                                   float* sums) {
  int c = 0;
  for (; c + 4 <= columns; c += 4) {
    multiply_some<4>(x + c, x_stride, gradient, gradient_stride, samples, sums + c * lanes);
  }
  for (; c < columns; ++c) {
    multiply_some<1>(x + c, x_stride, gradient, gradient_stride, samples, sums + c * lanes);
  }
}

}  // namespace

void weight_gradient(const Geometry& geometry, int samples, const int8_t* input,
                     const float* transposed, int blocks, float* result, Workers& workers) {
  const int size = geometry.in.size();
  std::vector<float> x(static_cast<size_t>(samples) * size);  // [sample][pixel][channel]
  workers.run(block_count(samples), [&](int block) {
    const int8_t* in = input + block * block_elements(geometry.in);
    for (int lane = 0; lane < std::min(lanes, samples - block * lanes); ++lane) {
      float* out = x.data() + static_cast<ptrdiff_t>(block * lanes + lane) * size;
      for (int e = 0; e < size; ++e) out[e] = in[e * lanes + lane];
    }
  });
  const int columns = geometry.columns();
  const int run = geometry.kernel * geometry.in.channels;  // columns of a window row, contiguous
  const int row_blocks = padded_rows(geometry) / lanes;
  const int parts = row_blocks >= 2 * workers.threads() ? 1 : parts_for(row_blocks, run, workers);
  workers.run(row_blocks * parts, [&](int item) {
    const int row_block = item / parts;
    const Range range = part_of(run, item % parts, parts);
    const int width = range.end - range.begin;
    std::vector<float> sums(static_cast<size_t>(geometry.kernel) * width * lanes);
    for (int p = 0; p < geometry.out.pixels(); ++p) {
      const int y = p / geometry.out.width * geometry.stride;
      const int left = p % geometry.out.width * geometry.stride;
      const float* g = transposed +
                       static_cast<ptrdiff_t>(p) * blocks * lanes * padded_rows(geometry) +
                       row_block * lanes;
      for (int ky = 0; ky < geometry.kernel; ++ky) {
        const int q = (y + ky) * geometry.in.width + left;
        multiply(x.data() + static_cast<ptrdiff_t>(q) * geometry.in.channels + range.begin, size, g,
                 padded_rows(geometry), samples, width, sums.data() + ky * width * lanes);
      }
    }
    const int rows = std::min(lanes, geometry.out.channels - row_block * lanes);
    for (int row = 0; row < rows; ++row) {
      float* out = result + static_cast<ptrdiff_t>(row_block * lanes + row) * columns;
      for (int ky = 0; ky < geometry.kernel; ++ky) {
        for (int i = 0; i < width; ++i) {
          out[ky * run + range.begin + i] = sums[static_cast<size_t>(ky * width + i) * lanes + row];
        }
      }
    }
  });
}

}  // namespace stuckat::trainer
