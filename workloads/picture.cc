#include "workloads/picture.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
// Needs size_t and FILE before it.
#include <jpeglib.h>
// Needs jpeglib.h before it.
#include <jerror.h>
#include <png.h>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr int rgb_channels = 3;
constexpr unsigned most_pixels_a_side = 16384;

struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void jpeg_failed(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

/// What the decoder recovers from is passed over, as Pillow does; a file that ends early is not.
void jpeg_warned(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) jpeg_failed(info);
}

/// a * b / 255, rounded.
int scaled(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

/// Four components as Adobe stores them, inverted: 255 is no ink. Pillow's conversion.
void rgb_from_cmyk(const uint8_t* cmyk, size_t pixels, uint8_t* rgb) {
  for (size_t i = 0; i < pixels; ++i, cmyk += 4, rgb += rgb_channels) {
    for (int c = 0; c < rgb_channels; ++c) {
      rgb[c] = static_cast<uint8_t>(std::max(0, cmyk[3] - scaled(255 - cmyk[c], cmyk[3])));
    }
  }
}

/// Nothing with a destructor lives where longjmp() passes. False: errors.message says why.
bool decode_jpeg(const std::vector<uint8_t>& bytes, JpegErrors& errors, Picture& picture,
                 std::vector<uint8_t>& ink) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = jpeg_failed;
  errors.manager.emit_message = jpeg_warned;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  picture.height = static_cast<int>(info.output_height);
  picture.width = static_cast<int>(info.output_width);
  const size_t row = size_t{info.output_width} * rgb_channels;
  picture.pixels.resize(row * info.output_height);
  if (cmyk) ink.resize(size_t{info.output_width} * 4);
  while (info.output_scanline < info.output_height) {
    uint8_t* const rgb = picture.pixels.data() + row * info.output_scanline;
    JSAMPROW line = cmyk ? ink.data() : rgb;
    jpeg_read_scanlines(&info, &line, 1);
    if (cmyk) rgb_from_cmyk(ink.data(), info.output_width, rgb);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

struct PngSource {
  const std::vector<uint8_t>& bytes;
  size_t next = 0;
  std::string message;
};

[[noreturn]] void png_failed(png_structp png, png_const_charp message) {
  static_cast<PngSource*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}

void png_warned(png_structp, png_const_charp) {}

void png_take(png_structp png, png_bytep into, size_t count) {
  auto& source = *static_cast<PngSource*>(png_get_io_ptr(png));
  if (count > source.bytes.size() - source.next) png_error(png, "it ends early");
  std::memcpy(into, source.bytes.data() + source.next, count);
  source.next += count;
}

/// The stored samples, as Pillow's convert("RGB") gives them: the upper byte of 16 bits, colours of
/// a palette, fewer bits of grey scaled to 8; gAMA and colour profiles have no effect, alpha and
/// tRNS are left out. Nothing with a destructor lives where longjmp() passes.
bool decode_png_rows(png_structp png, png_infop info, PngSource& source, Picture& picture,
                     std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &source, png_take);
  png_set_user_limits(png, most_pixels_a_side, most_pixels_a_side);
  png_read_info(png, info);
  png_set_strip_16(png);
  png_set_palette_to_rgb(png);
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  picture.height = static_cast<int>(png_get_image_height(png, info));
  picture.width = static_cast<int>(png_get_image_width(png, info));
  const size_t row = static_cast<size_t>(picture.width) * rgb_channels;
  if (png_get_rowbytes(png, info) != row) png_error(png, "its pixels are of another kind");
  picture.pixels.resize(row * static_cast<size_t>(picture.height));
  rows.resize(static_cast<size_t>(picture.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = picture.pixels.data() + y * row;
  png_read_image(png, rows.data());
  png_read_end(png, nullptr);
  return true;
}

Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& path) {
  PngSource source{bytes, 0, {}};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, png_failed, png_warned);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr) {
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw std::bad_alloc();
  }
  Picture picture;
  std::vector<png_bytep> rows;
  const bool good = decode_png_rows(png, info, source, picture, rows);
  png_destroy_read_struct(&png, &info, nullptr);
  if (!good) throw InputError(path, "damaged PNG: " + source.message, "an intact PNG file");
  return picture;
}

