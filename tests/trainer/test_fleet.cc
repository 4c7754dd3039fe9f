// Fleets: retraining on broken chips, resilience maps, groups that share a network.
#include <cmath>
#include <filesystem>

#include "faultmaps/assignment.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "faultmaps/operations.h"
#include "faultmaps/systolic_array.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "trainer/fleet/fleet_training.h"
#include "trainer/fleet/resilience_run.h"
#include "trainer/fleet/retraining.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using grouping::SiteSet;

namespace {

/// Images of four classes: which quarter is bright.
DataSet quarters(int count, uint64_t seed) {
  DataSet data;
  data.name = "quarters";
  data.shape = {28, 28, 1};
  data.classes = 10;
  const Sequence random(seed, Purpose::order);
  uint64_t drawn = 0;
  for (int n = 0; n < count; ++n) {
    const int label = random.below(drawn++, 4);
    data.labels.push_back(static_cast<uint16_t>(label));
    for (int i = 0; i < data.shape.size(); ++i) {
      const int quarter = i / 28 / 14 * 2 + i % 28 / 14;
      data.pixels.push_back(
          static_cast<uint8_t>((quarter == label ? 110 : 60) + random.below(drawn++, 100)));
    }
  }
  return data;
}

/// A small network, trained a little, on an 8x8 array with bypass.
struct Setup {
  explicit Setup(const std::string& name = "tfc-w2a2")
      : train(quarters(300, 1)), validation(quarters(200, 2)) {
    const Network architecture = zoo_network(name, {.width = 0.25});
    TrainOptions options;
    options.epochs = 3;
    options.batch = 20;
    options.threads = 2;
    TrainResult result = trainer::train(architecture, {train}, options);
    network = std::move(result.network);
    start = std::move(result.model);
    array.rows = 8;
    array.columns = 8;
    for (size_t i = 0; i < network.layers.size(); ++i) {
      if (network.layers[i].has_weights()) array.layers.push_back(static_cast<int>(i));
    }
  }
  Deployed deployed() const { return {network, start, train, validation}; }

  /// What bypassed PEs do: the weights that meet them count as 0.
  Effects effects(const Network& of, const SiteSet& bypassed) const {
    PeSet set(static_cast<size_t>(array.pes()));
    for (const int32_t pe : bypassed.members()) set[static_cast<size_t>(pe)] = true;
    Effects effects;
    for (const int index : array.layers) {
      const Layer& layer = of.layers[static_cast<size_t>(index)];
      const std::vector<bool> pruned = pruned_weights(array, layer, set);
      for (size_t i = 0; i < pruned.size(); ++i) {
        if (!pruned[i]) continue;
        const int at = static_cast<int>(i);
        effects.patches.push_back({index, at / layer.columns(), false, at % layer.columns(), 0});
      }
    }
    return effects;
  }
  Damage damage(const SiteSet& bypassed) const {
    return {[this, bypassed](const Network& of, double share) {
              SiteSet part(bypassed.sites());
              const auto members = bypassed.members();
              const auto count =
                  static_cast<size_t>(std::ceil(share * static_cast<double>(members.size())));
              for (size_t i = 0; i < count; ++i) part.insert(members[i]);
              return effects(of, part);
            },
            false};
  }
  SiteSet draw(double rate, uint64_t seed) const {
    SiteSet set(array.pes());
    const Sequence random(seed, Purpose::chip);
    for (int pe = 0; pe < array.pes(); ++pe) {
      if (random.uniform(static_cast<uint64_t>(pe)) < rate) set.insert(pe);
    }
    return set;
  }
  DrawChip draw_chip() const {
    return [this](double rate, uint64_t seed) {
      const SiteSet set = draw(rate, seed);
      return DrawnChip{damage(set), grouping::Measure::of_sites(array.pes()).rate(set)};
    };
  }

