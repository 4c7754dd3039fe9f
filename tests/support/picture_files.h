// JPEG and PNG files for tests.
#pragma once

#include <cstdio>
#include <string>
#include <vector>
// Needs size_t and FILE before it.
#include <jpeglib.h>
#include <png.h>

#include "tests/support/catch.h"
#include "workloads/picture.h"

namespace stuckat::test {

/// A picture whose left half is of one colour and whose right half is of another.
inline Picture two_colours(int height, int width, uint8_t left, uint8_t right) {
  Picture p{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    p.pixels.push_back(i / 3 % width < width / 2 ? left : right);
  }
  return p;
}

inline void write_png(const std::string& path, const Picture& p) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(p.width);
  image.height = static_cast<png_uint_32>(p.height);
  image.format = PNG_FORMAT_RGB;
  REQUIRE(png_image_write_to_file(&image, path.c_str(), 0, p.pixels.data(), 0, nullptr) != 0);
}

inline void write_jpeg(const std::string& path, const Picture& p, bool grey = false) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  jpeg_stdio_dest(&info, file);
  info.image_width = static_cast<JDIMENSION>(p.width);
  info.image_height = static_cast<JDIMENSION>(p.height);
  info.input_components = grey ? 1 : 3;
  info.in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < p.height; ++y) {
    std::vector<uint8_t> row;
    for (int x = 0; x < p.width; ++x) {
      const size_t at = static_cast<size_t>(y * p.width + x) * 3;
      for (size_t c = 0; c < (grey ? 1u : 3u); ++c) row.push_back(p.pixels[at + c]);
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::fclose(file);
}

}  // namespace stuckat::test
