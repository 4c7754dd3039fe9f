// What a campaign is about, from its options: shared by running, resuming and replaying.
#pragma once

#include <optional>
#include <string>

#include "faultmaps/placement.h"
#include "sim/campaign/fault_set.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::cli {

/// The options that decide what a campaign computes, and those of one run of it.
void add_campaign_options(CommandLine& line);

struct CampaignInputs {
  Network network;
  DataSet data;
  std::optional<Accelerator> accelerator;
  Placement placement;  ///< empty without accelerator
  campaign::FaultSet faults;
};

/// Reads the model and the data, and builds the fault set. Throws InputError.
CampaignInputs load_campaign(const CommandLine& line);

/// The arguments that gave a recorded configuration (CommandLine::configuration() as JSON text),
/// MODEL first. Throws InputError(where, ...) if the command line did not make it.
Arguments campaign_arguments(const std::string& configuration, const std::string& where);

/// `stuckat campaign replay`.
int run_replay(const Arguments& arguments);

}  // namespace stuckat::cli
