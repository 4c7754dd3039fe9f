#include "workloads/picture.h"

#include <cassert>
#include <cmath>
#include <csetjmp>
#include <cstdio>
// Needs size_t and FILE before it.
#include <jpeglib.h>
#include <png.h>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr int channels = 3;
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

/// A damaged file is an error here, not a warning about grey pixels.
void jpeg_warned(j_common_ptr info, int level) {
  if (level < 0) jpeg_failed(info);
}

/// Nothing with a destructor lives where longjmp() passes. False: errors.message says why.
bool decode_jpeg(const std::vector<uint8_t>& bytes, JpegErrors& errors, Picture& picture) {
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
  info.out_color_space = JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  picture.height = static_cast<int>(info.output_height);
  picture.width = static_cast<int>(info.output_width);
  const size_t row = size_t{info.output_width} * channels;
  picture.pixels.resize(row * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW line = picture.pixels.data() + row * info.output_scanline;
    jpeg_read_scanlines(&info, &line, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    throw InputError(path, std::string("damaged PNG: ") + image.message);
  }
  image.format = PNG_FORMAT_RGB;
  if (image.width > most_pixels_a_side || image.height > most_pixels_a_side) {
    png_image_free(&image);
    throw InputError(path, "too many pixels a side", "at most 16384");
  }
  Picture picture{static_cast<int>(image.height), static_cast<int>(image.width), {}};
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};  // behind what is transparent
  if (png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr) == 0) {
    throw InputError(path, std::string("damaged PNG: ") + image.message);
  }
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
  if (!decode_jpeg(bytes, errors, picture)) {
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
  const auto source_row = static_cast<size_t>(crop) * channels;
  std::vector<double> narrow(static_cast<size_t>(picture.height) * source_row);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < crop; ++x) {
      const Taps& t = columns[static_cast<size_t>(x)];
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        for (size_t k = 0; k < t.weights.size(); ++k) {
          const size_t at = static_cast<size_t>(y) * static_cast<size_t>(picture.width) +
                            static_cast<size_t>(t.begin) + k;
          sum += t.weights[k] * picture.pixels[at * channels + static_cast<size_t>(c)];
        }
        narrow[static_cast<size_t>(y) * source_row + static_cast<size_t>(x * channels + c)] = sum;
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
