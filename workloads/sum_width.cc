#include "workloads/sum_width.h"

#include <algorithm>
#include <bit>

namespace stuckat {

std::string too_wide(int64_t least, int64_t greatest) {
  if (least > INT32_MIN && greatest <= INT32_MAX) return "";
  // Two's complement of least - 1 .. greatest.
  const auto size = static_cast<uint64_t>(std::max(greatest, -least));
  return "sums from " + std::to_string(least) + " to " + std::to_string(greatest) +
         ", which take " + std::to_string(std::bit_width(size) + 1) + " bits";
}

}  // namespace stuckat
