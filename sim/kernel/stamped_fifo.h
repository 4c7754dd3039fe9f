// A FIFO whose words carry the cycle in which they were written. No clock, no SystemC: producer and
// consumer may run ahead of each other, the stamps alone say when things happen.
//
//   word n is written at a cycle c(n) >= p(n - depth) + 1: its slot was freed one cycle before
//   word n is read    at a cycle p(n) >= c(n) + 1: it is visible one cycle after it was written
//
// so a depth of 2 sustains one word per cycle, a depth of 1 one word in two cycles. Depth 0 are
// wires: a word is written and read in one cycle, in which both sides are ready.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

namespace stuckat::kernel {

/// Sees every word that a FIFO stores, as it will be read, and the cycles of its push and its pop.
/// Costs one test for each when absent.
class WordProbe {
 public:
  virtual ~WordProbe() = default;
  virtual void on_push(int64_t index, int64_t cycle, const uint64_t* word) = 0;
  virtual void on_pop(int64_t /*index*/, int64_t /*cycle*/) {}
  /// A transient has changed the word since it was pushed.
  virtual void on_change(int64_t /*index*/, const uint64_t* /*word*/) {}
};

class StampedFifo {
 public:
  /// Words of `word_bits` bits, the lowest in bit 0 of limb 0. depth >= 0, word_bits >= 1.
  StampedFifo(int depth, int word_bits);
  virtual ~StampedFifo() = default;
  StampedFifo(const StampedFifo&) = delete;
  StampedFifo& operator=(const StampedFifo&) = delete;

  int depth() const { return depth_; }
  int word_bits() const { return word_bits_; }
  int limbs() const { return limbs_; }  ///< 64-bit words that hold one FIFO word

  // The producer's side. Where can_push() is false, the cycle in which the slot becomes free is
  // not known yet: the consumer has to run first.
  bool can_push() const { return depth_ == 0 ? !offered_ : pushed_ - popped_ < depth_; }
  int64_t slot_free() const { return freed_[static_cast<size_t>(in_)]; }
  void push(int64_t cycle, const uint64_t* word);
  /// push() as soon as there is a slot, `cycle` or later; `cycle` becomes when. False: it is not
  /// known yet, and the same is to be asked again.
  bool send(int64_t& cycle, const uint64_t* word) {
    if (depth_ == 0) return send_by_wire(cycle, word);
    if (!can_push()) return false;
    cycle = std::max(cycle, slot_free());
    push(cycle, word);
    return true;
  }
  /// send() has said false of a word that waits in wires.
  bool sending() const { return sending_; }

  // The consumer's side; likewise.
  bool can_pop() const { return popped_ < pushed_ || offered_; }
  int64_t visible() const { return written_[static_cast<size_t>(out_)] + (depth_ > 0 ? 1 : 0); }
  const uint64_t* front() const { return data_.data() + out_ * limbs_; }
  void pop(int64_t cycle);

  // Whoever waits says so once and is woken once.
  void producer_waits() { producer_waits_ = true; }
  void consumer_waits() { consumer_waits_ = true; }

  /// Storage that can break: from now on bit `bit` of slot `slot` reads `one`. Later calls act on
  /// the result of earlier ones. Before the first word.
  void stick_slot_bit(int slot, int bit, bool one);
  /// A wire before the storage: every word has the bit when it is written.
  void stick_wire(int bit, bool one);
  /// A transient: what lies in the slot at the beginning of `cycle`, written before and not yet
  /// read, has the bit inverted; a stuck bit of the slot stays as it is. Before the first word.
  void flip_slot_bit(int slot, int bit, int64_t cycle) { flips_.push_back({slot, bit, cycle}); }
  /// A transient on the wire before the storage: a word written in `cycle` has the bit
  /// inverted; stuck bits stay as they are. Before the first word.
  void flip_wire(int bit, int64_t cycle) { wire_flips_.push_back({0, bit, cycle}); }
  /// The front word is about to be read in `cycle`: flips that hit it until then show in front().
  void settle(int64_t cycle) {
    if (!flips_.empty()) flip_front(cycle);
    if (offered_ && !wire_flips_.empty()) flip_pushed(cycle);
  }
  void set_probe(WordProbe* probe) { probe_ = probe; }
  bool has_probe() const { return probe_ != nullptr; }
  /// One more slot for a FIFO that is full, to find out whether a deadlock goes away: words stay
  /// right, cycles and statistics from here on mean nothing.
  void deepen();

  // Statistics.
  int64_t pushed() const { return pushed_; }
  int64_t popped() const { return popped_; }
  int high_water() const { return high_water_; }  ///< most words stored in any one cycle
  int64_t blocked_cycles() const { return blocked_; }
  int64_t starved_cycles() const { return starved_; }
  void note_blocked(int64_t cycles) { blocked_ += cycles; }
  void note_starved(int64_t cycles) { starved_ += cycles; }

