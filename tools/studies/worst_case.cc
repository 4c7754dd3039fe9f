#include "tools/studies/worst_case.h"

#include <algorithm>

#include "faultmaps/sites.h"
#include "sim/campaign/run.h"
#include "sim/campaign/summary.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::studies {
namespace {

/// Of every PE: the set `pe`, or that of the kind of site that it stands for.
bool is_of_whole_pes(const std::string& spec) {
  return spec == "pe" ||
         std::any_of(site_table().begin(), site_table().end(), [&](const SiteRow& row) {
           return row.is(whole_pe) && spec == std::string("sites:") + row.name;
         });
}

}  // namespace

WorstCases::WorstCases(const Network& network)
    : network_(network), network_hash_(content_hash(network)) {}

void WorstCases::run_others(DataSet data, const std::string& images_from, int threads) {
  images_from_ = images_from;
  images_hash_ = content_hash(data);
  data_ = std::move(data);
  threads_ = threads;
}

void WorstCases::add(const std::string& path, const campaign::Result& result) {
  check(path, result);
  known_.insert_or_assign(result.identity.faults_hash, Known{path, worst_of(result)});
}

void WorstCases::check(const std::string& path, const campaign::Result& result) {
  const auto& identity = result.identity;
  if (identity.network_hash != network_hash_) {
    throw InputError(path, "is about another network", "a campaign of " + network_.name);
  }
  if (identity.sampling || result.faults.empty() || !is_of_whole_pes(identity.faults)) {
    throw InputError(
        path,
        std::string("is of ") + (identity.sampling ? "a sample of '" : "'") + identity.faults + "'",
        "every PE: 'stuckat campaign --faults pe'");
  }
  if (result.shard.count > 1) {
    throw InputError(path,
                     "is shard " + std::to_string(result.shard.index) + " of " +
                         std::to_string(result.shard.count),
                     "the whole: 'stuckat campaign merge'");
  }
  if (images_from_.empty()) {
    images_from_ = path;
    images_hash_ = identity.data_hash;
  }
  if (identity.data_hash != images_hash_) {
    throw InputError(path,
                     "its " + std::to_string(identity.images) + " images of " + identity.data +
                         " are not those of " + images_from_,
                     "the same images for all designs");
  }
}

WorstCases::Worst WorstCases::worst_of(const campaign::Result& result) {
  const auto all = campaign::overall(result);
  return {result.golden_accuracy(), all.accuracy.min,
          result.faults[static_cast<size_t>(all.accuracy.worst)].id};
}

WorstCases::Worst WorstCases::run(const campaign::FaultSet& faults, const std::string& hash,
                                  explore::Findings& findings) const {
  const Json found = parse_json(
      findings.find("worst " + network_hash_ + images_hash_ + hash,
                    [&] {
                      campaign::RunOptions options;
                      options.threads = threads_;
                      const Worst worst =
                          worst_of(campaign::run(network_, *data_, faults, options).result);
                      return Json{worst.error_free, worst.accuracy, worst.fault}.dump();
                    }),
      "a finding of another run");
  return {found.at(0), found.at(1), found.at(2)};
}

void WorstCases::examine(std::vector<explore::DesignPoint>& points, explore::Findings& findings,
                         const std::function<void(size_t)>& progress) {
  if (known_.empty() && !data_) return;
  for (size_t i = 0; i < points.size(); ++i) {
    const Placement placement = place_on(points[i].accelerator, network_);
    const auto faults = campaign::parse_fault_set("pe", network_, &placement, "pe");
    const std::string hash = campaign::content_hash(faults);
    auto found = known_.find(hash);
    if (found == known_.end() && data_) {
      found = known_.emplace(hash, Known{"", run(faults, hash, findings)}).first;
    }
    if (found != known_.end()) {
      explore::Design& design = points[i].design;
      const Worst& worst = found->second.worst;
      found->second.used = true;
      design.error_free_accuracy = worst.error_free;
      design.worst_accuracy = worst.accuracy;
      design.worst_fault = worst.fault;
    }
    progress(i + 1);
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

}  // namespace stuckat::studies
