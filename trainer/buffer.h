// Memory that is kept between steps.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace stuckat::trainer {

/// Array of T, aligned for vectors, without initial values. grow() loses what it held.
template <class T>
class Buffer {
 public:
  void grow(size_t size) {
    if (size <= size_) return;
    const size_t wanted = size * sizeof(T);
    const size_t alignment = wanted >= huge_page ? huge_page : 64;
    const size_t bytes = (wanted + alignment - 1) / alignment * alignment;
    data_.reset(static_cast<T*>(std::aligned_alloc(alignment, bytes)));
    if (data_ == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    // A hint: passes over large tensors miss the TLB less.
    if (alignment == huge_page) madvise(data_.get(), bytes, MADV_HUGEPAGE);
#endif
    size_ = size;
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  static constexpr size_t huge_page = size_t{2} << 20;
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T[], Free> data_;
  size_t size_ = 0;
};

}  // namespace stuckat::trainer
