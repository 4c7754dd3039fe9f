#include "faultmaps/array_map.h"

namespace stuckat {

std::vector<int> multiples(int first, int step, int end) {
  std::vector<int> result;
  for (int i = first; i < end; i += step) result.push_back(i);
  return result;
}

std::vector<int> ArrayMap::rows(int pe) const {
  if (!splits_rows_) return {};
  std::vector<int> rows;
  for (int first = 0; first < layer_rows_; first += group_rows_) {
    for (const int row : multiples(pe % rows_at_once_, rows_at_once_, group_rows_)) {
      rows.push_back(first + row);
    }
  }
  return rows;
}

std::vector<int> ArrayMap::pixels(int pe) const {
  if (splits_rows_) return {};
  return multiples(pe / rows_at_once_, pixels_at_once_, layer_pixels_);
}

}  // namespace stuckat
