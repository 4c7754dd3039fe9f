#include <algorithm>
#include <cmath>

#include "faultmaps/timeline.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/strata_file.h"
#include "workloads/errors.h"
#include "workloads/version.h"

namespace stuckat::campaign {
namespace {

constexpr const char* list_schema = "stuckat.fault-list";
constexpr int64_t list_version = 2;
constexpr int64_t oldest_list = 1;  // without a hash over everything

}  // namespace

void write_strata(Hdf5File& file, const std::vector<Stratum>& strata) {
  std::vector<std::string> names;
  std::vector<int32_t> layers;
  std::vector<int64_t> firsts, counts, populations;
  for (const Stratum& s : strata) {
    names.push_back(s.name);
    layers.push_back(s.layer);
    firsts.push_back(s.first);
    counts.push_back(s.count);
    populations.push_back(s.population);
  }
  const auto n = static_cast<int64_t>(strata.size());
  file.create_group("/strata");
  file.write_strings("/strata/name", names);
  file.write_array("/strata/layer", layers, {n});
  file.write_array("/strata/first", firsts, {n});
  file.write_array("/strata/count", counts, {n});
  file.write_array("/strata/population", populations, {n});
}

std::vector<Stratum> read_strata(const Hdf5File& file) {
  const auto names = file.read_strings("/strata/name");
  const auto n = static_cast<int64_t>(names.size());
  const auto layers = file.read_array<int32_t>("/strata/layer", {n});
  const auto firsts = file.read_array<int64_t>("/strata/first", {n});
  const auto counts = file.read_array<int64_t>("/strata/count", {n});
  const auto populations = file.read_array<int64_t>("/strata/population", {n});
  std::vector<Stratum> strata;
  for (size_t i = 0; i < names.size(); ++i) {
    strata.push_back({names[i], layers[i], firsts[i], counts[i], populations[i]});
  }
  return strata;
}

void write_sampling(Hdf5File& file, const std::optional<Sampling>& sampling) {
  if (!sampling) return;
  file.write_double("/", "margin", sampling->margin);
  file.write_double("/", "confidence", sampling->confidence);
  file.write_int("/", "seed", static_cast<int64_t>(sampling->seed));
}

std::optional<Sampling> read_sampling(const Hdf5File& file) {
  if (!file.has_attribute("/", "margin")) return {};
  const Sampling sampling{file.read_double("/", "margin"), file.read_double("/", "confidence"),
                          static_cast<uint64_t>(file.read_int("/", "seed"))};
  const auto fraction = [&](double value, const char* name) {
    if (!(value > 0 && value < 1)) {
      throw InputError(file.path(), std::string(name) + " is " + std::to_string(value),
                       "between 0 and 1");
    }
  };
  fraction(sampling.margin, "margin");
  fraction(sampling.confidence, "confidence");
  return sampling;
}

void check_strata(const std::vector<Stratum>& strata, const std::optional<Sampling>& sampling,
                  int64_t faults, int layers, const std::string& where) {
  int64_t next = 0;
  for (const Stratum& s : strata) {
    if (s.first != next || s.count < 1 || s.count > faults - next) {
      throw InputError(where,
                       "stratum '" + s.name + "' begins at " + std::to_string(s.first) + " with " +
                           std::to_string(s.count) + " faults",
                       "strata that cover the faults in order");
    }
    if (s.population < s.count || (!sampling && s.population != s.count)) {
      throw InputError(
          where,
          "stratum '" + s.name + "' was drawn from " + std::to_string(s.population) + " faults",
          "its size, or more in a sample");
    }
    if (s.layer < -1 || s.layer >= layers) {
      throw InputError(where, "stratum '" + s.name + "' is of layer " + std::to_string(s.layer),
                       "-1 to " + std::to_string(layers - 1));
    }
    next += s.count;
  }
  if (next != faults) {
    throw InputError(where, "strata hold " + std::to_string(next) + " faults",
                     std::to_string(faults));
  }
}

void write_fault_list(const std::string& path, const FaultSet& faults) {
  std::vector<std::string> ids, parts;
  std::vector<int64_t> offsets = {0};
  for (int64_t i = 0; i < faults.size(); ++i) {
    ids.push_back(faults.info(i).id);
    for (std::string& part : faults.parts(i)) parts.push_back(std::move(part));
    offsets.push_back(static_cast<int64_t>(parts.size()));
  }
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(list_schema, list_version);
  file.write_string("/", "tool_version", tool_version);
  file.write_string("/", "faults", faults.spec());
  write_sampling(file, faults.sampling());
  if (const int64_t images = faults.source()->run_images(); images > 0) {
    file.write_int("/", "run_images", images);
  }
  file.write_strings("/id", ids);
  file.write_array("/offsets", offsets, {static_cast<int64_t>(offsets.size())});
  file.write_strings("/part", parts);
  write_strata(file, faults.strata());
  file.commit();
}

FaultSet read_fault_list(const std::string& path, const Network& network,
                         const Placement* placement) {
  if (is_text_list(path)) return read_text_list(path, network, placement);
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(list_schema, list_version, oldest_list);
  if (file.has_attribute("/", "run_images") && placement != nullptr && placement->run != nullptr &&
      file.read_int("/", "run_images") != placement->run->images()) {
    throw InputError(path,
                     "its transients are in a run of " +
                         std::to_string(file.read_int("/", "run_images")) + " images",
                     "a run of as many images, not of " + std::to_string(placement->run->images()));
  }
  const auto ids = file.read_strings("/id");
  const auto n = static_cast<int64_t>(ids.size());
  const auto offsets = file.read_array<int64_t>("/offsets", {n + 1});
  const auto names = file.read_strings("/part");
  if (offsets.front() != 0 || offsets.back() != static_cast<int64_t>(names.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw InputError(path, "/offsets do not cover /part",
                     "ascending from 0 to " + std::to_string(names.size()));
  }
  std::vector<std::vector<std::string>> parts;
  for (size_t i = 0; i < ids.size(); ++i) {
    parts.emplace_back(names.begin() + offsets[i], names.begin() + offsets[i + 1]);
  }
  const auto sampling = read_sampling(file);
  const auto strata = read_strata(file);
  check_strata(strata, sampling, n, static_cast<int>(network.layers.size()), path);
  const FaultSet set = named_faults(network, placement, ids, parts, path, strata, sampling);
  return {"list:" + file_name(path), set.source(), set.sampling()};
}

}  // namespace stuckat::campaign
