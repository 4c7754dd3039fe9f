// A command as jobs of a Slurm cluster: an array of shards, and a job that puts their results
// together when all have ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"

namespace stuckat::cli {

/// Of the jobs; --dry-run prints their scripts.
void add_slurm_options(CommandLine& line);
/// The others, and MODEL: what the tasks' command takes.
Arguments work_arguments(const CommandLine& line);

struct SlurmJobs {
  std::string command;       ///< this program
  std::string folder;        ///< where it was started: paths are relative to it
  std::string shard_folder;  ///< scripts, logs, results of shards
  int64_t shards = 1;
  int64_t cpus = 1;
  int64_t retries = 0;
  Arguments sbatch = {};  ///< further options of sbatch, for both jobs

  /// A command of stuckat and its arguments.
  struct Work {
    std::string command;  ///< "campaign merge"
    Arguments arguments;
  };
  Work task = {};  ///< of the array, but for --shard and --threads: it goes on where it
                   ///< was when it is started again
  bool tasks_have_results = false;  ///< each has --output to one of shard_results()
  Work merge = {};                  ///< of the last job
  std::string merge_name = "merge";
  bool merge_computes = false;  ///< with as many processors as a task

  /// From the options; `output` is what the jobs make. Throws InputError.
  SlurmJobs(const CommandLine& line, const std::string& output);

  std::vector<std::string> shard_results() const;
  std::string shard_script() const;
  std::string merge_script() const;
};

/// Writes the scripts, submits them, and says so; with --dry-run it prints them. `what`: the
/// command, for errors; sentence(array, merge): what the jobs of these numbers do. Nothing is left
/// of what was refused. Throws EnvironmentError without a cluster.
void submit(
    const CommandLine& line, const SlurmJobs& jobs, const std::string& what,
    const std::function<std::string(const std::string& array, const std::string& merge)>& sentence);

}  // namespace stuckat::cli
