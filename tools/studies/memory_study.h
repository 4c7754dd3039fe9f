// How a network's accuracy falls with broken memory cells: lots of chips at several rates, over all
// memories or one part, one bit of the codes at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultmaps/memory_faults.h"
#include "faultmaps/memory_repair.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::studies {

/// Accuracies of a lot of chips, in percent.
struct LotStatistics {
  int64_t chips = 0;
  double mean = 0;
  double deviation = 0;  ///< between chips: of the sample, n - 1
  double low = 0;        ///< 95 % interval of the mean over all such chips (Student's t), on these
  double high = 0;       ///< images
  double quantile5 = 0;  ///< nearest rank: so many of 100 chips are no better
  double median = 0;
  double worst = 0;
};
/// accuracies: not empty.
LotStatistics lot_statistics(std::vector<double> accuracies);

/// The two-sided 95 % quantile of Student's t with so many degrees of freedom, 1 or more (to 1e-2
/// from 2 on; Cornish and Fisher's expansion).
double student_quantile(int64_t degrees);

/// What is broken apart from the rest.
enum class MemoryGroups : uint8_t { all, part, bit };
const std::vector<std::string>& memory_group_names();

struct MemoryStudyOptions {
  MemoryFaults faults;        ///< rate, bit and part are set by the study
  std::vector<double> rates;  ///< of broken units
  MemoryGroups groups = MemoryGroups::all;
  int64_t chips = 50;  ///< of each rate and group
  uint64_t seed = 1;
  std::string repair = "none";  ///< of memory_repairs()
  int threads = 1;
};

struct MemoryRow {
  double rate = 0;
  std::string group;      ///< "all", "layer1/mvtu", "bit 1"
  int64_t cells = 0;      ///< that may break
  double mean_cells = 0;  ///< that are broken, of a chip; those that hold what they read too
  LotStatistics accuracy;
};

struct MemoryStudy {
  double error_free = 0;  ///< percent
  int64_t images = 0;
  std::vector<MemoryRow> rows;  ///< by group, then rate
};

/// Exact accuracies of every chip on every image. progress(done, total) in fault-images; false
/// stops: the rows that are complete come back. Chip i of a group has the same seed at every rate.
/// Throws InputError as MemoryChips and the repair do.
MemoryStudy memory_study(const Network& network, const DataSet& data, const Placement& placement,
                         const MemoryStudyOptions& options,
                         const std::function<bool(int64_t done, int64_t total)>& progress = {});

}  // namespace stuckat::studies
