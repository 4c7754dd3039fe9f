// Images as the passes of the trainer take them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stuckat::trainer {

/// A block tensor of images: of values that fit into 8 bits, or of 16 bits.
struct StepInput {
  const int8_t* narrow = nullptr;
  const int16_t* wide = nullptr;

  StepInput(const int8_t* values) : narrow(values) {}
  StepInput(const int16_t* values) : wide(values) {}
  template <class Value>
  void copy(size_t count, Value* values) const {
    for (size_t i = 0; i < count; ++i) {
      values[i] = static_cast<Value>(wide != nullptr ? wide[i] : narrow[i]);
    }
  }
};

}  // namespace stuckat::trainer
