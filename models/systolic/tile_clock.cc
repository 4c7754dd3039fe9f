#include "models/systolic/tile_clock.h"

#include <algorithm>

namespace stuckat::systolic {

using enum SystolicDataflow;

TileTimes TileClock::after(const TileTimes* before, int64_t ready) const {
  const int64_t skew = array_.rows + array_.columns - 2;
  if (array_.dataflow == output_stationary) {
    const int64_t period = gemm_.k + skew + (array_.drains ? array_.rows : 0);
    const int64_t start = std::max(before == nullptr ? 0 : before->start + period, ready);
    return {start, start};
  }
  // Input-stationary, operands are loaded and weights are the vectors.
  const bool inputs = array_.dataflow == input_stationary;
  const int64_t vectors = inputs ? gemm_.n : gemm_.m;
  if (before == nullptr) return {ready, ready + array_.rows};
  const WeightLoading loading = inputs ? WeightLoading::serial : array_.loading;
  TileTimes tile;
  switch (loading) {
    case WeightLoading::serial:
      tile.load = before->start + vectors + skew;
      break;
    case WeightLoading::overlapped:
      tile.load = before->start + vectors;
      break;
    case WeightLoading::double_buffered:
      tile.load = before->start;
      break;
  }
  tile.load = std::max(tile.load, ready);
  tile.start = std::max(before->start + vectors, tile.load + array_.rows);
  return tile;
}

TileTimes TileClock::next(int64_t ready) {
  last_ = after(first_ ? nullptr : &last_, std::max<int64_t>(ready, 0));
  unhindered_ = after(first_ ? nullptr : &unhindered_, 0);
  first_ = false;
  return last_;
}

int64_t TileClock::entered() const {
  switch (array_.dataflow) {
    case weight_stationary:  // R rows into each column, each column a cycle after the one before
      return last_.load + array_.rows + array_.columns - 1;
    case output_stationary:  // K operands into each column
      return last_.start + gemm_.k + array_.columns - 1;
    case input_stationary:  // N operands into each row
      break;
  }
  return last_.start + gemm_.n + array_.rows - 1;
}

std::vector<TileTimes> tile_times(const SystolicArray& array, const Gemm& gemm, int64_t tiles) {
  TileClock clock(array, gemm);
  std::vector<TileTimes> times;
  for (int64_t t = 0; t < tiles; ++t) times.push_back(clock.next());
  return times;
}

TileWeights weights_of(const SystolicArray& array, const SystolicMap& map, int tile) {
  switch (array.dataflow) {
    case SystolicDataflow::weight_stationary:
      break;
    case SystolicDataflow::output_stationary: {
      const int pixels = map.pixel_tiles();
      return {tile / pixels, tile % pixels == 0, tile % pixels == pixels - 1};
    }
    case SystolicDataflow::input_stationary:
      return {tile % map.sum_tiles(), true, true};
  }
  return {tile, true, true};
}

int tiles_of(const SystolicArray& array, const SystolicMap& map, int64_t pixels) {
  switch (array.dataflow) {
    case SystolicDataflow::weight_stationary:
      break;
    case SystolicDataflow::output_stationary:
      return map.channel_tiles() * map.pixel_tiles();
    case SystolicDataflow::input_stationary:
      return map.sum_tiles() * static_cast<int>((pixels + array.columns - 1) / array.columns);
  }
  return map.channel_tiles() * map.sum_tiles();
}

int weight_tiles_of(const SystolicArray& array, const SystolicMap& map) {
  switch (array.dataflow) {
    case SystolicDataflow::weight_stationary:
      break;
    case SystolicDataflow::output_stationary:
      return map.channel_tiles();
    case SystolicDataflow::input_stationary:
      return map.sum_tiles();
  }
  return map.channel_tiles() * map.sum_tiles();
}

}  // namespace stuckat::systolic
