#include "models/explore/explorer.h"

#include <stdexcept>

namespace stuckat::explore {
namespace {

class PlainExplorer final : public Explorer {
 public:
  PlainExplorer(const SweepValues& values, const Network& network)
      : clocks_(clocks_mhz(values)), network_(network) {}

  std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings&) override {
    std::vector<double> clocks = clocks_;
    if (clocks.empty() && accelerator->clock_mhz() > 0) clocks = {accelerator->clock_mhz()};
    if (clocks.empty()) {
      throw InputError(accelerator->name(), "has no clock of its own", "--clock LIST");
    }
    const SimulationResult timing = accelerator->time(network_, 1);
    ++timed_;
    std::vector<DesignPoint> points;
    for (const double clock : clocks) {
      points.push_back({design_of(*accelerator, network_,
                                  {timing.first_image_cycles,
                                   timing.interval_cycles.value_or(timing.first_image_cycles), 1,
                                   timing.bottleneck},
                                  clock),
                        accelerator});
    }
    return points;
  }
  TimingCounts timings() const override { return {timed_, 0, 0}; }

 private:
  std::vector<double> clocks_;
  const Network& network_;
  int64_t timed_ = 0;
};

}  // namespace

std::string Findings::find(const std::string&, const std::function<std::string()>& answer) {
  return answer();
}

std::vector<DesignPoint> Explorer::from_seed(int64_t, Findings&) {
  throw std::out_of_range("an explorer without seeds");
}

Design design_of(const Accelerator& accelerator, const Network& network, const DesignTiming& timing,
                 double clock_mhz) {
  const Cost cost = accelerator.cost(network);
  Design design;
  design.name = accelerator.name();
  design.accelerator = accelerator.json(network);
  design.clock_mhz = clock_mhz;
  design.pes = cost.pes;
  design.multipliers = cost.multipliers;
  design.memory_bits = cost.memory_bits;
  design.luts = cost.luts;
  design.bram18 = cost.bram18;
  design.dsps = cost.dsps;
  design.first_image_cycles = timing.first_image_cycles;
  design.interval_cycles = timing.interval_cycles();
  design.frames_per_second = clock_mhz * 1e6 / timing.interval_cycles();
  design.bottleneck = timing.waits ? "FIFOs: " + timing.bottleneck + " waits" : timing.bottleneck;
  return design;
}

std::vector<double> clocks_mhz(const SweepValues& values) {
  return values.numbers<double>("clock", 1, 10'000);
}

std::unique_ptr<Explorer> plain_explorer(const SweepValues& values, const Network& network) {
  return std::make_unique<PlainExplorer>(values, network);
}

}  // namespace stuckat::explore
