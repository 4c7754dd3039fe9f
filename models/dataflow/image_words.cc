#include "models/dataflow/image_words.h"

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

std::vector<uint64_t> image_words(const Tensor& image, NumberFormat format, int64_t words,
                                  int word_bits) {
  const int limbs = limbs_for(word_bits);
  std::vector<uint64_t> result(static_cast<size_t>(words * limbs));
  int64_t bit = 0;
  for (const int32_t value : image.values) {
    const uint32_t code = format.code(value);
    for (int b = 0; b < format.bits; ++b, ++bit) {
      uint64_t* word = result.data() + bit / word_bits * limbs;
      put_bits(word, static_cast<int>(bit % word_bits), 1, code >> b & 1u);
    }
  }
  return result;
}

std::vector<uint8_t> image_bytes(const Tensor& image, NumberFormat format, int64_t words,
                                 int word_bits) {
  const auto limbs = image_words(image, format, words, word_bits);
  std::vector<uint8_t> bytes;
  for (int64_t word = 0; word < words; ++word) {
    for (int bit = 0; bit < word_bits; bit += 8) {
      bytes.push_back(
          static_cast<uint8_t>(get_bits(limbs.data() + word * limbs_for(word_bits), bit, 8)));
    }
  }
  return bytes;
}

int32_t LaneCode::value(uint64_t code) const {
  const auto low = static_cast<uint32_t>(code);
  return accumulator ? read_register(low, bits, is_unsigned) : format.value(low);
}

LaneCode lane_code(const Network& network, int tensor, int bits) {
  LaneCode code;
  code.bits = bits;
  code.accumulator = network.holds_accumulators(tensor);
  if (code.accumulator)
    code.is_unsigned = network.layer(network.producer(tensor)).is_xnor();
  else
    code.format = network.format(tensor);
  return code;
}

}  // namespace stuckat::dataflow
