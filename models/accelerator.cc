#include "models/accelerator.h"

#include "models/late_timeline.h"

namespace stuckat {

Placement place_on(const AcceleratorPtr& accelerator, const Network& network, int64_t images) {
  Placement placement = accelerator->place(network);
  validate(placement, network);
  if (images > 0) {
    placement.run = std::make_shared<LateTimeline>(
        images, [accelerator, network, images] { return accelerator->timeline(network, images); });
  }
  return placement;
}

}  // namespace stuckat
