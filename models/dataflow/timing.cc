#include "models/dataflow/timing.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "models/dataflow/timed_chain.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

template <typename Row>
int index_of(const std::vector<Row>& rows, const char* kind, const std::string& name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return static_cast<int>(i);
    names.push_back(rows[i].name);
  }
  throw_unknown_name("dataflow", kind, name, names);
}

}  // namespace

DataflowTiming time_images(const Network& network, const DataflowAccelerator& accelerator,
                           int64_t images, const TimingOptions& options) {
  return TimedChain(network, accelerator, images, options).run();
}

Interval steady_interval(const Network& network, const DataflowAccelerator& accelerator,
                         const SteadyState& known) {
  constexpr TimingOptions options{.occupancy = false};
  const auto in_lowest_terms = [](int64_t cycles, int64_t images) {
    const int64_t common = std::gcd(cycles, images);
    return Interval{cycles / common, images / common};
  };
  if (known.images > 0) return in_lowest_terms(known.cycles, known.images);
  if (const auto steady = TimedChain(network, accelerator, 256, options).find_rate()) {
    return in_lowest_terms(steady->cycles, steady->images);
  }
  constexpr int64_t many = 1 << 16;  // of which most are skipped
  const DataflowTiming timing = time_images(network, accelerator, many, options);
  const SteadyState& steady = timing.steady;
  if (steady.images > 0) return in_lowest_terms(steady.cycles, steady.images);
  // No accelerator is known that comes here. The mean of many images is close.
  const auto& arrivals = timing.arrival_cycles;
  return in_lowest_terms(arrivals[many * 3 / 4] - arrivals[many / 4], many / 2);
}

struct DataflowSchedule::State {
  DataflowTiming timing;
  ChainRecords records;
  std::vector<PartProgram> programs;
  std::vector<StageSpec> stages;
  int64_t images = 0;
};

DataflowSchedule::DataflowSchedule(const Network& network, const DataflowAccelerator& accelerator,
                                   int64_t images, const TimingOptions& options)
    : state_(std::make_unique<State>()) {
  TimedChain chain(network, accelerator, images, options);
  state_->timing = chain.run(&state_->records);
  state_->programs = chain.programs();
  state_->stages = chain.stages();
  state_->images = images;
}

DataflowSchedule::~DataflowSchedule() = default;
DataflowSchedule::DataflowSchedule(DataflowSchedule&&) noexcept = default;

const DataflowTiming& DataflowSchedule::timing() const { return state_->timing; }

int DataflowSchedule::part(const std::string& name) const {
  return index_of(state_->timing.modules, "part", name);
}

int DataflowSchedule::stream(const std::string& name) const {
  return index_of(state_->timing.streams, "stream", name);
}

int DataflowSchedule::read_by(int part) const {
  return state_->stages[static_cast<size_t>(part)].inputs.front();
}

int DataflowSchedule::written_by(int part) const {
  return state_->stages[static_cast<size_t>(part)].outputs.front();
}

int64_t DataflowSchedule::steps_per_image(int part) const {
  return dataflow::steps_per_image(state_->programs[static_cast<size_t>(part)]);
}

std::optional<PartStep> DataflowSchedule::step_at(int part, int64_t cycle) const {
  const auto i = static_cast<size_t>(part);
  const int64_t per_image = counted_steps_per_image(state_->programs[i]);
  PartStep result;
  const int64_t step = state_->records.steps[i].last_step(cycle, result.busy);
  if (step < 0 || step >= state_->records.counts[i]) return std::nullopt;
  // The bubbles at the end of a flattened loop belong to its last image.
  result.image = std::min(step / per_image, state_->images - 1);
  result.step = step - result.image * per_image;
  return result;
}

int64_t DataflowSchedule::cycle_of(int part, int64_t image, int64_t step) const {
  const auto i = static_cast<size_t>(part);
  assert(image >= 0 && image < state_->images && step >= 0 && step < steps_per_image(part));
  return state_->records.steps[i].cycle_of(image * counted_steps_per_image(state_->programs[i]) +
                                           step);
}

std::optional<int64_t> DataflowSchedule::next_step(int part, int64_t cycle) const {
  const int64_t per_image = steps_per_image(part);
  int64_t next = 0;
  if (cycle_of(part, 0, 0) < cycle) {
    const auto before = step_at(part, cycle - 1);
    if (!before) return {};  // done
    // Bubbles with which the part drains come after the steps of their image.
    next = before->image * per_image + std::min(before->step + 1, per_image);
  }
  if (next >= state_->images * per_image) return {};
  return next;
}

std::optional<int64_t> DataflowSchedule::word_pushed(int stream, int64_t cycle) const {
  const auto i = static_cast<size_t>(stream);
  bool now = false;
  const int64_t word = state_->records.pushes[i].last_step(cycle, now);
  if (!now || word >= state_->timing.streams[i].words) return {};
  return word;
}

int64_t DataflowSchedule::words_pushed(int stream, int64_t cycle) const {
  return words_before(state_->records.pushes[static_cast<size_t>(stream)], stream, cycle);
}

int64_t DataflowSchedule::words_popped(int stream, int64_t cycle) const {
  return words_before(state_->records.pops[static_cast<size_t>(stream)], stream, cycle);
}

int64_t DataflowSchedule::words_before(const StepRecord& words, int stream, int64_t cycle) const {
  bool now = false;
  if (cycle == 0) return 0;
  return std::min(words.last_step(cycle - 1, now) + 1,
                  state_->timing.streams[static_cast<size_t>(stream)].words);
}

int64_t DataflowSchedule::push_cycle(int stream, int64_t word) const {
  return state_->records.pushes[static_cast<size_t>(stream)].cycle_of(word);
}

int64_t DataflowSchedule::pop_cycle(int stream, int64_t word) const {
  return state_->records.pops[static_cast<size_t>(stream)].cycle_of(word);
}

int64_t DataflowSchedule::exit_cycle(int part, int64_t result) const {
  return state_->records.exits[static_cast<size_t>(part)].cycle_of(result);
}

std::optional<int64_t> DataflowSchedule::word_in(int stream, int slot, int64_t cycle) const {
  const auto i = static_cast<size_t>(stream);
  const StreamStatistics& statistics = state_->timing.streams[i];
  assert(slot >= 0 && slot < statistics.depth);
  bool now = false;
  const int64_t last = state_->records.pushes[i].last_step(cycle, now);
  const int64_t pushed = std::min(last + 1, statistics.words);
  const int64_t popped = words_popped(stream, cycle);
  // The newest word that lay in this slot.
  const int64_t word =
      pushed - 1 - (((pushed - 1 - slot) % statistics.depth) + statistics.depth) % statistics.depth;
  if (word < popped || word < 0) return std::nullopt;
  return word;
}

}  // namespace stuckat::dataflow
