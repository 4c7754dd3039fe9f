#include "trainer/real_product.h"

#include <algorithm>
#include <cstring>

#include "trainer/eigen_product.h"

namespace stuckat::trainer {
namespace {

// How work is cut depends on sizes alone: the order of additions is the same on any number of
// threads.
constexpr int least_items = 16;         // that a layer is cut into, if it can be
constexpr int least_rows = 32;          // of a matrix that is cut
constexpr int window_floats = 1 << 18;  // of windows side by side: an L2 cache

/// Parts to cut `rows` into where there are `groups` of columns.
int slices_of(int groups, int rows) {
  return std::clamp(ceil_divided(least_items, groups), 1, std::max(1, rows / least_rows));
}

/// 16 floats.
void copy_lanes(const float* from, float* to) { std::memcpy(to, from, lanes * sizeof(float)); }

/// A row of output pixels of one block.
struct OutputRow {
  int block = 0;
  int y = 0;
};
OutputRow output_row(const Geometry& geometry, int number) {
  return {number / geometry.out.height, number % geometry.out.height};
}

/// The windows of a row of output pixels: windows[column][... x][16], `stride` from column to
/// column.
void put_windows(const Geometry& geometry, const float* input, OutputRow row, float* windows,
                 ptrdiff_t stride) {
  const int channels = geometry.in.channels;
  const float* image = input + row.block * block_elements(geometry.in);
  for (int tap = 0; tap < geometry.taps(); ++tap) {
    const int y = row.y * geometry.stride + tap / geometry.kernel;
    const ptrdiff_t first = static_cast<ptrdiff_t>(y) * geometry.in.width + tap % geometry.kernel;
    for (int c = 0; c < channels; ++c) {
      float* out = windows + (static_cast<ptrdiff_t>(tap) * channels + c) * stride;
      for (int x = 0; x < geometry.out.width; ++x) {
        const ptrdiff_t pixel = first + static_cast<ptrdiff_t>(x) * geometry.stride;
        copy_lanes(image + (pixel * channels + c) * lanes, out + static_cast<ptrdiff_t>(x) * lanes);
      }
    }
  }
}

}  // namespace

void add_real_product(const Geometry& geometry, const float* weights, int samples,
                      const int8_t* input, Buffer<float>& real_input, float* sums,
                      Workers& workers) {
  const int rows = geometry.out.channels;
  const int columns = geometry.columns();
  const int blocks = block_count(samples);
  const size_t in_block = block_elements(geometry.in);
  real_input.grow(static_cast<size_t>(blocks) * in_block);
  workers.run(blocks, [&](int block) {
    const int8_t* in = input + block * in_block;
    float* out = real_input.data() + block * in_block;
    for (size_t i = 0; i < in_block; ++i) out[i] = in[i];
  });
  const int width = geometry.out.width * lanes;
  const int fit = std::clamp(window_floats / columns, 64, 1024);
  const int at_once = std::max(1, fit / width);
  const int output_rows = blocks * geometry.out.height;
  const int groups = ceil_divided(output_rows, at_once);
  const int slices = slices_of(groups, rows);
  workers.run(groups * slices, [&](int item) {
    const int first = item / slices * at_once;
    const int count = std::min(at_once, output_rows - first);
    const Range range = slice_of(rows, item % slices, slices);
    const int height = range.end - range.begin;
    const ptrdiff_t stride = static_cast<ptrdiff_t>(count) * width;
    Buffer<float> windows;
    windows.grow(static_cast<size_t>(columns * stride));
    for (int i = 0; i < count; ++i) {
      put_windows(geometry, real_input.data(), output_row(geometry, first + i),
                  windows.data() + static_cast<ptrdiff_t>(i) * width, stride);
    }
    Buffer<float> products;
    products.grow(static_cast<size_t>(height * stride));
    multiply_real(height, static_cast<int>(stride), columns,
                  {weights + static_cast<ptrdiff_t>(range.begin) * columns, columns},
                  {windows.data(), stride}, products.data());
    for (int i = 0; i < count; ++i) {
      const OutputRow row = output_row(geometry, first + i);
      float* out = sums + row.block * block_elements(geometry.out) +
                   static_cast<ptrdiff_t>(row.y) * width * rows;
      for (int r = 0; r < height; ++r) {
        const float* in = products.data() + r * stride + static_cast<ptrdiff_t>(i) * width;
        for (int x = 0; x < geometry.out.width; ++x) {
          float* to = out + (static_cast<ptrdiff_t>(x) * rows + range.begin + r) * lanes;
          for (int l = 0; l < lanes; ++l) to[l] += in[x * lanes + l];
        }
      }
    }
  });
}

namespace {

/// The weights of the columns of some channels: [tap][channel of the range][row].
void turn_weights(const Geometry& geometry, const float* weights, Range range, float* turned) {
  const int rows = geometry.out.channels;
  for (int tap = 0; tap < geometry.taps(); ++tap) {
    for (int c = range.begin; c < range.end; ++c) {
      const float* in = weights + tap * geometry.in.channels + c;
      for (int r = 0; r < rows; ++r) {
        *turned++ = in[static_cast<ptrdiff_t>(r) * geometry.columns()];
      }
    }
  }
}

/// One piece of the data gradient: some blocks, some channels.
class PieceOfGradient {
 public:
  PieceOfGradient(const Geometry& geometry, const float* weights, Range blocks, Range channels,
                  bool first, float* input_gradient)
      : geometry_(geometry),
        blocks_(blocks),
        channels_(channels),
        first_(first),
        out_(input_gradient) {
    turned_.grow(static_cast<size_t>(height()) * rows());
    turn_weights(geometry, weights, channels, turned_.data());
    row_.grow(static_cast<size_t>(geometry.out.width) * rows() * lanes);
  }