  DataSet train, validation;
  Network network;
  Model start;
  SystolicArray array;
};

RetrainOptions quick() {
  RetrainOptions options;
  options.batch = 20;
  options.learning_rate = 0.005;
  return options;
}

ResilienceOptions resilience_options() {
  ResilienceOptions options;
  options.rates = {0.1, 0.3};
  options.repeats = 3;
  options.amounts = {0, 40, 100, 200};
  options.retrain = quick();
  options.chips = "test";
  return options;
}

/// A lot of bypassed chips for a plan.
struct Lot {
  Lot(const Setup& setup, int count, double rate, uint64_t seed)
      : measure(grouping::Measure::of_sites(setup.array.pes())) {
    for (int chip = 0; chip < count; ++chip) {
      chips.push_back(setup.draw(rate, seed + static_cast<uint64_t>(chip)));
      std::string text;
      for (const int32_t pe : chips.back().members()) text += std::to_string(pe) + " ";
      lot.hashes.push_back(text);
    }
    lot.fused = [this, &setup](const std::vector<int>& group) {
      return setup.damage(grouping::fused(chips, group));
    };
    lot.rate = [this](const std::vector<int>& group) {
      return measure.rate(grouping::fused(chips, group));
    };
  }
  grouping::LotView view() const { return {chips, measure, curve}; }
  grouping::FleetPlan plan(const char* policy) const {
    return grouping::plan_fleet(grouping::policy(policy, ""), view(), {3, 0, 1});
  }
  FleetOptions options(double constraint) const {
    FleetOptions o;
    o.retrain = quick();
    o.constraint = constraint;
    o.images = [this](double rate) {
      const int64_t images = curve.images(rate);
      return images == grouping::ResilienceCurve::never ? curve.greatest_amount() : images;
    };
    return o;
  }

  std::vector<SiteSet> chips;
  grouping::Measure measure;
  grouping::ResilienceCurve curve{{{0.001, 100}, {0.9, 200}}};
  FleetLot lot;
};

}  // namespace

TEST_CASE("pool adjacent violators gives the max-min formula of isotonic regression") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    test::Random random(seed);
    std::vector<double> values(static_cast<size_t>(test::uniform(random, 1, 12)));
    for (double& v : values) v = test::uniform(random, 0, 20);
    const std::vector<double> fitted = isotonic(values);
    REQUIRE(fitted.size() == values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      double best = -1;
      for (size_t a = 0; a <= i; ++a) {
        double least = 1e9;
        for (size_t b = i; b < values.size(); ++b) {
          double sum = 0;
          for (size_t k = a; k <= b; ++k) sum += values[k];
          least = std::min(least, sum / static_cast<double>(b - a + 1));
        }
        best = std::max(best, least);
      }
      CHECK(std::abs(fitted[i] - best) < 1e-9);
    }
  }
}

TEST_CASE("E(f) takes the first amount that does, the quantile of runs, and stops at f_max") {
  ResilienceMap map = empty_resilience_map("{}", 0.9, {0.1, 0.2, 0.3, 0.4}, 2, {0, 100, 200});
  const double nan = std::nan("");
  map.accuracy = {0.5, 0.8, nan, 0.6, 0.7, 0.8,   // 100, 200
                  0.8, nan, nan, 0.7, 0.8, nan,   // 0, 100
                  0.1, 0.8, 0.9, 0.1, 0.9, 0.9,   // 100, 100
                  0.1, 0.1, 0.1, 0.9, 0.9, 0.9};  // never, 0
  map.drawn = {0.1, 0.1, 0.21, 0.19, 0.3, 0.3, 0.4, 0.4};
  CHECK_THAT(test::refusal([&] { resilience_curve(map, 0.8, 1); }), Catch::Contains("not done"));
  map.done.assign(8, 1);
  using Points = std::vector<grouping::ResilienceCurve::Point>;
  // 200, 100, 100 do not rise: pooled, 133.3 rounded up.
  CHECK(resilience_curve(map, 0.8, 1).points() == Points{{0.1, 134}, {0.2, 134}, {0.3, 134}});
  // 100, 0, 100, 0: each pair pooled.
  CHECK(resilience_curve(map, 0.8, 0.5).points() ==
        Points{{0.1, 50}, {0.2, 50}, {0.3, 50}, {0.4, 50}});
  CHECK(resilience_curve(map, 0.95, 1).points().empty());
}

