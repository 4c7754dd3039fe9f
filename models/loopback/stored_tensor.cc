#include "models/loopback/stored_tensor.h"

namespace stuckat::loopback {

std::vector<uint8_t> stored_tensor(const Network& network, int index, const Tensor& tensor) {
  const bool accumulators = index == network.tensors() - 1;
  const NumberFormat format = accumulators ? NumberFormat{} : network.tensor_format(index);
  const int bits = accumulators ? 32 : format.bits;
  const size_t pixel_bits = static_cast<size_t>(tensor.shape.channels) * static_cast<size_t>(bits);
  const size_t pixel_bytes = (pixel_bits + 7) / 8;
  std::vector<uint8_t> bytes(static_cast<size_t>(tensor.shape.pixels()) * pixel_bytes);
  const auto channels = static_cast<size_t>(tensor.shape.channels);
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    const int32_t value = tensor.values[i];
    const uint32_t code = accumulators ? static_cast<uint32_t>(value) : format.code(value);
    const size_t first = i / channels * pixel_bytes * 8 + i % channels * static_cast<size_t>(bits);
    for (size_t b = 0; b < static_cast<size_t>(bits); ++b) {
      uint8_t& byte = bytes[(first + b) / 8];
      byte = static_cast<uint8_t>(byte | (code >> b & 1u) << (first + b) % 8);
    }
  }
  return bytes;
}

}  // namespace stuckat::loopback
