#include <algorithm>
#include <thread>

#include "sim/fast/executor.h"
#include "sim/fast/parallel.h"

namespace stuckat::fast {

Evaluation evaluate(const PackedNetwork& network, const ImageSource& image, int64_t first,
                    int64_t count, int threads) {
  const auto classes = static_cast<size_t>(network.network().shape(network.last_tensor()).size());
  Evaluation result;
  result.predictions.resize(static_cast<size_t>(count));
  result.logits.resize(static_cast<size_t>(count) * classes);
  for_each_in_parallel(count, threads, [&](NextIndex& next) {
    Executor executor(network);
    for (int64_t i = next(); i >= 0; i = next()) {
      executor.run(image(first + i));
      const size_t at = static_cast<size_t>(i);
      result.predictions[at] = static_cast<uint16_t>(executor.prediction());
      std::copy(executor.logits().begin(), executor.logits().end(),
                result.logits.begin() + static_cast<std::ptrdiff_t>(at * classes));
    }
  });
  return result;
}

}  // namespace stuckat::fast
