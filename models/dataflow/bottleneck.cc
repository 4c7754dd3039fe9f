#include "models/dataflow/bottleneck.h"

#include <algorithm>
#include <vector>

#include "models/dataflow/fifo_depths.h"

namespace stuckat::dataflow {
namespace {

/// One depth of a description, and what has it.
struct Depth {
  std::string what;
  int* value;
};

std::vector<Depth> depths_of(DataflowAccelerator& accelerator, const Network& network) {
  std::vector<Depth> depths = {{"the FIFO of the input", &accelerator.input_depth}};
  for (size_t i = 0; i < accelerator.layers.size(); ++i) {
    const std::string& name = network.layers[i].name;
    depths.push_back({"the FIFOs inside " + name, &accelerator.layers[i].inner_depth});
    depths.push_back({"the FIFO after " + name, &accelerator.layers[i].out_depth});
    for (int& depth : accelerator.layers[i].in_depths) {
      depths.push_back({"a FIFO from a fork to " + name, &depth});
    }
  }
  return depths;
}

}  // namespace

std::string pace_setter(const Network& network, const DataflowAccelerator& accelerator,
                        const DataflowTiming& timing, int64_t images, const Interval& interval) {
  const auto part = std::find_if(timing.modules.begin(), timing.modules.end(),
                                 [&](const auto& m) { return m.name == timing.bottleneck; });
  const double busy = static_cast<double>(part->busy_cycles) / static_cast<double>(images);
  const double now = interval.per_image();
  if (busy >= works_all_the_time * now) return timing.bottleneck;

  DataflowAccelerator changed = accelerator;
  const std::vector<Depth> depths = depths_of(changed, network);
  const auto with_room = [&] { return steady_interval(network, changed).per_image(); };
  std::string best;
  double least = works_all_the_time * now;
  for (const Depth& depth : depths) {
    const int given = *depth.value;
    if (given >= roomy_depth) continue;
    *depth.value = roomy_depth;
    const double interval_then = with_room();
    *depth.value = given;
    if (interval_then >= least) continue;
    least = interval_then;
    best = depth.what + " (" + std::to_string(given) + (given == 1 ? " word)" : " words)");
  }
  if (!best.empty()) return best;
  for (const Depth& depth : depths) *depth.value = std::max(*depth.value, roomy_depth);
  return with_room() < works_all_the_time * now ? "FIFOs, no single one"
                                                : "waits behind " + timing.bottleneck;
}

}  // namespace stuckat::dataflow
