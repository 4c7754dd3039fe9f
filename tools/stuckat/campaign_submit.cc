// A campaign as jobs of a Slurm cluster: an array of shards, and a job that merges them.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "sim/campaign/run.h"
#include "tools/stuckat/campaign_inputs.h"
#include "tools/stuckat/inputs.h"
#include "workloads/environment_error.h"

namespace stuckat::cli {
namespace {

/// As one word of the shell.
std::string quoted(const std::string& word) {
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

/// As one argument of a line #SBATCH, which knows double quotes and backslashes.
std::string in_header(const std::string& word) {
  std::string result = "\"";
  for (const char c : word)
    result += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return result + "\"";
}

/// As a name in which sbatch finds no pattern: "%%" is "%".
std::string without_patterns(const std::string& name) {
  std::string result;
  for (const char c : name) result += c == '%' ? "%%" : std::string(1, c);
  return result;
}

struct Submission {
  std::string command;  ///< this program
  std::string folder;   ///< where it was started: paths of the campaign are relative to it
  std::string output;
  std::string shard_folder;
  Arguments campaign;  ///< MODEL and options
  int64_t shards = 1;
  int64_t cpus = 1;
  int64_t retries = 0;
  Arguments sbatch;  ///< further options of sbatch, for both jobs
  std::string csv;

  std::string shard_result(const std::string& index) const {
    return fmt::format("{}/{}-of-{}.h5", shard_folder, index, shards);
  }
  std::string header(const std::string& name, const std::string& log,
                     const std::string& more) const {
    std::string text = "#!/bin/bash\n";
    text += "#SBATCH --job-name=" + in_header("stuckat-" + name) + "\n";
    text += "#SBATCH --chdir=" + in_header(folder) + "\n";
    // sbatch replaces % and a letter in the name of the log.
    text += "#SBATCH --output=" + in_header(log) + "\n#SBATCH --open-mode=append\n" + more;
    for (const auto& option : sbatch) text += "#SBATCH " + option + "\n";
    return text + "set -euo pipefail\n";
  }
};

/// Slurm starts a requeued task with the same script: --resume goes on from the journal. A minute
/// before a time limit Slurm sends USR1, and the shard stops where it is and queues again, as one
/// that fails does: SLURM_RESTART_COUNT counts both. Bad input (exit code 2) would be as bad the
/// next time; 130 and 143 are a campaign that was told to stop. The last task of an array has the
/// array's job id: a task is named by array and index.
std::string shard_script(const Submission& s) {
  std::string text =
      s.header("shard", without_patterns(s.shard_folder) + "/%a.log",
               fmt::format("#SBATCH --array=0-{}\n#SBATCH --cpus-per-task={}\n#SBATCH --requeue\n"
                           "#SBATCH --signal=B:USR1@60\n",
                           s.shards - 1, s.cpus));
  text += "result=" + quoted(s.shard_folder) +
          fmt::format("/$SLURM_ARRAY_TASK_ID-of-{}.h5\n", s.shards);
  text += "limit_near=\n";
  text += quoted(s.command) + " campaign";
  for (const auto& argument : s.campaign) text += " \\\n  " + quoted(argument);
  text += fmt::format(
      " \\\n  --shard=\"$SLURM_ARRAY_TASK_ID/{}\" --threads={} --resume "
      "--output=\"$result\" &\n",
      s.shards, s.cpus);
  text +=
      "campaign=$!\n"
      "trap 'limit_near=1; kill -TERM \"$campaign\"' USR1\n"
      "code=0; wait \"$campaign\" || code=$?\n"
      "if [ \"$limit_near\" ]; then code=0; wait \"$campaign\" || code=$?; fi\n";
  text += fmt::format(
      "case \"$code\" in\n"
      "  0 | 2) exit \"$code\" ;;\n"
      "  130 | 143) again=$limit_near ;;\n"
      "  *) again=1 ;;\n"
      "esac\n"
      "[ \"${{SLURM_RESTART_COUNT:-0}}\" -lt {} ] || again=\n"
      "echo \"shard $SLURM_ARRAY_TASK_ID ended with code $code${{again:+; queued again}}\"\n"
      "if [ \"$again\" ]; then scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID\"; "
      "sleep 60; fi\n"
      "exit \"$code\"\n",
      s.retries);
  return text;
}

std::string merge_script(const Submission& s) {
  std::string text = s.header("merge", without_patterns(s.shard_folder) + "/merge.log", "");
  text += quoted(s.command) + " campaign merge";
  for (int64_t i = 0; i < s.shards; ++i) {
    text += " \\\n  " + quoted(s.shard_result(std::to_string(i)));
  }
  if (!s.csv.empty()) text += " \\\n  " + quoted("--csv=" + s.csv);
  return text + " \\\n  " + quoted("--output=" + s.output) + "\n";
}

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  for (size_t first = 0; first <= folders.size();) {
    const size_t end = std::min(folders.find(':', first), folders.size());
    const std::string file = folders.substr(first, end - first) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return true;
    first = end + 1;
  }
  return false;
}

/// The number of the job. `sbatch --parsable` prints NUMBER or NUMBER;CLUSTER as its last line.
std::string submit(const std::string& arguments) {
  std::string output;
  FILE* pipe = ::popen(("sbatch --parsable " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw_system_error("sbatch", "cannot be started", errno, "memory for it");
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), n);
  }
  const int status = ::pclose(pipe);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  std::string last = output.substr(output.find_last_of('\n') + 1);
  last = last.substr(0, last.find(';'));
  if (status != 0 || last.empty() || last.find_first_not_of("0123456789") != std::string::npos) {
    std::replace(output.begin(), output.end(), '\n', ' ');
    throw EnvironmentError("sbatch", output.empty() ? "fails without a word" : output,
                           "a Slurm cluster that takes the job");
  }
  return last;
}

Submission submission_of(const CommandLine& line) {
  Submission s;
  s.command = std::filesystem::read_symlink("/proc/self/exe").string();
  s.folder = std::filesystem::current_path().string();
  s.output = line.text("output");
  s.shard_folder = s.output + ".shards";
  s.campaign = campaign_arguments(campaign_configuration(line).dump(), "stuckat campaign submit");
  s.shards = line.integer("shards", 1, 100'000);
  s.cpus = line.integer("cpus", 1, 1024);
  s.retries = line.integer("retries", 0, 1000);
  if (line.has("sbatch")) s.sbatch = line.get<std::vector<std::string>>("sbatch");
  for (const auto& option : s.sbatch) {
    if (!option.starts_with("-") || option.find('\n') != std::string::npos) {
      throw InputError("--sbatch", "'" + option + "'", "an option of sbatch: --sbatch=--time=60");
    }
  }
  s.csv = line.text("csv");
  return s;
}

}  // namespace

int run_submit(const Arguments& arguments) {
  CommandLine line(
      "campaign submit MODEL --faults LIST --data NAME[:PATH] -o RESULT --shards N",
      "Runs a campaign as jobs of a Slurm cluster: an array of shards, and a job that "
      "merges them\ninto RESULT when all have ended, the same bytes as those of a "
      "single run. A shard that is\nrequeued, or fails, or reaches its time limit goes "
      "on from its journal. Shards, logs and job\nscripts lie in RESULT.shards; "
      "submitting again computes only what is missing.",
      {"model"});
  add_campaign_options(line);
  line.options().add_options()("output,o", text("FILE"), "result file to write")(
      "shards", number("N", 8), "tasks of the array; each has its part of the images")(
      "cpus", number("N", 1), "processors, and threads, of each task")(
      "retries", number("N", 2),
      "a task that fails, or meets its time limit, is queued again so many times")(
      "sbatch", po::value<std::vector<std::string>>()->value_name("OPTION"),
      "one more option of sbatch for the jobs, like --sbatch=--partition=main; may be repeated")(
      "csv", text("FILE"), "the merging job also writes one line for each fault as CSV")(
      "dry-run", po::bool_switch(), "print the job scripts; submit and write nothing");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) {
    throw InputError("stuckat campaign submit", "no --output", "-o RESULT.h5");
  }
  const Submission s = submission_of(line);
  line.check_files({}, {{"the folder of the shards", s.shard_folder}});
  // What is wrong is said now, not by every job.
  const CampaignInputs in = load_campaign(line);
  const int64_t images = in.data.size();
  if (s.shards > images) {
    throw InputError("--shards", std::to_string(s.shards), fmt::format("1 to {} images", images));
  }
  const std::string shard_text = shard_script(s);
  const std::string merge_text = merge_script(s);
  if (line.get<bool>("dry-run")) {
    fmt::print("{}\n{}", shard_text, merge_text);
    return 0;
  }
  if (!in_path("sbatch")) {
    throw EnvironmentError("stuckat campaign submit", "there is no sbatch on this machine",
                           "Slurm's commands in PATH, or --dry-run for the scripts");
  }
  std::error_code error;
  std::filesystem::create_directories(s.shard_folder, error);
  if (error) throw_system_error(s.shard_folder, "cannot be made", error.value(), "a new folder");
  const std::string shard_file = s.shard_folder + "/shard.sh";
  const std::string merge_file = s.shard_folder + "/merge.sh";
  write_text_file(shard_file, shard_text);
  write_text_file(merge_file, merge_text);
  std::string array;
  std::string merge;
  try {
    array = submit(quoted(shard_file));
    merge = submit("--dependency=afterok:" + array + " --kill-on-invalid-dep=yes " +
                   quoted(merge_file));
  } catch (const InputError&) {
    if (!array.empty() && std::system(("scancel " + array).c_str()) != 0) {
      fmt::print(stderr, "job {} could not be cancelled\n", array);
    }
    // Nothing is left of it, but for shards that an earlier one has finished.
    for (const std::string& file : {shard_file, merge_file}) std::filesystem::remove(file, error);
    std::filesystem::remove(s.shard_folder, error);  // if it is empty
    throw;
  }
  fmt::print(
      "{} faults on {} images: job {} has {} shards, job {} merges them into {}\n"
      "scripts, logs and shards: {}; 'squeue --jobs={},{}' shows where they are\n",
      thousands(in.faults.size()), thousands(images), array, s.shards, merge, s.output,
      s.shard_folder, array, merge);
  line.write_json({{"array_job", array},
                   {"merge_job", merge},
                   {"shards", s.shards},
                   {"folder", s.shard_folder},
                   {"result", s.output}});
  return 0;
}

}  // namespace stuckat::cli
