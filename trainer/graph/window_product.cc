#include "trainer/graph/window_product.h"

#include <algorithm>
#include <cstring>

namespace stuckat::trainer {
namespace {

int tile_for(int rows) { return rows == 1 ? 1 : product_rows; }

int64_t greatest_size(NumberFormat format) {
  return std::max(-format.min_value(), format.max_level());
}

/// Parts of an image, by its height alone.
int parts_of(int height) { return std::clamp(height / 8, 1, 4); }

constexpr int64_t exact_sum = int64_t{1} << 24;  // that a float holds

}  // namespace

WindowProduct::WindowProduct(const Layer& layer)
    : in_(layer.input),
      out_(layer.output),
      kernel_(layer.is_flat() ? Extent(layer.input.height, layer.input.width) : layer.kernel),
      stride_(layer.is_flat() ? Extent(1) : layer.stride),
      padding_(layer.padding),
      groups_(layer.groups),
      padding_value_(layer.input_format.padding_value()),
      greatest_product_(std::max<int64_t>(
          1, greatest_size(layer.weight_format) * greatest_size(layer.input_format))),
      row_tile_(tile_for(group_rows())),
      channel_tile_(tile_for(group_channels())) {
  cut_forward();
  cut_backward();
}

void WindowProduct::cut_forward() {
  // A row of taps is one run where every channel is read.
  const Shape image = padded();
  std::vector<OperandRun> runs;
  for (int ky = 0; ky < kernel_.height; ++ky) {
    for (int kx = 0; kx < kernel_.width; ++kx) {
      const ptrdiff_t input = static_cast<ptrdiff_t>(ky * image.width + kx) * in_.channels * lanes;
      if (groups_ == 1 && kx > 0) {
        runs.back().count += in_.channels;
      } else {
        runs.push_back({input, group_channels()});
      }
    }
  }
  real_ = {{runs, 0}};
  const auto most = static_cast<int>(
      std::clamp<int64_t>((exact_sum - 1) / greatest_product_, 1, int64_t{1} << 20));
  int left = 0;  // of the piece
  int done = 0;
  for (OperandRun run : runs) {
    while (run.count > 0) {
      if (left == 0) {
        whole_.push_back({{}, done});
        left = most;
      }
      const int count = std::min(run.count, left);
      whole_.back().operands.push_back({run.input, count});
      run.input += static_cast<ptrdiff_t>(count) * lanes;
      run.count -= count;
      left -= count;
      done += count;
    }
  }
}

void WindowProduct::cut_backward() {
  margin_ = {ceil_divided(kernel_.height, stride_.height) - 1,
             ceil_divided(kernel_.width, stride_.width) - 1};
  const int last_y = (in_.height - 1 + padding_.top) / stride_.height;
  const int last_x = (in_.width - 1 + padding_.left) / stride_.width;
  wide_ = {margin_.height + std::max(out_.height, last_y + 1),
           margin_.width + std::max(out_.width, last_x + 1), out_.channels};
  int first = 0;
  for (int a = 0; a < stride_.height; ++a) {
    for (int b = 0; b < stride_.width; ++b) {
      Phase phase{{}, first};
      for (int ky = a; ky < kernel_.height; ky += stride_.height) {
        for (int kx = b; kx < kernel_.width; kx += stride_.width) {
          const int up = ky / stride_.height;
          const int left = kx / stride_.width;
          phase.operands.push_back(
              {-static_cast<ptrdiff_t>(up * wide_.width + left) * out_.channels * lanes,
               group_rows()});
          first += group_rows();
        }
      }
      phases_.push_back(std::move(phase));
    }
  }
}

void WindowProduct::set_weights(const float* weights, float by_value, Workers& workers) {
  const int tiles = ceil_divided(group_rows(), row_tile_);
  const auto row_size = static_cast<size_t>(columns()) * static_cast<size_t>(row_tile_);
  forward_.resize(static_cast<size_t>(groups_) * static_cast<size_t>(tiles) * row_size);
  workers.run(groups_ * tiles, [&](int item) {
    float* out = forward_.data() + static_cast<size_t>(item) * row_size;
    const int first = item % tiles * row_tile_;
    for (int column = 0; column < columns(); ++column) {
      for (int r = first; r < first + row_tile_; ++r) {
        const int row = item / tiles * group_rows() + r;
        *out++ = r < group_rows() ? weights[static_cast<ptrdiff_t>(row) * columns() + column] : 0;
      }
    }
  });
  if (by_value == 0) return;
  // Flat: every element of the input is a row of its own.
  const int channels = is_flat() ? in_.size() / groups_ : group_channels();
  const int channel_tiles = ceil_divided(channels, channel_tile_);
  const int taps = is_flat() ? 1 : kernel_.height * kernel_.width;
  const size_t tile_size = static_cast<size_t>(taps) * static_cast<size_t>(group_rows()) *
                           static_cast<size_t>(channel_tile_);
  backward_.resize(static_cast<size_t>(groups_ * channel_tiles) * tile_size);
  workers.run(groups_ * channel_tiles, [&](int item) {
    float* out = backward_.data() + static_cast<size_t>(item) * tile_size;
    const int first = item % channel_tiles * channel_tile_;
    const auto put = [&](int tap) {
      for (int r = 0; r < group_rows(); ++r) {
        const float* w =
            weights + (static_cast<ptrdiff_t>(item / channel_tiles) * group_rows() + r) * columns();
        for (int c = first; c < first + channel_tile_; ++c) {
          *out++ = c < channels ? by_value * w[tap * channels + c] : 0;
        }
      }
    };
    if (is_flat()) return put(0);
    for (int a = 0; a < stride_.height; ++a) {
      for (int b = 0; b < stride_.width; ++b) {
        for (int ky = a; ky < kernel_.height; ky += stride_.height) {
          for (int kx = b; kx < kernel_.width; kx += stride_.width) put(ky * kernel_.width + kx);
        }
      }
    }
  });
}

void WindowProduct::pad(const int16_t* block, int present, Range ys, float* padded_rows) const {
  const Shape image = padded();
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(in_.channels) * lanes;
  float around[lanes];
  for (int l = 0; l < lanes; ++l) around[l] = l < present ? static_cast<float>(padding_value_) : 0;
  const auto fill = [&](float* out, int pixels) {
    for (ptrdiff_t k = 0; k < pixels * static_cast<ptrdiff_t>(in_.channels); ++k) {
      std::memcpy(out + k * lanes, around, sizeof(around));
    }
  };
  for (int y = ys.begin; y < ys.end; ++y) {
    float* out = padded_rows + (y - ys.begin) * image.width * pixel;
    const int inside = y - padding_.top;
    if (inside < 0 || inside >= in_.height) {
      fill(out, image.width);
      continue;
    }
    fill(out, padding_.left);
    out += padding_.left * pixel;
    to_floats(block + inside * in_.width * pixel, static_cast<size_t>(in_.width * pixel), out);
    fill(out + in_.width * pixel, padding_.right);
  }
}

template <class Sum>
void WindowProduct::forward_to(const int16_t* input, int samples, const std::vector<Piece>& pieces,
                               Sum* sums, Workers& workers) const {
  const int parts = parts_of(out_.height);
  const Shape image = padded();
  const ptrdiff_t image_row = static_cast<ptrdiff_t>(image.width) * in_.channels * lanes;
  const int tiles = ceil_divided(group_rows(), row_tile_);
  workers.run(block_count(samples) * parts, [&](int item) {
    const int block = item / parts;
    const Range ys = slice_of(out_.height, item % parts, parts);
    const Range rows = {ys.begin * stride_.height, (ys.end - 1) * stride_.height + kernel_.height};
    Buffer<float> real;
    real.grow(static_cast<size_t>(rows.end - rows.begin) * static_cast<size_t>(image_row));
    pad(input + block * block_elements(in_), std::min(lanes, samples - block * lanes), rows,
        real.data());
    PixelRow row;
    row.input_pixel = static_cast<ptrdiff_t>(stride_.width) * in_.channels * lanes;
    row.output_pixel = static_cast<ptrdiff_t>(out_.channels) * lanes;
    row.pixels = out_.width;
    for (int y = ys.begin; y < ys.end; ++y) {
      Sum* out = sums + block * block_elements(out_) + y * out_.width * row.output_pixel;
      const float* first = real.data() + (y * stride_.height - rows.begin) * image_row;
      for (int g = 0; g < groups_; ++g) {
        row.input = first + static_cast<ptrdiff_t>(g) * group_channels() * lanes;
        for (int tile = 0; tile < tiles; ++tile) {
          const float* weights =
              forward_.data() + (static_cast<ptrdiff_t>(g) * tiles + tile) * columns() * row_tile_;
          const int rows_before = g * group_rows() + tile * row_tile_;
          const int count = std::min(row_tile_, group_rows() - tile * row_tile_);
          for (const Piece& piece : pieces) {
            multiply_pixels(row, piece.operands,
                            weights + static_cast<ptrdiff_t>(piece.first) * row_tile_, row_tile_,
                            count, piece.first > 0,
                            out + static_cast<ptrdiff_t>(rows_before) * lanes);
          }
        }
      }
    }
  });
}

template <class Sum>
void WindowProduct::flat_forward(const int16_t* input, int samples,
                                 const std::vector<Piece>& pieces, Sum* sums,
                                 Workers& workers) const {
  const int blocks = block_count(samples);
  const size_t size = block_elements(in_);
  Buffer<float> real;
  real.grow(blocks * size);
  workers.run(blocks, [&](int block) {
    to_floats(input + block * size, size, real.data() + block * size);
  });
  const int tiles = ceil_divided(group_rows(), row_tile_);
  workers.run(groups_ * tiles, [&](int item) {
    const int g = item / tiles;
    const int tile = item % tiles;
    const PixelRow row{real.data() + static_cast<ptrdiff_t>(g) * group_channels() * lanes,
                       static_cast<ptrdiff_t>(size), static_cast<ptrdiff_t>(block_elements(out_)),
                       blocks};
    for (const Piece& piece : pieces) {
      multiply_pixels(
          row, piece.operands,
          forward_.data() + (static_cast<ptrdiff_t>(item) * columns() + piece.first) * row_tile_,
          row_tile_, std::min(row_tile_, group_rows() - tile * row_tile_), piece.first > 0,
          sums + static_cast<ptrdiff_t>(g * group_rows() + tile * row_tile_) * lanes);
    }
  });
}

void WindowProduct::forward(const int16_t* input, int samples, int32_t* sums,
                            Workers& workers) const {
  if (is_flat()) return flat_forward(input, samples, whole_, sums, workers);
  forward_to(input, samples, whole_, sums, workers);
}

void WindowProduct::forward(const int16_t* input, int samples, float* sums,
                            Workers& workers) const {
  if (is_flat()) return flat_forward(input, samples, real_, sums, workers);
  forward_to(input, samples, real_, sums, workers);
}

void WindowProduct::flat_input_gradient(const float* gradient, int samples, bool add, float* result,
                                        Workers& workers) const {
  // With several groups each tap has a range of channels of its own.
  const int taps = kernel_.height * kernel_.width;
  const int channels = in_.size() / groups_ / taps;
  const int tiles = ceil_divided(in_.size() / groups_, channel_tile_);
  const std::vector<OperandRun> all = {{0, group_rows()}};
  workers.run(groups_ * tiles, [&](int item) {
    const int g = item / tiles;
    const PixelRow row{gradient + static_cast<ptrdiff_t>(g) * group_rows() * lanes,
                       static_cast<ptrdiff_t>(block_elements(out_)),
                       static_cast<ptrdiff_t>(block_elements(in_)), block_count(samples)};
    const float* weights =
        backward_.data() + static_cast<ptrdiff_t>(item) * group_rows() * channel_tile_;
    const int first = item % tiles * channel_tile_;
    const int count = std::min(channel_tile_, in_.size() / groups_ - first);
    if (groups_ == 1) {
      multiply_pixels(row, all, weights, channel_tile_, count, add,
                      result + static_cast<ptrdiff_t>(first) * lanes);
      return;
    }
    Buffer<float> of_tile;
    of_tile.grow(static_cast<size_t>(row.pixels) * static_cast<size_t>(channel_tile_) * lanes);
    PixelRow aside = row;
    aside.output_pixel = static_cast<ptrdiff_t>(channel_tile_) * lanes;
    multiply_pixels(aside, all, weights, channel_tile_, count, false, of_tile.data());
    for (int block = 0; block < row.pixels; ++block) {
      for (int c = 0; c < count; ++c) {
        const int column = first + c;
        const int element = column / channels * in_.channels + g * channels + column % channels;
        const float* from =
            of_tile.data() + (static_cast<ptrdiff_t>(block) * channel_tile_ + c) * lanes;
        float* to = result + block * row.output_pixel + static_cast<ptrdiff_t>(element) * lanes;
        for (int l = 0; l < lanes; ++l) to[l] = add ? to[l] + from[l] : from[l];
      }
    }
  });
}

void WindowProduct::gradient_of_block(const float* gradient, bool add, float* result) const {
  const ptrdiff_t from_pixel = static_cast<ptrdiff_t>(out_.channels) * lanes;
  const ptrdiff_t to_pixel = static_cast<ptrdiff_t>(in_.channels) * lanes;
  Buffer<float> wide;
  const float* source = gradient;
  if (wide_ != out_) {
    wide.grow(block_elements(wide_));
    std::fill_n(wide.data(), block_elements(wide_), 0.0f);
    for (int y = 0; y < out_.height; ++y) {
      std::memcpy(wide.data() + ((y + margin_.height) * wide_.width + margin_.width) * from_pixel,
                  gradient + y * out_.width * from_pixel,
                  static_cast<size_t>(out_.width * from_pixel) * sizeof(float));
    }
    source = wide.data();
  }
  const int tiles = ceil_divided(group_channels(), channel_tile_);
  const ptrdiff_t tile_size =
      static_cast<ptrdiff_t>(kernel_.height) * kernel_.width * group_rows() * channel_tile_;
  PixelRow row;
  row.input_pixel = from_pixel;
  row.output_pixel = stride_.width * to_pixel;
  for (int y = 0; y < in_.height; ++y) {
    const int down = y + padding_.top;
    const int q = down / stride_.height + margin_.height;
    for (int b = 0; b < stride_.width; ++b) {
      const Phase& phase = phases_[static_cast<size_t>(down % stride_.height * stride_.width + b)];
      // The first pixel whose place in the padded image is of this phase.
      const int x = ((b - padding_.left) % stride_.width + stride_.width) % stride_.width;
      row.pixels = x < in_.width ? (in_.width - x - 1) / stride_.width + 1 : 0;
      const int first = (x + padding_.left) / stride_.width + margin_.width;
      float* out = result + (static_cast<ptrdiff_t>(y) * in_.width + x) * to_pixel;
      for (int g = 0; g < groups_; ++g) {
        row.input = source + (static_cast<ptrdiff_t>(q) * wide_.width + first) * from_pixel +
                    static_cast<ptrdiff_t>(g) * group_rows() * lanes;
        for (int tile = 0; tile < tiles; ++tile) {
          const int channel = g * group_channels() + tile * channel_tile_;
          multiply_pixels(
              row, phase.operands,
              backward_.data() + (static_cast<ptrdiff_t>(g) * tiles + tile) * tile_size +
                  static_cast<ptrdiff_t>(phase.first) * channel_tile_,
              channel_tile_, std::min(channel_tile_, group_channels() - tile * channel_tile_), add,
              out + static_cast<ptrdiff_t>(channel) * lanes);
        }
      }
    }
  }
}

void WindowProduct::input_gradient(const float* gradient, int samples, bool add, float* result,
                                   Workers& workers) const {
  if (is_flat()) return flat_input_gradient(gradient, samples, add, result, workers);
  workers.run(block_count(samples), [&](int block) {
    gradient_of_block(gradient + block * block_elements(out_), add,
                      result + block * block_elements(in_));
  });
}

std::vector<ptrdiff_t> WindowProduct::column_offsets() const {
  std::vector<ptrdiff_t> offsets;
  for (int tap = 0; tap < kernel_.height * kernel_.width; ++tap) {
    const int pixel = tap / kernel_.width * padded().width + tap % kernel_.width;
    for (int c = 0; c < group_channels(); ++c) {
      offsets.push_back((static_cast<ptrdiff_t>(pixel) * in_.channels + c) * lanes);
    }
  }
  // Behind the last: what is added up there is not looked at.
  while (offsets.size() % gradient_columns != 0) offsets.push_back(offsets.back());
  return offsets;
}

void WindowProduct::weight_gradient(const int16_t* input, const float* gradient, int samples,
                                    float scale, float* result, Workers& workers) const {
  const int blocks = block_count(samples);
  const int tile = group_rows() < gradient_rows ? 1 : gradient_rows;
  const std::vector<ptrdiff_t> offsets = column_offsets();
  const int column_tiles = static_cast<int>(offsets.size()) / gradient_columns;
  const int row_tiles = ceil_divided(group_rows(), tile);
  const ptrdiff_t tile_floats = static_cast<ptrdiff_t>(tile) * gradient_columns * lanes;
  // Sums of one piece of work stay in a cache; there is enough of it for some threads.
  constexpr ptrdiff_t cache = 1 << 18;
  constexpr int enough = 8;
  const int all_tiles = groups_ * row_tiles;
  const auto fit =
      static_cast<int>(std::clamp<ptrdiff_t>(cache / (column_tiles * tile_floats), 1, all_tiles));
  const int ranges = ceil_divided(all_tiles, fit);
  const int parts = is_flat() ? 1 : std::min(blocks, ceil_divided(enough, ranges));
  const int row_ranges = is_flat() ? all_tiles : ranges;
  const size_t size = static_cast<size_t>(out_.channels) * static_cast<size_t>(columns());
  Buffer<float> partial;  // [part][row][column]
  partial.grow(size * static_cast<size_t>(parts));
  Buffer<float> flat;
  if (is_flat()) {
    const size_t block_size = block_elements(in_);
    flat.grow(static_cast<size_t>(blocks) * block_size);
    workers.run(blocks, [&](int block) {
      to_floats(input + block * block_size, block_size, flat.data() + block * block_size);
    });
  }
  const Shape image = padded();
  const ptrdiff_t in_pixel = static_cast<ptrdiff_t>(in_.channels) * lanes;
  const ptrdiff_t out_pixel = static_cast<ptrdiff_t>(out_.channels) * lanes;
  workers.run(parts * row_ranges, [&](int item) {
    const int part = item / row_ranges;
    const Range of_rows = slice_of(all_tiles, item % row_ranges, row_ranges);
    const Range of_blocks = slice_of(blocks, part, parts);
    Buffer<float> sums;
    const ptrdiff_t sums_size = (of_rows.end - of_rows.begin) * column_tiles * tile_floats;
    sums.grow(static_cast<size_t>(sums_size));
    std::fill_n(sums.data(), sums_size, 0.0f);
    /// Of the operands and gradients that lie there.
    const auto add = [&](const PixelArea& area, const float* operands, const float* by) {
      float* to = sums.data();
      for (int t = of_rows.begin; t < of_rows.end; ++t) {
        const int g = t / row_tiles;
        // The last tile of a group looks at rows before it rather than after it.
        const int row = std::min(t % row_tiles * tile, group_rows() - tile);
        const float* of_group = operands + static_cast<ptrdiff_t>(g) * group_channels() * lanes;
        const float* of_row = by + static_cast<ptrdiff_t>(g * group_rows() + row) * lanes;
        for (int c = 0; c < column_tiles; ++c, to += tile_floats) {
          add_weight_products(area, of_group, offsets.data() + c * gradient_columns, of_row, tile,
                              to);
        }
      }
    };
    if (is_flat()) {
      add({1, blocks, 0, static_cast<ptrdiff_t>(block_elements(in_)), 0,
           static_cast<ptrdiff_t>(block_elements(out_))},
          flat.data(), gradient);
    } else {
      Buffer<float> real;
      real.grow(block_elements(image));
      // Rows whose operands stay in the first cache.
      const int at_once = std::max(1, 32 / out_.width);
      for (int block = of_blocks.begin; block < of_blocks.end; ++block) {
        pad(input + block * block_elements(in_), std::min(lanes, samples - block * lanes),
            {0, image.height}, real.data());
        for (int y = 0; y < out_.height; y += at_once) {
          PixelArea area;
          area.height = std::min(at_once, out_.height - y);
          area.width = out_.width;
          area.input_line = stride_.height * image.width * in_pixel;
          area.input_pixel = stride_.width * in_pixel;
          area.gradient_line = out_.width * out_pixel;
          area.gradient_pixel = out_pixel;
          add(area, real.data() + y * area.input_line,
              gradient + block * block_elements(out_) + y * area.gradient_line);
        }
      }
    }
    const float* from = sums.data();
    for (int t = of_rows.begin; t < of_rows.end; ++t) {
      const int g = t / row_tiles;
      const int row = std::min(t % row_tiles * tile, group_rows() - tile);
      for (int c = 0; c < column_tiles; ++c) {
        for (int r = 0; r < tile; ++r) {
          for (int k = 0; k < gradient_columns; ++k, from += lanes) {
            const int column = c * gradient_columns + k;
            const bool of_tile = row + r >= t % row_tiles * tile;
            if (column >= columns() || !of_tile) continue;
            float sum = 0;
            for (int l = 0; l < lanes; ++l) sum += from[l];
            partial.data()[static_cast<size_t>(part) * size +
                           static_cast<size_t>(g * group_rows() + row + r) *
                               static_cast<size_t>(columns()) +
                           static_cast<size_t>(column)] = sum;
          }
        }
      }
    }
  });
  for (size_t i = 0; i < size; ++i) {
    float sum = 0;
    for (int part = 0; part < parts; ++part)
      sum += partial.data()[static_cast<size_t>(part) * size + i];
    result[i] = scale * sum;
  }
}

}  // namespace stuckat::trainer
