#include "models/systolic/explorer.h"

#include "models/explore/array_explorer.h"
#include "models/systolic/family.h"
#include "models/systolic/simulation.h"

namespace stuckat::systolic {
namespace {

class SystolicExplorer final : public explore::ArrayExplorer<Systolic, SystolicAccelerator> {
 public:
  SystolicExplorer(const explore::SweepValues& values, const Network& network)
      : ArrayExplorer(values, network), schedules_(values.list("schedules")) {
    for (const auto& name : schedules_) parse_schedule(name, "--schedules");
    for (const auto& shape : values.list("systolic")) add(parse_systolic("systolic:" + shape));
  }

 private:
  std::vector<SystolicAccelerator> variants(const SystolicAccelerator& array) const override {
    if (schedules_.empty()) return {array};
    std::vector<SystolicAccelerator> result;
    for (const std::string& schedule : schedules_) {
      result.push_back(array);
      SystolicAccelerator& varied = result.back();
      if (schedule == array.schedule) continue;
      const std::string given = ":" + array.schedule;
      if (varied.name.ends_with(given)) varied.name.resize(varied.name.size() - given.size());
      varied.schedule = schedule;
      varied.name += ":" + schedule;
    }
    return result;
  }
  int64_t bytes_per_cycle(const SystolicAccelerator& array) const override {
    return array.memory ? array.memory->bytes_per_cycle : 0;
  }
  /// One image after the other: each takes what the first takes.
  explore::DesignTiming timing(const SystolicAccelerator& array) const override {
    const SimulationResult time = time_images(network(), array, 1);
    return {time.first_image_cycles, time.first_image_cycles, 1, time.bottleneck};
  }

  std::vector<std::string> schedules_;  // empty: each array's own
};

}  // namespace

std::vector<explore::SweepOption> sweep_options() {
  return {{"systolic", "LIST", "systolic: arrays, such as 16x16,32x32:os-drain"},
          {"schedules",
           "LIST",
           "systolic: schedules, such as ws-serial,ws-double-buffered,os-drain",
           {},
           {},
           true}};
}

std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network) {
  return std::make_unique<SystolicExplorer>(values, network);
}

}  // namespace stuckat::systolic
