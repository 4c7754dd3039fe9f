// What a campaign is about, from its options: shared by running, resuming, submitting and
// replaying.
#pragma once

#include <optional>
#include <string>

#include "faultmaps/placement.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/result.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::cli {

/// The options that say which faults: --faults, --accelerator, and how to draw a sample.
void add_fault_set_options(CommandLine& line);

/// The options that decide what a campaign computes, those included; every result records them.
void add_campaign_options(CommandLine& line);

/// What add_campaign_options() put into `line`, resolved. Options of one run of it, such as its
/// shard, are left out: they change no byte of the merged result.
nlohmann::ordered_json campaign_configuration(const CommandLine& line);

struct CampaignFaultSet {
  AcceleratorPtr accelerator;  ///< or null
  Placement placement;         ///< empty without accelerator
  campaign::FaultSet faults;
};

/// What add_fault_set_options() asks for, in a run of `images` images if there are transients; 0:
/// there can be none. Throws InputError.
CampaignFaultSet load_fault_set(const CommandLine& line, const Network& network,
                                int64_t images = 0);

struct CampaignInputs : CampaignFaultSet {
  Network network;
  DataSet data;
};

/// Reads the model and the data, and builds the fault set. Throws InputError.
CampaignInputs load_campaign(CommandLine& line);

/// The arguments that gave a recorded configuration (CommandLine::configuration() as JSON text),
/// MODEL first. Throws InputError(where, ...) if the command line did not make it.
Arguments campaign_arguments(const std::string& configuration, const std::string& where);

/// --model and --data, for what is no longer where it was.
void add_moved_options(CommandLine& line);
/// The same arguments, found again from the result `path`: with the model and the data of the
/// options, if given; files that are not where they were are looked for beside the result.
Arguments moved_campaign_arguments(const std::string& configuration, const std::string& where,
                                   const CommandLine& line, const std::string& path);

/// `stuckat campaign list`, `replay` and `submit`.
int run_list(const Arguments& arguments);
int run_replay(const Arguments& arguments);
int run_submit(const Arguments& arguments);

}  // namespace stuckat::cli
