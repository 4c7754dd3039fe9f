// The subcommands of `stuckat faults`, and what they share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "faultmaps/site_index.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/network.h"

namespace stuckat::cli {

int faults_new(const Arguments&);
int faults_show(const Arguments&);
int faults_lower(const Arguments&);
int faults_stats(const Arguments&);
int faults_union(const Arguments&);
int faults_intersect(const Arguments&);
int faults_diff(const Arguments&);
int faults_distance(const Arguments&);
int faults_convert(const Arguments&);
int faults_pessimism(const Arguments&);
int faults_pessimism_page(const Arguments&);

/// A network on an accelerator.
struct Hardware {
  Hardware(const CommandLine& line);

  Network network;
  Placement placement;
  SiteIndex sites;
};

/// --model and --accelerator.
void add_hardware_options(CommandLine& line);
/// Throws InputError if one of them is missing.
std::unique_ptr<Hardware> load_hardware(const CommandLine& line);
/// nullptr if neither is given.
std::unique_ptr<Hardware> load_hardware_if_given(const CommandLine& line);
/// The sites, or nullptr, for readers that check what they can.
const SiteIndex* sites_of(const std::unique_ptr<Hardware>& hardware);

/// Kinds that the accelerator has. Throws InputError on another one.
std::vector<SiteKind> site_kinds(const std::string& list, const SiteIndex& sites);
/// Help: the names of all site kinds.
std::string site_help();

/// "1 fault", "2 faults".
std::string faults_text(size_t count);
/// Writes .h5, .csv or .json by the ending and prints a line. `configuration`: for HDF5.
void write_maps(const CommandLine& line, const std::string& path,
                const std::vector<FaultMap>& chips);

}  // namespace stuckat::cli
