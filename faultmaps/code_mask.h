// What stuck and inverted bits do to a stored code.
#pragma once

#include <cstdint>

namespace stuckat {

/// Bits of a stored code that are stuck or inverted: code' = ((code & keep) | set) ^ flip.
struct CodeMask {
  uint32_t keep = ~0u;
  uint32_t set = 0;
  uint32_t flip = 0;

  uint32_t apply(uint32_t code) const { return ((code & keep) | set) ^ flip; }
  bool is_identity() const { return keep == ~0u && set == 0 && flip == 0; }
  /// Every bit is stuck: the result does not depend on the code.
  bool is_constant() const { return keep == 0; }
  /// The mask that applies `*this` first and `next` to its result.
  CodeMask then(CodeMask next) const;
  /// One bit stuck.
  static CodeMask stuck_bit(int bit, bool one);
  /// All bits stuck at this code.
  static CodeMask constant(uint32_t code) { return {0, code, 0}; }
  /// One bit of a `bits` wide code that is kept sign-extended in 32 bits.
  static CodeMask stuck_bit_sign_extended(int bit, int bits, bool one);

  bool operator==(const CodeMask&) const = default;
};

}  // namespace stuckat
