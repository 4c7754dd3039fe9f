#include "tools/studies/memory_study.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "faultmaps/draws.h"
#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/verdict_counts.h"
#include "workloads/errors.h"

namespace stuckat::studies {
namespace {

struct Group {
  std::string name;
  std::string part;
  int bit = -1;
};

std::vector<Group> groups_of(const MemoryStudyOptions& options, const SiteIndex& sites) {
  std::vector<Group> groups;
  if (options.groups == MemoryGroups::all) return {{"all", "", -1}};
  int bits = 0;
  for (const std::string& part : sites.parts()) {
    bool memory = false;
    for (const SiteKind kind : options.faults.kinds) {
      const SiteSpace* space = sites.find(kind, part);
      if (space == nullptr || space->sites() == 0) continue;
      memory = true;
      bits = std::max(bits, space->counts[space->row->coordinates.size() - 1]);
    }
    if (memory && options.groups == MemoryGroups::part) groups.push_back({part, part, -1});
  }
  if (options.groups == MemoryGroups::part) return groups;
  for (int bit = 0; bit < bits; ++bit) groups.push_back({"bit " + std::to_string(bit), "", bit});
  return groups;
}

MemoryFaults in_group(MemoryFaults faults, const Group& group, double rate,
                      const SiteIndex& sites) {
  faults.rate = rate;
  faults.part = group.part;
  faults.bit = group.bit;
  if (group.part.empty()) return faults;
  std::erase_if(faults.kinds, [&](SiteKind kind) {
    const SiteSpace* space = sites.find(kind, group.part);
    return space == nullptr || space->sites() == 0;
  });
  return faults;
}

}  // namespace

const std::vector<std::string>& memory_group_names() {
  static const std::vector<std::string> names = {"all", "part", "bit"};
  return names;
}

double student_quantile(int64_t degrees) {
  if (degrees <= 1) return 12.706;
  constexpr double z = 1.959964;
  const auto n = static_cast<double>(degrees);
  const double z2 = z * z;
  return z * (1 + (z2 + 1) / (4 * n) + ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
              (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n) +
              ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / (92160 * n * n * n * n));
}

LotStatistics lot_statistics(std::vector<double> a) {
  std::sort(a.begin(), a.end());
  LotStatistics s;
  const size_t n = a.size();
  s.chips = static_cast<int64_t>(n);
  s.mean = std::accumulate(a.begin(), a.end(), 0.0) / static_cast<double>(n);
  double square = 0;
  for (const double v : a) square += (v - s.mean) * (v - s.mean);
  if (n > 1) s.deviation = std::sqrt(square / static_cast<double>(n - 1));
  const double half =
      n > 1 ? student_quantile(s.chips - 1) * s.deviation / std::sqrt(static_cast<double>(n)) : 100;
  s.low = std::max(0.0, s.mean - half);
  s.high = std::min(100.0, s.mean + half);
  s.worst = a.front();
  s.quantile5 = a[(n + 19) / 20 - 1];  // rank ceil(n / 20)
  s.median = a[(n + 1) / 2 - 1];
  return s;
}

MemoryStudy memory_study(const Network& network, const DataSet& data, const Placement& placement,
                         const MemoryStudyOptions& options,
                         const std::function<bool(int64_t, int64_t)>& progress) {
  if (options.chips < 1 || options.rates.empty()) {
    throw InputError("memory faults", "nothing to do", "one rate and one chip at least");
  }
  const auto& repairs = memory_repairs();
  const auto repair = std::find_if(repairs.begin(), repairs.end(), [&](const MemoryRepair& row) {
    return row.name == options.repair;
  });
  if (repair == repairs.end()) {
    throw_unknown_name("memory faults", "repair", options.repair, memory_repair_names());
  }
  if (options.repair == "faq" && options.faults.cell == CellFault::flip) {
    throw InputError("memory faults", "FAQ against flips, which nobody knows of when they come",
                     "stuck cells");
  }
  const SiteIndex sites(placement, network);
  const fast::PackedNetwork packed(network);
  const std::vector<Group> groups = groups_of(options, sites);
  const int64_t total =
      static_cast<int64_t>(groups.size() * options.rates.size()) * options.chips * data.size();
  MemoryStudy study;
  study.images = data.size();
  int64_t done = 0;
  bool stopped = false;
  std::mutex mutex;
  for (const Group& group : groups) {
    for (const double rate : options.rates) {
      const MemoryChips chips(in_group(options.faults, group, rate, sites), sites, placement,
                              network);
      MemoryRow row;
      row.rate = rate;
      row.group = group.name;
      row.cells = chips.cells();
      std::vector<double> accuracies;
      constexpr int64_t at_once = 4096;  // chips in memory
      for (int64_t first = 0; first < options.chips && !stopped; first += at_once) {
        std::vector<Effects> effects;
        for (int64_t chip = first; chip < std::min(options.chips, first + at_once); ++chip) {
          const FaultMap map = chips.chip(chip_seed(options.seed, chip));
          row.mean_cells +=
              static_cast<double>(map.faults.size()) / static_cast<double>(options.chips);
          effects.push_back(repair->apply(map, placement, network));
        }
        const fast::FaultList list(packed, std::move(effects));
        const auto counts = fast::count_verdicts(
            list, [&](int64_t i) { return input_tensor(network, data, static_cast<int>(i)); },
            [&](int64_t i) { return int{data.labels[static_cast<size_t>(i)]}; }, 0, data.size(),
            options.threads,
            [&] {
              const std::lock_guard lock(mutex);
              done += list.size();
              stopped = stopped || (progress && !progress(done, total));
              return !stopped;
            });
        const auto images = static_cast<double>(counts.images);
        for (int chip = 0; chip < list.size(); ++chip) {
          accuracies.push_back(100 * static_cast<double>(counts.total_correct(chip)) / images);
        }
        study.error_free = 100 * static_cast<double>(counts.total_golden_correct()) / images;
      }
      if (stopped) return study;
      row.accuracy = lot_statistics(std::move(accuracies));
      study.rows.push_back(std::move(row));
    }
  }
  return study;
}

}  // namespace stuckat::studies
