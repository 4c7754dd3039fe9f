#include "models/dataflow/elaboration_module.h"

#include "faultmaps/lower.h"
#include "faultmaps/mitigation/protection.h"
#include "models/dataflow/arming.h"
#include "models/dataflow/junction_module.h"
#include "models/dataflow/mvtu_module.h"
#include "models/dataflow/padding_module.h"
#include "models/dataflow/pool_module.h"
#include "models/dataflow/rtl_parts_module.h"
#include "models/dataflow/sliding_window_module.h"
#include "models/dataflow/width_converter_module.h"
#include "models/dataflow/words.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

std::vector<uint64_t> padding_word(const Layer& layer, int lanes) {
  const int bits = layer.input_format.bits;
  std::vector<uint64_t> word(static_cast<size_t>(limbs_for(lanes * bits)));
  const uint32_t code = layer.input_format.code(layer.input_format.padding_value());
  for (int lane = 0; lane < lanes; ++lane) put_bits(word.data(), lane * bits, bits, code);
  return word;
}

}  // namespace

ElaboratedChain::ElaboratedChain(const Chain& chain, const DataflowAccelerator& accelerator,
                                 const Network& network, const Placement& placement,
                                 const std::vector<std::vector<uint64_t>>& images,
                                 const std::vector<size_t>& left_out)
    : chain_(chain),
      accelerator_(accelerator),
      network_(network),
      placement_(placement),
      images_(images),
      programs_(part_programs(chain, accelerator, network)),
      built_(chain.stages.size(), true),
      run_length_(static_cast<int64_t>(images.size())),
      mvtus_(network.layers.size()) {
  for (const size_t stage : left_out) built_[stage] = false;
  for (const PeArray& array : placement.arrays) {
    const auto layer = static_cast<size_t>(array.uses.front().layer);
    const bool sums = has_threshold_part(accelerator, network, static_cast<int>(layer));
    mvtus_[layer] = std::make_unique<Mvtu>(network.layers[layer], array, sums,
                                           protection_of(placement, array.name, network));
  }
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    streams_.push_back(nullptr);
    const StreamSpec& spec = chain.streams[i];
    if (!built_[static_cast<size_t>(spec.from)] && !built_[static_cast<size_t>(spec.to)]) continue;
    streams_.back() =
        std::make_unique<kernel::Stream>(spec.name.c_str(), spec.depth, spec.word_bits());
  }
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    if (built_[i]) stages_.push_back(build(i));
  }
}

std::vector<kernel::Stream*> ElaboratedChain::read_by(size_t stage) const {
  std::vector<kernel::Stream*> result;
  for (const int i : chain_.stages[stage].inputs) {
    result.push_back(streams_[static_cast<size_t>(i)].get());
  }
  return result;
}

std::vector<kernel::Stream*> ElaboratedChain::written_by(size_t stage) const {
  std::vector<kernel::Stream*> result;
  for (const int i : chain_.stages[stage].outputs) {
    result.push_back(streams_[static_cast<size_t>(i)].get());
  }
  return result;
}

std::unique_ptr<kernel::Stage> ElaboratedChain::build(size_t index) {
  const StageSpec& stage = chain_.stages[index];
  const PartProgram& program = programs_[index];
  if (const auto* loop = std::get_if<LoopProgram>(&program)) return build_loop(index, *loop);
  kernel::Stream &in = *read_by(index).front(), &out = *written_by(index).front();
  const RtlStageParams params{cycles_per_image(program), &run_length_};
  if (const auto* window = std::get_if<RtlWindowProgram>(&program)) {
    return std::make_unique<RtlWindowModule>(stage.name.c_str(), in, out, window->shape, params);
  }
  if (const auto* mvu = std::get_if<RtlMvuShape>(&program)) {
    return std::make_unique<RtlMvuModule>(stage.name.c_str(), in, out, *mvu, params,
                                          *mvtus_[static_cast<size_t>(stage.layer)]);
  }
  return std::make_unique<RtlNarrowingModule>(stage.name.c_str(), in, out,
                                              std::get<RtlNarrowingShape>(program), params);
}

