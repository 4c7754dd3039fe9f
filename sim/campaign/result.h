// What a campaign found: integer counts for every fault, and where they came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "sim/campaign/sampling.h"
#include "workloads/network.h"
#include "workloads/shard.h"

namespace stuckat::campaign {

/// What the campaign was, in full; equal in every shard of it.
struct Identity {
  std::string tool_version;
  std::string configuration;  ///< resolved configuration as JSON text, as the caller gave it
  std::string network;        ///< Network::name
  std::string data;           ///< DataSet::name
  std::string faults;         ///< FaultSet::spec
  std::string network_hash;
  std::string data_hash;
  std::string faults_hash;
  /// Of the accelerator that the faults are in (content_hash() of its placement); empty if they
  /// name no hardware, and in results of older versions.
  std::string accelerator_hash = {};
  int64_t first_image = 0;  ///< of the data set: image number 0 of the run
  int64_t images = 0;
  std::optional<Sampling> sampling;

  bool operator==(const Identity&) const = default;
};

/// First image number of a shard, and how many it has, of a run of `images`.
struct ImageRange {
  int64_t first = 0;
  int64_t count = 0;
};
ImageRange shard_images(int64_t images, const Shard& shard);

struct Result {
  static constexpr int32_t no_effect = -1;

  Identity identity;
  Shard shard;  ///< which part of the images it covers

  std::vector<std::string> layer_names;  ///< [Network::layers]
  std::vector<std::string> class_names;  ///< [classes] or empty
  int classes = 0;
  std::vector<FaultInfo> faults;  ///< in the order of the fault set
  /// [faults]: the first fault of the set with the same logits on every image (not only the images
  /// counted), as far as the effects tell; itself if there is none before. no_effect: it changes
  /// nothing on any image.
  std::vector<int32_t> representatives;
  std::vector<Stratum> strata;

  int64_t images = 0;                   ///< that were counted; = identity.images unless a shard
  std::vector<int64_t> labels;          ///< [classes]: images with this label
  std::vector<int64_t> golden_correct;  ///< [classes]: right without fault, by label

  // Row f belongs to faults[f].
  std::vector<int32_t> correct;          ///< [faults][classes]: right predictions, by label
  std::vector<int32_t> critical;         ///< [faults]: the prediction changed
  std::vector<int32_t> last_difference;  ///< [faults][tensors + 1]: images in which tensor e-1 is
                                         ///< the last that differs; e = 0: none does

  int64_t size() const { return static_cast<int64_t>(faults.size()); }
  int tensors() const { return static_cast<int>(layer_names.size()) + 1; }

  int64_t total_golden_correct() const;
  int64_t total_correct(int64_t fault) const;
  /// Images whose logits did not change.
  int64_t masked(int64_t fault) const;
  /// Images whose logits changed and prediction did not.
  int64_t tolerated(int64_t fault) const;
  /// Without fault, and under a fault, in percent.
  double golden_accuracy() const;
  double accuracy(int64_t fault) const;
  /// The class that the fault leaves with the lowest accuracy (the first of equals), and that
  /// accuracy in percent. Classes without images do not count; {-1, 0} if none has any.
  struct WorstClass {
    int index = -1;
    double accuracy = 0;
  };
  WorstClass worst_class(int64_t fault) const;
  /// Index of the fault with this identifier; -1 if there is none.
  int64_t find(const std::string& id) const;

  bool operator==(const Result&) const = default;
};

/// Checks every extent, range and sum. Throws InputError(where, ...).
void validate(const Result& result, const std::string& where);

/// HDF5, schema in FORMAT.md. The same result makes the same bytes; the file appears whole or not.
void write_result(const std::string& path, const Result& result);
/// Throws InputError on whatever FORMAT.md does not allow.
Result read_result(const std::string& path);

/// A field of a CSV line: in quotes where it has to be.
std::string csv_field(const std::string& text);
/// One line for each fault after a line of names; columns: FORMAT.md.
std::string faults_csv(const Result& result);

/// The result of the whole campaign from all its shards, in any order: what the unsharded run
/// gives, byte for byte. Throws InputError naming the file (names[i] belongs to shards[i]) where
/// shards do not belong together, are given twice, or miss one.
Result merge(const std::vector<Result>& shards, const std::vector<std::string>& names);

}  // namespace stuckat::campaign