  void run(const RowSource& gradient, const RowDone& done) {
    const int image = geometry_.out.height;
    constexpr int enough = 256;  // columns of a matrix
    // Where several blocks come together they come as whole images.
    const int at_once =
        blocks_.end - blocks_.begin > 1 ? image : std::clamp(enough / row_width(), 1, image);
    for (int y = 0; y < image; y += at_once) {
      const int end = std::min(image, y + at_once);
      begin_rows((end - 1) * geometry_.stride + geometry_.kernel);
      add_rows(y, end, gradient);
      finish_rows(std::min(begun_, end * geometry_.stride), done);
    }
    begin_rows(geometry_.in.height);  // no window has the last ones under it
    finish_rows(geometry_.in.height, done);
  }

 private:
  int rows() const { return geometry_.out.channels; }
  int row_width() const { return geometry_.out.width * lanes; }
  int range() const { return channels_.end - channels_.begin; }
  int height() const { return geometry_.taps() * range(); }
  float* pixel(int block, int y, int x) const {
    return out_ + block * block_elements(geometry_.in) +
           (static_cast<ptrdiff_t>(y * geometry_.in.width + x) * geometry_.in.channels +
            channels_.begin) *
               lanes;
  }

  void begin_rows(int end) {
    for (; begun_ < end; ++begun_) {
      for (int block = blocks_.begin; block < blocks_.end; ++block) {
        for (int x = 0; x < geometry_.in.width; ++x) {
          std::fill_n(pixel(block, begun_, x), range() * lanes, 0.0f);
        }
      }
    }
  }
  void finish_rows(int end, const RowDone& done) {
    for (; finished_ < end; ++finished_) {
      if (done == nullptr) continue;
      for (int block = blocks_.begin; block < blocks_.end; ++block) {
        done(block, finished_, channels_);
      }
    }
  }

  /// Output rows begin .. end-1 of all blocks, through one product.
  void add_rows(int begin, int end, const RowSource& gradient) {
    const int count = (end - begin) * (blocks_.end - blocks_.begin);
    const ptrdiff_t stride = static_cast<ptrdiff_t>(count) * row_width();
    sums_.grow(static_cast<size_t>(rows() * stride));
    products_.grow(static_cast<size_t>(height() * stride));
    int i = 0;
    for (int block = blocks_.begin; block < blocks_.end; ++block) {
      for (int y = begin; y < end; ++y, ++i) {
        gradient(block, y, first_, row_.data());
        for (int x = 0; x < geometry_.out.width; ++x) {
          for (int r = 0; r < rows(); ++r) {
            copy_lanes(row_.data() + (static_cast<ptrdiff_t>(x) * rows() + r) * lanes,
                       sums_.data() + r * stride + static_cast<ptrdiff_t>(i) * row_width() +
                           static_cast<ptrdiff_t>(x) * lanes);
          }
        }
      }
    }
    multiply_real(height(), static_cast<int>(stride), rows(), {turned_.data(), rows()},
                  {sums_.data(), stride}, products_.data());
    i = 0;
    for (int block = blocks_.begin; block < blocks_.end; ++block) {
      for (int y = begin; y < end; ++y, ++i) put_back(block, y, i, stride);
    }
  }

  /// Adds what output row y of a block gives to the pixels under its windows.
  void put_back(int block, int y, int i, ptrdiff_t stride) {
    for (int tap = 0; tap < geometry_.taps(); ++tap) {
      const int down = y * geometry_.stride + tap / geometry_.kernel;
      for (int x = 0; x < geometry_.out.width; ++x) {
        float* to = pixel(block, down, x * geometry_.stride + tap % geometry_.kernel);
        const float* in = products_.data() + static_cast<ptrdiff_t>(tap) * range() * stride +
                          static_cast<ptrdiff_t>(i) * row_width() +
                          static_cast<ptrdiff_t>(x) * lanes;
        for (int c = 0; c < range(); ++c, in += stride, to += lanes) {
          for (int l = 0; l < lanes; ++l) to[l] += in[l];
        }
      }
    }
  }

  const Geometry& geometry_;
  const Range blocks_;
  const Range channels_;
  const bool first_;
  float* const out_;
  Buffer<float> turned_, row_, sums_, products_;
  int begun_ = 0;  // rows of the input's gradient that were set to 0
  int finished_ = 0;
};

}  // namespace

void real_data_gradient(const Geometry& geometry, const float* weights, int samples,
                        const RowSource& gradient, float* input_gradient, const RowDone& done,
                        Workers& workers) {
  const int blocks = block_count(samples);
  constexpr int enough = 256;  // columns of a matrix
  const int at_once = std::clamp(enough / (geometry.out.pixels() * lanes), 1, blocks);
  const int groups = ceil_divided(blocks, at_once);
  const int slices = slices_of(groups, geometry.in.channels);
  workers.run(groups * slices, [&](int item) {
    const int first = item / slices * at_once;
    const int slice = item % slices;
    PieceOfGradient piece(geometry, weights, {first, std::min(blocks, first + at_once)},
                          slice_of(geometry.in.channels, slice, slices), slice == 0,
                          input_gradient);
    piece.run(gradient, done);
  });
}

}  // namespace stuckat::trainer
