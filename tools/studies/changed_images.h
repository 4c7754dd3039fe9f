// Which images some faults of a campaign change, and to what.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "sim/campaign/result.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::studies {

/// A fault changes what the network says of an image.
struct ChangedImage {
  int64_t fault = 0;  ///< index in the set
  int64_t image = 0;  ///< of the campaign, as 'campaign replay --image' counts
  int label = 0;
  int before = 0;  ///< predicted class
  int now = 0;

  bool operator==(const ChangedImage&) const = default;
};

/// Indices of the faults with the least accuracy, `most` at most, of those that change an image.
std::vector<int64_t> worst_faults(const campaign::Result& result, int64_t most);

/// Of the images `first` to `first + count - 1` of the campaign's data all that the faults change,
/// fault by fault. Exact: the campaign counted as many.
std::vector<ChangedImage> changed_images(const Network& network, const DataSet& data, int64_t first,
                                         int64_t count, const campaign::FaultSet& faults,
                                         const std::vector<int64_t>& which, int threads);

/// A line for each; sim/campaign/FORMAT.md.
std::string changed_images_csv(const std::vector<ChangedImage>& changed,
                               const campaign::Result& result);

}  // namespace stuckat::studies
