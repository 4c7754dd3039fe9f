#include "trainer/workers.h"

#include <algorithm>

namespace stuckat::trainer {

Workers::Workers(int threads) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Workers::take_items() {
  for (int item = next_++; item < items_; item = next_++) (*work_)(item);
}

void Workers::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || next_ < items_; });
    if (stop_) return;
    ++busy_;
    lock.unlock();
    take_items();
    lock.lock();
    if (--busy_ == 0) done_.notify_one();
  }
}

void Workers::run(int items, const std::function<void(int)>& work) {
  if (threads_.empty() || items <= 1) {
    for (int i = 0; i < items; ++i) work(i);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    next_ = 0;
    items_ = items;
  }
  start_.notify_all();
  take_items();
  // Waits for threads that took items, not for those that the machine has not woken yet: they
  // find items_ = 0 when it does.
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return busy_ == 0; });
  items_ = 0;
}

}  // namespace stuckat::trainer
