// Images and labels in a MATLAB file, as SVHN's cropped digits come.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

/// X: uint8 of height x width x channels x images; y: one number for each image.
struct MatImages {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<uint8_t> pixels;  ///< [images][height][width][channels]
  std::vector<int> labels;      ///< [images], as they are in the file
};

/// Reads variables X and y of a MAT file (version 5, packed or not). Throws InputError if there are
/// none, or they have other types or extents.
MatImages read_mat_images(const std::string& path);

}  // namespace stuckat
