#include "workloads/mat_reader.h"

#include <matio.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

struct CloseMat {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

void silent(int, char*) {}

/// Bytes 124 to 127 of the header: version 0x0100 and "MI", in the order of the writing machine.
/// Version 7.3 is HDF5, which SVHN's files are not.
void check_header(const std::string& path) {
  std::array<char, 128> header{};
  std::ifstream file(path, std::ios::binary);
  file.read(header.data(), header.size());
  const std::string_view mark(header.data() + 124, 4);
  const bool little = mark == std::string_view("\0\1IM", 4);
  const bool big = mark == std::string_view("\1\0MI", 4);
  if (!little && !big) throw InputError(path, "is no MAT file", "MATLAB's format, version 5");
}

/// Walks over the elements of the file (type and length, four bytes each, in the order of the
/// writing machine) and unpacks the compressed ones, whose checksum matio does not look at.
void check_compressed(const std::string& path) {
  constexpr size_t header_bytes = 128, tag_bytes = 8;
  constexpr uint32_t compressed = 15;  // miCOMPRESSED
  const std::vector<uint8_t> bytes = read_plain_file(path);
  const bool little = bytes[126] == 'I';
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint32_t{bytes[at + i]} << (8 * (little ? i : 3 - i));
    return value;
  };
  size_t at = header_bytes;
  while (bytes.size() - at >= tag_bytes) {
    const uint32_t type = word(at);
    const uint32_t length = word(at + 4);
    at += tag_bytes;
    if (length > bytes.size() - at) {
      throw InputError(path, "ends within an element", "an intact MAT file");
    }
    if (type == compressed && !is_intact_zlib({bytes.data() + at, length})) {
      throw InputError(path, "is damaged: the checksum of a compressed element is wrong",
                       "an intact MAT file");
    }
    at += length;
    if (type != compressed) at = std::min(bytes.size(), (at + 7) / 8 * 8);
  }
  if (at != bytes.size()) throw InputError(path, "has bytes after its last element", "none");
}

Variable read_variable(mat_t* file, const char* name, const std::string& path) {
  Variable variable(Mat_VarRead(file, name));
  if (variable == nullptr || variable->data == nullptr || variable->isComplex != 0) {
    throw InputError(path, std::string("has no readable variable ") + name,
                     "X (images) and y (labels)");
  }
  return variable;
}

/// Elements of a column of numbers of any type that labels come in.
std::vector<int> numbers(const matvar_t& variable, const std::string& path) {
  size_t count = 1;
  for (int i = 0; i < variable.rank; ++i) count *= variable.dims[i];
  std::vector<int> result(count);
  for (size_t i = 0; i < count; ++i) {
    double value = -1;
    if (variable.class_type == MAT_C_DOUBLE) {
      value = static_cast<const double*>(variable.data)[i];
    } else if (variable.class_type == MAT_C_UINT8) {
      value = static_cast<const uint8_t*>(variable.data)[i];
    } else {
      throw InputError(path, "y is of MATLAB class " + std::to_string(variable.class_type),
                       "double or uint8");
    }
    if (!(value >= 0 && value <= 65535) || value != std::floor(value)) {
      throw InputError(path, "label " + std::to_string(value), "a whole number, 0 or more");
    }
    result[i] = static_cast<int>(value);
  }
  return result;
}

}  // namespace

MatImages read_mat_images(const std::string& path) {
  constexpr size_t most_pixels_a_side = 4096;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw InputError(path, "no such file");
  check_header(path);
  check_compressed(path);
  Mat_LogInitFunc("stuckat", silent);  // what goes wrong is thrown, not printed
  const std::unique_ptr<mat_t, CloseMat> file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (file == nullptr) throw InputError(path, "is no MAT file", "MATLAB's format, version 5");
  const Variable x = read_variable(file.get(), "X", path);
  const Variable y = read_variable(file.get(), "y", path);
  if (x->class_type != MAT_C_UINT8 || x->rank != 4 || x->dims[0] < 1 || x->dims[1] < 1 ||
      x->dims[2] < 1 || x->dims[0] > most_pixels_a_side || x->dims[1] > most_pixels_a_side ||
      x->dims[2] > 3) {
    throw InputError(path, "X is no stack of images", "uint8, height x width x channels x images");
  }
  MatImages images;
  images.height = static_cast<int>(x->dims[0]);
  images.width = static_cast<int>(x->dims[1]);
  images.channels = static_cast<int>(x->dims[2]);
  images.labels = numbers(*y, path);
  if (images.labels.size() != x->dims[3]) {
    throw InputError(path, "y has " + std::to_string(images.labels.size()) + " labels",
                     std::to_string(x->dims[3]) + ", one for each image");
  }
  // MATLAB's order has the row fastest: X[image][channel][column][row].
  const auto* data = static_cast<const uint8_t*>(x->data);
  const size_t pixels = x->dims[0] * x->dims[1];
  const size_t size = pixels * x->dims[2];
  images.pixels.resize(size * images.labels.size());
  for (size_t n = 0; n < images.labels.size(); ++n) {
    for (size_t c = 0; c < x->dims[2]; ++c) {
      for (size_t p = 0; p < pixels; ++p) {
        const size_t row = p % x->dims[0];
        const size_t column = p / x->dims[0];
        images.pixels[n * size + (row * x->dims[1] + column) * x->dims[2] + c] =
            data[n * size + c * pixels + p];
      }
    }
  }
  return images;
}

}  // namespace stuckat
