// Photographs: JPEG and PNG files as bytes, resized and cropped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

struct Picture {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;  ///< [height][width][3], red, green, blue
};

/// Reads a JPEG or PNG file, recognised by its first bytes; grey becomes three equal channels.
/// Throws InputError if it is missing, damaged, cut off or of more than 16384 pixels a side.
Picture read_picture(const std::string& path);

/// Resized so that the shorter side is `shorter` pixels (each result pixel the weighted mean of
/// what it covers, weights falling linearly: a triangle filter), then the `crop` x `crop` pixels
/// in the middle. crop <= shorter.
Picture resized(const Picture& picture, int shorter, int crop);

}  // namespace stuckat
