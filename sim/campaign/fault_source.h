// Where the faults of a set come from. Inside sim/campaign only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "workloads/hash.h"

namespace stuckat::campaign {

class FaultSet::Source {
 public:
  virtual ~Source() = default;
  virtual int64_t size() const = 0;
  virtual FaultInfo info(int64_t index) const = 0;
  virtual Effects effects(int64_t index) const = 0;
  virtual std::vector<std::string> parts(int64_t index) const { return {info(index).id}; }
  /// The faults of a fault map that the item is, or that are among its parts.
  virtual std::vector<Fault> faults(int64_t /*index*/) const { return {}; }
  /// Adds the number of parts, and each of them.
  virtual void hash_parts(int64_t index, Hasher& hasher) const;
  const std::vector<Stratum>& strata() const { return strata_; }
  /// What the names mean besides the network: the hash of the placement, or empty.
  const std::string& placement_hash() const { return placement_hash_; }
  /// Of the accelerator whose hardware the faults are in, without a run; empty if they name none.
  const std::string& accelerator_hash() const { return accelerator_hash_; }
  /// Images of the run that its transients are in; 0: it has none.
  int64_t run_images() const { return run_images_; }

 protected:
  /// Number of the stratum that holds an item.
  size_t stratum_of(int64_t index) const;

  std::vector<Stratum> strata_;
  std::string placement_hash_;
  std::string accelerator_hash_;
  int64_t run_images_ = 0;
};

/// Strata of a set that is listed: neighbours with the same layer, or else the same part.
std::vector<Stratum> strata_of(const FaultSet::Source& source, const Network& network);

/// What an identifier at a site says about where it is.
FaultInfo site_info(const Fault& fault, const Placement& placement);
/// The layer that a part works for, or -1: an array for many layers, or the stream of the image.
int site_layer(const Placement& placement, PartKind kind, const std::string& part);

/// Of the placement and the run that transients are in.
std::string content_hash_with_run(const Placement& placement);

/// Named faults with strata and sampling as a file gives them.
FaultSet named_faults(const Network& network, const Placement* placement,
                      std::vector<std::string> ids, std::vector<std::vector<std::string>> parts,
                      const std::string& where, std::vector<Stratum> strata,
                      std::optional<Sampling> sampling);

/// A fault list as text; compressed, too. is_text_list(): it is there and does not begin like HDF5.
bool is_text_list(const std::string& path);
FaultSet read_text_list(const std::string& path, const Network& network,
                        const Placement* placement);

/// "folder/maps.h5" -> "maps.h5": results do not depend on where files lie.
std::string file_name(const std::string& path);

}  // namespace stuckat::campaign
