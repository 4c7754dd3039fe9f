#include "sim/campaign/result.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_set>

#include "sim/campaign/strata_file.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

int64_t sum(const int32_t* values, size_t count) {
  return std::accumulate(values, values + count, int64_t{0});
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// Throws unless `values` has `size` entries, all within 0 .. most.
template <class T>
void check_counts(const std::vector<T>& values, size_t size, int64_t most, const char* name,
                  const std::string& where) {
  if (values.size() != size) {
    throw InputError(where,
                     std::string(name) + " has " + std::to_string(values.size()) + " entries",
                     std::to_string(size));
  }
  for (const T value : values) {
    if (value < 0 || int64_t{value} > most) {
      throw InputError(where, std::string(name) + " holds " + std::to_string(value),
                       "0 to " + std::to_string(most));
    }
  }
}

void check_identity(const Result& r, const std::string& where) {
  const Identity& id = r.identity;
  if (id.first_image < 0 || id.images < 1 || id.images > INT32_MAX) {
    throw InputError(where,
                     std::to_string(id.images) + " images from " + std::to_string(id.first_image),
                     "at least one, from 0 or more");
  }
  if (r.shard.count < 1 || r.shard.count > id.images || r.shard.index < 0 ||
      r.shard.index >= r.shard.count) {
    throw InputError(
        where, "shard " + std::to_string(r.shard.index) + " of " + std::to_string(r.shard.count),
        "one that the images allow");
  }
  if (r.images != shard_images(id.images, r.shard).count) {
    throw InputError(where, std::to_string(r.images) + " images counted",
                     std::to_string(shard_images(id.images, r.shard).count));
  }
  for (const std::string* hash :
       {&id.network_hash, &id.data_hash, &id.faults_hash, &id.accelerator_hash}) {
    const bool hex = hash->find_first_not_of("0123456789abcdef") == std::string::npos;
    if (hash == &id.accelerator_hash && hash->empty()) continue;
    if (hash->size() != 64 || !hex)
      throw InputError(where, "hash '" + *hash + "'", "64 hex digits");
  }
}

/// Faults of one class count the same; from which tensor on is all that may differ.
void check_representatives(const Result& r, const std::string& where) {
  if (r.representatives.size() != r.faults.size()) {
    throw InputError(where, std::to_string(r.representatives.size()) + " representatives",
                     std::to_string(r.faults.size()));
  }
  for (int64_t f = 0; f < r.size(); ++f) {
    const int64_t first = r.representatives[static_cast<size_t>(f)];
    const auto row = r.correct.begin() + f * r.classes;
    const auto refuse = [&](const char* expected) {
      throw InputError(where,
                       "the representative of fault '" + r.faults[static_cast<size_t>(f)].id + "'",
                       expected);
    };
    if (first == Result::no_effect) {
      if (r.last_difference[static_cast<size_t>(f * (r.tensors() + 1))] != r.images)
        refuse("one, as it has an effect");
      continue;
    }
    if (first < 0 || first > f || r.representatives[static_cast<size_t>(first)] != first)
      refuse("the first fault of its class");
    if (r.critical[static_cast<size_t>(first)] != r.critical[static_cast<size_t>(f)] ||
        r.masked(first) != r.masked(f) ||
        !std::equal(row, row + r.classes, r.correct.begin() + first * r.classes))
      refuse("a fault with the same counts");
  }
}

void check_faults(const Result& r, const std::string& where) {
  std::unordered_set<std::string_view> ids;
  const auto layers = static_cast<int>(r.layer_names.size());
  for (const FaultInfo& fault : r.faults) {
    if (fault.id.empty() || !ids.insert(fault.id).second) {
      throw InputError(where, "fault '" + fault.id + "' is there twice, or has no name",
                       "unique identifiers");
    }
    // Pixels are counted in int: y * width + x of the largest image.
    constexpr int most = 1 << 16, most_a_side = 1 << 14;
    const auto index = [](int value, int count) { return value >= -1 && value < count; };
    const bool good = index(fault.layer, layers) && index(fault.channel, most) &&
                      index(fault.y, most_a_side) && index(fault.x, most_a_side) &&
                      index(fault.pe, most);
    if (!good) {
      throw InputError(where, "a coordinate or the layer of fault '" + fault.id + "'",
                       "-1 for none, or an index of a network that there can be");
    }
  }
  check_strata(r.strata, r.identity.sampling, r.size(), layers, where);
}

}  // namespace

ImageRange shard_images(int64_t images, const Shard& shard) {
  const int64_t first = images * shard.index / shard.count;
  return {first, images * (shard.index + 1) / shard.count - first};
}

int64_t Result::total_golden_correct() const {
  return std::accumulate(golden_correct.begin(), golden_correct.end(), int64_t{0});
}

int64_t Result::total_correct(int64_t fault) const {
  const auto c = static_cast<size_t>(classes);
  return sum(correct.data() + static_cast<size_t>(fault) * c, c);
}

int64_t Result::masked(int64_t fault) const {
  const auto entries = static_cast<size_t>(tensors()) + 1;
  return sum(last_difference.data() + static_cast<size_t>(fault) * entries, entries - 1);
}

int64_t Result::tolerated(int64_t fault) const {
  return images - masked(fault) - critical[static_cast<size_t>(fault)];
}

double Result::golden_accuracy() const { return percent(total_golden_correct(), images); }
double Result::accuracy(int64_t fault) const { return percent(total_correct(fault), images); }

