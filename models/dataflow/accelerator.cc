#include "models/dataflow/accelerator.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "models/dataflow/chain.h"
#include "models/dataflow/max_pool.h"
#include "models/dataflow/sliding_window.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::dataflow {
namespace {

constexpr int64_t published_target_cycles = 32768;  // steady interval of CNV-W1A1

const Layer& layer_of(const Network& network, int index) {
  return network.layers[static_cast<size_t>(index)];
}

const LayerParams& params_of(const DataflowAccelerator& accelerator, int index) {
  return accelerator.layers[static_cast<size_t>(index)];
}

int padded_rows(const Layer& layer, const LayerParams& p) {
  return p.padded_rows > 0 ? p.padded_rows : (layer.rows() + p.pe - 1) / p.pe * p.pe;
}

int padded_columns(const Layer& layer, const LayerParams& p) {
  return (layer.columns() + p.simd - 1) / p.simd * p.simd;
}

int window_simd(const Layer& layer, const LayerParams& p) {
  if (layer.groups > 1) return groups_at_once(layer, p) * layer.group_channels();
  return p.window_simd > 0 ? p.window_simd : std::gcd(p.simd, layer.input.channels);
}

int64_t mvtu_cycles(const Layer& layer, const LayerParams& p) {
  return int64_t{padded_rows(layer, p) / p.pe} * (padded_columns(layer, p) / p.simd) *
         layer.output.pixels();
}

/// Words of `lanes` channels.
int64_t pool_cycles(const Layer& pool, int lanes) {
  const int64_t words_per_pixel = pool.input.channels / lanes;
  if (!overlapping(pool)) return (pool.input.pixels() + pool.output.pixels()) * words_per_pixel;
  return std::max(
      window_shape(pool, lanes, WindowVersion::hls).cycles_per_image(),
      int64_t{pool.kernel.height} * pool.kernel.width * pool.output.pixels() * words_per_pixel);
}

class Check {
 public:
  Check(const DataflowAccelerator& accelerator, const Layer& layer)
      : where_("dataflow:" + accelerator.name), layer_(layer.name) {}
  void require(bool ok, const std::string& what, const std::string& expected) const {
    if (!ok) throw InputError(where_, "layer '" + layer_ + "': " + what, expected);
  }
  void range(const char* name, int64_t value, int64_t low, int64_t high) const {
    require(value >= low && value <= high, std::string(name) + " " + std::to_string(value),
            std::to_string(low) + " to " + std::to_string(high));
  }

