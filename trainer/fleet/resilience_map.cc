#include "trainer/fleet/resilience_map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/json_file.h"
#include "workloads/version.h"

namespace stuckat::trainer {
namespace {

constexpr const char* resilience_schema = "stuckat-resilience";
constexpr int resilience_version = 1;

[[noreturn]] void refuse(const std::string& what, const std::string& expected) {
  throw InputError("resilience map", what, expected);
}

/// Images that the run needs, or `never`.
int64_t needed(const ResilienceMap& map, size_t run, double constraint) {
  for (size_t a = 0; a < map.amounts.size(); ++a) {
    if (map.accuracy_at(run, a) >= constraint) return map.amounts[a];  // NaN never is
  }
  return grouping::ResilienceCurve::never;
}

}  // namespace

bool ResilienceMap::complete() const {
  return std::all_of(done.begin(), done.end(), [](uint8_t d) { return d == 1; });
}

int64_t ResilienceMap::cost() const {
  return std::accumulate(images.begin(), images.end(), int64_t{0});
}

ResilienceMap empty_resilience_map(std::string configuration, double deployed,
                                   std::vector<double> rates, int repeats,
                                   std::vector<int64_t> amounts) {
  if (rates.empty() || rates.size() > 10'000) refuse("no rates, or too many", "1 to 10000");
  for (size_t i = 0; i < rates.size(); ++i) {
    if (!(rates[i] > (i == 0 ? 0 : rates[i - 1]) && rates[i] <= 1)) {
      refuse("rate " + std::to_string(rates[i]), "ascending rates above 0, at most 1");
    }
  }
  if (repeats < 1 || repeats > 10'000) refuse("repeats " + std::to_string(repeats), "1 to 10000");
  if (amounts.size() < 2 || amounts.size() > 10'000 || amounts.front() != 0) {
    refuse(std::to_string(amounts.size()) + " amounts", "0 and at least one more");
  }
  for (size_t i = 1; i < amounts.size(); ++i) {
    if (amounts[i] <= amounts[i - 1]) {
      refuse("amount " + std::to_string(amounts[i]), "ascending amounts");
    }
  }
  ResilienceMap map;
  map.configuration = std::move(configuration);
  map.deployed = deployed;
  map.rates = std::move(rates);
  map.repeats = repeats;
  map.amounts = std::move(amounts);
  map.drawn.assign(map.runs(), 0);
  map.images.assign(map.runs(), 0);
  map.done.assign(map.runs(), 0);
  map.accuracy.assign(map.runs() * map.amounts.size(), std::numeric_limits<double>::quiet_NaN());
  return map;
}

std::vector<double> isotonic(const std::vector<double>& values) {
  struct Pool {
    double sum;
    size_t count;
    double mean() const { return sum / static_cast<double>(count); }
  };
  std::vector<Pool> pools;
  for (const double value : values) {
    pools.push_back({value, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean() > pools.back().mean()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().sum += last.sum;
      pools.back().count += last.count;
    }
  }
  std::vector<double> result;
  for (const Pool& pool : pools) result.insert(result.end(), pool.count, pool.mean());
  return result;
}

grouping::ResilienceCurve resilience_curve(const ResilienceMap& map, double constraint,
                                           double quantile) {
  if (!(quantile >= 0 && quantile <= 1)) refuse("quantile " + std::to_string(quantile), "0 to 1");
  if (!map.complete()) refuse("has runs that are not done", "all shards, merged");
  std::vector<double> rates;
  std::vector<double> amounts;
  const auto repeats = static_cast<size_t>(map.repeats);
  for (size_t r = 0; r < map.rates.size(); ++r) {
    std::vector<int64_t> of_runs;
    double drawn = 0;
    for (size_t run = r * repeats; run < (r + 1) * repeats; ++run) {
      of_runs.push_back(needed(map, run, constraint));
      drawn += map.drawn[run] / static_cast<double>(repeats);
    }
    std::sort(of_runs.begin(), of_runs.end());
    const double rank = std::ceil(quantile * static_cast<double>(repeats));
    const int64_t amount = of_runs[static_cast<size_t>(std::max(1.0, rank)) - 1];
    if (amount == grouping::ResilienceCurve::never) break;
    rates.push_back(drawn);
    amounts.push_back(static_cast<double>(amount));
  }
  std::vector<grouping::ResilienceCurve::Point> points;
  amounts = isotonic(amounts);
  for (size_t i = 0; i < rates.size(); ++i) {
    points.push_back({rates[i], static_cast<int64_t>(std::ceil(amounts[i]))});
  }
  return grouping::ResilienceCurve(std::move(points));
}

void write_resilience_map(const std::string& path, const ResilienceMap& map) {
  const auto rates = static_cast<int64_t>(map.rates.size());
  const auto amounts = static_cast<int64_t>(map.amounts.size());
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(resilience_schema, resilience_version);
  file.write_string("/", "tool_version", tool_version);
  file.write_strings("/configuration", {map.configuration});
  file.write_double("/", "deployed", map.deployed);
  file.write_array("/rates", map.rates, {rates});
  file.write_array("/amounts", map.amounts, {amounts});
  file.write_array("/drawn", map.drawn, {rates, map.repeats});
  file.write_array("/images", map.images, {rates, map.repeats});
  file.write_array("/done", map.done, {rates, map.repeats});
  file.write_array("/accuracy", map.accuracy, {rates, map.repeats, amounts});
  file.commit();
}

ResilienceMap read_resilience_map(const std::string& path) {
  constexpr int64_t any = Hdf5File::any_size;
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(resilience_schema, resilience_version, resilience_version);
  const auto bad = [&](const std::string& what, const std::string& expected) {
    throw InputError(path, what, expected);
  };
  const auto drawn = file.dimensions("/drawn");
  if (drawn.size() != 2 || drawn[1] < 1 || drawn[1] > 10'000) {
    bad("/drawn", "a table of rates and repeats");
  }
  ResilienceMap map;
  try {
    map = empty_resilience_map(file.read_strings("/configuration", 1).front(),
                               file.read_double("/", "deployed"),
                               file.read_array<double>("/rates", {any}), static_cast<int>(drawn[1]),
                               file.read_array<int64_t>("/amounts", {any}));
  } catch (const InputError& error) {
    bad(error.what(), "");
  }
  const auto rates = static_cast<int64_t>(map.rates.size());
  map.drawn = file.read_array<double>("/drawn", {rates, map.repeats});
  map.images = file.read_array<int64_t>("/images", {rates, map.repeats});
  map.done = file.read_array<uint8_t>("/done", {rates, map.repeats});
  map.accuracy = file.read_array<double>(
      "/accuracy", {rates, map.repeats, static_cast<int64_t>(map.amounts.size())});
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  if (!share(map.deployed)) bad("deployed", "an accuracy, 0 to 1");
  for (size_t run = 0; run < map.runs(); ++run) {
    const std::string name = " of run " + std::to_string(run);
    if (map.done[run] > 1) bad("/done" + name, "0 or 1");
    if (!share(map.drawn[run])) bad("/drawn" + name, "a rate, 0 to 1");
    if (map.images[run] < 0) bad("/images" + name, "0 or more");
    for (size_t a = 0; a < map.amounts.size(); ++a) {
      const double accuracy = map.accuracy_at(run, a);
      if (!std::isnan(accuracy) && !share(accuracy)) bad("/accuracy" + name, "0 to 1, or NaN");
    }
  }
  return map;
}

std::string differing(const std::string& configuration, const std::string& other) {
  const Json a = json_or_nothing(configuration).value_or(Json());
  const Json b = json_or_nothing(other).value_or(Json());
  if (!a.is_object() || !b.is_object()) return "one of them is none";
  std::string names;
  for (const auto& [name, value] : a.items()) {
    if (b.contains(name) && b[name] == value) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

ResilienceMap merge_resilience_maps(const std::vector<ResilienceMap>& parts) {
  if (parts.empty()) refuse("nothing to merge", "the parts of all shards");
  ResilienceMap all = parts.front();
  const size_t amounts = all.amounts.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    const ResilienceMap& part = parts[i];
    if (part.configuration != all.configuration || part.runs() != all.runs() ||
        part.amounts != all.amounts || part.deployed != all.deployed) {
      refuse("part " + std::to_string(i + 1) + " is of another configuration: " +
                 differing(all.configuration, part.configuration),
             "parts of one map");
    }
    for (size_t run = 0; run < all.runs(); ++run) {
      if (part.done[run] == 0) continue;
      const auto from = part.accuracy.begin() + static_cast<ptrdiff_t>(run * amounts);
      const auto to = all.accuracy.begin() + static_cast<ptrdiff_t>(run * amounts);
      const bool same =
          std::equal(from, from + static_cast<ptrdiff_t>(amounts), to,
                     [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); });
      if (all.done[run] == 1 && !same) {
        refuse("run " + std::to_string(run) + " is in two parts and differs", "parts of one map");
      }
      all.done[run] = 1;
      all.drawn[run] = part.drawn[run];
      all.images[run] = part.images[run];
      std::copy(from, from + static_cast<ptrdiff_t>(amounts), to);
    }
  }
  return all;
}

}  // namespace stuckat::trainer
