#include <map>

#include "sim/campaign/result.h"
#include "sim/campaign/strata_file.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"

namespace stuckat::campaign {
namespace {

constexpr const char* result_schema = "stuckat.campaign";
constexpr int64_t result_version = 3;
constexpr int64_t oldest_result = 2;  // without a hash over everything
constexpr int64_t any = Hdf5File::any_size;

/// Columns of FaultInfo that are plain numbers: one data set each, below /fault.
struct Column {
  const char* name;
  int FaultInfo::*member;
  const char* what;
  int none = -1;
};
constexpr Column columns[] = {
    {"/fault/layer", &FaultInfo::layer, "index into /layers; none: in many, or in none"},
    {"/fault/channel", &FaultInfo::channel, "output channel of the layer"},
    {"/fault/y", &FaultInfo::y, "row of the pixel"},
    {"/fault/x", &FaultInfo::x, "column of the pixel"},
    {"/fault/pe", &FaultInfo::pe, "processing element of the part"},
    {"/fault/level", &FaultInfo::level, "level, or value of the bit, that it is stuck at",
     FaultInfo::no_level},
};

/// Of the data sets that are not in `columns`.
void describe_all(Hdf5File& file) {
  const std::pair<const char*, Hdf5File::Description> rows[] = {
      {"/configuration", {"resolved configuration of the campaign, as JSON", "one"}},
      {"/layers", {"names of the layers", "layer"}},
      {"/class_names", {"names of the classes; may be empty", "class"}},
      {"/part_names", {"names of the parts of hardware that faults are in", "part"}},
      {"/golden/labels", {"counted images with this label", "class", "images"}},
      {"/golden/correct",
       {"of those, images that the network predicts right without fault", "class", "images"}},
      {"/fault/id", {"identifier, unique", "fault"}},
      {"/fault/part", {"index into /part_names", "fault", "", -1}},
      {"/fault/representative",
       {"index of the first fault with the same logits on every image; none: it changes nothing on "
        "any",
        "fault", "", Result::no_effect}},
      {"/counts/correct",
       {"images predicted right under the fault, by label", "fault,class", "images"}},
      {"/counts/critical", {"images whose predicted class the fault changes", "fault", "images"}},
      {"/counts/last_difference",
       {"images in which this is the last tensor that the fault changes: 0 none, 1 the input, i + "
        "2 "
        "the result of layer i",
        "fault,tensor", "images"}},
      {"/strata/name", {"layer or part that the faults of a stratum belong to", "stratum"}},
      {"/strata/layer", {"index into /layers", "stratum", "", -1}},
      {"/strata/first", {"index of its first fault", "stratum"}},
      {"/strata/count", {"how many follow from there", "stratum", "faults"}},
      {"/strata/population", {"faults that these were drawn from", "stratum", "faults"}},
  };
  for (const auto& [name, description] : rows) file.describe(name, description);
}

void write_identity(Hdf5File& file, const Result& result) {
  const Identity& id = result.identity;
  file.write_string("/", "tool_version", id.tool_version);
  file.write_string("/", "network", id.network);
  file.write_string("/", "data", id.data);
  file.write_string("/", "faults", id.faults);
  file.write_string("/", "network_hash", id.network_hash);
  file.write_string("/", "data_hash", id.data_hash);
  file.write_string("/", "faults_hash", id.faults_hash);
  if (!id.accelerator_hash.empty()) {
    file.write_string("/", "accelerator_hash", id.accelerator_hash);
  }
  file.write_int("/", "first_image", id.first_image);
  file.write_int("/", "images", id.images);
  file.write_int("/", "shard_index", result.shard.index);
  file.write_int("/", "shard_count", result.shard.count);
  write_sampling(file, id.sampling);
  file.write_strings("/configuration", {id.configuration});
}

void read_identity(const Hdf5File& file, Result& result) {
  Identity& id = result.identity;
  id.tool_version = file.read_string("/", "tool_version");
  id.network = file.read_string("/", "network");
  id.data = file.read_string("/", "data");
  id.faults = file.read_string("/", "faults");
  id.network_hash = file.read_string("/", "network_hash");
  id.data_hash = file.read_string("/", "data_hash");
  id.faults_hash = file.read_string("/", "faults_hash");
  if (file.has_attribute("/", "accelerator_hash")) {
    id.accelerator_hash = file.read_string("/", "accelerator_hash");
  }
  id.first_image = file.read_int("/", "first_image", 0, INT32_MAX);
  id.images = file.read_int("/", "images", 1, INT32_MAX);
  result.shard.count = static_cast<int>(file.read_int("/", "shard_count", 1, INT32_MAX));
  result.shard.index =
      static_cast<int>(file.read_int("/", "shard_index", 0, result.shard.count - 1));
  id.sampling = read_sampling(file);
  id.configuration = file.read_strings("/configuration", 1).front();
}

void write_faults(Hdf5File& file, const std::vector<FaultInfo>& faults) {
  const auto n = static_cast<int64_t>(faults.size());
  std::vector<std::string> ids, part_names;
  std::vector<int32_t> parts;
  std::map<std::string, int32_t> part_index;
  for (const FaultInfo& fault : faults) {
    ids.push_back(fault.id);
    if (fault.part.empty()) {
      parts.push_back(-1);
      continue;
    }
    const auto [entry, is_new] =
        part_index.emplace(fault.part, static_cast<int32_t>(part_names.size()));
    if (is_new) part_names.push_back(fault.part);
    parts.push_back(entry->second);
  }
  file.write_strings("/part_names", part_names);
  file.create_group("/fault");
  file.write_strings("/fault/id", ids);
  file.write_array("/fault/part", parts, {n});
  for (const Column& column : columns) {
    std::vector<int32_t> values;
    for (const FaultInfo& fault : faults) values.push_back(fault.*column.member);
    file.write_array(column.name, values, {n});
    file.describe(column.name, {column.what, "fault", "", column.none});
  }
}

std::vector<FaultInfo> read_faults(const Hdf5File& file) {
  const auto part_names = file.read_strings("/part_names");
  const auto ids = file.read_strings("/fault/id");
  const auto n = static_cast<int64_t>(ids.size());
  const auto parts = file.read_array<int32_t>("/fault/part", {n});
  std::vector<FaultInfo> faults(ids.size());
  for (size_t f = 0; f < faults.size(); ++f) {
    faults[f].id = ids[f];
    if (parts[f] == -1) continue;
    if (parts[f] < 0 || static_cast<size_t>(parts[f]) >= part_names.size()) {
      throw InputError(file.path(), "/fault/part holds " + std::to_string(parts[f]),
                       "-1, or an index below " + std::to_string(part_names.size()));
    }
    faults[f].part = part_names[static_cast<size_t>(parts[f])];
  }
  for (const Column& column : columns) {
    const auto values = file.read_array<int32_t>(column.name, {n});
    for (size_t f = 0; f < faults.size(); ++f) faults[f].*column.member = values[f];
  }
  return faults;
}

}  // namespace

void write_result(const std::string& path, const Result& result) {
  validate(result, path);
  const int64_t f = result.size();
  const int64_t c = result.classes;
  Hdf5File file = Hdf5File::create(path);
  file.write_schema(result_schema, result_version);
  write_identity(file, result);
  file.write_strings("/layers", result.layer_names);
  file.write_strings("/class_names", result.class_names);
  file.create_group("/golden");
  file.write_array("/golden/labels", result.labels, {c});
  file.write_array("/golden/correct", result.golden_correct, {c});
  write_faults(file, result.faults);
  file.write_array("/fault/representative", result.representatives, {f});
  file.create_group("/counts");
  file.write_array("/counts/correct", result.correct, {f, c});
  file.write_array("/counts/critical", result.critical, {f});
  file.write_array("/counts/last_difference", result.last_difference, {f, result.tensors() + 1});
  write_strata(file, result.strata);
  describe_all(file);
  file.commit();
}

Result read_result(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  file.check_schema(result_schema, result_version, oldest_result);
  Result result;
  read_identity(file, result);
  result.layer_names = file.read_strings("/layers");
  result.class_names = file.read_strings("/class_names");
  result.labels = file.read_array<int64_t>("/golden/labels", {any});
  const auto c = static_cast<int64_t>(result.labels.size());
  result.classes = static_cast<int>(c);
  result.golden_correct = file.read_array<int64_t>("/golden/correct", {c});
  result.faults = read_faults(file);
  const int64_t f = result.size();
  result.representatives = file.read_array<int32_t>("/fault/representative", {f});
  result.correct = file.read_array<int32_t>("/counts/correct", {f, c});
  result.critical = file.read_array<int32_t>("/counts/critical", {f});
  result.last_difference =
      file.read_array<int32_t>("/counts/last_difference", {f, result.tensors() + 1});
  result.strata = read_strata(file);
  result.images = shard_images(result.identity.images, result.shard).count;
  validate(result, path);
  return result;
}

}  // namespace stuckat::campaign
