#include "trainer/product.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "trainer/buffer.h"

namespace stuckat::trainer {
namespace {

/// A piece of work: some blocks, and the channels of their outputs.
struct Piece {
  int block = 0;
  int blocks = 0;
  int slice = 0;
  Range channels;
};

/// Cuts blocks into pieces of `at_once`. As many as threads can share evenly stay whole; the
/// channels of the rest are cut, for which tables have to be built more than once. The order of
/// additions into an output does not depend on it.
std::vector<Piece> pieces_of(int blocks, int at_once, int channels, int threads) {
  const int all = (blocks + at_once - 1) / at_once;
  const int whole = all / threads * threads;
  const int least_channels = 16;
  const int slices = whole == all ? 1
                                  : std::clamp((threads + all - whole - 1) / (all - whole), 1,
                                               std::max(1, channels / least_channels));
  std::vector<Piece> pieces;
  for (int i = 0; i < all; ++i) {
    const int cuts = i < whole ? 1 : slices;
    const int first = i * at_once;
    for (int slice = 0; slice < cuts; ++slice) {
      pieces.push_back(
          {first, std::min(at_once, blocks - first), slice, slice_of(channels, slice, cuts)});
    }
  }
  return pieces;
}

using DigitOf = std::array<uint8_t, 256>;  // [value as a byte]
DigitOf digit_table(const Digits& digits) {
  DigitOf table{};
  for (int digit = 0; digit < digits.radix; ++digit) {
    table[static_cast<uint8_t>(digits.min + digits.step * digit)] = static_cast<uint8_t>(digit);
  }
  return table;
}

/// Number of the table entry for `members` values, `step` apart.
int entry_of(const Digits& digits, const DigitOf& digit, const int8_t* values, ptrdiff_t step,
             int members) {
  int entry = 0;
  for (int i = members - 1; i >= 0; --i) {
    entry = entry * digits.radix + digit[static_cast<uint8_t>(values[i * step])];
  }
  return entry;
}

}  // namespace

Geometry geometry_of(const Layer& layer) {
  Geometry g;
  g.out = layer.output;
  if (layer.is_flat()) {
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
  const DigitOf digit = digit_table(digits);
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int columns = geometry.columns();
  forward_groups = ceil_divided(channels, digits.group);
  backward_groups = ceil_divided(rows, digits.group);
  forward.resize(static_cast<size_t>(geometry.taps()) * rows * forward_groups);
  const int row_slices = std::min(rows, 8 * workers.threads());
  workers.run(row_slices, [&](int slice) {
    const Range range = slice_of(rows, slice, row_slices);
    for (int row = range.begin; row < range.end; ++row) {
      for (int tap = 0; tap < geometry.taps(); ++tap) {
        const int8_t* w = weights + static_cast<ptrdiff_t>(row) * columns + tap * channels;
        uint16_t* out =
            forward.data() + (static_cast<ptrdiff_t>(tap) * rows + row) * forward_groups;
        for (int g = 0; g < forward_groups; ++g) {
          const int first = g * digits.group;
          const int members = std::min(digits.group, channels - first);
          out[g] =
              static_cast<uint16_t>(entry_of(digits, digit, w + first, 1, members) * entry_bytes);
        }
      }
    }
  });
  if (!with_backward) return;
  backward.resize(static_cast<size_t>(columns) * backward_groups);
  constexpr int gradient_bytes = lanes * static_cast<int>(sizeof(float));
  const int column_slices = std::min(columns, 8 * workers.threads());
  workers.run(column_slices, [&](int slice) {
    const Range range = slice_of(columns, slice, column_slices);
    for (int g = 0; g < backward_groups; ++g) {
      const int first = g * digits.group;
      const int members = std::min(digits.group, rows - first);
      const int8_t* w = weights + static_cast<ptrdiff_t>(first) * columns;
      for (int column = range.begin; column < range.end; ++column) {
        backward[static_cast<size_t>(column) * backward_groups + g] = static_cast<uint16_t>(
            entry_of(digits, digit, w + column, columns, members) * gradient_bytes);
      }
    }
  });
}

template <class Acc>
void forward_product(const Geometry& geometry, const PackedWeights& weights, int blocks,
                     const int8_t* input, Acc* acc, const RowDone& done, Workers& workers) {
  const Digits& digits = weights.digits;
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int groups_fit = groups_at_once(digits, forward_entry_bytes<Acc>());
  const auto second_in = static_cast<ptrdiff_t>(block_elements(geometry.in));
  const auto second_out = static_cast<ptrdiff_t>(block_elements(geometry.out));
  const std::vector<Piece> pieces = pieces_of(blocks, 2, rows, workers.threads());
  workers.run(static_cast<int>(pieces.size()), [&](int item) {
    const Piece& piece = pieces[static_cast<size_t>(item)];
    const Range range = piece.channels;
    Buffer<Acc> tables;
    tables.grow(static_cast<size_t>(groups_fit) * digits.entries() * 2 * lanes);
    const int8_t* x = input + piece.block * second_in;
    Acc* out = acc + piece.block * second_out;
    for (int q = 0; q < geometry.in.pixels(); ++q) {
      const int y = q / geometry.in.width;
      const int column = q % geometry.in.width;
      for (int first_group = 0; first_group < weights.forward_groups; first_group += groups_fit) {
        const int first = first_group * digits.group;
        const int values = std::min(groups_fit * digits.group, channels - first);
        build_tables(digits, x + (static_cast<ptrdiff_t>(q) * channels + first) * lanes, second_in,
                     piece.blocks, values, tables.data());
        // All windows that have pixel q under them.
        for (int tap = 0; tap < geometry.taps(); ++tap) {
          const int down = y - tap / geometry.kernel;
          const int right = column - tap % geometry.kernel;
          if (down < 0 || right < 0 || down % geometry.stride != 0 ||
              right % geometry.stride != 0 || down / geometry.stride >= geometry.out.height ||
              right / geometry.stride >= geometry.out.width) {
            continue;
          }
          const int p = down / geometry.stride * geometry.out.width + right / geometry.stride;
          const LookUp look_up{
              digits.entries(), ceil_divided(values, digits.group),
              weights.forward.data() +
                  (static_cast<ptrdiff_t>(tap) * rows + range.begin) * weights.forward_groups +
                  first_group,
              weights.forward_groups};
          add_entries(tables.data(), look_up, tap == 0 && first == 0, second_out, piece.blocks,
                      out + (static_cast<ptrdiff_t>(p) * rows + range.begin) * lanes,
                      range.end - range.begin);
        }
      }
      const int last_row = y - geometry.kernel + 1;  // its windows end in this row
      if (done == nullptr || column + 1 < geometry.in.width || last_row < 0 ||
          last_row % geometry.stride != 0 || last_row / geometry.stride >= geometry.out.height) {
        continue;
      }
      for (int b = 0; b < piece.blocks; ++b) {
        done(piece.block + b, last_row / geometry.stride, range);
      }
    }
  });
}

template void forward_product(const Geometry&, const PackedWeights&, int, const int8_t*, int16_t*,
                              const RowDone&, Workers&);
template void forward_product(const Geometry&, const PackedWeights&, int, const int8_t*, int32_t*,
                              const RowDone&, Workers&);

void data_gradient(const Geometry& geometry, const PackedWeights& weights, int samples,
                   const RowSource& gradient, float* input_gradient, const RowDone& done,
                   Workers& workers) {
  const Digits& digits = weights.digits;
  const int rows = geometry.out.channels;
  const int channels = geometry.in.channels;
  const int groups_fit = groups_at_once(digits, lanes * sizeof(float));
  const size_t row_size = static_cast<size_t>(geometry.in.width) * channels * lanes;
  const std::vector<Piece> pieces = pieces_of(block_count(samples), 1, channels, workers.threads());
  workers.run(static_cast<int>(pieces.size()), [&](int item) {
    const Piece& piece = pieces[static_cast<size_t>(item)];
    const Range range = piece.channels;
    const int used = samples - piece.block * lanes <= 8 ? 8 : lanes;
    Buffer<float> tables;
    tables.grow(static_cast<size_t>(groups_fit) * digits.entries() * lanes);
    Buffer<float> in;
    in.grow(static_cast<size_t>(geometry.out.width) * rows * lanes);
    float* out = input_gradient + piece.block * block_elements(geometry.in);
    int begun = 0;  // rows of the input's gradient that were set to 0
    int finished = 0;
    const auto begin_rows = [&](int end) {
      for (; begun < end; ++begun) {
        for (int x = 0; x < geometry.in.width; ++x) {
          std::fill_n(out + begun * row_size + (x * channels + range.begin) * lanes,
                      (range.end - range.begin) * lanes, 0.0f);
        }
      }
    };
    const auto finish_rows = [&](int end) {
      for (; finished < end; ++finished) {
        if (done != nullptr) done(piece.block, finished, range);
      }
    };
    for (int oy = 0; oy < geometry.out.height; ++oy) {
      const int y = oy * geometry.stride;
      begin_rows(y + geometry.kernel);
      gradient(piece.block, oy, piece.slice == 0, in.data());
      for (int ox = 0; ox < geometry.out.width; ++ox) {
        const int x = ox * geometry.stride;
        for (int first_group = 0; first_group < weights.backward_groups;
             first_group += groups_fit) {
          const int first = first_group * digits.group;
          const int values = std::min(groups_fit * digits.group, rows - first);
          build_tables(digits, in.data() + (static_cast<ptrdiff_t>(ox) * rows + first) * lanes,
                       lanes, values, used, tables.data());
          for (int tap = 0; tap < geometry.taps(); ++tap) {
            const int q =
                (y + tap / geometry.kernel) * geometry.in.width + x + tap % geometry.kernel;
            const LookUp look_up{digits.entries(), ceil_divided(values, digits.group),
                                 weights.backward.data() +
                                     (static_cast<ptrdiff_t>(tap) * channels + range.begin) *
                                         weights.backward_groups +
                                     first_group,
                                 weights.backward_groups};
            add_entries(tables.data(), look_up,
                        out + (static_cast<ptrdiff_t>(q) * channels + range.begin) * lanes,
                        range.end - range.begin, used);
          }
        }
      }
      finish_rows(std::min(begun, y + geometry.stride));
    }
    begin_rows(geometry.in.height);  // no window has the last ones under it
    finish_rows(geometry.in.height);
  });
}

}  // namespace stuckat::trainer
