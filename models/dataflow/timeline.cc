#include "models/dataflow/timeline.h"

#include "models/dataflow/placement.h"

namespace stuckat::dataflow {

DataflowTimeline::DataflowTimeline(const DataflowAccelerator& accelerator, const Network& network,
                                   int64_t image_count)
    : schedule_(network, accelerator, image_count) {
  images = image_count;
  for (const PeArray& array : place(accelerator, network).arrays) {
    const ArrayUse& use = array.uses.front();
    folds_.push_back({array.name, use.columns / array.simd, use.rows / array.pe});
  }
}

std::optional<ArrayStep> DataflowTimeline::next_step(const std::string& array,
                                                     int64_t cycle) const {
  for (const Folds& folds : folds_) {
    if (folds.array != array) continue;
    const int part = schedule_.part(array);
    const int64_t per_image = schedule_.steps_per_image(part);
    int64_t next = 0;  // of the run
    if (schedule_.cycle_of(part, 0, 0) < cycle) {
      const auto before = schedule_.step_at(part, cycle - 1);
      if (!before) return {};  // done
      next = before->image * per_image + before->step + 1;
    }
    if (next >= images * per_image) return {};
    const int64_t in_image = next % per_image;
    const int64_t fold = in_image / folds.synapse;
    return ArrayStep{next / per_image, 0, static_cast<int>(fold / folds.neuron),
                     static_cast<int>(fold % folds.neuron),
                     static_cast<int>(in_image % folds.synapse)};
  }
  return {};
}

// The word that lies there both in the cycle before, so that it was written in time, and in
// `cycle`, so that it is read in time.
std::optional<int64_t> DataflowTimeline::word_in(const std::string& stream, int slot,
                                                 int64_t cycle) const {
  if (cycle == 0) return {};
  const int index = schedule_.stream(stream);
  const auto before = schedule_.word_in(index, slot, cycle - 1);
  const auto now = schedule_.word_in(index, slot, cycle);
  return before == now ? now : std::nullopt;
}

}  // namespace stuckat::dataflow