std::unique_ptr<kernel::Stage> ElaboratedChain::build_loop(size_t index,
                                                           const LoopProgram& program) {
  const StageSpec& stage = chain_.stages[index];
  const char* const name = stage.name.c_str();
  const int64_t* images = &run_length_;
  const int latency = program.latency_steps;
  const Discipline discipline = program.discipline;
  const auto ins = read_by(index), outs = written_by(index);
  kernel::Stream* in = ins.empty() ? nullptr : ins.front();
  kernel::Stream* out = outs.empty() ? nullptr : outs.front();
  const auto layer = static_cast<size_t>(std::max(0, stage.layer));
  const Layer& l = network_.layers[layer];
  const int lanes = ins.empty() ? 1 : chain_.in(index).lanes;
  switch (stage.kind) {
    case StageKind::memory_reader:
      return std::make_unique<MemoryReaderModule>(name, *out, latency, images_);
    case StageKind::width_converter: {
      const int64_t narrow =
          std::max(chain_.in(index).words_per_image, chain_.out(index).words_per_image);
      return std::make_unique<WidthConverterModule>(
          name, *in, *out,
          WidthConverterModule::Params{latency, discipline, narrow, images, program.side_register});
    }
    case StageKind::padding:
      return std::make_unique<PaddingModule>(
          name, *in, *out,
          PaddingModule::Params{latency, discipline, l.input.height, l.input.width, l.padding,
                                l.input.channels / lanes, padding_word(l, lanes), images,
                                program.side_register});
    case StageKind::sliding_window: {
      const WindowVersion version = window_version(l, accelerator_.layers[layer]);
      const WindowShape shape = window_shape(l, lanes, version);
      if (version == WindowVersion::parallel) {
        return std::make_unique<ParallelWindowModule>(name, *in, *out, shape, images);
      }
      return std::make_unique<SlidingWindowModule>(
          name, *in, *out, SlidingWindowModule::Params{latency, discipline, shape, images});
    }
    case StageKind::mvtu:
      return std::make_unique<MvtuModule>(
          name, *in, *out,
          MvtuModule::Params{latency, discipline,
                             int64_t{l.output.pixels()} *
                                 (l.groups / groups_at_once(l, accelerator_.layers[layer])),
                             images},
          *mvtus_[layer]);
    case StageKind::thresholding:
      return std::make_unique<ThresholdingModule>(
          name, *in, *out,
          ThresholdingModule::Params{lanes, l.output_format.bits, images,
                                     chain_.in(index).words_per_image},
          *mvtus_[layer]);
    case StageKind::max_pool:
    case StageKind::average_pool: {
      const bool windows = pools_windows(accelerator_, network_, stage.layer);
      const int words = l.input.channels / lanes;
      auto params = windows ? window_pool_params(l, words) : pool_params(l, words);
      params.latency_steps = latency;
      params.images = images;
      if (windows) params.discipline = discipline;
      if (stage.kind == StageKind::max_pool) {
        return std::make_unique<MaxPoolModule>(name, *in, *out, params, MaxPool(l, lanes, windows));
      }
      return std::make_unique<SumPoolModule>(
          name, *in, *out, params,
          SumPool(l, lanes, windows, accumulator_bits(accelerator_, network_, stage.layer)));
    }
    case StageKind::fork:
    case StageKind::add:
    case StageKind::concat: {
      std::vector<int> turns;
      for (size_t i = 0; i < ins.size() && stage.kind == StageKind::concat; ++i) {
        turns.push_back(network_.shape(l.inputs[i]).channels / lanes);
      }
      std::unique_ptr<Junction> core;
      if (stage.kind == StageKind::add)
        core = std::make_unique<Adder>(l, lanes,
                                       accumulator_bits(accelerator_, network_, stage.layer));
      else
        core = std::make_unique<PassedWords>(out->limbs());
      return std::make_unique<JunctionModule>(
          name, ins, outs,
          JunctionModule::Params{latency, discipline, chain_.out(index).words_per_image,
                                 std::move(turns), images},
          std::move(core));
    }
    case StageKind::memory_writer:
      break;
  }
  auto writer =
      std::make_unique<MemoryWriterModule>(name, *in, chain_.in(index).words_per_image, images);
  writer_ = writer.get();
  return writer;
}

/// The stage that the part of a fault is, or is inside of.
std::string ElaboratedChain::stage_of(const Fault& fault) const {
  for (const OtherPart& other : placement_.others) {
    const bool inside =
        other.kind == PartKind::replay_buffer || other.kind == PartKind::output_registers;
    if (!inside || other.name != fault.part) continue;
    return network_.layers[static_cast<size_t>(other.layer)].name + "/mvtu";
  }
  return protected_array(placement_, fault.part);
}