 protected:
  virtual void wake_producer() {}
  virtual void wake_consumer() {}

 private:
  int next(int slot) const { return slot + 1 >= depth_ ? 0 : slot + 1; }
  struct Flip {
    int slot;
    int bit;
    int64_t cycle;
  };
  uint64_t passed(size_t limb, uint64_t bits) const {
    return (bits & wire_keep_[limb]) | wire_set_[limb];
  }
  uint64_t stored(size_t at, uint64_t bits) const { return (bits & keep_[at]) | set_[at]; }
  bool send_by_wire(int64_t& cycle, const uint64_t* word);
  void store(const uint64_t* word);
  void take_offer(int64_t cycle);
  void flip_front(int64_t cycle);
  void flip_pushed(int64_t cycle);
  void count_push(int64_t cycle);
  void count_pop(int64_t cycle);

  int depth_;
  int word_bits_;
  int limbs_;
  int in_ = 0;            // slot of the next push, pushed_ mod depth
  int out_ = 0;           // slot of the next pop, popped_ mod depth
  bool sending_ = false;  // wires: the producer has a word that it does not know to be taken
  bool offered_ = false;  // wires: it has not been taken; written_ says since when it is there
  bool producer_waits_ = false;
  bool consumer_waits_ = false;
  int64_t pushed_ = 0;
  int64_t popped_ = 0;
  std::vector<int64_t> written_;                // [slot] cycle of the last push into the slot
  std::vector<int64_t> freed_;                  // [slot] cycle after the last pop from the slot
  std::vector<uint64_t> data_, keep_, set_;     // [slot][limbs]
  std::vector<uint64_t> wire_keep_, wire_set_;  // [limbs]
  std::vector<Flip> flips_;
  std::vector<Flip> wire_flips_;
  WordProbe* probe_ = nullptr;

  int high_water_ = 0;
  int64_t counted_ = 0;  // pushes whose occupancy is known
  int counted_slot_ = 0;
  int64_t left_ = 0;  // words that were read before the last push
  int left_slot_ = 0;
  int64_t blocked_ = 0;
  int64_t starved_ = 0;
};

inline void StampedFifo::store(const uint64_t* word) {
  const size_t at = static_cast<size_t>(in_) * static_cast<size_t>(limbs_);
  for (size_t i = 0; i < static_cast<size_t>(limbs_); ++i) {
    data_[at + i] = stored(at + i, passed(i, word[i]));
  }
}

inline void StampedFifo::push(int64_t cycle, const uint64_t* word) {
  assert(depth_ > 0 && can_push() && cycle >= slot_free());
  const size_t at = static_cast<size_t>(in_) * static_cast<size_t>(limbs_);
  store(word);
  if (!wire_flips_.empty()) flip_pushed(cycle);
  written_[static_cast<size_t>(in_)] = cycle;
  if (probe_ != nullptr) probe_->on_push(pushed_, cycle, data_.data() + at);
  count_push(cycle);
  in_ = next(in_);
  ++pushed_;
  if (consumer_waits_) {
    consumer_waits_ = false;
    wake_consumer();
  }
}

inline void StampedFifo::pop(int64_t cycle) {
  assert(can_pop() && cycle >= visible());
  if (offered_) take_offer(cycle);
  count_pop(cycle);
  if (probe_ != nullptr) probe_->on_pop(popped_, cycle);
  freed_[static_cast<size_t>(out_)] = cycle + 1;
  out_ = next(out_);
  ++popped_;
  if (producer_waits_) {
    producer_waits_ = false;
    wake_producer();
  }
}

// A push at cycle c finds the words k in store whose p(k) >= c. Either the last known pop is that
// late already, and then all later ones are; or a pop that comes later settles it. Pushes come in
// the order of their cycles, so that the first such word never goes back.
inline void StampedFifo::count_push(int64_t cycle) {
  if (left_ < popped_ - depth_) {
    left_ = popped_ - depth_;
    left_slot_ = out_;
  }
  for (; left_ < popped_ && freed_[static_cast<size_t>(left_slot_)] <= cycle; ++left_) {
    left_slot_ = next(left_slot_);
  }
  if (left_ == popped_) return;
  high_water_ = std::max(high_water_, static_cast<int>(pushed_ + 1 - left_));
  ++counted_;
  counted_slot_ = next(counted_slot_);
}

inline void StampedFifo::count_pop(int64_t cycle) {
  while (counted_ < pushed_ && written_[static_cast<size_t>(counted_slot_)] <= cycle) {
    high_water_ = std::max(high_water_, static_cast<int>(counted_ + 1 - popped_));
    ++counted_;
    counted_slot_ = next(counted_slot_);
  }
}

}  // namespace stuckat::kernel
