#include "workloads/number_format.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat {

int NumberFormat::min_level() const {
  switch (kind) {
    case FormatKind::binary:
      return -1;
    case FormatKind::signed_narrow:
      return -((1 << (bits - 1)) - 1);
    case FormatKind::unsigned_:
    case FormatKind::unsigned_zero_point:
      return -zero;
    case FormatKind::fixed_point:
    case FormatKind::signed_full:
    case FormatKind::zero_point:
      return -(1 << (bits - 1)) - zero;
  }
  return 0;
}

int NumberFormat::max_level() const {
  switch (kind) {
    case FormatKind::binary:
      return 1;
    case FormatKind::unsigned_:
    case FormatKind::unsigned_zero_point:
      return (1 << bits) - 1 - zero;
    case FormatKind::signed_narrow:
    case FormatKind::fixed_point:
    case FormatKind::signed_full:
    case FormatKind::zero_point:
      return (1 << (bits - 1)) - 1 - zero;
  }
  return 0;
}

int NumberFormat::levels() const {
  return kind == FormatKind::binary ? 2 : max_level() - min_level() + 1;
}

int NumberFormat::level(int index) const {
  return kind == FormatKind::binary ? 2 * index - 1 : min_level() + index;
}

int NumberFormat::min_value() const {
  return kind == FormatKind::signed_narrow ? -(1 << (bits - 1)) : min_level();
}

uint32_t NumberFormat::code(int value) const {
  if (kind == FormatKind::binary) return value > 0 ? 1 : 0;
  return static_cast<uint32_t>(value + zero) & ((1u << bits) - 1);
}

int NumberFormat::value(uint32_t code) const {
  if (kind == FormatKind::binary) return (code & 1u) != 0 ? 1 : -1;
  const bool is_unsigned = kind == FormatKind::unsigned_ || kind == FormatKind::unsigned_zero_point;
  return read_register(code, bits, is_unsigned) - zero;
}

std::string NumberFormat::name() const {
  switch (kind) {
    case FormatKind::binary:
      return "binary";
    case FormatKind::signed_narrow:
      return "int" + std::to_string(bits);
    case FormatKind::unsigned_:
      return "uint" + std::to_string(bits);
    case FormatKind::fixed_point:
      return "fixed" + std::to_string(bits);
    case FormatKind::signed_full:
      return "int" + std::to_string(bits) + "_full";
    case FormatKind::zero_point:
      return "int8_zp" + std::to_string(zero);
    case FormatKind::unsigned_zero_point:
      return "uint8_zp" + std::to_string(zero);
  }
  return {};
}

const std::vector<NumberFormat>& all_number_formats() {
  static const std::vector<NumberFormat> rows = [] {
    std::vector<NumberFormat> all = {binary_format, fixed_point_format};
    constexpr int most_bits = 8;
    for (int bits = 1; bits <= most_bits; ++bits) all.push_back(unsigned_format(bits));
    for (int bits = 2; bits <= most_bits; ++bits) all.push_back(signed_format(bits));
    for (int bits = 2; bits <= most_bits; ++bits) all.push_back(full_format(bits));
    all.push_back(zero_point_format(-77));
    all.push_back(unsigned_zero_point_format(133));
    return all;
  }();
  return rows;
}

const std::vector<NumberFormat>& wide_number_formats() {
  static const std::vector<NumberFormat> rows = [] {
    std::vector<NumberFormat> all;
    constexpr int least_bits = 9;
    constexpr int most_bits = 16;
    for (int bits = least_bits; bits <= most_bits; ++bits) all.push_back(full_format(bits));
    for (int bits = least_bits; bits <= most_bits; ++bits) all.push_back(unsigned_format(bits));
    return all;
  }();
  return rows;
}

const std::vector<NumberFormat>& zoo_number_formats() {
  static const std::vector<NumberFormat> rows = {
      binary_format,      signed_format(2),   signed_format(3),
      signed_format(4),   signed_format(8),   unsigned_format(2),
      unsigned_format(3), unsigned_format(4), fixed_point_format,
  };
  return rows;
}

NumberFormat parse_number_format(std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const auto* formats : {&all_number_formats(), &wide_number_formats()}) {
    for (const auto& format : *formats) {
      if (format.name() == name) return format;
      known.push_back(format.name());
    }
  }
  for (int zero = 0; zero <= 255; ++zero) {
    for (const auto& format : {zero_point_format(zero - 128), unsigned_zero_point_format(zero)}) {
      if (format.name() == name) return format;
    }
  }
  throw_unknown_name(where, "number format", name, known);
}

int fixed_point_from_pixel(int pixel) {
  // floor(256*p/255 + 1/2) = floor((512*p + 255) / 510)
  return std::clamp((512 * pixel + 255) / 510 - 128, -128, 127);
}

}  // namespace stuckat
