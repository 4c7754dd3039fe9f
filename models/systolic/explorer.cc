#include "models/systolic/explorer.h"

#include "models/systolic/family.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {
namespace {

using explore::DesignPoint;
using explore::Findings;

class SystolicExplorer final : public explore::Explorer {
 public:
  SystolicExplorer(const explore::SweepValues& values, const Network& network)
      : network_(network),
        clocks_(explore::clocks_mhz(values)),
        schedules_(values.list("schedules")) {
    constexpr double clock_without = 200;
    if (clocks_.empty()) clocks_ = {clock_without};
    for (const auto& name : schedules_) parse_schedule(name, "--schedules");
    for (const auto& shape : values.list("systolic")) {
      arrays_.push_back(parse_systolic("systolic:" + shape));
    }
  }

  int64_t seeds() const override { return std::ssize(arrays_); }

  std::vector<DesignPoint> from_seed(int64_t seed, Findings&) override {
    return with_all(arrays_[static_cast<size_t>(seed)]);
  }
  std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings&) override {
    return with_all(dynamic_cast<const Systolic&>(*accelerator).description());
  }
  explore::TimingCounts timings() const override { return {timed_, 0, 0}; }

 private:
  std::vector<DesignPoint> with_all(const SystolicAccelerator& a) {
    std::vector<DesignPoint> points;
    const auto own = std::vector<std::string>{a.schedule};
    for (const std::string& schedule : schedules_.empty() ? own : schedules_) {
      SystolicAccelerator varied = a;
      if (schedule != a.schedule) {
        const std::string given = ":" + a.schedule;
        if (varied.name.ends_with(given)) varied.name.resize(varied.name.size() - given.size());
        varied.schedule = schedule;
        varied.name += ":" + schedule;
      }
      const auto accelerator = std::make_shared<Systolic>(varied);
      const SimulationResult time = accelerator->time(network_, 1);
      ++timed_;
      // One image after the other: each takes what the first takes.
      const explore::DesignTiming timing{time.first_image_cycles, time.first_image_cycles, 1,
                                         time.bottleneck};
      for (const double clock : clocks_) {
        points.push_back({design_of(*accelerator, network_, timing, clock), accelerator});
      }
    }
    return points;
  }

  const Network& network_;
  std::vector<double> clocks_;
  std::vector<std::string> schedules_;  // empty: each array's own
  std::vector<SystolicAccelerator> arrays_;
  int64_t timed_ = 0;
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
