#include "trainer/fleet/fleet_result.h"

#include <algorithm>
#include <set>

#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/version.h"

namespace stuckat::trainer {
namespace {

constexpr const char* fleet_schema = "stuckat-fleet";
constexpr int fleet_version = 2;
constexpr int64_t any_number = Hdf5File::any_size;

int64_t size_of(const auto& values) { return static_cast<int64_t>(values.size()); }

void write_outcome(Hdf5File& file, const std::string& at, const FleetOutcome& o) {
  file.create_group(at);
  file.write_string(at, "policy", o.policy);
  file.write_string(at, "words", o.words);
  std::vector<std::string> names, orders;
  std::vector<double> rates;
  std::vector<int64_t> images;
  std::vector<int32_t> parents, chips, sizes;
  for (const FleetGroup& g : o.groups) {
    names.push_back(g.name);
    rates.push_back(g.rate);
    images.push_back(g.images);
    parents.push_back(g.parent);
    orders.push_back(g.order);
    sizes.push_back(static_cast<int32_t>(g.chips.size()));
    chips.insert(chips.end(), g.chips.begin(), g.chips.end());
  }
  file.write_strings(at + "/names", names);
  file.write_strings(at + "/orders", orders);
  file.write_array(at + "/rates", rates, {size_of(rates)});
  file.write_array(at + "/images", images, {size_of(images)});
  file.write_array(at + "/parents", parents, {size_of(parents)});
  file.write_array(at + "/sizes", sizes, {size_of(sizes)});
  file.write_array(at + "/chips", chips, {size_of(chips)});
  file.write_array(at + "/group", std::vector<int32_t>(o.group.begin(), o.group.end()),
                   {size_of(o.group)});
  file.write_array(at + "/validation", o.validation, {size_of(o.validation)});
  file.write_array(at + "/test", o.test, {size_of(o.test)});
  file.write_array(at + "/sold", o.sold, {size_of(o.sold)});
}

FleetOutcome read_outcome(const Hdf5File& file, const std::string& at, int64_t lot) {
  const auto bad = [&](const std::string& what, const std::string& expected) {
    throw InputError(file.path(), at + what, expected);
  };
  FleetOutcome o;
  o.policy = file.read_string(at, "policy");
  o.words = file.read_string(at, "words");
  const auto names = file.read_strings(at + "/names");
  const auto orders = file.read_strings(at + "/orders", size_of(names));
  const auto rates = file.read_array<double>(at + "/rates", {size_of(names)});
  const auto images = file.read_array<int64_t>(at + "/images", {size_of(names)});
  const auto parents = file.read_array<int32_t>(at + "/parents", {size_of(names)});
  const auto sizes = file.read_array<int32_t>(at + "/sizes", {size_of(names)});
  const auto chips = file.read_array<int32_t>(at + "/chips", {any_number});
  size_t next = 0;
  for (size_t g = 0; g < names.size(); ++g) {
    FleetGroup group{names[g], {}, rates[g], images[g], parents[g], orders[g]};
    if (sizes[g] < 1 || static_cast<size_t>(sizes[g]) > chips.size() - next) {
      bad("/sizes", "parts of /chips");
    }
    for (int32_t i = 0; i < sizes[g]; ++i) {
      const int32_t chip = chips[next++];
      if (chip < 0 || chip >= lot) bad("/chips", "chips of the lot");
      group.chips.push_back(chip);
    }
    if (group.parent < -1 || group.parent >= static_cast<int>(g)) bad("/parents", "earlier groups");
    if (group.images < 0) bad("/images", "0 or more");
    o.groups.push_back(std::move(group));
  }
  if (next != chips.size()) bad("/sizes", "parts that make up /chips");
  for (const int32_t g : file.read_array<int32_t>(at + "/group", {lot})) {
    if (g < 0 || g >= size_of(names)) bad("/group", "groups of the policy");
    o.group.push_back(g);
  }
  o.validation = file.read_array<double>(at + "/validation", {lot});
  o.test = file.read_array<double>(at + "/test", {any_number});
  o.sold = file.read_array<uint8_t>(at + "/sold", {lot});
  if (!o.test.empty() && size_of(o.test) != lot) bad("/test", "one for each chip, or none");
  return o;
}

}  // namespace

int64_t FleetOutcome::images() const {
  int64_t sum = 0;
  for (const FleetGroup& g : groups) sum += g.images;
  return sum;
}

int64_t FleetOutcome::chips_sold() const { return std::count(sold.begin(), sold.end(), 1); }

int64_t FleetOutcome::networks() const {
  std::set<std::string> names;
  for (size_t chip = 0; chip < sold.size(); ++chip) {
    if (sold[chip] == 0) continue;
    const FleetGroup& of = groups[static_cast<size_t>(group[chip])];
    names.insert(of.images > 0 ? of.name : "deployed");
  }
  return std::ssize(names);
}

int64_t FleetOutcome::orders() const {
  std::set<std::string> orders;
  for (size_t chip = 0; chip < sold.size(); ++chip) {
    const FleetGroup& of = groups[static_cast<size_t>(group[chip])];
    if (sold[chip] == 1 && of.images == 0 && !of.order.empty()) orders.insert(of.order);
  }
  return std::ssize(orders);
}

void write_fleet_result(const std::string& path, const FleetResult& r) {
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(fleet_schema, fleet_version);
  file.write_string("/", "tool_version", tool_version);
  file.write_strings("/configuration", {r.configuration});
  file.write_string("/", "network", r.network);
  file.write_string("/", "accelerator", r.accelerator);
  file.write_string("/", "repair", r.repair);
  file.write_int("/", "spare_pes", r.spares.pes);
  file.write_int("/", "spare_multipliers", r.spares.multipliers);
  file.write_int("/", "spare_memory_bits", r.spares.memory_bits);
  file.write_double("/", "constraint", r.constraint);
  file.write_double("/", "deployed_validation", r.deployed_validation);
  file.write_double("/", "deployed_test", r.deployed_test);
  file.write_int("/", "resilience_images", r.resilience_images);
  file.write_int("/", "policies", size_of(r.outcomes));
  file.write_array("/rates", r.rates, {size_of(r.rates)});
  std::vector<double> rates;
  std::vector<int64_t> images;
  for (const auto& point : r.curve) {
    rates.push_back(point.rate);
    images.push_back(point.images);
  }
  file.create_group("/curve");
  file.write_array("/curve/rates", rates, {size_of(rates)});
  file.write_array("/curve/images", images, {size_of(images)});
  for (size_t i = 0; i < r.outcomes.size(); ++i) {
    write_outcome(file, "/policy" + std::to_string(i), r.outcomes[i]);
  }
  file.commit();
}

FleetResult read_fleet_result(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(fleet_schema, fleet_version, fleet_version);
  FleetResult r;
  r.configuration = file.read_strings("/configuration", 1).front();
  r.network = file.read_string("/", "network");
  r.accelerator = file.read_string("/", "accelerator");
  r.repair = file.read_string("/", "repair");
  r.spares.pes = file.read_int("/", "spare_pes", 0);
  r.spares.multipliers = file.read_int("/", "spare_multipliers", 0);
  r.spares.memory_bits = file.read_int("/", "spare_memory_bits", 0);
  r.constraint = file.read_double("/", "constraint");
  r.deployed_validation = file.read_double("/", "deployed_validation");
  r.deployed_test = file.read_double("/", "deployed_test");
  r.resilience_images = file.read_int("/", "resilience_images", 0);
  r.rates = file.read_array<double>("/rates", {any_number});
  const auto rates = file.read_array<double>("/curve/rates", {any_number});
  const auto images = file.read_array<int64_t>("/curve/images", {size_of(rates)});
  for (size_t i = 0; i < rates.size(); ++i) r.curve.push_back({rates[i], images[i]});
  grouping::ResilienceCurve check(r.curve);
  const int64_t policies = file.read_int("/", "policies", 0, 1000);
  for (int64_t i = 0; i < policies; ++i) {
    r.outcomes.push_back(read_outcome(file, "/policy" + std::to_string(i), size_of(r.rates)));
  }
  return r;
}

}  // namespace stuckat::trainer
