#include "tools/studies/changed_images.h"

#include <algorithm>
#include <mutex>

#include "sim/fast/fault_list.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/parallel.h"

namespace stuckat::studies {

std::vector<int64_t> worst_faults(const campaign::Result& result, int64_t most) {
  std::vector<int64_t> faults;
  for (int64_t f = 0; f < result.size(); ++f) {
    if (result.critical[static_cast<size_t>(f)] > 0) faults.push_back(f);
  }
  std::stable_sort(faults.begin(), faults.end(), [&](int64_t a, int64_t b) {
    return result.total_correct(a) < result.total_correct(b);
  });
  if (std::ssize(faults) > most) faults.resize(static_cast<size_t>(most));
  return faults;
}

std::vector<ChangedImage> changed_images(const Network& network, const DataSet& data, int64_t first,
                                         int64_t count, const campaign::FaultSet& faults,
                                         const std::vector<int64_t>& which, int threads) {
  std::vector<Effects> effects;
  for (const int64_t fault : which) effects.push_back(faults.effects(fault));
  const fast::PackedNetwork packed(network);
  const fast::FaultList list(packed, effects);
  std::vector<ChangedImage> changed;
  std::mutex mutex;
  fast::for_each_in_parallel(count, threads, [&](fast::NextIndex& next) {
    fast::FaultSimulator simulator(list);
    std::vector<fast::Verdict> verdicts(which.size());
    for (int64_t i = next(); i >= 0; i = next()) {
      const int64_t image = first + i;
      simulator.simulate(input_tensor(network, data, static_cast<int>(image)), image, verdicts);
      const std::lock_guard<std::mutex> lock(mutex);
      for (size_t f = 0; f < which.size(); ++f) {
        if (!verdicts[f].critical) continue;
        changed.push_back({static_cast<int64_t>(f), image, data.labels[static_cast<size_t>(image)],
                           simulator.golden().prediction(), verdicts[f].prediction});
      }
    }
  });
  std::sort(changed.begin(), changed.end(), [](const ChangedImage& a, const ChangedImage& b) {
    return std::pair(a.fault, a.image) < std::pair(b.fault, b.image);
  });
  for (ChangedImage& c : changed) c.fault = which[static_cast<size_t>(c.fault)];
  return changed;
}

std::string changed_images_csv(const std::vector<ChangedImage>& changed,
                               const campaign::Result& result) {
  const auto name = [&](int index) {
    const auto i = static_cast<size_t>(index);
    return i < result.class_names.size() ? result.class_names[i] : std::to_string(index);
  };
  std::string text = "fault,image,label,before,now\n";
  for (const ChangedImage& c : changed) {
    text += campaign::csv_field(result.faults[static_cast<size_t>(c.fault)].id) + "," +
            std::to_string(c.image);
    for (const int index : {c.label, c.before, c.now})
      text += "," + campaign::csv_field(name(index));
    text += "\n";
  }
  return text;
}

}  // namespace stuckat::studies
