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
  }
  const auto streams = build_chain(result, network).streams;
  // A parameter without a FIFO stays as it is.
  std::erase_if(depths, [&](int* depth) {
    ++*depth;
    const bool unused = build_chain(result, network).streams == streams;
    --*depth;
    return unused;
  });
  for (int* depth : depths) *depth = roomy;
  const DesignTiming fastest = cache.timing(result);
  for (int* depth : depths) {
    const auto suffices = [&](int words) {
      *depth = words;
      return !cache.timing(result).slower_than(fastest);
    };
    int too_few = least - 1;
    int enough = least;
    while (enough < roomy && !suffices(enough)) {
      too_few = enough;
      enough = std::min(2 * enough, roomy);
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