TEST_CASE("a retraining in pieces is one in a piece, on any number of threads") {
  const Setup s;
  RetrainOptions options = quick();
  options.crop_padding = 1;
  options.flip = true;
  options.introduction = 130;
  Workers one(1), three(3);
  const Damage damage = s.damage(s.draw(0.2, 3));
  Retraining whole(s.start, s.train, options, damage, one);
  whole.run_to(700);
  Retraining pieces(s.start, s.train, options, damage, three);
  for (const int64_t images : {0, 20, 30, 350, 700}) pieces.run_to(images);
  CHECK(whole.images() == 700);
  CHECK(whole.model() == pieces.model());
  CHECK(whole.network() == pieces.network());
  CHECK_FALSE(whole.model() == s.start);
  // More than one epoch of 300 images: other orders.
  Retraining other(s.start, s.train, quick(), damage, one);
  other.run_to(700);
  CHECK_FALSE(other.model() == whole.model());
}

TEST_CASE("pruned weights never move, and are 0 in the network that is deployed") {
  const Setup s;
  const SiteSet bypassed = s.draw(0.25, 4);
  Workers workers(2);
  Retraining retraining(s.start, s.train, quick(), s.damage(bypassed), workers);
  retraining.run_to(300);
  const Network network = retraining.network();
  const Effects effects = s.effects(network, bypassed);
  CHECK(only_prunes(effects));
  size_t pruned = 0, weights = 0, moved = 0;
  for (const ParameterPatch& patch : effects.patches) {
    const auto layer = static_cast<size_t>(patch.layer);
    const auto at = static_cast<size_t>(patch.row * network.layers[layer].columns() + patch.index);
    CHECK(retraining.model().layers[layer].weights[at] == s.start.layers[layer].weights[at]);
    CHECK(network.layers[layer].weights[at] == 0);
    ++pruned;
  }
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const auto& before = s.start.layers[i].weights;
    const auto& after = retraining.model().layers[i].weights;
    for (size_t k = 0; k < before.size(); ++k) moved += before[k] != after[k] ? 1 : 0;
    weights += before.size();
  }
  CHECK(pruned > 100);
  CHECK(moved > (weights - pruned) / 2);
}

TEST_CASE("without faults, retraining is plain training, and a rate of 0 the network itself") {
  const Setup s;
  Workers workers(2);
  const SiteSet nothing(s.array.pes());
  Retraining healthy(s.start, s.train, quick(), s.damage(nothing), workers);
  CHECK(healthy.network() == s.network);
  healthy.run_to(100);
  Retraining again(s.start, s.train, quick(),
                   {[](const Network&, double) { return Effects{}; }, false}, workers);
  again.run_to(100);
  CHECK(healthy.model() == again.model());
}

TEST_CASE("a group's network gives the same tensors on every chip of the group, every layer") {
  const Setup s;
  const Lot lot(s, 9, 0.08, 20);
  Workers workers(2);
  test::Random random(1);
  int64_t groups = 0, compared = 0, alive = 0;
  for (const auto& group : lot.plan("efat").groups) {
    if (group.chips.size() < 2) continue;
    ++groups;
    Retraining retraining(s.start, s.train, quick(), lot.lot.fused(group.chips), workers);
    retraining.run_to(group.images);
    const Network network = retraining.network();
    for (const int image : {0, 7, 30}) {
      const Tensor input = input_tensor(network, s.validation, image);
      const auto expected = reference::run(network, input);
      for (const int chip : group.chips) {
        const Effects effects = s.effects(network, lot.chips[static_cast<size_t>(chip)]);
        CHECK(!effects.empty());
        REQUIRE(reference::run(network, input, effects) == expected);
        compared += std::ssize(expected);
      }
      // The deployed network is not: its weights there are not 0.
      const Effects first = s.effects(s.network, lot.chips[static_cast<size_t>(group.chips[0])]);
      alive += reference::run(s.network, input, first) != reference::run(s.network, input) ? 1 : 0;
    }
  }
  CHECK(groups >= 1);
  CHECK(compared > 50);
  CHECK(alive > 0);
}

