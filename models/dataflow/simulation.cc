#include "models/dataflow/simulation.h"

#include <algorithm>

#include "faultmaps/mitigation/protection.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/elaboration_module.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/words.h"
#include "sim/kernel/run.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

/// Collects the tensors of one stream, word by word.
class TensorProbe : public kernel::WordProbe {
 public:
  TensorProbe(const StreamSpec& stream, const Network& network,
              std::vector<std::vector<Tensor>>& tensors)
      : stream_(stream),
        code_(lane_code(network, stream.tensor, stream.lane_bits)),
        tensors_(tensors) {}

  void on_push(int64_t index, int64_t /*cycle*/, const uint64_t* word) override {
    on_change(index, word);
  }
  void on_change(int64_t index, const uint64_t* word) override {
    const auto image = static_cast<size_t>(index / stream_.words_per_image);
    const int64_t first = index % stream_.words_per_image * stream_.lanes;
    Tensor& tensor = tensors_[image][static_cast<size_t>(stream_.tensor)];
    const int64_t lanes = std::min<int64_t>(stream_.lanes, tensor.shape.size() - first);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int offset = static_cast<int>(lane) * stream_.lane_bits;
      tensor.values[static_cast<size_t>(first + lane)] =
          code_.value(get_bits(word, offset, stream_.lane_bits));
    }
  }

 private:
  const StreamSpec& stream_;
  LaneCode code_;
  std::vector<std::vector<Tensor>>& tensors_;
};

std::vector<std::vector<Tensor>> empty_tensors(const Network& network, size_t images) {
  std::vector<Tensor> tensors;
  for (int t = 0; t < network.tensors(); ++t) {
    const Shape shape = network.shape(t);
    tensors.push_back({shape, std::vector<int32_t>(static_cast<size_t>(shape.size()))});
  }
  return std::vector<std::vector<Tensor>>(images, tensors);
}

std::vector<std::vector<uint64_t>> memory_words(const Network& network, const Chain& chain,
                                                const std::vector<Tensor>& images,
                                                const std::string& where) {
  if (images.empty()) throw InputError(where, "no images", "at least one");
  std::vector<std::vector<uint64_t>> words;
  for (const Tensor& image : images) {
    if (image.shape != network.input()) {
      throw InputError(where, "an image of another shape", "the input shape of " + network.name);
    }
    const StreamSpec& memory = chain.streams.front();
    words.push_back(image_words(image, network.layers.front().input_format, memory.words_per_image,
                                memory.word_bits()));
  }
  return words;
}

void read_logits(const Network& network, const StreamSpec& stream, const ElaboratedChain& chain,
                 DataflowResult& result) {
  const LaneCode code = lane_code(network, stream.tensor, stream.lane_bits);
  const int limbs = limbs_for(stream.word_bits());
  const uint64_t* word = chain.writer().words().data();
  for (size_t i = 0; i < chain.writer().arrivals().size(); ++i) {
    std::vector<int32_t> logits;
    for (int c = 0; c < network.shape(stream.tensor).size(); ++c) {
      const uint64_t* holder = word + c / stream.lanes * limbs;
      const int offset = c % stream.lanes * stream.lane_bits;
      logits.push_back(code.value(get_bits(holder, offset, stream.lane_bits)));
    }
    result.logits.push_back(std::move(logits));
    word += stream.words_per_image * limbs;
  }
}

void read_statistics(const Chain& chain, ElaboratedChain& parts, DataflowResult& result) {
  // Rows that no window covers may still be read when the last result is out.
  result.total_cycles = result.arrival_cycles.back();
  for (const kernel::Stage* stage : parts.stages()) {
    const kernel::StageCycles& c = stage->cycles();
    result.total_cycles = std::max(result.total_cycles, c.busy + c.starved + c.blocked);
  }
  int64_t most = -1;
  for (const kernel::Stage* stage : parts.stages()) {
    const kernel::StageCycles& cycles = stage->cycles();
    ModuleStatistics statistics;
    statistics.name = stage->basename();
    statistics.busy_cycles = cycles.busy;
    statistics.starved_cycles = cycles.starved;
    statistics.blocked_cycles = cycles.blocked;
    statistics.idle_cycles = result.total_cycles - statistics.total_cycles();
    if (cycles.busy > most) {
      most = cycles.busy;
      result.bottleneck = statistics.name;
    }
    result.modules.push_back(std::move(statistics));
  }
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    const kernel::Stream& stream = parts.stream(i);
    result.streams.push_back(
        {chain.streams[i].name, stream.depth(), stream.pushed(), stream.high_water()});
  }
}

}  // namespace

DataflowResult simulate(const Network& network, const DataflowAccelerator& accelerator,
                        const FaultMap& faults, const std::vector<Tensor>& images,
                        const SimulationOptions& options) {
  validate(accelerator, network);
  const Placement placement =
      options.placement != nullptr ? *options.placement : place(accelerator, network);
  const std::string& where = placement.accelerator;
  FaultMap map = faults;
  stuckat::validate(map, placement, network, where);
  map = behind_data_codes(map, placement, network);
  if (!kernel::can_elaborate()) {
    throw InputError(where, "a second SystemC simulation in one process",
                     "one: SystemC elaborates once (its error E529)");
  }

  const Chain chain = build_chain(accelerator, network);
  const auto words = memory_words(network, chain, images, where);
  ElaboratedChain parts(chain, accelerator, network, placement, words);
  DataflowResult result;
  std::vector<TensorProbe> probes;
  if (options.tensors) {
    result.tensors = empty_tensors(network, images.size());
    probes.reserve(chain.streams.size());
    for (size_t i = 0; i < chain.streams.size(); ++i) {
      if (chain.streams[i].tensor < 0) continue;
      probes.emplace_back(chain.streams[i], network, result.tensors);
      parts.stream(i).set_probe(&probes.back());
    }
  }
  if (options.trace != nullptr) {
    options.trace->clear();
    options.trace->reserve(chain.streams.size());
    size_t probe = 0;
    for (size_t i = 0; i < chain.streams.size(); ++i) {
      const bool probed = options.tensors && chain.streams[i].tensor >= 0;
      options.trace->emplace_back(probed ? &probes[probe++] : nullptr);
      parts.stream(i).set_probe(&options.trace->back());
    }
    options.trace->back().on_read = options.on_result;
  }
  for (const Fault& fault : map.faults) parts.arm(fault);
  parts.writer().on_image = options.on_image;

  const std::string deadlock = kernel::run_until_quiet(parts.stages());
  if (!deadlock.empty()) {
    if (!chain.is_line()) time_images(network, accelerator, std::ssize(images));  // explains it
    throw InputError(where, "deadlock: " + deadlock);
  }

  result.arrival_cycles = parts.writer().arrivals();
  result.first_image_cycles = result.arrival_cycles.front();
  read_logits(network, chain.streams.back(), parts, result);
  read_statistics(chain, parts, result);
  result.reports = parts.reports();
  return result;
}

}  // namespace stuckat::dataflow
