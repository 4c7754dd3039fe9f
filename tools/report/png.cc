#include "tools/report/png.h"

#include <openssl/evp.h>
#include <png.h>

#include "workloads/errors.h"

namespace stuckat::report {

std::string png(const uint8_t* pixels, int height, int width, int channels) {
  if (channels != 1 && channels != 3) {
    throw InputError("picture", std::to_string(channels) + " channels", "1 or 3");
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels, 0, nullptr) == 0) {
    throw InputError("picture", image.message);
  }
  bytes.resize(size);
  return bytes;
}

std::string png_address(const std::string& png_bytes) {
  std::string text(4 * ((png_bytes.size() + 2) / 3) + 1, '\0');  // and the 0 at the end
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(png_bytes.data()),
                                     static_cast<int>(png_bytes.size()));
  text.resize(static_cast<size_t>(length));
  return "data:image/png;base64," + text;
}

}  // namespace stuckat::report