/// One axis: result[i] is the weighted mean over the source; `first` is where the result begins in
/// the resized axis.
struct Taps {
  int begin = 0;
  std::vector<double> weights;
};

std::vector<Taps> taps(int from, int to, int first, int count) {
  const double scale = static_cast<double>(from) / to;
  const double reach = std::max(scale, 1.0);
  std::vector<Taps> result;
  for (int i = first; i < first + count; ++i) {
    const double centre = (i + 0.5) * scale - 0.5;
    Taps t;
    t.begin = std::max(0, static_cast<int>(std::ceil(centre - reach)));
    const int end = std::min(from - 1, static_cast<int>(std::floor(centre + reach)));
    double sum = 0;
    for (int k = t.begin; k <= end; ++k) {
      t.weights.push_back(1 - std::abs(k - centre) / reach);
      sum += t.weights.back();
    }
    for (double& w : t.weights) w /= sum;
    result.push_back(std::move(t));
  }
  return result;
}

}  // namespace

Picture read_picture(const std::string& path) {
  const std::vector<uint8_t> bytes = read_plain_file(path);
  const bool is_png = bytes.size() > 4 && bytes[0] == 0x89 && bytes[1] == 'P';
  const bool is_jpeg = bytes.size() > 4 && bytes[0] == 0xff && bytes[1] == 0xd8;
  if (is_png) return decode_png(bytes, path);
  if (!is_jpeg) throw InputError(path, "is neither JPEG nor PNG", "one of both");
  JpegErrors errors{};
  Picture picture;
  std::vector<uint8_t> ink;
  if (!decode_jpeg(bytes, errors, picture, ink)) {
    throw InputError(path, std::string("damaged JPEG: ") + errors.message);
  }
  return picture;
}

Picture resized(const Picture& picture, int shorter, int crop) {
  assert(crop >= 1 && crop <= shorter && picture.height >= 1 && picture.width >= 1);
  const double scale = static_cast<double>(shorter) / std::min(picture.height, picture.width);
  const int height = std::max(shorter, static_cast<int>(std::lround(picture.height * scale)));
  const int width = std::max(shorter, static_cast<int>(std::lround(picture.width * scale)));
  const auto rows = taps(picture.height, height, (height - crop) / 2, crop);
  const auto columns = taps(picture.width, width, (width - crop) / 2, crop);
  const auto source_row = static_cast<size_t>(crop) * rgb_channels;
  std::vector<double> narrow(static_cast<size_t>(picture.height) * source_row);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < crop; ++x) {
      const Taps& t = columns[static_cast<size_t>(x)];
      for (int c = 0; c < rgb_channels; ++c) {
        double sum = 0;
        for (size_t k = 0; k < t.weights.size(); ++k) {
          const size_t at = static_cast<size_t>(y) * static_cast<size_t>(picture.width) +
                            static_cast<size_t>(t.begin) + k;
          sum += t.weights[k] * picture.pixels[at * rgb_channels + static_cast<size_t>(c)];
        }
        narrow[static_cast<size_t>(y) * source_row + static_cast<size_t>(x * rgb_channels + c)] =
            sum;
      }
    }
  }
  Picture result{crop, crop, {}};
  for (int y = 0; y < crop; ++y) {
    const Taps& t = rows[static_cast<size_t>(y)];
    for (size_t i = 0; i < source_row; ++i) {
      double sum = 0;
      for (size_t k = 0; k < t.weights.size(); ++k) {
        sum += t.weights[k] * narrow[(static_cast<size_t>(t.begin) + k) * source_row + i];
      }
      result.pixels.push_back(static_cast<uint8_t>(std::lround(sum)));
    }
  }
  return result;
}

}  // namespace stuckat
