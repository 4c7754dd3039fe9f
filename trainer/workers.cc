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
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
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
    items_ = items;
    next_ = 0;
    busy_ = static_cast<int>(threads_.size());
    ++round_;
  }
  start_.notify_all();
  take_items();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return busy_ == 0; });
}

}  // namespace stuckat::trainer
