#include "tools/stuckat/explore_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/explore/cost.h"
#include "models/explore/fifo_depths.h"
#include "models/explore/foldings.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"

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

using Json = nlohmann::ordered_json;

Json to_json(const explore::DesignTiming& timing) {
  return {timing.first_image_cycles, timing.steady_cycles, timing.steady_images, timing.bottleneck};
}

explore::DesignTiming timing_of(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3)};
}

/// All that distinguishes FIFO depths.
Json depths_of(const DataflowAccelerator& accelerator) {
  Json depths = {accelerator.input_depth};
  for (const auto& layer : accelerator.layers) {
    depths.push_back(layer.out_depth);
    depths.push_back(layer.inner_depth);
  }
  return depths;
}

DataflowAccelerator with_depths(DataflowAccelerator accelerator, const Json& depths) {
  auto depth = depths.begin();
  accelerator.input_depth = *depth++;
  for (auto& layer : accelerator.layers) {
    layer.out_depth = *depth++;
    layer.inner_depth = *depth++;
  }
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
  Explorer(const Sweep& sweep, const Network& network, explore::TimingCache& cache,
           ExploreJournal& journal)
      : sweep_(sweep),
        network_(network),
        cache_(cache),
        journal_(journal),
        network_hash_(content_hash(network)) {}

  void add(const DataflowAccelerator& given) {
    for (const std::string& fifo : sweep_.fifos) add(given, fifo, clocks(given.clock_mhz));
  }

  /// The smallest folding that is fast enough. More parallel ones are hardly ever slower, so that
  /// bisection finds it, or one close by.
  void add(const FrameRate& rate) {
    const auto foldings = explore::all_foldings(network_);
    for (const std::string& fifo : sweep_.fifos) {
      const auto frames_per_second = [&](const DataflowAccelerator& folding) {
        // The smallest FIFOs are those that keep the interval of roomy ones.
        const auto a = fifo == "smallest" ? with_depth(folding, explore::roomy_depth)
                       : fifo == "given"  ? folding
                                          : with_depth(folding, std::stoi(fifo));
        return rate.clock_mhz * 1e6 / timing(a).interval_cycles();
      };
      const auto first = std::partition_point(
          foldings.begin(), foldings.end(), [&](const DataflowAccelerator& folding) {
            return frames_per_second(folding) < rate.frames_per_second;
          });
      if (first == foldings.end()) {
        throw InputError("--fps",
                         fmt::format("{:g} with FIFOs '{}' at {:g} MHz", rate.frames_per_second,
                                     fifo, rate.clock_mhz),
                         fmt::format("at most the {:.1f} of the fastest folding",
                                     frames_per_second(foldings.back())));
      }
      add(*first, fifo, {rate.clock_mhz});
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
  explore::DesignTiming timing(const DataflowAccelerator& a) {
    return timing_of(journal_.find("timing " + network_hash_ + to_json(a, network_),
                                   [&] { return to_json(cache_.timing(a)); }));
  }

  void add(const DataflowAccelerator& given, const std::string& fifo,
           const std::vector<double>& clocks_mhz) {
    DataflowAccelerator a = given;
    if (fifo == "smallest") {
      const Json depths =
          journal_.find("smallest " + network_hash_ + to_json(given, network_),
                        [&] { return depths_of(smallest_depths(cache_, given, network_)); });
      a = with_depths(given, depths);
    } else if (fifo != "given") {
      a = with_depth(given, std::stoi(fifo));
    }
    const auto cost = explore::cost(a, network_);
    for (const double clock : clocks_mhz) {
      a.clock_mhz = clock;
      explore::Design design = design_of(timing(a), cost, clock);
      design.name = "dataflow:" + a.name;
      design.fifo = fifo;
      design.accelerator = to_json(a, network_);
      points.push_back({std::move(design), a});
    }
  }

  std::vector<double> clocks(double own) const {
    return sweep_.clocks_mhz.empty() ? std::vector<double>{own} : sweep_.clocks_mhz;
  }

  const Sweep& sweep_;
  const Network& network_;
  explore::TimingCache& cache_;
  ExploreJournal& journal_;
  std::string network_hash_;
};

}  // namespace

std::vector<DesignPoint> explore_all(const Sweep& sweep, const Network& network,
                                     explore::TimingCache& cache, ExploreJournal& journal,
                                     const std::function<bool(double)>& progress) {
  Explorer explorer(sweep, network, cache, journal);
  const auto all = static_cast<double>(sweep.rates.size() + sweep.accelerators.size());
  double done = 0;
  for (const FrameRate& rate : sweep.rates) {
    explorer.add(rate);
    if (!progress(++done / all)) return std::move(explorer.points);
  }
  for (const Accelerator& accelerator : sweep.accelerators) {
    std::visit([&](const auto& a) { explorer.add(a); }, accelerator);
    if (!progress(++done / all)) break;
  }
  return std::move(explorer.points);
}

}  // namespace stuckat::cli