TEST_CASE("a resilience map is the same bytes after any kill, with any shards and threads") {
  const Setup s;
  const test::TemporaryFolder folder;
  const ResilienceOptions options = resilience_options();
  Workers one(1), three(3);
  const ResilienceMap whole =
      run_resilience(folder / "whole.h5", s.deployed(), s.draw_chip(), options, one);
  CHECK(whole.complete());
  CHECK(whole.cost() == 6 * 200);
  CHECK(whole.deployed == accuracy(s.network, s.validation, one));
  // More faults cost accuracy, retraining brings some back.
  CHECK(whole.accuracy_at(3, 0) < whole.deployed);
  CHECK(whole.accuracy_at(3, 3) > whole.accuracy_at(3, 0));
  const std::string bytes = test::read_bytes(folder / "whole.h5");

  int kills = 0;
  for (const int batches : {3, 17, 31, 1000}) {
    int left = batches;
    const ResilienceMap part =
        run_resilience(folder / "killed.h5", s.deployed(), s.draw_chip(), options, three,
                       [&](const ResilienceProgress&) { return --left > 0; });
    kills += part.complete() ? 0 : 1;
  }
  CHECK(kills == 3);
  CHECK(test::read_bytes(folder / "killed.h5") == bytes);

  std::vector<ResilienceMap> parts;
  for (int shard = 0; shard < 4; ++shard) {
    ResilienceOptions of_shard = options;
    of_shard.shard = {shard, 4};
    const std::string path = folder / ("part" + std::to_string(shard) + ".h5");
    run_resilience(path, s.deployed(), s.draw_chip(), of_shard, three);
    parts.push_back(read_resilience_map(path));
    CHECK_FALSE(parts.back().complete());
  }
  write_resilience_map(folder / "merged.h5", merge_resilience_maps(parts));
  CHECK(test::read_bytes(folder / "merged.h5") == bytes);

  ResilienceOptions other = options;
  other.seed = 2;
  CHECK_THAT(test::refusal([&] {
               run_resilience(folder / "whole.h5", s.deployed(), s.draw_chip(), other, one);
             }),
             Catch::Contains("another configuration"));
}

TEST_CASE("a run that has enough accuracy ends, and costs less") {
  const Setup s;
  const test::TemporaryFolder folder;
  ResilienceOptions options = resilience_options();
  options.enough = 0.5;
  Workers workers(2);
  const ResilienceMap map =
      run_resilience(folder / "m.h5", s.deployed(), s.draw_chip(), options, workers);
  CHECK(map.cost() < 6 * 200);
  ResilienceOptions all = resilience_options();
  const ResilienceMap whole =
      run_resilience(folder / "w.h5", s.deployed(), s.draw_chip(), all, workers);
  CHECK(resilience_curve(map, 0.5, 1).points() == resilience_curve(whole, 0.5, 1).points());
}

TEST_CASE("a fleet is the same after any kill, networks of groups are there once") {
  const Setup s;
  const Lot lot(s, 7, 0.1, 40);
  const test::TemporaryFolder folder;
  Workers workers(2);
  const FleetOptions options = lot.options(0.6);
  const grouping::FleetPlan plan = lot.plan("efat");
  FleetOutcome whole;
  std::filesystem::create_directory(folder / "whole");
  REQUIRE(
      run_fleet(folder / "whole", plan, lot.lot, s.deployed(), &s.train, options, workers, whole));
  FleetOutcome outcome;
  std::filesystem::create_directory(folder / "killed");
  int kills = 0;
  for (const int batches : {2, 9, 20, 1000}) {
    int left = batches;
    kills += run_fleet(folder / "killed", plan, lot.lot, s.deployed(), &s.train, options, workers,
                       outcome, [&](const FleetProgress&) { return --left > 0; })
                 ? 0
                 : 1;
  }
  CHECK(kills >= 2);
  const auto bytes = [&](const std::string& name, const FleetOutcome& o) {
    FleetResult result;
    result.rates.assign(lot.chips.size(), 0.1);
    result.curve = lot.curve.points();
    result.outcomes = {o};
    write_fleet_result(folder / name, result);
    const FleetResult back = read_fleet_result(folder / name);
    write_fleet_result(folder / "again.h5", back);
    CHECK(test::read_bytes(folder / "again.h5") == test::read_bytes(folder / name));
    return test::read_bytes(folder / name);
  };
  CHECK(bytes("a.h5", whole) == bytes("b.h5", outcome));
  // Shards do their groups; a run of all collects them.
  std::filesystem::create_directory(folder / "shards");
  for (int shard = 0; shard < 3; ++shard) {
    FleetOptions part = options;
    part.shard = {shard, 3};
    REQUIRE(run_fleet(folder / "shards", plan, lot.lot, s.deployed(), &s.train, part, workers,
                      outcome));
  }
  int trained = 0;
  REQUIRE(run_fleet(folder / "shards", plan, lot.lot, s.deployed(), &s.train, options, workers,
                    outcome, [&](const FleetProgress& p) {
                      trained += p.images > 0 ? 1 : 0;
                      return true;
                    }));
  CHECK(trained == 0);
  CHECK(bytes("c.h5", outcome) == bytes("a.h5", whole));
  // A chip's accuracy is that of its group's network on it.
  for (size_t chip = 0; chip < lot.chips.size(); ++chip) {
    const FleetGroup& group = whole.groups[static_cast<size_t>(whole.group[chip])];
    const Network network = group.name == "deployed"
                                ? s.network
                                : read_model(network_path(folder / "whole", group.name));
    CHECK(whole.validation[chip] ==
          accuracy(network, s.validation, workers, s.effects(network, lot.chips[chip])));
  }
}

