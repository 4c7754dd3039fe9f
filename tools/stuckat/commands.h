// The commands of `stuckat`, one file each (command_*.cc). Each takes the arguments after its
// name and returns the exit code; bad input leaves as an InputError.
#pragma once

#include <string>
#include <vector>

namespace stuckat::cli {

using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Arguments&);
};

int run_train(const Arguments&);
int run_eval(const Arguments&);
int run_campaign(const Arguments&);
int run_whatif(const Arguments&);
int run_explore(const Arguments&);
int run_protect(const Arguments&);
int run_fmea(const Arguments&);
int run_sim(const Arguments&);
int run_faults(const Arguments&);
int run_fleet(const Arguments&);
int run_memory(const Arguments&);
int run_sharpness(const Arguments&);
int run_import(const Arguments&);
int run_export(const Arguments&);
int run_report(const Arguments&);
int run_info(const Arguments&);

const std::vector<Command>& command_table();

/// Runs arguments[0] of a command's own table of subcommands, or prints the table for --help.
int run_subcommand(const std::string& command, const std::vector<Command>& table,
                   const Arguments& arguments);

}  // namespace stuckat::cli
