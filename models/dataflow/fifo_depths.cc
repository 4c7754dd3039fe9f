#include "models/dataflow/fifo_depths.h"

#include <algorithm>
#include <vector>

#include "models/dataflow/chain.h"

namespace stuckat::dataflow {

DataflowAccelerator smallest_depths(TimingCache& cache, const DataflowAccelerator& accelerator,
                                    const Network& network, int roomy, int least) {
  DataflowAccelerator result = accelerator;
  std::vector<int*> depths = {&result.input_depth};
  for (auto& layer : result.layers) {
    depths.push_back(&layer.out_depth);
    depths.push_back(&layer.inner_depth);
    for (int& depth : layer.in_depths) depths.push_back(&depth);
  }
  const auto streams = build_chain(result, network).streams;
  // A parameter without a FIFO stays as it is.
  std::erase_if(depths, [&](int* depth) {
    ++*depth;
    const bool unused = build_chain(result, network).streams == streams;
    --*depth;
    return unused;
  });
  // Branches of a graph may need more to move at all.
  for (int* depth : depths) *depth = is_chain(network) ? roomy : std::max(*depth, roomy);
  const DesignTiming fastest = cache.timing(result);
  for (int* depth : depths) {
    const int most = *depth;
    const auto suffices = [&](int words) {
      *depth = words;
      try {
        return !cache.timing(result).slower_than(fastest);
      } catch (const Deadlock&) {
        return false;
      }
    };
    int too_few = least - 1;
    int enough = least;
    while (enough < most && !suffices(enough)) {
      too_few = enough;
      enough = std::min(2 * enough, most);
    }
    while (enough - too_few > 1) {
      const int middle = too_few + (enough - too_few) / 2;
      (suffices(middle) ? enough : too_few) = middle;
    }
    *depth = enough;
  }
  return result;
}

}  // namespace stuckat::dataflow
