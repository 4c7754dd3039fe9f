// An accelerator as FINN's folding_config.json, or why it is none.
#include <map>
#include <utility>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/placement.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

/// How FINN has named its nodes: until 2021, when their pipelines stalled; flushing, all from HLS;
/// and since 2024 with their backends.
enum class Generation : uint8_t { stalling, flushing, backends };

struct NodeName {
  const char* until_2021;
  const char* from_hls;
  const char* with_backend;  // "_hls" or "_rtl" comes after

  std::string of(Generation generation, Backend backend) const {
    if (generation == Generation::stalling) return until_2021;
    if (generation == Generation::flushing) return from_hls;
    return std::string(with_backend) + (backend == Backend::rtl ? "_rtl" : "_hls");
  }
};
constexpr NodeName matrix_node = {"StreamingFCLayer_Batch", "MatrixVectorActivation", "MVAU"};
constexpr NodeName window_node = {"ConvolutionInputGenerator", "ConvolutionInputGenerator",
                                  "ConvolutionInputGenerator"};
constexpr NodeName padding_node = {"FMPadding_Batch", "FMPadding_Batch", "FMPadding"};
constexpr NodeName streaming_pool_node = {"StreamingMaxPool_Batch", "StreamingMaxPool_Batch",
                                          "StreamingMaxPool"};
constexpr NodeName pool_of_windows_node = {"Pool_Batch", "Pool_Batch", "Pool"};
constexpr NodeName thresholds_node = {"Thresholding_Batch", "Thresholding_Batch", "Thresholding"};
constexpr NodeName converter_node = {"StreamingDataWidthConverter_Batch",
                                     "StreamingDataWidthConverter_Batch",
                                     "StreamingDataWidthConverter"};

/// What an accelerator is made of: all that its values, cycles and fault sites depend on.
struct Built {
  Chain chain;
  std::vector<PartProgram> programs;  // [chain.stages]
  Placement placement;

  Built(const DataflowAccelerator& accelerator, const Network& network)
      : chain(build_chain(accelerator, network)),
        programs(part_programs(chain, accelerator, network)),
        placement(place(accelerator, network)) {}
};

class FinnWriter {
 public:
  FinnWriter(const DataflowAccelerator& accelerator, const Network& network)
      : accelerator_(accelerator),
        network_(network),
        where_("dataflow:" + accelerator.name + " as FINN's folding"),
        built_(accelerator, network) {}

  std::string text() const;

 private:
  [[noreturn]] void refuse(int layer, const std::string& what, const std::string& expected) const {
    const std::string of = layer < 0 ? "" : "layer '" + network_.layer(layer).name + "': ";
    throw InputError(where_, of + what, expected);
  }
  const LayerParams& params(int layer) const {
    return accelerator_.layers[static_cast<size_t>(layer)];
  }
  /// Of a stage of a layer.
  Backend backend(const StageSpec& stage) const;
  bool is_streaming_pool(const StageSpec& stage) const {
    return stage.kind == StageKind::max_pool && !pools_windows(accelerator_, network_, stage.layer);
  }
  void check_layer(int layer) const;
  void check_thresholds() const;
  void check_stage(size_t index) const;
  std::string written(Generation generation) const;
  std::pair<std::string, Json> node(size_t index, Generation generation) const;
  void check_read_back(const std::string& text) const;

  const DataflowAccelerator& accelerator_;
  const Network& network_;
  std::string where_;
  Built built_;
};

Backend FinnWriter::backend(const StageSpec& stage) const {
  const LayerParts& parts = params(stage.layer).parts;
  switch (stage.kind) {
    case StageKind::width_converter:
      return parts.width_converter;
    case StageKind::padding:
      return parts.padding;
    case StageKind::sliding_window:
      return parts.sliding_window == WindowVersion::hls ? Backend::hls : Backend::rtl;
    case StageKind::mvtu:
      return parts.mvtu;
    case StageKind::thresholding:
      return Backend::rtl;
    default:
      return Backend::hls;
  }
}

