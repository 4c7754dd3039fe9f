// Bit fields in the words of streams: lane l of a word lies in bits [l*b, (l+1)*b), bit 0 of a word
// in bit 0 of its first limb.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stuckat::dataflow {

inline constexpr int limb_bits = 64;
constexpr int limbs_for(int bits) { return (bits + limb_bits - 1) / limb_bits; }

constexpr uint64_t low_mask(int count) {
  return count >= limb_bits ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

/// Bits [offset, offset + count) of a word; 1 <= count <= 64. Touches no limb beyond them.
inline uint64_t get_bits(const uint64_t* word, int offset, int count) {
  // Unsigned: a shift and a mask, where signed numbers round to zero.
  const auto limb = static_cast<unsigned>(offset) / limb_bits;
  const int shift = static_cast<int>(static_cast<unsigned>(offset) % limb_bits);
  uint64_t bits = word[limb] >> shift;
  if (shift + count > limb_bits) bits |= word[limb + 1] << (limb_bits - shift);
  return bits & low_mask(count);
}

/// Overwrites bits [offset, offset + count) with the low bits of `value`.
inline void put_bits(uint64_t* word, int offset, int count, uint64_t value) {
  const auto limb = static_cast<unsigned>(offset) / limb_bits;
  const int shift = static_cast<int>(static_cast<unsigned>(offset) % limb_bits);
  const uint64_t mask = low_mask(count);
  value &= mask;
  word[limb] = (word[limb] & ~(mask << shift)) | (value << shift);
  if (shift + count > limb_bits) {
    const int rest = limb_bits - shift;
    word[limb + 1] = (word[limb + 1] & ~(mask >> rest)) | (value >> rest);
  }
}

/// put_bits() where the bits are 0 so far: word after word is filled from its first lane.
inline void add_bits(uint64_t* word, int offset, int count, uint64_t value) {
  const auto limb = static_cast<unsigned>(offset) / limb_bits;
  const int shift = static_cast<int>(static_cast<unsigned>(offset) % limb_bits);
  value &= low_mask(count);
  word[limb] |= value << shift;
  if (shift + count > limb_bits) word[limb + 1] |= value >> (limb_bits - shift);
}

/// Bit `bit` of a word that can break sticks at `one`, or is inverted; read_word() is the way out
/// of its storage.
inline void stick_word_bit(uint64_t* keep, uint64_t* set, int bit, bool one) {
  put_bits(keep, bit, 1, 0);
  put_bits(set, bit, 1, one ? 1 : 0);
}
inline void flip_word_bit(uint64_t* word, int bit) {
  put_bits(word, bit, 1, get_bits(word, bit, 1) ^ 1u);
}
inline void read_word(uint64_t* word, const uint64_t* keep, const uint64_t* set, int limbs) {
  for (int i = 0; i < limbs; ++i) word[i] = (word[i] & keep[i]) | set[i];
}

/// Copies `count` >= 0 bits between words that do not overlap.
inline void copy_bits(uint64_t* to, int to_offset, const uint64_t* from, int from_offset,
                      int count) {
  for (int done = 0; done < count; done += limb_bits) {
    const int part = std::min(limb_bits, count - done);
    put_bits(to, to_offset + done, part, get_bits(from, from_offset + done, part));
  }
}

}  // namespace stuckat::dataflow