void ElaboratedChain::arm_register(RtlMvuModule& mvu, const Fault& fault) const {
  const auto [which, pe, bit, unused] = fault.coordinates;
  for (const StreamSpec& stream : chain_.streams) {
    if (chain_.stages[static_cast<size_t>(stream.from)].name != stage_of(fault)) continue;
    const int at = pe * stream.lane_bits + bit;
    if (!fault.is_flip()) return mvu.stick_register(which, at, fault.value != 0);
    if (which == 1) refuse_on_wires(fault, stream.depth == 0, placement_);
    return mvu.flip_register(which, at, fault.flip_cycle);
  }
}

void ElaboratedChain::arm(const Fault& fault) {
  refuse_apart(fault, placement_);
  for (const auto& stage : stages_) {
    if (stage->basename() != stage_of(fault)) continue;
    if (auto* mvtu = dynamic_cast<MvtuModule*>(stage.get())) {
      armed_.push_back(fault);
      return mvtu->core().arm(fault);
    }
    if (auto* mvu = dynamic_cast<RtlMvuModule*>(stage.get())) {
      if (fault.kind == SiteKind::replay_cell) return arm_ring(mvu->replay_buffer(), fault);
      if (fault.kind == SiteKind::output_register) return arm_register(*mvu, fault);
      armed_.push_back(fault);
      return mvu->core().arm(fault);
    }
    if (auto* window = dynamic_cast<RtlWindowModule*>(stage.get())) {
      return arm_ring(window->ring(), fault);
    }
    if (auto* window = dynamic_cast<SlidingWindowModule*>(stage.get())) {
      return arm_window(window->core(), fault);
    }
    if (auto* pool = dynamic_cast<MaxPoolModule*>(stage.get()))
      return arm_pool(pool->core(), fault);
    if (auto* pool = dynamic_cast<SumPoolModule*>(stage.get()))
      return arm_sums(pool->core(), fault);
    if (auto* junction = dynamic_cast<JunctionModule*>(stage.get()))
      return arm_adder(junction->core(), fault);
  }
  for (size_t i = 0; i < chain_.streams.size(); ++i) {
    if (chain_.streams[i].name != fault.part || streams_[i] == nullptr) continue;
    for (const Stream& stream : placement_.streams) {
      if (stream.name != fault.part) continue;
      return arm_stream(*streams_[i], stream.tensor,
                        element_bits(placement_, stream.tensor, network_), network_, fault);
    }
  }
  throw InputError(placement_.accelerator, "no part claims the fault " + name(fault));
}

void ElaboratedChain::admit(int64_t count, int64_t cycle) {
  run_length_ += count;
  for (const auto& stage : stages_) stage->resume(cycle);
}

void ElaboratedChain::withdraw(int64_t count) {
  run_length_ -= count;
  for (const auto& stage : stages_) stage->resume(0);  // some wait for a word and have ended now
}

int64_t ElaboratedChain::free_cycle() const {
  int64_t cycle = 0;
  for (const auto& stage : stages_) cycle = std::max(cycle, stage->free_cycle());
  return cycle;
}

void ElaboratedChain::load(const Network& network) {
  for (const PeArray& array : placement_.arrays) {
    const auto layer = static_cast<size_t>(array.uses.front().layer);
    const bool sums = has_threshold_part(accelerator_, network, static_cast<int>(layer));
    *mvtus_[layer] =
        Mvtu(network.layers[layer], array, sums, protection_of(placement_, array.name, network));
    for (const Fault& fault : armed_) {
      if (protected_array(placement_, fault.part) == array.name) mvtus_[layer]->arm(fault);
    }
  }
}

kernel::Stream& ElaboratedChain::stream(size_t index) {
  if (index < streams_.size() && streams_[index] != nullptr) return *streams_[index];
  throw InputError(
      placement_.accelerator,
      index < streams_.size() ? chain_.streams[index].name + " is left out" : "no stream there",
      "a stream that a stage reads or writes");
}

std::vector<ErrorReport> ElaboratedChain::reports() const {
  std::vector<ErrorReport> reports;
  for (const PeArray& array : placement_.arrays) {
    const auto& mvtu = mvtus_[static_cast<size_t>(array.uses.front().layer)];
    if (mvtu != nullptr) mvtu->core().add_reports(array.name, reports);
  }
  return reports;
}

std::vector<kernel::Stage*> ElaboratedChain::stages() const {
  std::vector<kernel::Stage*> result;
  for (const auto& stage : stages_) result.push_back(stage.get());
  return result;
}

}  // namespace stuckat::dataflow
