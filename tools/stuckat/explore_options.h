// The options of `stuckat explore`: its own and those of the families.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/explore/design.h"
#include "tools/stuckat/command_line.h"
#include "tools/studies/exploration.h"
#include "tools/studies/worst_case.h"
#include "workloads/network.h"

namespace stuckat::cli {

void add_explore_options(CommandLine& line);

/// Throws InputError where there is nothing to explore, and on options without effect on that.
studies::Sweep sweep_of(const CommandLine& line, const Network& network);

/// The images of --worst-case, as the result says them.
struct DataSaid {
  std::string text;
  nlohmann::ordered_json json;
};

/// With the campaigns of --campaign and, for --worst-case, the images, which `said` then says.
/// Throws InputError.
studies::WorstCases worst_cases_of(CommandLine& line, const Network& network,
                                   std::optional<DataSaid>& said);

struct Budgets {
  int64_t pes = 0;
  int64_t memory_bits = 0;
  double frames_per_second = 0;

  bool allow(const explore::Design& design) const;
};
Budgets budgets_of(const CommandLine& line);

}  // namespace stuckat::cli
