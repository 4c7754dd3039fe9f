// Off-chip memory that holds the weights and thresholds of an accelerator: a part and a site kind
// of its own, registered when they are asked for first.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/parts.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"

namespace stuckat {

/// Weights (rows, columns) of a layer as they lie in memory: column after column, each from a whole
/// byte on, the codes of its rows next to each other, the lowest bit of a byte first; then, where
/// the tile has them, the thresholds of its rows, row after row from a whole byte on, in
/// Layer::threshold_bits() each.
struct StoredTile {
  int layer = 0;
  int first_row = 0;
  int rows = 0;
  int first_column = 0;
  int columns = 0;
  bool thresholds = false;
  int offset = 0;  ///< of its first byte

  bool operator==(const StoredTile&) const = default;
};

struct WeightMemory {
  std::string name = "weights";        ///< of the part
  std::vector<StoredTile> tiles = {};  ///< one after the other, each layer's once
  int bytes = 0;

  bool operator==(const WeightMemory&) const = default;
};

struct WeightMemoryKinds {
  PartKind part;
  SiteKind parameter;  ///< bit of a byte
};

/// Before the first placement is made, by one thread: registers them at the first call.
const WeightMemoryKinds& weight_memory_kinds();

/// A memory as a part of a placement, and back.
OtherPart weight_memory_part(const WeightMemory& memory);
WeightMemory weight_memory_of(const OtherPart& part);

}  // namespace stuckat
