#include "workloads/npy_reader.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

[[noreturn]] void damaged(const std::string& where, const std::string& what) {
  throw InputError(where, what, "a .npy file of numbers, little-endian, in C order");
}

/// What follows 'key': in the header, a Python dictionary, up to the next comma outside of
/// brackets.
std::string value_of(const std::string& header, const std::string& key, const std::string& where) {
  const size_t found = header.find("'" + key + "':");
  if (found == std::string::npos) damaged(where, "a header without " + key);
  size_t at = found + key.size() + 3;
  std::string value;
  for (int depth = 0; at < header.size(); ++at) {
    const char c = header[at];
    if (c == '(') ++depth;
    if ((c == ',' && depth == 0) || c == '}') break;
    if (c == ')') --depth;
    if (c != ' ') value += c;
  }
  return value;
}

std::vector<int64_t> shape_of(const std::string& text, const std::string& where) {
  std::vector<int64_t> shape;
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') damaged(where, "no shape");
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  int64_t elements = 1;
  while (at < end) {
    int64_t extent = -1;
    const auto [next, error] = std::from_chars(at, end, extent);
    constexpr int64_t most = int64_t{1} << 31;
    if (error != std::errc() || extent < 0 || extent > most || shape.size() > 8) {
      damaged(where, "the shape " + text);
    }
    shape.push_back(extent);
    elements *= std::max<int64_t>(1, extent);
    if (elements > most) damaged(where, "the shape " + text);
    at = next < end && *next == ',' ? next + 1 : next;
    if (at == next && next < end) damaged(where, "the shape " + text);
  }
  return shape;
}

int bytes_of(const std::string& type, const std::string& where) {
  for (const char* known : {"i1", "u1", "b1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"}) {
    if (type == known) return type[1] - '0';
  }
  damaged(where, "elements of type '" + type + "'");
}

}  // namespace

int64_t NpyArray::size() const {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  return elements;
}

std::vector<int64_t> NpyArray::integers(const std::string& where) const {
  const auto width = static_cast<size_t>(bytes_of(type, where));
  std::vector<int64_t> result;
  result.reserve(bytes.size() / width);
  for (size_t at = 0; at + width <= bytes.size(); at += width) {
    uint64_t word = 0;
    for (size_t i = 0; i < width; ++i) word |= uint64_t{bytes[at + i]} << (8 * i);
    if (type[0] == 'f') {
      const double real =
          width == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(word)))
                     : std::bit_cast<double>(word);
      if (!(std::abs(real) < 9e15) || real != std::floor(real)) {
        throw InputError(where, "holds " + std::to_string(real), "integers");
      }
      result.push_back(static_cast<int64_t>(real));
      continue;
    }
    const size_t unused = 8 * (8 - width);
    result.push_back(type[0] == 'i' ? static_cast<int64_t>(word << unused) >> unused
                                    : static_cast<int64_t>(word));
  }
  return result;
}

NpyArray parse_npy(std::span<const uint8_t> bytes, const std::string& where) {
  constexpr uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (bytes.size() < 12 || !std::equal(std::begin(magic), std::end(magic), bytes.begin())) {
    damaged(where, "no .npy file");
  }
  const bool first_version = bytes[6] == 1;
  if (bytes[6] < 1 || bytes[6] > 3) damaged(where, "version " + std::to_string(bytes[6]));
  const size_t start = first_version ? 10 : 12;
  size_t length = bytes[8] | (size_t{bytes[9]} << 8);
  if (!first_version) length |= (size_t{bytes[10]} << 16) | (size_t{bytes[11]} << 24);
  if (length > bytes.size() - start) damaged(where, "a header beyond the end");
  const std::string header(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                           bytes.begin() + static_cast<std::ptrdiff_t>(start + length));
  NpyArray array;
  const std::string type = value_of(header, "descr", where);  // '<f4' in quotes
  if (type.size() != 5 || type.front() != '\'' || type[1] == '>') {
    damaged(where, "elements of type " + type.substr(0, 40));
  }
  array.type = type.substr(2, 2);
  if (value_of(header, "fortran_order", where) != "False") damaged(where, "Fortran's order");
  array.shape = shape_of(value_of(header, "shape", where), where);
  const auto data = bytes.subspan(start + length);
  const int64_t expected = array.size() * bytes_of(array.type, where);
  if (static_cast<int64_t>(data.size()) != expected) {
    damaged(where, std::to_string(data.size()) + " bytes of data for " + std::to_string(expected));
  }
  array.bytes.assign(data.begin(), data.end());
  return array;
}

NpyArray read_npy(const std::string& path) { return parse_npy(read_plain_file(path), path); }

}  // namespace stuckat
