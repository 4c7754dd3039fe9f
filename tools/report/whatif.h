// What-if: broken hardware beside the same hardware healthy, image by image, as one page. With a
// second case (another map, another network) the two stand side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/report.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::report {

/// Where one tensor differs from the fault-free run. Shares are of the examined images.
struct TensorChange {
  std::string name;  ///< "input", "layer1"
  Shape shape;
  int64_t examined = 0;           ///< images
  std::vector<int64_t> channels;  ///< [channels]: elements that differ, over pixels and images
  std::vector<int64_t> pixels;    ///< [pixels]: elements that differ, over channels and images
  int64_t last = 0;               ///< images (of all) in which this is the last tensor to differ

  int64_t elements() const;
  double share() const;             ///< of all elements
  double channel_share(int) const;  ///< of a channel's
  double pixel_share(int) const;    ///< of a pixel's
};

/// What the cycle-level model took for the first images.
struct CycleFigures {
  int64_t images = 0;
  int64_t first_image = 0;
  int64_t interval = 0;  ///< from image to image, 0 for a single image
  int64_t total = 0;
  std::string bottleneck;
  bool tensors_agree = false;  ///< every tensor equals that of the engine that counted

  bool same_cycles(const CycleFigures& other) const {
    return first_image == other.first_image && interval == other.interval && total == other.total;
  }
};

/// A network on an accelerator with a fault map.
struct WhatIfCase {
  std::string label;  ///< "A", "B"
  std::string model;  ///< the file
  std::string network;
  std::string training;  ///< one line, may be empty
  std::string hash;
  std::string accelerator;
  std::vector<FaultLine> faults;
  std::vector<std::string> pictures;  ///< the map over the arrays, <svg> elements
  std::vector<std::string> memories;  ///< broken memories, a line each

  std::vector<uint16_t> before;  ///< [images]: class without faults
  std::vector<uint16_t> now;     ///< [images]: class with them
  int64_t untouched = 0;         ///< images in which no tensor differs
  std::vector<TensorChange> tensors;
  std::optional<CycleFigures> healthy_cycles;  ///< if simulated
  std::optional<CycleFigures> cycles;
};

struct WhatIf {
  std::string title;
  std::string tool_version;
  std::string configuration;
  std::vector<std::string> class_names;  ///< [classes]
  int64_t first_image = 0;               ///< of the data set
  int64_t shown = 60;                    ///< pictures at most
  std::vector<WhatIfCase> cases;         ///< one or two
};

/// Counts over the images of a case.
struct WhatIfCounts {
  int64_t images = 0;
  int64_t right_before = 0;
  int64_t right_now = 0;
  int64_t changed = 0;  ///< predictions, the three below together
  int64_t broken = 0;   ///< right before, wrong now
  int64_t repaired = 0;
  int64_t other = 0;   ///< wrong before, another wrong class now
  int64_t masked = 0;  ///< logits unchanged
};
WhatIfCounts counts(const WhatIfCase& c, const DataSet& data);

/// Images whose prediction changed in any case: what a fault broke first, then what it repaired,
/// then the rest, each in the order of the images.
std::vector<int> changed_images(const WhatIf& what_if, const DataSet& data);

/// What happened in plain words, one sentence an entry.
std::vector<std::string> summary(const WhatIf& what_if, const DataSet& data);

/// The whole page: inline style, vector graphics and PNG, nothing is loaded.
std::string html(const WhatIf& what_if, const DataSet& data);

}  // namespace stuckat::report
