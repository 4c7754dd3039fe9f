#include "tools/stuckat/explore_sweep.h"

#include "models/explore/cost.h"
#include "models/explore/fifo_depths.h"

namespace stuckat::cli {
namespace {

using dataflow::DataflowAccelerator;
using loopback::LoopbackAccelerator;

/// Every FIFO with so many words.
DataflowAccelerator with_depth(DataflowAccelerator accelerator, int depth) {
  accelerator.input_depth = depth;
  for (auto& layer : accelerator.layers) layer.out_depth = layer.inner_depth = depth;
  return accelerator;
}

explore::Design design_of(const explore::DesignTiming& timing, const explore::Cost& cost,
                          double clock_mhz) {
  explore::Design design;
  design.clock_mhz = clock_mhz;
  design.pes = cost.pes;
  design.multipliers = cost.multipliers;
  design.memory_bits = cost.memory_bits;
  design.first_image_cycles = timing.first_image_cycles;
  design.interval_cycles = timing.interval_cycles();
  design.frames_per_second = clock_mhz * 1e6 / timing.interval_cycles();
  design.bottleneck = timing.bottleneck;
  return design;
}

class Explorer {
 public:
  Explorer(const Sweep& sweep, const Network& network, explore::TimingCache& cache)
      : sweep_(sweep), network_(network), cache_(cache) {}

  void add(const DataflowAccelerator& given) {
    for (const std::string& fifo : sweep_.fifos) {
      DataflowAccelerator a = fifo == "given"      ? given
                              : fifo == "smallest" ? smallest_depths(cache_, given, network_)
                                                   : with_depth(given, std::stoi(fifo));
      const auto cost = explore::cost(a, network_);
      for (const double clock : clocks(given.clock_mhz)) {
        a.clock_mhz = clock;
        explore::Design design = design_of(cache_.timing(a), cost, clock);
        design.name = "dataflow:" + a.name;
        design.fifo = fifo;
        design.accelerator = to_json(a, network_);
        points.push_back({std::move(design), a});
      }
    }
  }

  void add(const LoopbackAccelerator& given) {
    const auto own = std::vector<int64_t>{given.memory.bytes_per_cycle};
    for (const int64_t bytes : sweep_.bandwidths.empty() ? own : sweep_.bandwidths) {
      LoopbackAccelerator a = given;
      a.memory.bytes_per_cycle = bytes;
      const auto timing = cache_.timing(a);
      for (const double clock : clocks(sweep_.loopback_clock_mhz)) {
        explore::Design design = design_of(timing, explore::cost(a), clock);
        design.name = "loopback:" + a.name;
        design.bytes_per_cycle = bytes;
        design.accelerator = to_json(a);
        points.push_back({std::move(design), a});
      }
    }
  }

  std::vector<DesignPoint> points;

 private:
  std::vector<double> clocks(double own) const {
    return sweep_.clocks_mhz.empty() ? std::vector<double>{own} : sweep_.clocks_mhz;
  }

  const Sweep& sweep_;
  const Network& network_;
  explore::TimingCache& cache_;
};

}  // namespace

std::vector<DesignPoint> explore_all(const Sweep& sweep, const Network& network,
                                     explore::TimingCache& cache,
                                     const std::function<bool(double)>& progress) {
  Explorer explorer(sweep, network, cache);
  const auto all = static_cast<double>(sweep.accelerators.size());
  double done = 0;
  for (const Accelerator& accelerator : sweep.accelerators) {
    std::visit([&](const auto& a) { explorer.add(a); }, accelerator);
    if (!progress(++done / all)) break;
  }
  return std::move(explorer.points);
}

}  // namespace stuckat::cli
