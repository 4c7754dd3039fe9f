#include "faultmaps/code_mask.h"

namespace stuckat {

CodeMask CodeMask::then(CodeMask next) const {
  // (((c & k1) | s1) ^ f1) & k2 | s2, written as one keep, set, flip: with c0 = bits kept by both
  // and set by neither, the rest is constant.
  const uint32_t through = keep & ~set & next.keep & ~next.set;
  const uint32_t constant = next.apply(apply(0));  // right on every bit that does not depend on c
  CodeMask result;
  result.keep = through;
  result.flip = (flip ^ next.flip) & through;
  result.set = constant & ~through;
  // Bits beyond `through` have keep 0, so set alone gives them.
  if (through == ~0u && result.set == 0 && result.flip == 0) return {};
  return result;
}

CodeMask CodeMask::stuck_bit(int bit, bool one) {
  const uint32_t mask = 1u << bit;
  return {~mask, one ? mask : 0, 0};
}

CodeMask CodeMask::stuck_bit_sign_extended(int bit, int bits, bool one) {
  if (bit != bits - 1) return stuck_bit(bit, one);
  const uint32_t high = ~0u << bit;
  return {~high, one ? high : 0, 0};
}

}  // namespace stuckat
