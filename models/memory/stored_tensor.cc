#include "models/memory/stored_tensor.h"

#include "faultmaps/placement.h"
#include "models/memory/bit_field.h"

namespace stuckat::memory {
namespace {

struct Layout {
  bool accumulators;
  NumberFormat format;
  int bits;         // of an element
  int channels;     // of a pixel
  int pixel_bytes;  // whole bytes

  Layout(const Network& network, int index)
      : accumulators(network.holds_accumulators(index)),
        format(accumulators ? NumberFormat{} : network.format(index)),
        bits(stored_bits(network, index)),
        channels(network.shape(index).channels),
        pixel_bytes((channels * bits + 7) / 8) {}

  int64_t bit_of(int64_t element) const {
    return element / channels * pixel_bytes * 8 + element % channels * bits;
  }
};

}  // namespace

std::vector<uint8_t> stored_tensor(const Network& network, int index, const Tensor& tensor) {
  const Layout layout(network, index);
  std::vector<uint8_t> bytes(static_cast<size_t>(tensor.shape.pixels() * layout.pixel_bytes));
  for (int i = 0; i < tensor.shape.size(); ++i) {
    const int32_t value = tensor.values[static_cast<size_t>(i)];
    put_field(bytes, layout.bit_of(i), layout.bits,
              layout.accumulators ? static_cast<uint32_t>(value) : layout.format.code(value));
  }
  return bytes;
}

int64_t tensor_bytes(const Network& network, int index) {
  return int64_t{network.shape(index).pixels()} * Layout(network, index).pixel_bytes;
}

Tensor loaded_tensor(const Network& network, int index, const std::vector<uint8_t>& bytes) {
  const Layout layout(network, index);
  Tensor tensor{network.shape(index), {}};
  for (int i = 0; i < tensor.shape.size(); ++i) {
    const uint32_t code = get_field(bytes, layout.bit_of(i), layout.bits);
    tensor.values.push_back(layout.accumulators ? static_cast<int32_t>(code)
                                                : layout.format.value(code));
  }
  return tensor;
}

}  // namespace stuckat::memory
