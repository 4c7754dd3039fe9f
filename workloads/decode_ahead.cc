#include "workloads/decode_ahead.h"

#include <algorithm>
#include <cassert>

namespace stuckat {

DecodeAhead::DecodeAhead(const PictureFolder& folder, std::vector<int> order, int batch,
                         int threads)
    : folder_(folder), order_(std::move(order)), batch_(static_cast<size_t>(batch)) {
  const size_t bytes = batch_ * static_cast<size_t>(folder.shape.size());
  slots_.resize(batches_held);
  for (Slot& slot : slots_) slot.pixels.resize(bytes);
  for (int t = 0; t < threads; ++t) threads_.emplace_back([this] { decode(); });
}

DecodeAhead::~DecodeAhead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (auto& thread : threads_) thread.join();
}

size_t DecodeAhead::batch_end(size_t batch) const {
  return std::min(order_.size(), (batch + 1) * batch_);
}

void DecodeAhead::decode() {
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] {
      return stop_ || next_item_ == order_.size() ||
             next_item_ / batch_ < first_held_ + slots_.size();
    });
    if (stop_ || next_item_ == order_.size()) return;
    const size_t item = next_item_++;
    Slot& slot = slots_[item / batch_ % slots_.size()];
    lock.unlock();
    std::exception_ptr failure;
    try {
      folder_.decode(order_[item], slot.pixels.data() +
                                       item % batch_ * static_cast<size_t>(folder_.shape.size()));
    } catch (...) {  // told where the batch is asked for
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && (!slot.failure || item < slot.failed)) {
      slot.failure = failure;
      slot.failed = item;
    }
    ++slot.done;
    decoded_.notify_one();
  }
}

const uint8_t* DecodeAhead::next() {
  std::unique_lock lock(mutex_);
  const size_t batch = next_batch_++;
  assert(batch * batch_ < order_.size());
  if (batch > 0) {  // the one before is used up
    slots_[(batch - 1) % slots_.size()].done = 0;
    first_held_ = batch;
    room_.notify_all();
  }
  Slot& slot = slots_[batch % slots_.size()];
  const auto count = static_cast<int>(batch_end(batch) - batch * batch_);
  decoded_.wait(lock, [&] { return slot.done == count; });
  if (slot.failure) std::rethrow_exception(slot.failure);
  return slot.pixels.data();
}

}  // namespace stuckat
