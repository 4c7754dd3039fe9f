#include "sim/campaign/representatives.h"

#include "sim/campaign/result.h"
#include "sim/fast/fault_classes.h"
#include "sim/fast/packed_network.h"

namespace stuckat::campaign {

std::vector<int32_t> representatives(const Network& network, const FaultSet& faults) {
  static_assert(Result::no_effect == fast::FaultClasses::no_effect);
  const fast::PackedNetwork packed(network);
  fast::FaultClasses classes(packed);
  std::vector<int32_t> result;
  result.reserve(static_cast<size_t>(faults.size()));
  for (int64_t f = 0; f < faults.size(); ++f) {
    result.push_back(static_cast<int32_t>(classes.add(faults.effects(f))));
  }
  return result;
}

}  // namespace stuckat::campaign
