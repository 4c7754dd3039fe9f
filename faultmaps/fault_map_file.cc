#include <algorithm>
#include <limits>
#include <map>

#include "faultmaps/fault_map.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/version.h"

namespace stuckat {
namespace {

constexpr const char* schema = "stuckat.fault-map";
constexpr int64_t schema_version = 2;
constexpr int64_t oldest_version = 1;  // without a hash over everything

void check_index(const std::string& path, const std::string& array, int32_t value, size_t count) {
  if (value < 0 || static_cast<size_t>(value) >= count) {
    throw InputError(path, array + " holds " + std::to_string(value),
                     "an index below " + std::to_string(count));
  }
}

}  // namespace

void write_fault_maps(const std::string& path, const std::vector<FaultMap>& chips,
                      const std::string& configuration) {
  std::vector<std::string> kind_names;
  for (const SiteRow& row : site_table()) kind_names.emplace_back(row.name);
  std::vector<std::string> part_names;
  std::map<std::string, int32_t> part_index;
  std::vector<int64_t> offsets = {0};
  std::vector<int32_t> kinds, parts, coordinates, values;
  std::vector<int64_t> flips;
  std::string accelerator_hash;  // of the maps that know it
  for (const FaultMap& chip : chips) {
    if (chip.accelerator != chips.front().accelerator) {
      throw InputError(path,
                       "fault maps for " + chips.front().accelerator + " and " + chip.accelerator +
                           " in one file",
                       "one accelerator");
    }
    if (accelerator_hash.empty()) accelerator_hash = chip.accelerator_hash;
    if (!chip.accelerator_hash.empty() && chip.accelerator_hash != accelerator_hash) {
      throw InputError(path, "fault maps for different foldings of " + chip.accelerator,
                       "one accelerator");
    }
    for (const Fault& fault : chip.faults) {
      const auto [part, is_new] =
          part_index.emplace(fault.part, static_cast<int32_t>(part_names.size()));
      if (is_new) part_names.push_back(fault.part);
      kinds.push_back(static_cast<int32_t>(fault.kind));
      parts.push_back(part->second);
      coordinates.insert(coordinates.end(), fault.coordinates.begin(), fault.coordinates.end());
      values.push_back(fault.value);
      flips.push_back(fault.flip_cycle);
    }
    offsets.push_back(static_cast<int64_t>(kinds.size()));
  }
  const auto n = static_cast<int64_t>(kinds.size());
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(schema, schema_version);
  file.write_string("/", "tool_version", tool_version);
  file.write_string("/", "accelerator", chips.empty() ? "" : chips.front().accelerator);
  if (!accelerator_hash.empty()) file.write_string("/", "accelerator_hash", accelerator_hash);
  file.write_strings("/configuration", {configuration});
  file.write_strings("/kind_names", kind_names);
  file.write_strings("/part_names", part_names);
  file.write_array("/chip_offsets", offsets, {static_cast<int64_t>(offsets.size())});
  file.write_array("/kind", kinds, {n});
  file.write_array("/part", parts, {n});
  file.write_array("/coordinates", coordinates, {n, 4});
  file.write_array("/value", values, {n});
  const bool any = std::any_of(flips.begin(), flips.end(), [](int64_t f) { return f >= 0; });
  if (any) {
    file.write_array("/flip_cycle", flips, {n});
    file.describe("/flip_cycle",
                  {"cycle of the run in which the bit is inverted; none: it is stuck", "fault",
                   "cycles", -1});
  }
  const std::pair<const char*, Hdf5File::Description> rows[] = {
      {"/configuration", {"resolved configuration that made the maps, as JSON", "one"}},
      {"/kind_names", {"kinds of sites, as 'stuckat info sites' names them", "kind"}},
      {"/part_names", {"names of the parts of the accelerator", "part"}},
      {"/chip_offsets", {"chip c has the faults from entry c to before entry c + 1", "chip + 1"}},
      {"/kind", {"index into /kind_names", "fault"}},
      {"/part", {"index into /part_names", "fault"}},
      {"/coordinates", {"of the site, as its kind names them; others 0", "fault,coordinate"}},
      {"/value", {"stuck bit, 0 or 1, or the level; 0 for a flip", "fault"}},
  };
  for (const auto& [name, description] : rows) file.describe(name, description);
  file.commit();
}

std::vector<FaultMap> read_fault_maps(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(schema, schema_version, oldest_version);
  const std::string accelerator = file.read_string("/", "accelerator");
  const std::string accelerator_hash = file.has_attribute("/", "accelerator_hash")
                                           ? file.read_string("/", "accelerator_hash")
                                           : std::string();
  std::vector<SiteKind> kind_of;
  for (const std::string& name : file.read_strings("/kind_names")) {
    kind_of.push_back(parse_site_kind(name, path + ": /kind_names"));
  }
  const auto part_names = file.read_strings("/part_names");
  const auto offsets = file.read_array<int64_t>("/chip_offsets", {Hdf5File::any_size});
  const auto kinds = file.read_array<int32_t>("/kind", {Hdf5File::any_size});
  const auto n = static_cast<int64_t>(kinds.size());
  const auto parts = file.read_array<int32_t>("/part", {n});
  const auto coordinates = file.read_array<int32_t>("/coordinates", {n, 4});
  const auto values = file.read_array<int32_t>("/value", {n});
  std::vector<int64_t> flips;  // empty: no fault is a flip
  if (file.exists("/flip_cycle")) flips = file.read_array<int64_t>("/flip_cycle", {n});
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != n ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw InputError(path, "/chip_offsets do not cover the faults",
                     "ascending from 0 to " + std::to_string(n));
  }
  std::vector<FaultMap> chips;
  for (size_t chip = 0; chip + 1 < offsets.size(); ++chip) {
    FaultMap map{accelerator, {}, accelerator_hash};
    map.faults.reserve(static_cast<size_t>(offsets[chip + 1] - offsets[chip]));
    for (auto i = static_cast<size_t>(offsets[chip]); i < static_cast<size_t>(offsets[chip + 1]);
         ++i) {
      check_index(path, "/kind", kinds[i], kind_of.size());
      check_index(path, "/part", parts[i], part_names.size());
      Fault fault{kind_of[static_cast<size_t>(kinds[i])],
                  part_names[static_cast<size_t>(parts[i])],
                  {},
                  values[i],
                  flips.empty() ? -1 : flips[i]};
      if (fault.flip_cycle < -1) {
        throw InputError(path, "/flip_cycle holds " + std::to_string(fault.flip_cycle),
                         "-1 or more");
      }
      for (size_t c = 0; c < fault.coordinates.size(); ++c) {
        fault.coordinates[c] = coordinates[i * 4 + c];
        if (fault.coordinates[c] < 0) {
          throw InputError(path, "/coordinates hold " + std::to_string(fault.coordinates[c]),
                           "0 or more");
        }
      }
      map.faults.push_back(std::move(fault));
    }
    if (!std::is_sorted(map.faults.begin(), map.faults.end())) {
      std::sort(map.faults.begin(), map.faults.end());
    }
    map.faults.erase(std::unique(map.faults.begin(), map.faults.end()), map.faults.end());
    chips.push_back(std::move(map));
  }
  return chips;
}

}  // namespace stuckat