void FinnWriter::check_layer(int index) const {
  const Layer& layer = network_.layer(index);
  const LayerParams& p = params(index);
  if (layer.part() != HardwarePart::pe_array) return;
  if (!layer.is_flat() && layer.kernel == Extent(1)) {
    refuse(index, "windows of one pixel", "larger ones: FINN builds no sliding window there");
  }
  const int rows = (layer.rows() + p.pe - 1) / p.pe * p.pe;
  if (padded_rows(accelerator_, network_, index) != rows) {
    refuse(index, "padded_rows " + std::to_string(p.padded_rows), "FINN pads no rows");
  }
  if (accumulator_bits(accelerator_, network_, index) != layer.accumulator_bits()) {
    refuse(index, "accumulator_bits " + std::to_string(p.accumulator_bits),
           "FINN's, the smallest that hold every sum");
  }
  if (!layer.accumulator_output &&
      threshold_bits(accelerator_, network_, index) != layer.threshold_bits()) {
    refuse(index, "threshold_bits " + std::to_string(p.threshold_bits),
           "FINN's, the smallest that hold every threshold");
  }
  if (p.parts.mvtu == Backend::hls) return;
  if (p.dsp != 48) {
    refuse(index, "an MVTU for DSP" + std::to_string(p.dsp) + " slices",
           "DSP48: the file does not say which the FPGA has");
  }
  if (!has_finn_rtl_mvu(layer)) {
    refuse(index, "an MVTU in RTL",
           "one from HLS: FINN has none in RTL for binary operands, nor for more than 8 bits");
  }
}

/// FINN has thresholds apart after MVAUs in RTL, or after all.
void FinnWriter::check_thresholds() const {
  int inside = -1, apart = -1;
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    const int layer = static_cast<int>(i);
    const bool has = network_.layers[i].thresholds_per_row() > 0;
    if (!has || params(layer).parts.mvtu == Backend::rtl) continue;
    (has_threshold_part(accelerator_, network_, layer) ? apart : inside) = layer;
  }
  if (apart < 0 || inside < 0) return;
  refuse(apart, "thresholds apart from an MVTU from HLS",
         "inside, as in '" + network_.layer(inside).name + "', or apart in all layers");
}

void FinnWriter::check_stage(size_t index) const {
  const StageSpec& stage = built_.chain.stages[index];
  if (stage.layer < 0) return;
  const StreamSpec &in = built_.chain.in(index), &out = built_.chain.out(index);
  const Layer& layer = network_.layer(stage.layer);
  if (accelerator_.discipline == Discipline::stalling && backend(stage) == Backend::rtl) {
    refuse(stage.layer, "'" + stage.name + "' in RTL beside pipelines that stall",
           "discipline \"flushing\": FINN's parts in RTL have never been beside others");
  }
  if (is_streaming_pool(stage) && in.lanes != layer.input.channels) {
    refuse(stage.layer,
           "words of " + std::to_string(in.lanes) + " of its " +
               std::to_string(layer.input.channels) + " channels",
           "whole pixels, as FINN's StreamingMaxPool takes them, or windows (window_simd)");
  }
  if (stage.kind != StageKind::width_converter) return;
  if (stage.name.ends_with("_up")) {
    refuse(stage.layer,
           "words of " + std::to_string(in.word_bits()) +
               " bits become others that they do not "
               "divide",
           "widths that do: FINN's converter is one part there, with FIFOs of its own");
  }
  if (stage.name == layer.name + "/output_converter" &&
      !is_streaming_pool(built_.chain.stages[index + 1])) {
    refuse(stage.layer, "word_bits " + std::to_string(params(stage.layer).word_bits),
           "0, but before a pool that takes whole pixels: FINN's words are those of parts");
  }
  for (const StreamSpec* stream : {&in, &out}) {
    if (stream->depth >= 2) continue;
    refuse(stage.layer,
           "'" + stream->name + "' of " + std::to_string(stream->depth) +
               " words beside a width converter",
           "2 or more: FINN's converters ask for 2");
  }
}

std::pair<std::string, Json> FinnWriter::node(size_t index, Generation generation) const {
  const StageSpec& stage = built_.chain.stages[index];
  const StreamSpec &in = built_.chain.in(index), &out = built_.chain.out(index);
  const NodeName* name = &converter_node;
  Json values = Json::object();
  switch (stage.kind) {
    case StageKind::padding:
      name = &padding_node;
      values["SIMD"] = in.lanes;
      break;
    case StageKind::sliding_window:
      name = &window_node;
      values["SIMD"] = in.lanes;
      if (backend(stage) == Backend::rtl) {
        values["parallel_window"] =
            params(stage.layer).parts.sliding_window == WindowVersion::parallel ? 1 : 0;
      }
      break;
    case StageKind::mvtu:
      name = &matrix_node;
      values["PE"] = params(stage.layer).pe;
      values["SIMD"] = params(stage.layer).simd;
      break;
    case StageKind::thresholding:
      name = &thresholds_node;
      values["PE"] = in.lanes;
      break;
    case StageKind::max_pool:
      name = is_streaming_pool(stage) ? &streaming_pool_node : &pool_of_windows_node;
      if (!is_streaming_pool(stage)) values["PE"] = in.lanes;
      break;
    default:
      break;
  }
  if (generation == Generation::stalling) {
    values["inFIFODepth"] = in.depth;
    values["outFIFODepth"] = out.depth;
  } else {
    values["inFIFODepths"] = {in.depth};
    values["outFIFODepths"] = {out.depth};
  }
  return {name->of(generation, backend(stage)), std::move(values)};
}

