// The accuracy of designs under the worst single dead PE, from campaigns of every PE.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/explore/explorer.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/result.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::studies {

class WorstCases {
 public:
  /// `network` outlives it.
  explicit WorstCases(const Network& network);

  /// Designs without a campaign get one of these images; of the same ones are all that are added.
  void run_others(DataSet data, const std::string& images_from, int threads);
  /// A campaign that a design of its placement takes its accuracy from. Throws InputError(path,
  /// ...) unless it is of dead PEs of this network, whole, and of the same images as all others.
  void add(const std::string& path, const campaign::Result& result);

  /// What `findings` know is not run again. `progress` gets the number of designs that are done.
  void examine(std::vector<explore::DesignPoint>& points, explore::Findings& findings,
               const std::function<void(size_t)>& progress);

  /// Of add(): those whose placement no design had.
  std::vector<std::string> unused() const;

 private:
  struct Worst {
    double error_free = 0;  // accuracies, percent
    double accuracy = 0;
    std::string fault;
  };
  struct Known {
    std::string path;  // empty: it was run here
    Worst worst;
    bool used = false;
  };
  static Worst worst_of(const campaign::Result& result);
  Worst run(const campaign::FaultSet& faults, const std::string& hash,
            explore::Findings& findings) const;
  void check(const std::string& path, const campaign::Result& result);

  const Network& network_;
  std::string network_hash_;
  std::map<std::string, Known> known_;  // by hash of the fault set, placement included
  std::string images_from_;             // whose images are those of all
  std::string images_hash_;
  std::optional<DataSet> data_;  // of runs
  int threads_ = 1;
};

}  // namespace stuckat::studies