Result::WorstClass Result::worst_class(int64_t fault) const {
  WorstClass worst;
  for (int c = 0; c < classes; ++c) {
    const int64_t of_class = labels[static_cast<size_t>(c)];
    if (of_class == 0) continue;
    const auto right = correct[static_cast<size_t>(fault * classes + c)];
    const double accuracy = percent(right, of_class);
    if (worst.index < 0 || accuracy < worst.accuracy) worst = {c, accuracy};
  }
  return worst;
}

int64_t Result::find(const std::string& id) const {
  const auto found = std::find_if(faults.begin(), faults.end(),
                                  [&](const FaultInfo& fault) { return fault.id == id; });
  return found == faults.end() ? -1 : found - faults.begin();
}

void validate(const Result& r, const std::string& where) {
  check_identity(r, where);
  if (r.classes < 1 || r.layer_names.empty() || r.faults.empty()) {
    throw InputError(where, "no classes, layers or faults", "at least one of each");
  }
  if (!r.class_names.empty() && r.class_names.size() != static_cast<size_t>(r.classes)) {
    throw InputError(where, std::to_string(r.class_names.size()) + " names of classes",
                     std::to_string(r.classes));
  }
  check_faults(r, where);
  const auto f = static_cast<size_t>(r.size());
  const auto c = static_cast<size_t>(r.classes);
  const auto entries = static_cast<size_t>(r.tensors()) + 1;
  check_counts(r.labels, c, r.images, "labels", where);
  check_counts(r.golden_correct, c, r.images, "golden correct", where);
  check_counts(r.correct, f * c, r.images, "correct", where);
  check_counts(r.critical, f, r.images, "critical", where);
  check_counts(r.last_difference, f * entries, r.images, "last_difference", where);
  if (std::accumulate(r.labels.begin(), r.labels.end(), int64_t{0}) != r.images) {
    throw InputError(where, "labels do not add up", std::to_string(r.images));
  }
  for (size_t i = 0; i < c; ++i) {
    if (r.golden_correct[i] > r.labels[i]) {
      throw InputError(where, "more right predictions than images of class " + std::to_string(i),
                       "at most " + std::to_string(r.labels[i]));
    }
  }
  for (int64_t fault = 0; fault < r.size(); ++fault) {
    const std::string& id = r.faults[static_cast<size_t>(fault)].id;
    for (size_t i = 0; i < c; ++i) {
      if (r.correct[static_cast<size_t>(fault) * c + i] > r.labels[i]) {
        throw InputError(where, "fault '" + id + "': more right predictions than images",
                         "at most " + std::to_string(r.labels[i]));
      }
    }
    const auto* row = r.last_difference.data() + static_cast<size_t>(fault) * entries;
    if (sum(row, entries) != r.images || r.tolerated(fault) < 0) {
      throw InputError(where, "fault '" + id + "': images do not add up", std::to_string(r.images));
    }
  }
  check_representatives(r, where);
}

Result merge(const std::vector<Result>& shards, const std::vector<std::string>& names) {
  if (shards.empty() || shards.size() != names.size()) {
    throw InputError("merge", "no shards", "at least one result");
  }
  const Result& model = shards.front();
  std::map<int, size_t> seen;  // shard index -> which of `shards`
  Result merged = model;
  for (size_t i = 0; i < shards.size(); ++i) {
    const Result& shard = shards[i];
    validate(shard, names[i]);
    const auto refuse = [&](const std::string& what) {
      throw InputError(names[i], what + " is not that of " + names.front(),
                       "shards of one campaign");
    };
    const Identity& a = shard.identity;
    const Identity& b = model.identity;
    if (a.network_hash != b.network_hash) refuse("its network");
    if (a.data_hash != b.data_hash) refuse("its data");
    if (a.accelerator_hash != b.accelerator_hash) refuse("its accelerator");
    if (a.faults_hash != b.faults_hash) refuse("its fault set");
    if (a.configuration != b.configuration) refuse("its configuration");
    if (a.tool_version != b.tool_version) refuse("its tool version");
    if (a.first_image != b.first_image || a.images != b.images) refuse("its choice of images");
    if (!(a == b) || shard.faults != model.faults || shard.strata != model.strata ||
        shard.representatives != model.representatives || shard.layer_names != model.layer_names ||
        shard.class_names != model.class_names || shard.classes != model.classes) {
      refuse("its campaign");
    }
    if (shard.shard.count != model.shard.count) refuse("its number of shards");
    const auto [before, is_new] = seen.emplace(shard.shard.index, i);
    if (!is_new) {
      throw InputError(
          names[i],
          "is shard " + std::to_string(shard.shard.index) + ", as is " + names[before->second],
          "every shard once");
    }
    if (i == 0) continue;
    const auto add = [](auto& sums, const auto& values) {
      for (size_t k = 0; k < sums.size(); ++k) sums[k] += values[k];
    };
    merged.images += shard.images;
    add(merged.labels, shard.labels);
    add(merged.golden_correct, shard.golden_correct);
    add(merged.correct, shard.correct);
    add(merged.critical, shard.critical);
    add(merged.last_difference, shard.last_difference);
  }
  for (int index = 0; index < model.shard.count; ++index) {
    if (seen.contains(index)) continue;
    throw InputError("merge",
                     "shard " + std::to_string(index) + " of " + std::to_string(model.shard.count) +
                         " is missing",
                     "every shard");
  }
  merged.shard = {};
  return merged;
}

}  // namespace stuckat::campaign
