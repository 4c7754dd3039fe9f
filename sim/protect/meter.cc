#include "sim/protect/meter.h"

#include <algorithm>

#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/verdict_counts.h"
#include "workloads/errors.h"

namespace stuckat::protect {
namespace {

constexpr size_t block_faults = 2048;  // prepared at a time: bounds the memory

}  // namespace

Meter::Meter(const Network& network, const DataSet& data, int threads)
    : packed_(network), data_(data), threads_(threads) {
  if (data.size() < 1) throw InputError(data.name, "no image", "at least one");
  const auto image = [&](int64_t i) {
    return input_tensor(packed_.network(), data_, static_cast<int>(i));
  };
  const auto found = fast::evaluate(packed_, image, 0, data.size(), threads);
  for (size_t i = 0; i < data.labels.size(); ++i) {
    error_free_ += found.predictions[i] == data.labels[i] ? 1 : 0;
  }
}

std::vector<int64_t> Meter::correct(std::vector<Effects> faults) {
  std::vector<int64_t> result;
  result.reserve(faults.size());
  for (size_t first = 0; first < faults.size(); first += block_faults) {
    const size_t last = std::min(faults.size(), first + block_faults);
    const auto begin = std::make_move_iterator(faults.begin());
    const fast::FaultList list(packed_, {begin + static_cast<std::ptrdiff_t>(first),
                                         begin + static_cast<std::ptrdiff_t>(last)});
    const auto counts = fast::count_verdicts(
        list,
        [&](int64_t i) { return input_tensor(packed_.network(), data_, static_cast<int>(i)); },
        [&](int64_t i) { return data_.labels[static_cast<size_t>(i)]; }, 0, data_.size(), threads_);
    for (int f = 0; f < counts.faults; ++f) result.push_back(counts.total_correct(f));
  }
  fault_images_ += static_cast<int64_t>(faults.size()) * images();
  return result;
}

double Meter::points_lost(int64_t correct) const {
  return 100.0 * static_cast<double>(error_free_ - correct) / static_cast<double>(images());
}

}  // namespace stuckat::protect
