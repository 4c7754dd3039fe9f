#include "models/systolic/timeline.h"

namespace stuckat::systolic {

std::optional<SystolicProduct> SystolicTimeline::systolic_product(const std::string& /*array*/,
                                                                  int64_t cycle) const {
  const int64_t image = cycle / plan_.image_cycles;
  const int64_t within = cycle % plan_.image_cycles;
  if (cycle < 0 || image >= images_) return {};
  for (const LayerPlan& layer : plan_.layers) {
    for (const ProductPlan& product : layer.products) {
      if (within >= product.start + product.cycles.total()) continue;
      if (within < product.start) return {};  // the array waits
      return SystolicProduct{image,
                             layer.layer,
                             product.first_pixel,
                             static_cast<int>(product.gemm.m),
                             image * plan_.image_cycles + product.start,
                             product.first_row,
                             product.tiles};
    }
  }
  return {};
}

}  // namespace stuckat::systolic