std::string FinnWriter::written(Generation generation) const {
  Json json;
  json["Defaults"] = Json::object();
  std::map<std::string, int> nodes_of_type;
  const auto add = [&](const std::string& type, Json values) {
    json[type + "_" + std::to_string(nodes_of_type[type]++)] = std::move(values);
  };
  const InputQuantizer& quantizer = accelerator_.quantizer;
  if (!quantizer.node_type.empty()) {
    Json values = Json::object();
    if (quantizer.pe > 0) values["PE"] = quantizer.pe;
    add(quantizer.node_type, std::move(values));
  }
  for (size_t i = 0; i < built_.chain.stages.size(); ++i) {
    if (built_.chain.stages[i].layer < 0) continue;
    auto [type, values] = node(i, generation);
    add(type, std::move(values));
  }
  return json.dump(2) + "\n";
}

void FinnWriter::check_read_back(const std::string& text) const {
  const Built read(dataflow_from_json(text, where_, accelerator_.name, network_), network_);
  const auto differ = [&](const std::string& part, const std::string& what) {
    throw InputError(where_, "'" + part + "': " + what, "what the file can say");
  };
  const Chain &ours = built_.chain, &theirs = read.chain;
  for (size_t i = 0; i < ours.streams.size(); ++i) {
    if (i >= theirs.stages.size() || ours.stages[i] != theirs.stages[i]) {
      differ(ours.stages[i].name, "FINN has another part there");
    }
    if (i >= theirs.streams.size() || ours.streams[i] != theirs.streams[i]) {
      differ(ours.streams[i].name, "FINN has other words there, or another depth");
    }
    if (built_.programs[i] != read.programs[i]) {
      differ(ours.stages[i].name, "FINN's part there takes other cycles, or another latency");
    }
  }
  if (theirs != ours || read.programs != built_.programs || read.placement != built_.placement) {
    differ(accelerator_.name, "FINN builds another accelerator");
  }
}

std::string FinnWriter::text() const {
  if (accelerator_.memory_word_bits != DataflowAccelerator{}.memory_word_bits) {
    refuse(-1, "memory_word_bits " + std::to_string(accelerator_.memory_word_bits),
           "64: a folding says nothing of memory");
  }
  const int layers = static_cast<int>(network_.layers.size());
  for (int i = 0; i < layers; ++i) check_layer(i);
  if (params(layers - 1).out_depth == 0) {
    refuse(layers - 1, "out_depth 0", "1 or more: FINN has a FIFO at the end of the network");
  }
  check_thresholds();
  bool all_from_hls = true;
  for (size_t i = 0; i < built_.chain.stages.size(); ++i) {
    check_stage(i);
    const StageSpec& stage = built_.chain.stages[i];
    all_from_hls &= stage.layer < 0 || backend(stage) == Backend::hls;
  }
  const auto checked = [&](Generation generation) {
    std::string result = written(generation);
    check_read_back(result);
    return result;
  };
  if (accelerator_.discipline == Discipline::stalling) return checked(Generation::stalling);
  if (!all_from_hls) return checked(Generation::backends);
  try {
    return checked(Generation::backends);
  } catch (const InputError&) {  // with converters or padding from HLS, as FINN had them before
    return checked(Generation::flushing);
  }
}

}  // namespace

bool has_finn_rtl_mvu(const Layer& layer) {
  const NumberFormat& weights = layer.weight_format;
  return !layer.is_binary() && weights.kind != FormatKind::unsigned_ && weights.bits <= 8 &&
         layer.input_format.bits <= 8;
}

std::string to_finn_folding(const DataflowAccelerator& accelerator, const Network& network) {
  validate(accelerator, network);
  check_finn_nodes(network, "dataflow:" + accelerator.name);
  return FinnWriter(accelerator, network).text();
}

}  // namespace stuckat::dataflow
