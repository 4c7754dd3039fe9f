#include "tools/stuckat/explore_worst.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/campaign/run.h"
#include "sim/campaign/summary.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"

namespace stuckat::cli {

WorstCases::WorstCases(const CommandLine& line, const Network& network)
    : network_(network), network_hash_(content_hash(network)) {
  run_ = line.get<bool>("worst-case");
  if (run_) {
    const std::string model = line.text("model");
    if (names_architecture(model)) {
      throw InputError("--worst-case", model + " has no trained parameters", "a model file");
    }
    data_ = load_data(line);
    check_fit(network, data_, model);
    threads_ = threads(line);
    images_from_ = "--data";
    images_hash_ = content_hash(data_);
  }
  if (!line.has("campaign")) return;
  for (const auto& path : line.get<std::vector<std::string>>("campaign")) {
    const campaign::Result result = campaign::read_result(path);
    check(path, result);
    known_.insert_or_assign(result.identity.faults_hash, Known{path, worst_of(result)});
  }
}

void WorstCases::check(const std::string& path, const campaign::Result& result) {
  const auto& identity = result.identity;
  if (identity.network_hash != network_hash_) {
    throw InputError(path, "is about another network", "a campaign of " + network_.name);
  }
  const bool dead_pes = !identity.sampling && !result.faults.empty() &&
                        std::all_of(result.faults.begin(), result.faults.end(), [](auto& f) {
                          return f.id.find("/dead=") != std::string::npos;
                        });
  if (!dead_pes) {
    throw InputError(
        path, fmt::format("is of {}'{}'", identity.sampling ? "a sample of " : "", identity.faults),
        "every PE: 'stuckat campaign --faults pe'");
  }
  if (result.shard.count > 1) {
    throw InputError(path, fmt::format("is shard {} of {}", result.shard.index, result.shard.count),
                     "the whole: 'stuckat campaign merge'");
  }
  if (images_from_.empty()) {
    images_from_ = path;
    images_hash_ = identity.data_hash;
  }
  if (identity.data_hash != images_hash_) {
    throw InputError(path,
                     fmt::format("its {} images of {} are not those of {}", identity.images,
                                 identity.data, images_from_),
                     "the same images for all designs");
  }
}

WorstCases::Worst WorstCases::worst_of(const campaign::Result& result) {
  const auto all = campaign::overall(result);
  return {result.golden_accuracy(), all.accuracy.min,
          result.faults[static_cast<size_t>(all.accuracy.worst)].id};
}

void WorstCases::examine(std::vector<DesignPoint>& points, ExploreJournal& journal) {
  if (known_.empty() && !run_) return;
  Progress progress("dead PEs");
  for (size_t i = 0; i < points.size(); ++i) {
    const Placement placement = place_on(points[i].accelerator, network_);
    const auto faults = campaign::parse_fault_set("pe", network_, &placement, "pe");
    const std::string hash = campaign::content_hash(faults);
    auto found = known_.find(hash);
    if (found == known_.end() && run_) {
      campaign::RunOptions options;
      options.threads = threads_;
      const Worst worst = journal.find("worst " + network_hash_ + images_hash_ + hash, [&] {
        return worst_of(campaign::run(network_, data_, faults, options).result);
      });
      found = known_.emplace(hash, Known{"", worst}).first;
    }
    if (found != known_.end()) {
      explore::Design& design = points[i].design;
      const Worst& worst = found->second.worst;
      found->second.used = true;
      design.error_free_accuracy = worst.at(0);
      design.worst_accuracy = worst.at(1);
      design.worst_fault = worst.at(2);
    }
    progress.show(static_cast<double>(i + 1) / static_cast<double>(points.size()),
                  fmt::format("{} of {} designs", i + 1, points.size()));
  }
}

std::vector<std::string> WorstCases::unused() const {
  std::vector<std::string> paths;
  for (const auto& [hash, known] : known_) {
    if (!known.used && !known.path.empty()) paths.push_back(known.path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace stuckat::cli
