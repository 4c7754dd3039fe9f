#include "sim/kernel/stamped_fifo.h"

#include <algorithm>
#include <utility>

namespace stuckat::kernel {

namespace {
constexpr int limb_bits = 64;
}

StampedFifo::StampedFifo(int depth, int word_bits)
    : depth_(depth), word_bits_(word_bits), limbs_((word_bits + limb_bits - 1) / limb_bits) {
  assert(depth >= 0 && word_bits >= 1);
  const auto slots = static_cast<size_t>(std::max(1, depth));
  const size_t size = slots * static_cast<size_t>(limbs_);
  written_.resize(slots);
  freed_.resize(slots);
  data_.resize(size);
  keep_.assign(size, ~uint64_t{0});
  set_.resize(size);
  wire_keep_.assign(static_cast<size_t>(limbs_), ~uint64_t{0});
  wire_set_.resize(static_cast<size_t>(limbs_));
}

void StampedFifo::stick_slot_bit(int slot, int bit, bool one) {
  assert(slot >= 0 && slot < depth_ && bit >= 0 && bit < word_bits_ && pushed_ == 0);
  const size_t at = static_cast<size_t>(slot) * static_cast<size_t>(limbs_) +
                    static_cast<size_t>(bit / limb_bits);
  const uint64_t mask = uint64_t{1} << (bit % limb_bits);
  keep_[at] &= ~mask;
  set_[at] = one ? set_[at] | mask : set_[at] & ~mask;
}

void StampedFifo::flip_front(int64_t cycle) {
  const auto slot = static_cast<size_t>(out_);
  for (const Flip& flip : flips_) {
    if (flip.slot != out_ || flip.cycle <= written_[slot] || flip.cycle > cycle) continue;
    const size_t at =
        slot * static_cast<size_t>(limbs_) + static_cast<size_t>(flip.bit / limb_bits);
    data_[at] = stored(at, data_[at] ^ uint64_t{1} << (flip.bit % limb_bits));
    if (probe_ != nullptr) probe_->on_change(popped_, data_.data() + out_ * limbs_);
  }
}

bool StampedFifo::send_by_wire(int64_t& cycle, const uint64_t* word) {
  if (!sending_) {
    store(word);
    written_.front() = cycle;
    sending_ = offered_ = true;
    if (std::exchange(consumer_waits_, false)) wake_consumer();
  }
  if (offered_) return false;
  sending_ = false;
  cycle = freed_.front() - 1;
  return true;
}

void StampedFifo::take_offer(int64_t cycle) {
  offered_ = false;
  written_.front() = cycle;
  if (probe_ != nullptr) probe_->on_push(pushed_, cycle, data_.data());
  ++pushed_;
  counted_ = pushed_;  // nothing lies in wires
}

void StampedFifo::deepen() {
  assert(!can_push() && depth_ > 0);
  const auto limbs = static_cast<size_t>(limbs_);
  const auto old_depth = static_cast<size_t>(depth_);
  const auto depth = old_depth + 1;
  std::vector<int64_t> written(depth), freed(depth);
  std::vector<uint64_t> data(depth * limbs);
  for (auto n = static_cast<size_t>(popped_); n < static_cast<size_t>(pushed_); ++n) {
    written[n % depth] = written_[n % old_depth];
    freed[n % depth] = freed_[n % old_depth];
    std::copy_n(&data_[n % old_depth * limbs], limbs, &data[n % depth * limbs]);
  }
  written_ = std::move(written);
  freed_ = std::move(freed);
  data_ = std::move(data);
  keep_.assign(depth * limbs, ~uint64_t{0});
  set_.assign(depth * limbs, 0);
  ++depth_;
  in_ = static_cast<int>(pushed_ % depth_);
  out_ = static_cast<int>(popped_ % depth_);
  counted_slot_ = static_cast<int>(counted_ % depth_);
  if (std::exchange(producer_waits_, false)) wake_producer();
}

void StampedFifo::flip_pushed(int64_t cycle) {
  for (const Flip& flip : wire_flips_) {
    if (flip.cycle != cycle) continue;
    const auto limb = static_cast<size_t>(flip.bit / limb_bits);
    const size_t at = static_cast<size_t>(in_) * static_cast<size_t>(limbs_) + limb;
    data_[at] = stored(at, passed(limb, data_[at] ^ uint64_t{1} << (flip.bit % limb_bits)));
  }
}

void StampedFifo::stick_wire(int bit, bool one) {
  assert(bit >= 0 && bit < word_bits_ && pushed_ == 0);
  const auto limb = static_cast<size_t>(bit / limb_bits);
  const uint64_t mask = uint64_t{1} << (bit % limb_bits);
  wire_keep_[limb] &= ~mask;
  wire_set_[limb] = one ? wire_set_[limb] | mask : wire_set_[limb] & ~mask;
}

}  // namespace stuckat::kernel