 private:
  std::string where_;
  std::string layer_;
};

constexpr int max_depth = 1 << 20;
constexpr int max_word_bits = 1 << 16;
constexpr int max_latency = 1 << 12;

void validate_groups(const Check& check, const Layer& layer, const LayerParams& p) {
  const int rows = layer.rows() / layer.groups, channels = layer.group_channels();
  const std::string groups = std::to_string(layer.groups) + " groups";
  check.require(rows % p.pe == 0 || (p.pe % rows == 0 && layer.groups % (p.pe / rows) == 0),
                "PE " + std::to_string(p.pe) + " of " + groups,
                "a divisor of the " + std::to_string(rows) +
                    " rows of a group, or a multiple that "
                    "divides all " +
                    std::to_string(layer.rows()));
  check.require(groups_at_once(layer, p) == 1 || p.simd % channels == 0,
                "SIMD " + std::to_string(p.simd) + " of several groups at once",
                "a multiple of the " + std::to_string(channels) + " channels of a group");
  check.require(p.window_simd == 0 || p.window_simd == window_simd(layer, p),
                "window_simd " + std::to_string(p.window_simd) + " of " + groups,
                "0, or the channels of the groups that PE rows are of");
  check.require(p.parts.mvtu == Backend::hls && p.parts.thresholding == Backend::hls &&
                    p.parts.sliding_window == WindowVersion::hls,
                groups + " in RTL", "parts from HLS");
}

void validate_join(const Check& check, const Network& network, const Layer& layer,
                   const LayerParams& p) {
  check.range("PE", p.pe, 1, 1 << 16);
  for (const int tensor : layer.inputs) {
    const int channels = network.shape(tensor).channels;
    check.require(channels % p.pe == 0, "PE " + std::to_string(p.pe),
                  "a divisor of the " + std::to_string(channels) + " channels of an input");
  }
}

/// Whatever the parts in RTL do not do.
void validate_window(const Check& check, const Layer& layer, const LayerParams& p) {
  const Padding& pad = layer.padding;
  const bool square = layer.kernel.height == layer.kernel.width &&
                      layer.stride.height == layer.stride.width && pad == Padding(pad.top) &&
                      (!is_pool(layer) || pad == Padding(0));
  check.require(
      square || (p.parts.sliding_window == WindowVersion::hls && p.parts.padding == Backend::hls),
      "a window in RTL that differs by axis or side, or of a padded pool", "one from HLS");
}

void validate_mvtu(const Check& check, const Layer& layer, const LayerParams& p, bool first) {
  check.range("PE", p.pe, 1, 1 << 16);
  check.range("SIMD", p.simd, 1, 1 << 16);
  const int rows = p.padded_rows;
  if (layer.accumulator_output && layer.output.pixels() == 1 && layer.groups == 1) {
    check.require(
        rows == 0 || (rows >= layer.rows() && rows % p.pe == 0 && rows <= 1 << 16),
        "padded_rows " + std::to_string(rows),
        "0, or a multiple of PE " + std::to_string(p.pe) + " from " + std::to_string(layer.rows()));
  } else {
    check.require(rows == 0, "padded_rows", "padding of the last layer only");
    check.require(layer.rows() % p.pe == 0, "PE " + std::to_string(p.pe),
                  "a divisor of its " + std::to_string(layer.rows()) + " rows");
  }
  if (layer.groups > 1) validate_groups(check, layer, p);
  if (!layer.is_flat() || !first) {
    check.require(layer.columns() % p.simd == 0, "SIMD " + std::to_string(p.simd),
                  "a divisor of its " + std::to_string(layer.columns()) + " columns");
  }
  if (p.accumulator_bits != 0) {
    check.range("accumulator_bits", p.accumulator_bits, layer.accumulator_bits(), 32);
  }
  if (p.threshold_bits != 0) {
    check.range("threshold_bits", p.threshold_bits, layer.threshold_bits(), 32);
  }
}

void validate_parts(const Check& check, const Layer& layer, const LayerParams& p) {
  const Latencies& l = p.latency;
  for (const int steps :
       {l.mvtu, l.sliding_window, l.width_converter, l.padding, l.max_pool, l.memory, l.junction}) {
    check.range("latency", steps, 0, max_latency);
  }
  check.require(p.dsp == 48 || p.dsp == 58, "dsp " + std::to_string(p.dsp), "48 or 58");
  check.range("segment_length", p.segment_length, 0, std::max(1, (p.simd + 2) / 3));
  check.require(p.segment_length == 0 || p.dsp == 58, "segment_length",
                "only for DSP58 slices: DSP48 cores add in LUTs");
  if (p.parts.mvtu == Backend::rtl && l.mvtu > 0)
    check.range("latency.mvtu", l.mvtu, 2, max_latency);
  const bool thresholds = layer.part() == HardwarePart::pe_array && !layer.accumulator_output;
  const bool apart = thresholds && p.parts.thresholding == Backend::rtl;
  check.require(!thresholds || apart || p.parts.mvtu == Backend::hls,
                "thresholds inside of an MVTU in RTL", "thresholding \"rtl\"");
  check.require(
      p.threshold_pe == 0 || (apart && p.threshold_pe > 0 && layer.rows() % p.threshold_pe == 0),
      "threshold_pe " + std::to_string(p.threshold_pe),
      "0, or where thresholds are a part of their own a divisor of the rows");
  if (is_pool(layer)) {
    check.require(p.parts.sliding_window != WindowVersion::parallel, "parallel windows",
                  "a pool takes one pixel of a window after the other");
  }
  if (!layer.is_flat()) validate_window(check, layer, p);
  if (layer.part() != HardwarePart::pe_array || layer.is_flat()) return;
  const bool parallel = p.parts.sliding_window == WindowVersion::parallel;
  const int simd = window_simd(layer, p);
  check.require(!parallel || layer.kernel == Extent(1) || simd == layer.input.channels,
                "parallel windows of " + std::to_string(simd) + " channels",
                "words of all " + std::to_string(layer.input.channels) + " channels");
  // What the generator of the RTL asks for: a step to the next window, or row, within the buffer.
  if (p.parts.sliding_window != WindowVersion::rtl || layer.kernel == Extent(1)) return;
  const auto shape = window_shape(layer, simd, WindowVersion::rtl);
  check.require(shape.fits_ring(), "a sliding window in RTL with a step beyond its buffer",
                "parallel, or one from HLS");
}

bool is_number(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int padded_rows(const DataflowAccelerator& accelerator, const Network& network, int index) {
  return padded_rows(layer_of(network, index), params_of(accelerator, index));
}

int padded_columns(const DataflowAccelerator& accelerator, const Network& network, int index) {
  return padded_columns(layer_of(network, index), params_of(accelerator, index));
}

bool pools_windows(const DataflowAccelerator& accelerator, const Network& network, int index) {
  const Layer& layer = layer_of(network, index);
  return is_pool(layer) && (overlapping(layer) || params_of(accelerator, index).window_simd > 0);
}

bool is_pool(const Layer& layer) {
  return layer.kind == LayerKind::max_pool || layer.kind == LayerKind::average_pool;
}

bool is_join(const Layer& layer) {
  return layer.kind == LayerKind::add || layer.kind == LayerKind::concat;
}

int groups_at_once(const Layer& layer, const LayerParams& params) {
  return layer.groups == 1 ? 1 : std::max(1, params.pe * layer.groups / layer.rows());
}

int branch_depth(const LayerParams& params, int input) {
  const auto i = static_cast<size_t>(input);
  return i < params.in_depths.size() ? params.in_depths[i] : params.inner_depth;
}

Shape padded_shape(const Layer& layer) {
  const Padding& p = layer.padding;
  return {layer.input.height + p.top + p.bottom, layer.input.width + p.left + p.right,
          layer.input.channels};
}

int window_simd(const DataflowAccelerator& accelerator, const Network& network, int index) {
  return window_simd(layer_of(network, index), params_of(accelerator, index));
}

int accumulator_bits(const DataflowAccelerator& accelerator, const Network& network, int index) {
  const int bits = accelerator.layers[static_cast<size_t>(index)].accumulator_bits;
  return bits > 0 ? bits : network.layers[static_cast<size_t>(index)].accumulator_bits();
}

int threshold_bits(const DataflowAccelerator& accelerator, const Network& network, int index) {
  const int bits = accelerator.layers[static_cast<size_t>(index)].threshold_bits;
  return bits > 0 ? bits : network.layers[static_cast<size_t>(index)].threshold_bits();
}

bool has_threshold_part(const DataflowAccelerator& accelerator, const Network& network, int index) {
  const Layer& layer = layer_of(network, index);
  return layer.part() == HardwarePart::pe_array && !layer.accumulator_output &&
         params_of(accelerator, index).parts.thresholding == Backend::rtl;
}

// finn-rtllib/mvu: the flag of the last step goes through five registers of the cores for DSP48;
// for DSP58, with three lanes in a slice, through two and one for each segment of the chain.
int core_stages(const LayerParams& p) {
  if (p.latency.mvtu > 0) return p.latency.mvtu - 1;
  if (p.dsp == 48) return 5;
  const int slices = (p.simd + 2) / 3;
  const int length = p.segment_length > 0 ? p.segment_length : slices;
  return 2 + (slices + length - 1) / length;
}

int64_t mvtu_cycles(const DataflowAccelerator& accelerator, const Network& network, int index) {
  return mvtu_cycles(layer_of(network, index), params_of(accelerator, index));
}

int64_t layer_cycles(const Network& network, int index, const LayerParams& p) {
  const Layer& layer = layer_of(network, index);
  int64_t most = mvtu_cycles(layer, p);
  if (!layer.is_flat()) {
    const auto window = window_shape(layer, window_simd(layer, p), WindowVersion::hls);
    most = std::max(most, window.cycles_per_image());
  }
  for (int next = network.only_consumer(Network::output_tensor(index));
       next >= 0 && is_pool(layer_of(network, next));
       next = network.only_consumer(Network::output_tensor(next))) {
    most = std::max(most, pool_cycles(layer_of(network, next), p.pe));
  }
  return most;
}

const Capabilities& capabilities() {
  static const Capabilities parts = any_network("dataflow accelerators do not compute");
  return parts;
}

namespace {

/// Those in RTL know no words that are partly empty.
void validate_converters(const DataflowAccelerator& accelerator, const Chain& chain) {
  for (size_t i = 1; i + 1 < chain.stages.size(); ++i) {
    const StageSpec& stage = chain.stages[i];
    if (stage.kind != StageKind::width_converter || stage.layer < 0) continue;
    if (params_of(accelerator, stage.layer).parts.width_converter == Backend::hls) continue;
    const StreamSpec &in = chain.in(i), &out = chain.out(i);
    if (in.words_per_image * in.word_bits() == out.words_per_image * out.word_bits()) continue;
    throw InputError("dataflow:" + accelerator.name,
                     stage.name + " in RTL, from words of " + std::to_string(in.word_bits()) +
                         " bits to words of " + std::to_string(out.word_bits()),
                     "widths that divide an image, or a converter from HLS");
  }
}

/// All of its sides see each other in one cycle.
void validate_junctions(const DataflowAccelerator& accelerator, const Chain& chain) {
  for (const StageSpec& stage : chain.stages) {
    if (!is_junction(stage.kind)) continue;
    for (const auto* streams : {&stage.inputs, &stage.outputs}) {
      for (const int stream : *streams) {
        const StreamSpec& spec = chain.streams[static_cast<size_t>(stream)];
        if (spec.depth > 0) continue;
        throw InputError("dataflow:" + accelerator.name,
                         spec.name + ": wires (depth 0) at " + stage.name, "a FIFO");
      }
    }
  }
}

}  // namespace

void validate(const DataflowAccelerator& accelerator, const Network& network) {
  const std::string where = "dataflow:" + accelerator.name;
  check_supported(network, capabilities(), where);
  const auto range = [&](const char* name, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
      throw InputError(where, std::string(name) + " " + std::to_string(value),
                       std::to_string(low) + " to " + std::to_string(high));
    }
  };
  if (accelerator.layers.size() != network.layers.size()) {
    throw InputError(where, std::to_string(accelerator.layers.size()) + " layers",
                     "the " + std::to_string(network.layers.size()) + " of " + network.name);
  }
  if (!(accelerator.clock_mhz > 0 && accelerator.clock_mhz <= 1e5)) {
    throw InputError(where, "clock_mhz " + std::to_string(accelerator.clock_mhz),
                     "above 0, at most 100000");
  }
  range("memory_word_bits", accelerator.memory_word_bits, 8, 1024);
  range("input_depth", accelerator.input_depth, 1, max_depth);
  const Latencies& latency = accelerator.latency;
  for (const int steps : {latency.mvtu, latency.sliding_window, latency.width_converter,
                          latency.padding, latency.max_pool, latency.memory, latency.junction}) {
    range("latency", steps, 1, max_latency);
  }
  const bool stalling = accelerator.discipline == Discipline::stalling;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const LayerParams& p = accelerator.layers[i];
    const Check check(accelerator, layer);
    check.range("out_depth", p.out_depth, stalling ? 1 : 0, max_depth);
    check.range("inner_depth", p.inner_depth, stalling ? 1 : 0, max_depth);
    check.range("word_bits", p.word_bits, 0, max_word_bits);
    const int channels = layer.input.channels;
    check.require(!is_join(layer) || p.window_simd == 0,
                  "window_simd " + std::to_string(p.window_simd), "0: it has no windows");
    check.require(p.window_simd == 0 ||
                      (!layer.is_flat() && p.window_simd > 0 && channels % p.window_simd == 0),
                  "window_simd " + std::to_string(p.window_simd),
                  layer.is_flat()
                      ? "0: it has no windows"
                      : "0, or a divisor of its " + std::to_string(channels) + " input channels");
    check.require(p.in_depths.size() <= layer.inputs.size(),
                  std::to_string(p.in_depths.size()) + " in_depths",
                  "one for each of its " + std::to_string(layer.inputs.size()) + " inputs");
    for (const int depth : p.in_depths) check.range("in_depths", depth, 1, max_depth);
    const bool alone = i == 0 && network.only_consumer(0) == 0;
    if (layer.part() == HardwarePart::pe_array) validate_mvtu(check, layer, p, alone);
    if (is_join(layer)) validate_join(check, network, layer, p);
    check.require(p.accumulator_bits == 0 || !layer.kind->sums || layer.has_weights(),
                  "accumulator_bits " + std::to_string(p.accumulator_bits), "0: of MVTUs alone");
    validate_parts(check, layer, p);
  }
  const Chain chain = build_chain(accelerator, network);
  validate_converters(accelerator, chain);
  validate_junctions(accelerator, chain);
}

DataflowAccelerator parse_dataflow(std::string_view text, const Network& network) {
  const std::string name(text);
  int64_t target = published_target_cycles;
  if (name == "auto") return auto_dataflow(network, target);
  if (name.rfind("auto:", 0) == 0) {
    if (!is_number(text.substr(5), target) || target < 1) {
      throw InputError("dataflow:" + name, "not a number of cycles", "auto:CYCLES");
    }
    return auto_dataflow(network, target);
  }
  if (name.size() < 5 || name.compare(name.size() - 5, 5, ".json") != 0) {
    return built_in_dataflow(name, network);
  }
  const size_t plus = name.find(".json+");
  const std::string path = plus == std::string::npos ? name : name.substr(0, plus + 5);
  const std::string backends = plus == std::string::npos
                                   ? std::string()
                                   : read_text(name.substr(plus + 6), most_description_bytes);
  return dataflow_from_json(read_text(path, most_description_bytes), name,
                            std::filesystem::path(path).stem().string(), network, backends);
}

}  // namespace stuckat::dataflow
