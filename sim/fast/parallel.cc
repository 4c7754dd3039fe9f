#include "sim/fast/parallel.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace stuckat::fast {

void for_each_in_parallel(int64_t count, int threads, const std::function<void(NextIndex&)>& work) {
  NextIndex next(count);
  std::mutex mutex;
  std::exception_ptr error;
  const auto guarded = [&] {
    try {
      work(next);
    } catch (...) {
      next.stop();
      const std::lock_guard<std::mutex> lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  const int64_t others = std::clamp<int64_t>(threads, 1, std::max<int64_t>(count, 1)) - 1;
  std::vector<std::jthread> pool;
  for (int64_t i = 0; i < others; ++i) pool.emplace_back(guarded);
  guarded();
  pool.clear();  // joins
  if (error) std::rethrow_exception(error);
}

void for_each_index(int64_t count, int threads, const std::function<void(int64_t index)>& work) {
  std::mutex mutex;
  int64_t first = count;
  std::exception_ptr error;
  for_each_in_parallel(count, threads, [&](NextIndex& next) {
    for (int64_t i = next(); i >= 0; i = next()) {
      try {
        work(i);
      } catch (...) {  // those before it are in work already
        next.stop();
        const std::lock_guard<std::mutex> lock(mutex);
        if (i < first) error = std::current_exception();
        first = std::min(first, i);
      }
    }
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace stuckat::fast
