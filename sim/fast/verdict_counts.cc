#include "sim/fast/verdict_counts.h"

#include <cassert>
#include <mutex>
#include <numeric>

#include "sim/fast/parallel.h"

namespace stuckat::fast {
namespace {

void add_each(std::vector<int64_t>& into, const std::vector<int64_t>& from) {
  assert(into.size() == from.size());
  for (size_t i = 0; i < into.size(); ++i) into[i] += from[i];
}

}  // namespace

VerdictCounts::VerdictCounts(int fault_count, int tensor_count, int class_count)
    : faults(fault_count),
      tensors(tensor_count),
      classes(class_count),
      labels(static_cast<size_t>(class_count)),
      golden_correct(static_cast<size_t>(class_count)),
      correct(static_cast<size_t>(fault_count) * static_cast<size_t>(class_count)),
      critical(static_cast<size_t>(fault_count)),
      last_difference(static_cast<size_t>(fault_count) * (static_cast<size_t>(tensor_count) + 1)) {}

VerdictCounts VerdictCounts::for_faults(const FaultList& list) {
  return {list.size(), list.network().tensors(), list.network().network().classes()};
}

void VerdictCounts::add(int label, int golden_prediction, std::span<const Verdict> verdicts) {
  assert(static_cast<int>(verdicts.size()) == faults && label >= 0 && label < classes);
  ++images;
  ++labels[static_cast<size_t>(label)];
  if (golden_prediction == label) ++golden_correct[static_cast<size_t>(label)];
  for (size_t f = 0; f < verdicts.size(); ++f) {
    const Verdict& v = verdicts[f];
    const size_t row = f * (static_cast<size_t>(tensors) + 1);
    ++last_difference[row + static_cast<size_t>(v.last_difference + 1)];
    critical[f] += v.critical ? 1 : 0;
    if (v.prediction == label) {
      ++correct[f * static_cast<size_t>(classes) + static_cast<size_t>(label)];
    }
  }
}

void VerdictCounts::add(const VerdictCounts& other) {
  assert(faults == other.faults && tensors == other.tensors && classes == other.classes);
  images += other.images;
  add_each(labels, other.labels);
  add_each(golden_correct, other.golden_correct);
  add_each(correct, other.correct);
  add_each(critical, other.critical);
  add_each(last_difference, other.last_difference);
}

int64_t VerdictCounts::total_correct(int fault) const {
  const auto row = correct.begin() + static_cast<std::ptrdiff_t>(fault) * classes;
  return std::accumulate(row, row + classes, int64_t{0});
}

int64_t VerdictCounts::total_golden_correct() const {
  return std::accumulate(golden_correct.begin(), golden_correct.end(), int64_t{0});
}

int64_t VerdictCounts::masked(int fault) const {
  const size_t row = static_cast<size_t>(fault) * (static_cast<size_t>(tensors) + 1);
  return images - last_difference[row + static_cast<size_t>(tensors)];
}

VerdictCounts count_verdicts(const FaultList& faults, const ImageSource& image,
                             const LabelSource& label, int64_t first, int64_t count, int threads,
                             const std::function<bool()>& image_done, WorkCount* work) {
  VerdictCounts total = VerdictCounts::for_faults(faults);
  std::mutex mutex;
  for_each_in_parallel(count, threads, [&](NextIndex& next) {
    FaultSimulator simulator(faults);
    VerdictCounts mine = VerdictCounts::for_faults(faults);
    std::vector<Verdict> verdicts(static_cast<size_t>(faults.size()));
    for (int64_t i = next(); i >= 0; i = next()) {
      simulator.simulate(image(first + i), first + i, verdicts);
      mine.add(label(first + i), simulator.golden().prediction(), verdicts);
      if (image_done && !image_done()) next.stop();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    total.add(mine);
    if (work != nullptr) {
      work->fault_images += simulator.work().fault_images;
      work->additions += simulator.work().additions;
      work->changed_elements += simulator.work().changed_elements;
      work->bit_products += simulator.work().bit_products;
    }
  });
  return total;
}

}  // namespace stuckat::fast
