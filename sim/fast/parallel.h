// Work on independent indices by several threads; an exception in one reaches the caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>

namespace stuckat::fast {

/// Gives out 0 .. count-1, each once, then -1.
class NextIndex {
 public:
  explicit NextIndex(int64_t count) : count_(count) {}
  int64_t operator()() {
    const int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
    return index < count_ ? index : -1;
  }
  /// No more indices for anybody.
  void stop() { next_.store(count_, std::memory_order_relaxed); }

 private:
  const int64_t count_;
  std::atomic<int64_t> next_ = 0;
};

/// Runs work(next) on `threads` threads (at least one, at most `count`) and waits for all. The
/// first exception thrown stops the others and is thrown again.
void for_each_in_parallel(int64_t count, int threads, const std::function<void(NextIndex&)>& work);

/// work(0) .. work(count - 1) in any order. Where several throw, what the first index throws.
void for_each_index(int64_t count, int threads, const std::function<void(int64_t index)>& work);

}  // namespace stuckat::fast
