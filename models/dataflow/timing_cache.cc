#include "models/dataflow/timing_cache.h"

#include <algorithm>
#include <cassert>

#include "models/dataflow/bottleneck.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {
namespace {

std::string key_of(DataflowAccelerator accelerator, const Network& network) {
  accelerator.name = "-";
  accelerator.clock_mhz = 1;
  accelerator.input_depth = 1;
  for (auto& layer : accelerator.layers) {
    layer.out_depth = layer.inner_depth = 1;
    layer.in_depths.clear();
  }
  return to_json(accelerator, network);
}

}  // namespace

/// Shared histories count for each that holds them, so that what is left is never too much.
size_t TimingCache::Beginning::bytes() const {
  size_t sum = 0;
  for (const auto& program : programs) {
    const auto* loop = std::get_if<dataflow::LoopProgram>(&program);
    if (loop == nullptr) continue;
    for (const auto& block : loop->blocks) {
      sum += sizeof(block) + block.phases.size() * sizeof(dataflow::Phase);
    }
  }
  for (const auto& history : before) {
    if (history == nullptr) continue;
    sum += history->pushes.bytes() + history->images.size() * sizeof(StreamHistory::Image);
  }
  return sum;
}

/// The one with which the design has most in common before a stream without waiting words.
std::optional<TimingCache::Known> TimingCache::find_beginning(const Beginning& design) const {
  std::optional<Known> best;
  for (const Beginning& known : beginnings_) {
    const size_t streams = std::min(known.depths.size(), design.depths.size());
    for (size_t i = 0; i < streams && known.programs[i] == design.programs[i]; ++i) {
      if (known.before[i] != nullptr && (!best || i > best->stream)) best = Known{&known, i};
      if (known.depths[i] != design.depths[i]) break;
    }
  }
  return best;
}

DataflowTiming TimingCache::run(const DataflowAccelerator& accelerator, Beginning& design) {
  std::optional<DataflowTiming> run;
  const auto known = find_beginning(design);
  size_t first = 0;  // stage that was run; those before it are as known
  if (known) {
    const auto& before = known->beginning->before[known->stream];
    TimedChain chain(network_, accelerator, images_, {}, known->stream, *before);
    run = chain.run_behind(design.before);
    if (run) {
      first = known->stream + 1;
      const auto& b = *known->beginning;
      const auto end = static_cast<std::ptrdiff_t>(first);
      design.busy.assign(b.busy.begin(), b.busy.begin() + end);
      design.high_water.assign(b.high_water.begin(), b.high_water.begin() + end - 1);
      // The stream at hand is played as it was; those before it are the same.
      design.before.erase(design.before.begin());
      design.before.insert(design.before.begin(), b.before.begin(), b.before.begin() + end);
    }
  }
  if (!run) {
    TimedChain chain(network_, accelerator, images_, {});
    design.before.resize(design.depths.size());
    run = is_chain(network_) ? chain.run(nullptr, &design.before) : chain.run();
  }
  ++(first > 0 ? counts_.in_part : counts_.simulated);
  // Behind a stream the first part is the player, which is among the known ones.
  for (size_t i = first > 0 ? 1 : 0; i < run->modules.size(); ++i) {
    design.busy.push_back(run->modules[i].busy_cycles);
  }
  for (const auto& stream : run->streams) design.high_water.push_back(stream.high_water);
  return *std::move(run);
}

void TimingCache::keep(Beginning design) {
  bytes_ += design.bytes();
  beginnings_.push_back(std::move(design));
  for (; bytes_ > history_bytes_; beginnings_.pop_front()) bytes_ -= beginnings_.front().bytes();
}

DesignTiming TimingCache::timing(const DataflowAccelerator& accelerator) {
  validate(accelerator, network_);
  const auto chain = build_chain(accelerator, network_);
  std::vector<int> depths;
  for (const auto& stream : chain.streams) depths.push_back(stream.depth);
  auto& runs = runs_[key_of(accelerator, network_)];
  const auto same = std::find_if(runs.begin(), runs.end(), [&](const Run& run) {
    if (!run.steady) return run.depths == depths;
    for (size_t i = 0; i < depths.size(); ++i) {
      const int least = std::min(depths[i], run.depths[i]);
      if (depths[i] != run.depths[i] && run.high_water[i] > least - 2) return false;
    }
    return true;
  });
  if (same != runs.end()) {
    ++counts_.taken_over;
    return same->timing;
  }
  Beginning design;
  design.programs = part_programs(chain, accelerator, network_);
  design.depths = depths;
  auto run = this->run(accelerator, design);
  assert(design.high_water.size() == depths.size() && design.before.size() == depths.size());
  const bool steady = run.steady.images > 0;
  const auto interval = steady_interval(network_, accelerator, run.steady);
  for (int64_t images = 2 * images_; !run.first_is_of_many; images *= 2) {
    run = time_images(network_, accelerator, images, {.occupancy = false});
  }
  const auto busiest = std::max_element(design.busy.begin(), design.busy.end());
  const double busy = static_cast<double>(*busiest) / static_cast<double>(images_);
  DesignTiming timing{run.first_image_cycles, interval.cycles, interval.images,
                      chain.stages[static_cast<size_t>(busiest - design.busy.begin())].name,
                      busy < works_all_the_time * interval.per_image()};
  runs.push_back({std::move(depths), design.high_water, timing, steady});
  keep(std::move(design));
  return timing;
}

}  // namespace stuckat::dataflow