TEST_CASE("a group that misses the constraint is split down to single chips, and that costs") {
  const Setup s;
  const Lot lot(s, 6, 0.1, 60);
  const test::TemporaryFolder folder;
  Workers workers(2);
  const grouping::FleetPlan plan = lot.plan("one");
  FleetOutcome outcome;
  REQUIRE(run_fleet(folder.path().string(), plan, lot.lot, s.deployed(), nullptr, lot.options(1.1),
                    workers, outcome));
  CHECK(outcome.chips_sold() == 0);
  CHECK(outcome.networks() == 0);
  CHECK(outcome.images() > plan.images());
  for (const int g : outcome.group) {
    CHECK(outcome.groups[static_cast<size_t>(g)].chips.size() == 1);
  }
  for (const FleetGroup& g : outcome.groups) {
    if (g.parent < 0) continue;
    const auto& parent = outcome.groups[static_cast<size_t>(g.parent)].chips;
    CHECK(g.chips.size() < parent.size());
    CHECK(std::includes(parent.begin(), parent.end(), g.chips.begin(), g.chips.end()));
  }
  FleetOutcome easy;
  REQUIRE(run_fleet(folder.path().string(), plan, lot.lot, s.deployed(), nullptr, lot.options(0.0),
                    workers, easy));
  CHECK(easy.chips_sold() == 6);
  CHECK(easy.images() >= plan.images());  // whole batches
  CHECK(easy.images() < plan.images() + 20);
}

TEST_CASE("salvaged, each chip has the deployed network with channels in an order of its own") {
  const Setup s;
  const Lot lot(s, 4, 0.1, 80);
  const test::TemporaryFolder folder;
  Workers workers(2);
  FleetOutcome outcome;
  REQUIRE(run_fleet(folder.path().string(), lot.plan("salvage"), lot.lot, s.deployed(), nullptr,
                    lot.options(0.5), workers, outcome));
  CHECK(outcome.images() == 0);
  double before = 0, after = 0;
  for (size_t chip = 0; chip < lot.chips.size(); ++chip) {
    const Effects effects = s.effects(s.network, lot.chips[chip]);
    const Network network = reschedule(s.network, salvaging_orders(s.network, effects));
    CHECK(accuracy(network, s.validation, workers) == accuracy(s.network, s.validation, workers));
    CHECK(outcome.validation[chip] == accuracy(network, s.validation, workers, effects));
    before += saliency_lost(s.network, effects);
    after += saliency_lost(network, effects);
  }
  CHECK(after < before);
}

