// std::vector whose data starts on a cache line, for aligned SIMD loads.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace stuckat::fast {

inline constexpr size_t cache_line_bytes = 64;

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}

  T* allocate(size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{cache_line_bytes}));
  }
  void deallocate(T* data, size_t /*count*/) {
    ::operator delete (data, std::align_val_t{cache_line_bytes});
  }
  template <typename U>
  bool operator==(const AlignedAllocator<U>& /*other*/) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace stuckat::fast
