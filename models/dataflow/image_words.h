// Images in memory words, and tensors out of stream words.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace stuckat::dataflow {

/// The codes of an image, element e in bits [e*b, (e+1)*b), the rest 0; [words][limbs of a word].
std::vector<uint64_t> image_words(const Tensor& image, NumberFormat format, int64_t words,
                                  int word_bits);

/// The same as bytes of a memory that a host writes, little-endian; word_bits are whole bytes.
std::vector<uint8_t> image_bytes(const Tensor& image, NumberFormat format, int64_t words,
                                 int word_bits);

/// How a stream's lanes are read back: by format, or as accumulators (two's complement or not).
struct LaneCode {
  NumberFormat format;
  bool accumulator = false;
  bool is_unsigned = false;
  int bits = 1;

  int32_t value(uint64_t code) const;
};

LaneCode lane_code(const Network& network, int tensor, int bits);

}  // namespace stuckat::dataflow
