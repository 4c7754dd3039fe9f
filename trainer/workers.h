// A pool of threads that runs numbered items.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stuckat::trainer {

/// Items of at most `b` each that `a` are.
inline int ceil_divided(int a, int b) { return (a + b - 1) / b; }

/// Items are handed out in any order to any thread: results are the same on any number of
/// threads only if no item reads what another one writes, which every use here keeps to.
class Workers {
 public:
  /// threads <= 0: as many as the machine has. The calling thread is one of them.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return static_cast<int>(threads_.size()) + 1; }
  /// work(item) for every item in 0 .. items-1; returns when all are done. `work` must not throw.
  void run(int items, const std::function<void(int)>& work);

 private:
  void loop();
  void take_items();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  const std::function<void(int)>* work_ = nullptr;
  int items_ = 0;             // 0 between two rounds
  int busy_ = 0;              // threads of the pool that take items of this round
  std::atomic<int> next_{0};  // the next item to hand out
  bool stop_ = false;
};

}  // namespace stuckat::trainer
