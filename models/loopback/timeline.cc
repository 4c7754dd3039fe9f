#include "models/loopback/timeline.h"

#include <algorithm>

namespace stuckat::loopback {

LoopbackTimeline::LoopbackTimeline(const LoopbackAccelerator& accelerator, const Network& network,
                                   int image_count)
    : images_(image_count),
      plan_(make_plan(accelerator, network)),
      starts_(tile_starts(plan_, accelerator, image_count)),
      write_cycles_(static_cast<int>(accelerator.pipeline_cycles)) {
  for (const ImageCycles& image : cycles_for(plan_, accelerator, image_count)) {
    loaded_.push_back(cycles_ + image.load);
    cycles_ += image.total();
    done_.push_back(cycles_ - image.store);
  }
}

std::optional<BufferedImage> LoopbackTimeline::buffered(int64_t cycle) const {
  const auto image = std::lower_bound(done_.begin(), done_.end(), cycle) - done_.begin();
  const auto i = static_cast<size_t>(image);
  if (i == done_.size() || cycle < loaded_[i]) return {};
  return BufferedImage{static_cast<int64_t>(image), write_cycles_};
}

// A tile does one step a cycle: for each pass, for each of its folds, the synapse fold.
std::optional<ArrayStep> LoopbackTimeline::next_step(const std::string&, int64_t cycle) const {
  for (size_t image = 0; image < starts_.size(); ++image) {
    for (size_t l = 0; l < plan_.layers.size(); ++l) {
      const LayerPlan& layer = plan_.layers[l];
      for (size_t t = 0; t < layer.tiles.size(); ++t) {
        const WeightTile& tile = layer.tiles[t];
        const int64_t start = starts_[image][l][t];
        if (cycle >= start + tile.steps) continue;
        const int64_t step = std::max<int64_t>(0, cycle - start);
        const int64_t fold = step / layer.synapse_fold;
        ArrayStep result{static_cast<int64_t>(image), static_cast<int>(l),
                         static_cast<int>(fold / tile.folds),
                         static_cast<int>(tile.first_fold + fold % tile.folds),
                         static_cast<int>(step % layer.synapse_fold)};
        result.cycle = start + step;
        result.first_fold = tile.first_fold;
        result.folds = tile.folds;
        result.resident = false;
        return result;
      }
    }
  }
  return {};
}

}  // namespace stuckat::loopback
