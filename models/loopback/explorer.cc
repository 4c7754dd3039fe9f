#include "models/loopback/explorer.h"

#include "models/loopback/family.h"
#include "models/loopback/timing.h"

namespace stuckat::loopback {
namespace {

using explore::DesignPoint;
using explore::Findings;

class LoopbackExplorer final : public explore::Explorer {
 public:
  LoopbackExplorer(const explore::SweepValues& values, const Network& network)
      : network_(network),
        clocks_(explore::clocks_mhz(values)),
        bandwidths_(values.numbers<int64_t>("bandwidth", 1, 4096)) {
    constexpr double clock_without = 200;
    if (clocks_.empty()) clocks_ = {clock_without};
    for (const auto& shape : values.list("arrays")) {
      arrays_.push_back(parse_loopback("loopback:" + shape));
    }
  }

  int64_t seeds() const override { return std::ssize(arrays_); }

  std::vector<DesignPoint> from_seed(int64_t seed, Findings&) override {
    return with_all(arrays_[static_cast<size_t>(seed)]);
  }
  std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings&) override {
    return with_all(dynamic_cast<const Loopback&>(*accelerator).description());
  }
  explore::TimingCounts timings() const override { return {timed_, 0, 0}; }

 private:
  std::vector<DesignPoint> with_all(LoopbackAccelerator a) {
    std::vector<DesignPoint> points;
    const auto own = std::vector<int64_t>{a.memory.bytes_per_cycle};
    for (const int64_t bytes : bandwidths_.empty() ? own : bandwidths_) {
      a.memory.bytes_per_cycle = bytes;
      const auto accelerator = std::make_shared<Loopback>(a);
      const auto t = timing(a);
      for (const double clock : clocks_) {
        explore::Design design = design_of(*accelerator, network_, t, clock);
        design.bytes_per_cycle = bytes;
        points.push_back({std::move(design), accelerator});
      }
    }
    return points;
  }

  explore::DesignTiming timing(const LoopbackAccelerator& a) {
    ++timed_;
    const auto plan = make_plan(a, network_);
    const ImageCycles image = cycles_for(plan, a, 1).front();
    int64_t waiting = image.load + image.store;
    int64_t computing = 0;
    for (const LayerCycles& layer : image.layers) {
      waiting += layer.waiting;
      computing += layer.steps;
    }
    return {image.total(), steady_interval(plan, a), 1, waiting > computing ? "memory" : "array"};
  }

  const Network& network_;
  std::vector<double> clocks_;
  std::vector<int64_t> bandwidths_;  // empty: each array's own
  std::vector<LoopbackAccelerator> arrays_;
  int64_t timed_ = 0;
};

}  // namespace

std::vector<explore::SweepOption> sweep_options() {
  return {{"arrays", "LIST", "loopback: array shapes, such as 16x16,32x64"},
          {"bandwidth", "LIST", "loopback: bytes of off-chip memory per cycle", {}, {}, true}};
}

std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network) {
  return std::make_unique<LoopbackExplorer>(values, network);
}

}  // namespace stuckat::loopback