TEST_CASE("dead PEs of a dataflow accelerator: each chip is evaluated by itself") {
  const Setup s("tfc-w1a1");
  test::Random random(3);
  const Placement placement = test::random_dataflow_placement(random, s.network);
  const SiteIndex sites(placement, s.network);
  std::vector<FaultMap> maps;
  for (int chip = 0; chip < 3; ++chip) {
    maps.push_back(exact_map({SiteKind::pe_dead}, 2, chip_seed(9, chip), sites));
  }
  const Damage damage = damage_of(maps[0], placement, 1);
  CHECK_FALSE(damage.depends_on_parameters);
  CHECK_FALSE(only_prunes(damage.effects(s.network, 1)));
  CHECK(damage.effects(s.network, 0.5).size() < damage.effects(s.network, 1).size());
  FleetLot lot;
  lot.hashes = {"a", "b", "c"};
  lot.rate = [](const std::vector<int>& group) { return 0.1 * static_cast<double>(group.size()); };
  lot.fused = [&](const std::vector<int>& group) {
    FaultMap map = maps[static_cast<size_t>(group.front())];
    for (const int chip : group) {
      map = unite(map, maps[static_cast<size_t>(chip)], Contradiction::first_wins, "");
    }
    return damage_of(map, placement, 1);
  };
  FleetOptions options;
  options.retrain = quick();
  options.images = [](double) { return 100; };
  grouping::FleetPlan plan;
  plan.policy = "efat";
  plan.groups = {{{0, 1, 2}, 0.3, 100, true}};
  const test::TemporaryFolder folder;
  Workers workers(2);
  FleetOutcome outcome;
  REQUIRE(run_fleet(folder.path().string(), plan, lot, s.deployed(), nullptr, options, workers,
                    outcome));
  const Network network = read_model(network_path(folder.path().string(), outcome.groups[0].name));
  for (size_t chip = 0; chip < 3; ++chip) {
    CHECK(outcome.validation[chip] ==
          accuracy(network, s.validation, workers, lower(maps[chip], placement, network)));
  }
}

namespace {

/// Chips with dead PEs on a dataflow accelerator, each group with channels in an order of its own.
struct RepairedLot {
  RepairedLot(const Setup& setup, int count) : s(setup) {
    test::Random random(5);
    do {
      placement = test::random_dataflow_placement(random, s.network);
    } while (placement.arrays[0].pe == 1 || placement.arrays[1].pe == 1);
    const SiteIndex sites(placement, s.network);
    for (int chip = 0; chip < count; ++chip) {
      maps.push_back(exact_map({SiteKind::pe_dead}, 3 + chip % 2, chip_seed(31, chip), sites));
      lot.hashes.push_back(std::to_string(chip));
    }
    lot.repair = "turned";
    lot.fused = [this](const std::vector<int>& group) { return damage(group); };
    lot.rate = [](const std::vector<int>& group) {
      return 0.01 * static_cast<double>(group.size());
    };
    lot.orders = [this](const std::vector<int>& group) { return orders(group); };
  }

  Damage damage(const std::vector<int>& group) const {
    std::vector<FaultMap> parts;
    for (const int chip : group) parts.push_back(maps[static_cast<size_t>(chip)]);
    return damage_of(unite(parts, Contradiction::first_wins, ""), placement, 1);
  }
  /// Turned by the number of the first chip; chip 0 keeps its order.
  ChannelOrders orders(const std::vector<int>& group) const {
    ChannelOrders orders;
    for (int layer = 0; layer < static_cast<int>(s.network.layers.size()); ++layer) {
      if (!fixed_order_reason(s.network, layer).empty()) continue;
      orders[layer] = identity_order(s.network.layer(layer).rows());
      std::rotate(orders[layer].begin(), orders[layer].begin() + group.front(),
                  orders[layer].end());
    }
    return orders;
  }
  Network start(const std::vector<int>& group) const {
    return reschedule(s.network, orders(group));
  }
  FleetOptions options(double constraint) const {
    FleetOptions o;
    o.retrain = quick();
    o.constraint = constraint;
    o.images = [](double) { return 60; };
    return o;
  }

  const Setup& s;
  Placement placement;
  std::vector<FaultMap> maps;
  FleetLot lot;
};

}  // namespace

