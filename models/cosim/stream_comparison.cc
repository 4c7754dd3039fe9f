#include "models/cosim/stream_comparison.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "workloads/errors.h"

namespace stuckat::cosim {
namespace {

std::string hex(const std::vector<uint64_t>& word) {
  std::string text = "0x";
  char digits[17];
  for (auto limb = word.rbegin(); limb != word.rend(); ++limb) {
    std::snprintf(digits, sizeof digits, text == "0x" ? "%llx" : "%016llx",
                  static_cast<unsigned long long>(*limb));
    text += digits;
  }
  return text;
}

}  // namespace

StreamComparison::StreamComparison(std::string name, int lane_bits, kernel::StampedFifo& expected,
                                   kernel::StampedFifo& actual, Compared compared)
    : name_(std::move(name)),
      lane_bits_(lane_bits),
      cycles_count_(compared == Compared::values_and_cycles),
      limbs_(static_cast<size_t>(expected.limbs())),
      expected_fifo_(expected),
      actual_fifo_(actual) {
  if (expected.word_bits() != actual.word_bits()) {
    throw InputError(name_, "words of " + std::to_string(actual.word_bits()) + " bits",
                     std::to_string(expected.word_bits()) + " as the other has");
  }
  if (lane_bits < 1) {
    throw InputError(name_, "lanes of " + std::to_string(lane_bits) + " bits", "at least 1");
  }
  if (&expected == &actual || expected.has_probe() || actual.has_probe()) {
    throw InputError(name_, "one of the streams is watched already",
                     "two streams that nothing else watches");
  }
  expected_.owner = actual_.owner = this;
  expected.set_probe(&expected_);
  actual.set_probe(&actual_);
}

StreamComparison::~StreamComparison() {
  expected_fifo_.set_probe(nullptr);
  actual_fifo_.set_probe(nullptr);
}

void StreamComparison::Side::on_push(int64_t index, int64_t cycle, const uint64_t* word) {
  pushes.push_back({index, cycle, std::vector<uint64_t>(word, word + owner->limbs_)});
  owner->compare();
}

void StreamComparison::Side::on_pop(int64_t index, int64_t cycle) {
  pops.push_back({index, cycle, {}});
  owner->compare();
}

void StreamComparison::compare() {
  while (!expected_.pushes.empty() && !actual_.pushes.empty()) {
    const Event& want = expected_.pushes.front();
    const Event& got = actual_.pushes.front();
    ++compared_;
    note_offset(got.cycle - want.cycle);
    if (cycles_count_ && want.cycle != got.cycle) {
      report(got, "pushed in cycle " + std::to_string(got.cycle) + ", expected " +
                      std::to_string(want.cycle));
    }
    for (size_t limb = 0; limb < limbs_; ++limb) {
      const uint64_t wrong = want.word[limb] ^ got.word[limb];
      if (wrong == 0) continue;
      const int bit = static_cast<int>(limb) * 64 + __builtin_ctzll(wrong);
      const std::string what = "is " + hex(got.word) + ", expected " + hex(want.word) + ": lane " +
                               std::to_string(bit / lane_bits_) + " bit " +
                               std::to_string(bit % lane_bits_);
      if (summary_.wrong_words++ == 0) {
        summary_.first_wrong_bit =
            "word " + std::to_string(got.index) + " of " + name_ + ": " + what;
      }
      report(got, what);
      break;
    }
    expected_.pushes.pop_front();
    actual_.pushes.pop_front();
  }
  while (!expected_.pops.empty() && !actual_.pops.empty()) {
    const int64_t want = expected_.pops.front().cycle;
    const Event& got = actual_.pops.front();
    ++compared_;
    if (cycles_count_ && want != got.cycle) {
      report(got,
             "read in cycle " + std::to_string(got.cycle) + ", expected " + std::to_string(want));
    }
    expected_.pops.pop_front();
    actual_.pops.pop_front();
  }
}

void StreamComparison::note_offset(int64_t cycles) {
  if (summary_.words++ == 0) summary_.first_offset = cycles;
  if (std::abs(cycles) > std::abs(summary_.largest_offset)) summary_.largest_offset = cycles;
  summary_.last_offset = cycles;
}

std::string ComparisonSummary::text() const {
  std::string text = std::to_string(words) + " words, " + std::to_string(wrong_words) +
                     " wrong; cycles later: first " + std::to_string(first_offset) + ", largest " +
                     std::to_string(largest_offset) + ", last " + std::to_string(last_offset);
  if (!first_wrong_bit.empty()) text += "; " + first_wrong_bit;
  return text;
}

void StreamComparison::report(const Event& got, const std::string& what) {
  if (difference_index_ >= 0 && difference_index_ <= got.index) return;
  difference_index_ = got.index;
  difference_ = "word " + std::to_string(got.index) + " of " + name_ + ": " + what;
}

std::string StreamComparison::final_difference() const {
  if (!difference_.empty()) return difference_;
  const auto rest = [&](const std::deque<Event>& want, const std::deque<Event>& got,
                        const char* what) -> std::string {
    if (want.empty() && got.empty()) return "";
    const Event& event = want.empty() ? got.front() : want.front();
    return "word " + std::to_string(event.index) + " of " + name_ + ": " + what +
           (want.empty() ? " in cycle " + std::to_string(event.cycle) + ", expected never"
                         : " never, expected in cycle " + std::to_string(event.cycle));
  };
  const std::string pushes = rest(expected_.pushes, actual_.pushes, "pushed");
  if (!pushes.empty() || !cycles_count_) return pushes;
  return rest(expected_.pops, actual_.pops, "read");
}

}  // namespace stuckat::cosim
