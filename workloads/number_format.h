// Number formats: what the integers in a tensor mean, and how hardware stores them.
//
// Tensors hold *values* (the integers one computes with: -1 and +1 for a binary format). Hardware
// stores *codes*: `bits` wide bit patterns. Faults act on codes. This file is the only place that
// knows how the two are related, the polarity of the 1-bit code included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat {

/// binary:        1 bit, code 0 is -1 and code 1 is +1
/// signed_narrow: b >= 2 bits, two's complement; quantizers emit -(2^(b-1)-1) .. 2^(b-1)-1 only,
///                but a broken bit can make the pattern of -2^(b-1), and that is computed with
/// unsigned_:     b bits, 0 .. 2^b - 1 (DoReFa)
/// fixed_point:   8 bits, two's complement with 7 fractional bits, -128 .. 127: the network input
/// signed_full:   b >= 2 bits, two's complement, -2^(b-1) .. 2^(b-1)-1 (TFLite, ONNX)
/// zero_point:    8 bits, two's complement less a zero point z: -128 - z .. 127 - z. Stored in 8
///                bits, computed with in 9 (Jacob et al., CVPR 2018; TFLite)
/// unsigned_zero_point: the same of unsigned codes, -z .. 255 - z (ONNX)
enum class FormatKind : uint8_t {
  binary,
  signed_narrow,
  unsigned_,
  fixed_point,
  signed_full,
  zero_point,
  unsigned_zero_point
};

struct NumberFormat {
  FormatKind kind = FormatKind::binary;
  int bits = 1;
  int zero = 0;  ///< the zero point, of those that have one

  bool operator==(const NumberFormat&) const = default;

  /// Smallest and greatest value that a quantizer emits.
  int min_level() const;
  int max_level() const;
  /// Number of levels that a quantizer emits: 2 for binary, 2^b - 1 narrow, 2^b otherwise.
  int levels() const;
  /// Value of level index i in 0 .. levels()-1, ascending.
  int level(int index) const;
  /// Thresholds that an activation of this format needs: levels() - 1.
  int thresholds() const { return levels() - 1; }
  /// Smallest value that a (possibly broken) stored code can mean; the greatest is max_level().
  int min_value() const;
  /// The value that padding puts around an image: 0, or -1 (code 0) for binary, which has no 0.
  int padding_value() const { return kind == FormatKind::binary ? -1 : 0; }

  /// Of two's complement that a value is multiplied in (unsigned: without a sign).
  int operand_bits() const { return has_zero_point() ? bits + 1 : bits; }
  bool has_zero_point() const {
    return kind == FormatKind::zero_point || kind == FormatKind::unsigned_zero_point;
  }

  /// Stored bit pattern of a value, in the low `bits` bits.
  uint32_t code(int value) const;
  /// Value of a stored bit pattern; bits above `bits` are ignored.
  int value(uint32_t code) const;

  /// "binary", "int2" (signed narrow), "uint2", "fixed8", "int8_full", "int8_zp-5", "uint8_zp7".
  std::string name() const;
};

/// One row for each format of up to 8 bits, one for all zero points of a kind: what engines and
/// their tests go through.
const std::vector<NumberFormat>& all_number_formats();
/// The others that have a name, which imported networks have: two's complement of 9 to 16 bits (9
/// for operands of 8 bits less a zero point) and unsigned ones of as many.
const std::vector<NumberFormat>& wide_number_formats();
/// Those that the networks of the zoo use.
const std::vector<NumberFormat>& zoo_number_formats();

/// The format with this name. Throws InputError(where, ...).
NumberFormat parse_number_format(std::string_view name, std::string_view where);

inline constexpr NumberFormat binary_format{FormatKind::binary, 1};
inline constexpr NumberFormat fixed_point_format{FormatKind::fixed_point, 8};
constexpr NumberFormat signed_format(int bits) { return {FormatKind::signed_narrow, bits}; }
constexpr NumberFormat full_format(int bits) { return {FormatKind::signed_full, bits}; }
constexpr NumberFormat zero_point_format(int zero) { return {FormatKind::zero_point, 8, zero}; }
constexpr NumberFormat unsigned_zero_point_format(int zero) {
  return {FormatKind::unsigned_zero_point, 8, zero};
}
constexpr NumberFormat unsigned_format(int bits) { return {FormatKind::unsigned_, bits}; }
/// The weight or activation format of `b` bits in the zoo: binary for 1, signed narrow above.
constexpr NumberFormat quantized_format(int b) { return b == 1 ? binary_format : signed_format(b); }

/// Of one kind and width: what computes with one computes with the other.
constexpr bool alike(NumberFormat a, NumberFormat b) {
  return a.kind == b.kind && a.bits == b.bits;
}

/// Value of the low `bits` bits of a register: unsigned, or two's complement. bits: 1 to 32; an
/// unsigned register of 32 bits is read back as int32_t.
inline int32_t read_register(uint32_t code, int bits, bool is_unsigned) {
  if (bits >= 32) return static_cast<int32_t>(code);
  code &= (1u << bits) - 1;
  if (is_unsigned) return static_cast<int32_t>(code);
  const uint32_t sign = 1u << (bits - 1);
  return static_cast<int32_t>(code ^ sign) - static_cast<int32_t>(sign);
}

/// Pixel byte -> fixed-point value: clip(floor(256*p/255 + 0.5) - 128, -128, 127)
/// (docs/hardware.md).
int fixed_point_from_pixel(int pixel);

}  // namespace stuckat
