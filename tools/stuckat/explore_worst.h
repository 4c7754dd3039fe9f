// The accuracy of designs under the worst single dead PE, from campaigns of every PE.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/campaign/result.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/explore_journal.h"
#include "tools/stuckat/explore_sweep.h"
#include "workloads/dataset.h"

namespace stuckat::cli {

class WorstCases {
 public:
  /// Reads the campaigns of --campaign and, for --worst-case, the images. Throws InputError unless
  /// the campaigns are of dead PEs of this network and all of the same images.
  WorstCases(const CommandLine& line, const Network& network);

  /// Takes a design's accuracy from the campaign of the very same placement; without one and with
  /// --worst-case, runs it, unless `journal` knows what comes out.
  void examine(std::vector<DesignPoint>& points, ExploreJournal& journal);

  /// Of --campaign: those whose placement no design had.
  std::vector<std::string> unused() const;

 private:
  /// [error-free accuracy, worst accuracy, which fault]
  using Worst = nlohmann::ordered_json;
  struct Known {
    std::string path;  // empty: it was run here
    Worst worst;
    bool used = false;
  };
  static Worst worst_of(const campaign::Result& result);
  void check(const std::string& path, const campaign::Result& result);

  const Network& network_;
  std::string network_hash_;
  std::map<std::string, Known> known_;  // by hash of the fault set, placement included
  std::string images_from_;             // whose images are those of all
  std::string images_hash_;
  bool run_ = false;
  DataSet data_;  // of runs
  int threads_ = 1;
};

}  // namespace stuckat::cli
