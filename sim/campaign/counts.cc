#include "sim/campaign/counts.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace stuckat::campaign {
namespace {

void add_to(std::vector<int32_t>& sums, size_t first, const std::vector<int32_t>& values) {
  for (size_t i = 0; i < values.size(); ++i) sums[first + i] += values[i];
}

}  // namespace

Counts::Counts(int64_t fault_count, int class_count, int tensor_count)
    : faults(fault_count), classes(class_count), tensors(tensor_count) {
  const auto f = static_cast<size_t>(faults);
  const auto c = static_cast<size_t>(classes);
  labels.resize(c);
  golden_correct.resize(c);
  correct.resize(f * c);
  critical.resize(f);
  last_difference.resize(f * (static_cast<size_t>(tensors) + 1));
}

void Counts::clear() {
  for (auto* array : {&labels, &golden_correct, &correct, &critical, &last_difference}) {
    std::fill(array->begin(), array->end(), 0);
  }
}

void Counts::add(int label, int golden_prediction, std::span<const Verdict> verdicts) {
  assert(static_cast<int64_t>(verdicts.size()) == faults && label >= 0 && label < classes);
  const auto l = static_cast<size_t>(label);
  ++labels[l];
  golden_correct[l] += golden_prediction == label;
  const auto c = static_cast<size_t>(classes);
  const auto entries = static_cast<size_t>(tensors) + 1;
  for (size_t f = 0; f < verdicts.size(); ++f) {
    const Verdict& v = verdicts[f];
    correct[f * c + l] += v.prediction == label;
    critical[f] += v.critical;
    ++last_difference[f * entries + static_cast<size_t>(v.last_difference + 1)];
  }
}

void Counts::add_block(const Counts& block, int64_t first) {
  const auto f = static_cast<size_t>(first);
  if (first == 0) {
    add_to(labels, 0, block.labels);
    add_to(golden_correct, 0, block.golden_correct);
  }
  add_to(correct, f * static_cast<size_t>(classes), block.correct);
  add_to(critical, f, block.critical);
  add_to(last_difference, f * (static_cast<size_t>(tensors) + 1), block.last_difference);
}

std::vector<uint8_t> Counts::encode() const {
  std::vector<uint8_t> bytes;
  bytes.reserve(correct.size() + critical.size() + last_difference.size());
  for (const auto* array : {&labels, &golden_correct, &correct, &critical, &last_difference}) {
    for (const int32_t count : *array) {
      auto rest = static_cast<uint32_t>(count);
      for (; rest >= 0x80; rest >>= 7) bytes.push_back(static_cast<uint8_t>(rest | 0x80));
      bytes.push_back(static_cast<uint8_t>(rest));
    }
  }
  return bytes;
}

bool Counts::decode(std::span<const uint8_t> bytes, int64_t images) {
  size_t next = 0;
  for (auto* array : {&labels, &golden_correct, &correct, &critical, &last_difference}) {
    for (int32_t& count : *array) {
      uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        if (next == bytes.size() || shift > 28) return false;
        const uint8_t byte = bytes[next++];
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (value > static_cast<uint64_t>(images)) return false;
      count = static_cast<int32_t>(value);
    }
  }
  return next == bytes.size() &&
         std::accumulate(labels.begin(), labels.end(), int64_t{0}) == images;
}

}  // namespace stuckat::campaign
