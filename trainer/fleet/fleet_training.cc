#include "trainer/fleet/fleet_training.h"

#include <algorithm>
#include <deque>
#include <filesystem>

#include "faultmaps/assignment.h"
#include "trainer/fleet/retraining.h"
#include "trainer/predict.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::trainer {
namespace {

constexpr const char* group_schema = "stuckat-fleet-group";
constexpr int group_version = 2;

/// What one network came to on the chips of its group, [chip of the group].
struct Tried {
  int64_t images = 0;
  std::string order;  // FleetGroup::order
  std::vector<double> validation;
  std::vector<double> test;
};

std::string order_hash(const ChannelOrders& orders) {
  Hasher hasher;
  for (const auto& [layer, order] : orders) {
    hasher.add(layer);
    for (const int channel : order) hasher.add(channel);
  }
  return hasher.hex().substr(0, 16);
}

class FleetRun {
 public:
  FleetRun(const std::string& folder, const grouping::FleetPlan& plan, const FleetLot& lot,
           const Deployed& deployed, const DataSet* test, const FleetOptions& options,
           Workers& workers, const std::function<bool(const FleetProgress&)>& go_on)
      : folder_(folder),
        plan_(plan),
        lot_(lot),
        deployed_(deployed),
        test_(test),
        options_(options),
        workers_(workers),
        go_on_(go_on) {
    Hasher hasher;
    hasher.add(content_hash(deployed.network)).add(content_hash(deployed.train));
    hasher.add(content_hash(deployed.validation));
    hasher.add(test == nullptr ? std::string() : content_hash(*test));
    hasher.add(configuration(options.retrain)).add(options.constraint).add(options.attempts);
    origin_ = hasher.hex();
  }

  bool run(FleetOutcome& outcome) {
    outcome = {};
    outcome.policy = plan_.policy;
    outcome.words = grouping::policy(plan_.policy, "fleet").words;
    const size_t chips = lot_.hashes.size();
    outcome.group.assign(chips, -1);
    outcome.validation.assign(chips, 0);
    outcome.test.assign(test_ == nullptr ? 0 : chips, 0);
    outcome.sold.assign(chips, 0);
    progress_.policy = plan_.policy;
    std::vector<const grouping::PlannedGroup*> mine;
    for (size_t g = 0; g < plan_.groups.size(); ++g) {
      if (g % static_cast<size_t>(options_.shard.count) ==
          static_cast<size_t>(options_.shard.index)) {
        mine.push_back(&plan_.groups[g]);
      }
    }
    progress_.groups = std::ssize(mine);
    for (const grouping::PlannedGroup* planned : mine) {
      if (!work_off(*planned, outcome)) return false;
      ++progress_.done;
      if (!tell(0)) return false;
    }
    return true;
  }

 private:
  bool tell(int64_t images) {
    progress_.images = images;
    return !go_on_ || go_on_(progress_);
  }

  /// A group of the plan and those that it is split into.
  bool work_off(const grouping::PlannedGroup& planned, FleetOutcome& outcome) {
    std::deque<FleetGroup> waiting = {{{}, planned.chips, planned.rate, planned.images, -1, {}}};
    while (!waiting.empty()) {
      FleetGroup group = std::move(waiting.front());
      waiting.pop_front();
      const bool retrained = group.images > 0;
      const std::string name = name_of(group);
      Tried tried;
      if (!read(name, group, tried)) {
        if (!try_out(name, group, tried)) return false;
      }
      group.order = tried.order;
      group.name = retrained || !group.order.empty() ? name : "deployed";
      group.images = tried.images;
      const int index = static_cast<int>(outcome.groups.size());
      std::vector<int> missing;
      for (size_t i = 0; i < group.chips.size(); ++i) {
        const auto chip = static_cast<size_t>(group.chips[i]);
        outcome.group[chip] = index;
        outcome.validation[chip] = tried.validation[i];
        if (test_ != nullptr) outcome.test[chip] = tried.test[i];
        outcome.sold[chip] = tried.validation[i] >= options_.constraint ? 1 : 0;
        if (outcome.sold[chip] == 0) missing.push_back(group.chips[i]);
      }
      if (retrained && group.chips.size() > 1) {
        for (std::vector<int>& part : parts_of(group.chips, missing)) {
          FleetGroup next{{}, std::move(part), 0, 0, index, {}};
          next.rate = lot_.rate(next.chips);
          next.images = options_.images(next.rate);
          waiting.push_back(std::move(next));
        }
      }
      outcome.groups.push_back(std::move(group));
    }
    return true;
  }

  static std::vector<std::vector<int>> parts_of(const std::vector<int>& chips,
                                                const std::vector<int>& missing) {
    if (missing.empty()) return {};
    if (missing.size() < chips.size()) return {missing};
    const auto middle = missing.begin() + static_cast<ptrdiff_t>(missing.size() / 2);
    return {{missing.begin(), middle}, {middle, missing.end()}};
  }

  std::string name_of(const FleetGroup& group) const {
    Hasher hasher;
    hasher.add(origin_).add(plan_.bypass).add(plan_.assigns).add(group.images);
    if (plan_.bypass && !lot_.repair.empty()) hasher.add(lot_.repair);
    for (const int chip : group.chips) hasher.add(lot_.hashes[static_cast<size_t>(chip)]);
    return hasher.hex().substr(0, 16);
  }

