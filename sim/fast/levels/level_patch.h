// Rows whose weights a chip with broken memories reads wrongly, where there are so many that the
// layer's blocks are summed anew with those weights.
#pragma once

#include <cstdint>
#include <vector>

namespace stuckat {
struct Layer;
}

namespace stuckat::fast {

struct LevelLayer;
struct LevelTensor;
struct SpecialRow;

struct LevelPatch {
  struct Weight {
    uint32_t at = 0;  ///< in LevelLayer::weights
    int8_t before = 0;
    int8_t after = 0;
  };
  struct Row {
    int row = 0;
    int slot = 0;
    int32_t change = 0;  ///< of every sum, since levels count from the lowest value
  };
  std::vector<Weight> weights;
  std::vector<Row> rows;    ///< ascending
  std::vector<int> blocks;  ///< those of the rows, ascending
  bool whole = false;       ///< all blocks of the layer

  bool empty() const { return rows.empty(); }
};

/// Of `rows` those with broken weights and nothing else broken, if summing their blocks anew takes
/// less time than changing their sums one by one; or nothing.
LevelPatch level_patch_of(const Layer& of, const LevelLayer& layer, const LevelTensor& input,
                          const std::vector<SpecialRow>& rows);

}  // namespace stuckat::fast
