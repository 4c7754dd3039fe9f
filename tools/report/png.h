// Small pictures inside a page: bytes as PNG (libpng), as text that an <img> takes.
#pragma once

#include <cstdint>
#include <string>

namespace stuckat::report {

/// pixels: [height][width][channels], grey where there is one channel, red, green and blue where
/// there are three. Throws InputError on other numbers of channels.
std::string png(const uint8_t* pixels, int height, int width, int channels);

/// "data:image/png;base64,..."
std::string png_address(const std::string& png_bytes);

}  // namespace stuckat::report
