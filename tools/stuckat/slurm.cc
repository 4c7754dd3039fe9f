#include "tools/stuckat/slurm.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

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

std::string header(const SlurmJobs& jobs, const std::string& name, const std::string& log,
                   const std::string& more) {
  std::string text = "#!/bin/bash\n";
  text += "#SBATCH --job-name=" + in_header("stuckat-" + name) + "\n";
  text += "#SBATCH --chdir=" + in_header(jobs.folder) + "\n";
  // sbatch replaces % and a letter in the name of the log.
  text += "#SBATCH --output=" + in_header(without_patterns(jobs.shard_folder) + "/" + log) +
          "\n#SBATCH --open-mode=append\n" + more;
  for (const auto& option : jobs.sbatch) text += "#SBATCH " + option + "\n";
  return text + "set -euo pipefail\n";
}

std::string call(const SlurmJobs& jobs, const SlurmJobs::Work& work) {
  std::string text = quoted(jobs.command) + " " + work.command;
  for (const auto& argument : work.arguments) text += " \\\n  " + quoted(argument);
  return text;
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
std::string submit_one(const std::string& arguments) {
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

struct SubmittedJobs {
  std::string array, merge;  // numbers
};

/// Writes the scripts and submits them.
SubmittedJobs submitted(const SlurmJobs& jobs, const std::string& what) {
  if (!in_path("sbatch")) {
    throw EnvironmentError(what, "there is no sbatch on this machine",
                           "Slurm's commands in PATH, or --dry-run for the scripts");
  }
  std::error_code error;
  std::filesystem::create_directories(jobs.shard_folder, error);
  if (error) throw_system_error(jobs.shard_folder, "cannot be made", error.value(), "a new folder");
  const std::string shard_file = jobs.shard_folder + "/shard.sh";
  const std::string merge_file = jobs.shard_folder + "/" + jobs.merge_name + ".sh";
  write_text_file(shard_file, jobs.shard_script());
  write_text_file(merge_file, jobs.merge_script());
  SubmittedJobs result;
  try {
    result.array = submit_one(quoted(shard_file));
    result.merge = submit_one("--dependency=afterok:" + result.array +
                              " --kill-on-invalid-dep=yes " + quoted(merge_file));
  } catch (const InputError&) {
    if (!result.array.empty() && std::system(("scancel " + result.array).c_str()) != 0) {
      fmt::print(stderr, "job {} could not be cancelled\n", result.array);
    }
    // Nothing is left of it, but for shards that an earlier one has finished.
    for (const std::string& file : {shard_file, merge_file}) std::filesystem::remove(file, error);
    std::filesystem::remove(jobs.shard_folder, error);  // if it is empty
    throw;
  }
  return result;
}

}  // namespace

void add_slurm_options(CommandLine& line) {
  line.options().add_options()("shards", number("N", 8), "tasks of the array; each has its part")(
      "cpus", number("N", 1), "processors, and threads, of each task")(
      "retries", number("N", 2),
      "a task that fails, or meets its time limit, is queued again so many times")(
      "sbatch", po::value<std::vector<std::string>>()->value_name("OPTION"),
      "one more option of sbatch for the jobs, like --sbatch=--partition=main; may be repeated")(
      "dry-run", po::bool_switch(), "print the job scripts; submit and write nothing");
}

Arguments work_arguments(const CommandLine& line) {
  CommandLine jobs("", "");
  add_slurm_options(jobs);
  nlohmann::ordered_json configuration = line.configuration();
  for (const auto& option : jobs.options().options()) configuration.erase(option->long_name());
  return arguments_of(configuration);
}

SlurmJobs::SlurmJobs(const CommandLine& line, const std::string& output)
    : command(std::filesystem::read_symlink("/proc/self/exe").string()),
      folder(std::filesystem::current_path().string()),
      shard_folder(output + ".shards"),
      shards(line.integer("shards", 1, 100'000)),
      cpus(line.integer("cpus", 1, 1024)),
      retries(line.integer("retries", 0, 1000)) {
  line.check_files({}, {{"the folder of the shards", shard_folder}});
  if (line.has("sbatch")) sbatch = line.get<std::vector<std::string>>("sbatch");
  for (const auto& option : sbatch) {
    if (!option.starts_with("-") || option.find('\n') != std::string::npos) {
      throw InputError("--sbatch", "'" + option + "'", "an option of sbatch: --sbatch=--time=60");
    }
  }
}

std::vector<std::string> SlurmJobs::shard_results() const {
  std::vector<std::string> paths;
  for (int64_t i = 0; i < shards; ++i) {
    paths.push_back(fmt::format("{}/{}-of-{}.h5", shard_folder, i, shards));
  }
  return paths;
}

/// Slurm starts a requeued task with the same script: it goes on where it was. A minute before a
/// time limit Slurm sends USR1, and the shard stops where it is and queues again, as one that fails
/// does: SLURM_RESTART_COUNT counts both. Bad input (exit code 2) would be as bad the next time;
/// 130 and 143 are a command that was told to stop. The last task of an array has the array's job
/// id: a task is named by array and index.
std::string SlurmJobs::shard_script() const {
  std::string text =
      header(*this, "shard", "%a.log",
             fmt::format("#SBATCH --array=0-{}\n#SBATCH --cpus-per-task={}\n#SBATCH --requeue\n"
                         "#SBATCH --signal=B:USR1@60\n",
                         shards - 1, cpus));
  if (tasks_have_results) {
    text +=
        "result=" + quoted(shard_folder) + fmt::format("/$SLURM_ARRAY_TASK_ID-of-{}.h5\n", shards);
  }
  text += "limit_near=\n";
  text += call(*this, task);
  text += fmt::format(" \\\n  --shard=\"$SLURM_ARRAY_TASK_ID/{}\" --threads={}{} &\n", shards, cpus,
                      tasks_have_results ? " --output=\"$result\"" : "");
  text +=
      "work=$!\n"
      "trap 'limit_near=1; kill -TERM \"$work\"' USR1\n"
      "code=0; wait \"$work\" || code=$?\n"
      "if [ \"$limit_near\" ]; then code=0; wait \"$work\" || code=$?; fi\n";
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
      retries);
  return text;
}

std::string SlurmJobs::merge_script() const {
  const std::string more =
      merge_computes ? fmt::format("#SBATCH --cpus-per-task={}\n", cpus) : std::string();
  return header(*this, merge_name, merge_name + ".log", more) + call(*this, merge) + "\n";
}

void submit(const CommandLine& line, const SlurmJobs& jobs, const std::string& what,
            const std::function<std::string(const std::string& array, const std::string& merge)>&
                sentence) {
  if (line.get<bool>("dry-run")) {
    fmt::print("{}\n{}", jobs.shard_script(), jobs.merge_script());
    return;
  }
  const auto [array, merge] = submitted(jobs, what);
  fmt::print("{}\n{}: {}; 'squeue --jobs={},{}' shows where they are\n", sentence(array, merge),
             jobs.tasks_have_results ? "scripts, logs and shards" : "scripts and logs",
             jobs.shard_folder, array, merge);
  line.write_json({{"array_job", array},
                   {"merge_job", merge},
                   {"shards", jobs.shards},
                   {"folder", jobs.shard_folder},
                   {"result", line.text("output")}});
}

}  // namespace stuckat::cli