  std::string result_path(const std::string& name) const {
    return (std::filesystem::path(folder_) / (name + ".result.h5")).string();
  }

  bool read(const std::string& name, const FleetGroup& group, Tried& tried) const {
    const std::string path = result_path(name);
    if (!std::filesystem::exists(path)) return false;
    const Hdf5File file = Hdf5File::open(path);
    file.check_schema(group_schema, group_version, group_version);
    const auto chips = static_cast<int64_t>(group.chips.size());
    tried.images = file.read_int("/", "images", 0);
    tried.order = file.read_string("/", "order");
    tried.validation = file.read_array<double>("/validation", {chips});
    tried.test = file.read_array<double>("/test", {test_ == nullptr ? 0 : chips});
    return true;
  }

  void write(const std::string& name, const Tried& tried) const {
    Hdf5File::remove_leftovers(result_path(name));
    Hdf5File file = Hdf5File::create(result_path(name));
    file.write_schema(group_schema, group_version);
    file.write_int("/", "images", tried.images);
    file.write_string("/", "order", tried.order);
    file.write_array("/validation", tried.validation,
                     {static_cast<int64_t>(tried.validation.size())});
    file.write_array("/test", tried.test, {static_cast<int64_t>(tried.test.size())});
    file.commit();
  }

  Damage damage(const std::vector<int>& chips) const {
    if (!plan_.bypass && lot_.unrepaired) return lot_.unrepaired(chips.front());
    return lot_.fused(chips);
  }

  /// Of the deployed network, for these chips.
  ChannelOrders orders(const std::vector<int>& chips) const {
    if (plan_.assigns) {  // only weights that count as 0 are avoided
      return salvaging_orders(deployed_.network, damage(chips).effects(deployed_.network, 1));
    }
    return plan_.bypass && lot_.orders ? lot_.orders(chips) : ChannelOrders();
  }

  void keep_network(const std::string& name, const Network& network) const {
    const std::string path = network_path(folder_, name);
    Hdf5File::remove_leftovers(path);
    write_model(path, network, {tool_version, configuration(options_.retrain)});
  }

  bool try_out(const std::string& name, const FleetGroup& group, Tried& tried) {
    const ChannelOrders chosen = orders(group.chips);
    const Network start = reschedule(deployed_.network, chosen);
    if (start != deployed_.network) tried.order = order_hash(chosen);
    if (group.images == 0) {
      evaluate(start, group.chips, tried);
      if (!tried.order.empty()) keep_network(name, start);
      write(name, tried);
      return true;
    }
    Retraining retraining(start_in_order(deployed_, start, workers_), deployed_.train,
                          options_.retrain, damage(group.chips), workers_);
    Network network;
    for (int attempt = 1; attempt <= options_.attempts; ++attempt) {
      const bool finished =
          retraining.run_to(attempt * group.images, [&](int64_t seen) { return tell(seen); });
      if (!finished) return false;
      network = retraining.network();
      evaluate(network, group.chips, tried);
      if (*std::min_element(tried.validation.begin(), tried.validation.end()) >=
          options_.constraint) {
        break;
      }
    }
    tried.images = retraining.images();
    keep_network(name, network);
    write(name, tried);
    return true;
  }

  void evaluate(const Network& network, const std::vector<int>& chips, Tried& tried) const {
    tried.validation.clear();
    tried.test.clear();
    bool same = chips.size() > 1;  // as far as is known
    for (const int chip : chips) {
      const Effects effects = damage({chip}).effects(network, 1);
      same = same && only_prunes(effects) && pruned(network, effects) == network;
    }
    for (const int chip : chips) {
      if (same && !tried.validation.empty()) {
        tried.validation.push_back(tried.validation.front());
        if (test_ != nullptr) tried.test.push_back(tried.test.front());
        continue;
      }
      const Effects effects = damage({chip}).effects(network, 1);
      tried.validation.push_back(accuracy(network, deployed_.validation, workers_, effects));
      if (test_ != nullptr) tried.test.push_back(accuracy(network, *test_, workers_, effects));
    }
  }

  const std::string folder_;
  const grouping::FleetPlan& plan_;
  const FleetLot& lot_;
  const Deployed& deployed_;
  const DataSet* test_;
  const FleetOptions& options_;
  Workers& workers_;
  const std::function<bool(const FleetProgress&)>& go_on_;
  std::string origin_;
  FleetProgress progress_;
};

}  // namespace

bool run_fleet(const std::string& folder, const grouping::FleetPlan& plan, const FleetLot& lot,
               const Deployed& deployed, const DataSet* test, const FleetOptions& options,
               Workers& workers, FleetOutcome& outcome,
               const std::function<bool(const FleetProgress&)>& go_on) {
  check(options.retrain, deployed.train);
  if (options.attempts < 1 || options.attempts > 1000) {
    throw InputError("fleet", std::to_string(options.attempts) + " attempts", "1 to 1000");
  }
  return FleetRun(folder, plan, lot, deployed, test, options, workers, go_on).run(outcome);
}

std::string network_path(const std::string& folder, const std::string& group) {
  return (std::filesystem::path(folder) / (group + ".h5")).string();
}

}  // namespace stuckat::trainer
