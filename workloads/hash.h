// Content hashes: what a result was made from, independent of files, byte order and padding.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace stuckat {

/// SHA-256 over a sequence of fields. Integers go in as eight little-endian bytes, texts and
/// arrays after their length, so that two different sequences never feed the same bytes.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  Hasher& add(std::string_view text);
  Hasher& add(double value);

  template <std::integral T>
  Hasher& add(T value) {
    return add_integer(static_cast<uint64_t>(value));
  }
  template <class T>
  requires std::is_enum_v<T> Hasher& add(T value) {
    return add(static_cast<std::underlying_type_t<T>>(value));
  }
  /// The elements as little-endian integers of their own width.
  template <std::integral T>
  Hasher& add(std::span<const T> values) {
    add(values.size());
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::little) {
      return add_bytes(values.data(), values.size_bytes());
    } else {
      for (const T value : values) add_low_bytes(static_cast<uint64_t>(value), sizeof(T));
      return *this;
    }
  }

  /// 64 hex digits over everything added so far. The last call on this object.
  std::string hex();

 private:
  struct Context;

  Hasher& add_integer(uint64_t value);
  Hasher& add_bytes(const void* bytes, size_t count);
  void add_low_bytes(uint64_t value, size_t count);

  std::unique_ptr<Context> context_;
};

}  // namespace stuckat