TEST_CASE("a repaired chip computes the network in its order, with its own dead PEs") {
  const Setup s("tfc-w1a1");
  const RepairedLot lot(s, 4);
  const test::TemporaryFolder folder;
  Workers workers(2);
  grouping::FleetPlan plan;
  plan.policy = "fap";
  plan.groups = {{{0}, 0.01}, {{1}, 0.02}, {{2}, 0.01}, {{3}, 0.02}};
  FleetOutcome outcome;
  REQUIRE(run_fleet(folder.path().string(), plan, lot.lot, s.deployed(), nullptr, lot.options(0),
                    workers, outcome));
  int differ = 0;
  for (int chip = 0; chip < 4; ++chip) {
    const FleetGroup& group = outcome.groups[static_cast<size_t>(chip)];
    const Network network =
        chip == 0 ? s.network : read_model(network_path(folder.path().string(), group.name));
    CHECK(network == lot.start({chip}));
    CHECK(group.order.empty() == (chip == 0));
    CHECK((group.name == "deployed") == (chip == 0));
    const FaultMap& map = lot.maps[static_cast<size_t>(chip)];
    const Effects effects = lower(map, lot.placement, network);
    int64_t right = 0;
    for (int i = 0; i < s.validation.size(); ++i) {
      const auto tensors =
          reference::run(network, input_tensor(network, s.validation, i), effects, int64_t{i});
      const int found = predicted_class(tensors.back().values.data(), network.classes());
      right += found == s.validation.labels[static_cast<size_t>(i)] ? 1 : 0;
    }
    const double expected = static_cast<double>(right) / s.validation.size();
    CHECK(outcome.validation[static_cast<size_t>(chip)] == expected);
    differ +=
        expected != accuracy(s.network, s.validation, workers, lower(map, lot.placement, s.network))
            ? 1
            : 0;
  }
  CHECK(differ > 0);
  CHECK(outcome.chips_sold() == 4);
  CHECK(outcome.networks() == 1);
  CHECK(outcome.orders() == 3);
  // Without repair: other files in the same folder.
  FleetLot plain = lot.lot;
  plain.repair = {};
  plain.orders = {};
  FleetOutcome as_deployed;
  REQUIRE(run_fleet(folder.path().string(), plan, plain, s.deployed(), nullptr, lot.options(0),
                    workers, as_deployed));
  CHECK(as_deployed.orders() == 0);
  CHECK(as_deployed.validation != outcome.validation);
}

TEST_CASE("repaired groups are retrained from their order, the same after any kill") {
  const Setup s("tfc-w1a1");
  const RepairedLot lot(s, 4);
  const test::TemporaryFolder folder;
  Workers one(1), three(3);
  grouping::FleetPlan plan;
  plan.policy = "efat";
  plan.groups = {{{0}, 0.01}, {{1, 3}, 0.02, 100}, {{2}, 0.01, 60}};
  FleetOutcome whole, outcome;
  std::filesystem::create_directory(folder / "whole");
  std::filesystem::create_directory(folder / "killed");
  REQUIRE(run_fleet(folder / "whole", plan, lot.lot, s.deployed(), nullptr, lot.options(0), one,
                    whole));
  int kills = 0;
  for (bool done = false; !done;) {
    int left = 3 + kills;
    done = run_fleet(folder / "killed", plan, lot.lot, s.deployed(), nullptr, lot.options(0), three,
                     outcome, [&](const FleetProgress&) { return --left > 0; });
    kills += done ? 0 : 1;
  }
  CHECK(kills >= 2);
  const auto bytes = [&](const std::string& name, const FleetOutcome& o) {
    FleetResult result;
    result.rates.assign(lot.maps.size(), 0.1);
    result.repair = "spares 1, reschedule";
    result.spares.pes = 3;
    result.outcomes = {o};
    write_fleet_result(folder / name, result);
    const FleetResult back = read_fleet_result(folder / name);
    CHECK(back.repair == result.repair);
    CHECK(back.spares.pes == 3);
    CHECK(back.outcomes[0].groups[1].order == o.groups[1].order);
    return test::read_bytes(folder / name);
  };
  CHECK(bytes("a.h5", whole) == bytes("b.h5", outcome));
  for (const std::vector<int>& chips : {std::vector<int>{1, 3}, {2}}) {
    const Network start = lot.start(chips);
    const Model model = start_model(start, s.train, one);
    CHECK(export_network(model) == start);
    const auto& group = *std::find_if(whole.groups.begin(), whole.groups.end(),
                                      [&](const FleetGroup& g) { return g.chips == chips; });
    Retraining retraining(model, s.train, quick(), lot.damage(chips), three);
    retraining.run_to(group.images);
    CHECK(read_model(network_path(folder / "whole", group.name)) == retraining.network());
    CHECK_FALSE(group.order.empty());
  }
  CHECK(whole.orders() == 0);
  CHECK(whole.networks() == 3);
}
