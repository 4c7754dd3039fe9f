#include "trainer/fleet/resilience_run.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "faultmaps/draws.h"
#include "trainer/fleet/retraining.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/model_file.h"

namespace stuckat::trainer {
namespace {

/// Into the map. False if it was stopped.
bool do_run(ResilienceMap& map, size_t run, const Deployed& deployed, const DrawChip& draw,
            const ResilienceOptions& options, Workers& workers,
            const std::function<bool(int64_t)>& go_on) {
  const size_t rate = run / static_cast<size_t>(map.repeats);
  const DrawnChip chip = draw(map.rates[rate], chip_seed(options.seed, static_cast<int64_t>(run)));
  const Network start = reschedule(deployed.network, chip.orders);
  Retraining retraining(start_in_order(deployed, start, workers), deployed.train, options.retrain,
                        chip.damage, workers);
  for (size_t a = 0; a < map.amounts.size(); ++a) {
    if (!retraining.run_to(map.amounts[a], go_on)) return false;
    const Network network = a == 0 ? start : retraining.network();
    const double reached =
        accuracy(network, deployed.validation, workers, chip.damage.effects(network, 1));
    map.accuracy[run * map.amounts.size() + a] = reached;
    if (options.enough > 0 && reached >= options.enough) break;
  }
  map.images[run] = retraining.images();
  map.drawn[run] = chip.rate;
  map.done[run] = 1;
  return true;
}

}  // namespace

void check(const ResilienceOptions& options, const DataSet& train) {
  check(options.retrain, train);
  const auto runs = static_cast<int64_t>(
      empty_resilience_map("", 0, options.rates, options.repeats, options.amounts).runs());
  for (const int64_t amount : options.amounts) {
    if (amount % options.retrain.batch == 0) continue;
    throw InputError("resilience map", "amount " + std::to_string(amount),
                     "whole batches of " + std::to_string(options.retrain.batch));
  }
  const auto [index, count] = options.shard;
  if (index >= 0 && index < count && count <= runs) return;
  throw InputError("shard", std::to_string(index) + "/" + std::to_string(count),
                   "I/N with I from 0 below N, at most " + std::to_string(runs) + " runs");
}

Model start_in_order(const Deployed& deployed, const Network& network, Workers& workers) {
  if (network == deployed.network) return deployed.start;
  return start_model(network, deployed.train, workers);
}

std::string configuration(const Deployed& deployed, const ResilienceOptions& options) {
  return nlohmann::ordered_json{{"network", content_hash(deployed.network)},
                                {"train", content_hash(deployed.train)},
                                {"validation", content_hash(deployed.validation)},
                                {"chips", options.chips},
                                {"rates", options.rates},
                                {"repeats", options.repeats},
                                {"amounts", options.amounts},
                                {"enough", options.enough},
                                {"seed", options.seed},
                                {"retraining", configuration(options.retrain)}}
      .dump();
}

std::optional<ResilienceMap> begun_map(const std::string& path, const std::string& configuration) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  ResilienceMap map = read_resilience_map(path);
  if (map.configuration == configuration) return map;
  throw InputError(
      path,
      "a resilience map of another configuration: " + differing(configuration, map.configuration),
      "the options that it was begun with, or another file");
}

ResilienceMap run_resilience(const std::string& path, const Deployed& deployed,
                             const DrawChip& draw, const ResilienceOptions& options,
                             Workers& workers,
                             const std::function<bool(const ResilienceProgress&)>& go_on) {
  check(options, deployed.train);
  const Shard shard = options.shard;
  const std::string made_of = configuration(deployed, options);
  Hdf5File::remove_leftovers(path);
  const std::optional<ResilienceMap> begun = begun_map(path, made_of);
  ResilienceMap map = begun ? *begun
                            : empty_resilience_map(
                                  made_of, accuracy(deployed.network, deployed.validation, workers),
                                  options.rates, options.repeats, options.amounts);
  ResilienceProgress progress;
  const auto mine = [&](size_t run) {
    return run % static_cast<size_t>(shard.count) == static_cast<size_t>(shard.index);
  };
  for (size_t run = 0; run < map.runs(); ++run) {
    progress.runs += mine(run) ? 1 : 0;
    progress.done += mine(run) && map.done[run] == 1 ? 1 : 0;
  }
  const auto tell = [&](int64_t images) {
    progress.images = images;
    return !go_on || go_on(progress);
  };
  for (size_t run = 0; run < map.runs(); ++run) {
    if (!mine(run) || map.done[run] == 1) continue;
    ResilienceMap with = map;
    if (!do_run(with, run, deployed, draw, options, workers, tell)) return map;
    map = std::move(with);
    write_resilience_map(path, map);
    ++progress.done;
    if (!tell(0)) return map;
  }
  return map;
}

}  // namespace stuckat::trainer
