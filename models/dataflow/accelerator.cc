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
  return std::max(window_shape(pool, lanes, WindowVersion::hls).cycles_per_image(),
                  int64_t{pool.kernel} * pool.kernel * pool.output.pixels() * words_per_pixel);
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

void validate_mvtu(const Check& check, const Layer& layer, const LayerParams& p, bool first) {
  check.range("PE", p.pe, 1, 1 << 16);
  check.range("SIMD", p.simd, 1, 1 << 16);
  const int rows = p.padded_rows;
  if (layer.accumulator_output) {
    check.require(
        rows == 0 || (rows >= layer.rows() && rows % p.pe == 0 && rows <= 1 << 16),
        "padded_rows " + std::to_string(rows),
        "0, or a multiple of PE " + std::to_string(p.pe) + " from " + std::to_string(layer.rows()));
  } else {
    check.require(rows == 0, "padded_rows", "padding of the last layer only");
    check.require(layer.rows() % p.pe == 0, "PE " + std::to_string(p.pe),
                  "a divisor of its " + std::to_string(layer.rows()) + " rows");
  }
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
       {l.mvtu, l.sliding_window, l.width_converter, l.padding, l.max_pool, l.memory}) {
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
  if (layer.part() == HardwarePart::max_pool) {
    check.require(p.parts.sliding_window != WindowVersion::parallel, "parallel windows",
                  "a pool takes one pixel of a window after the other");
  }
  if (layer.part() != HardwarePart::pe_array || layer.is_flat()) return;
  const bool parallel = p.parts.sliding_window == WindowVersion::parallel;
  const int simd = window_simd(layer, p);
  check.require(!parallel || layer.kernel == 1 || simd == layer.input.channels,
                "parallel windows of " + std::to_string(simd) + " channels",
                "words of all " + std::to_string(layer.input.channels) + " channels");
  // What the generator of the RTL asks for: a step to the next window, or row, within the buffer.
  if (p.parts.sliding_window != WindowVersion::rtl || layer.kernel == 1) return;
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
  return layer.part() == HardwarePart::max_pool &&
         (overlapping(layer) || params_of(accelerator, index).window_simd > 0);
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
  const auto& layers = network.layers;
  for (auto at = static_cast<size_t>(index) + 1;
       at < layers.size() && layers[at].part() == HardwarePart::max_pool; ++at) {
    most = std::max(most, pool_cycles(layers[at], p.pe));
  }
  return most;
}

const Capabilities& capabilities() {
  static const Capabilities parts = {
      "dataflow accelerators do not compute",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  return parts;
}

namespace {

/// Those in RTL know no words that are partly empty.
void validate_converters(const DataflowAccelerator& accelerator, const Network& network) {
  const Chain chain = build_chain(accelerator, network);
  for (size_t i = 1; i < chain.streams.size(); ++i) {
    const StageSpec& stage = chain.stages[i];
    if (stage.kind != StageKind::width_converter || stage.layer < 0) continue;
    if (params_of(accelerator, stage.layer).parts.width_converter == Backend::hls) continue;
    const StreamSpec &in = chain.streams[i - 1], &out = chain.streams[i];
    if (in.words_per_image * in.word_bits() == out.words_per_image * out.word_bits()) continue;
    throw InputError("dataflow:" + accelerator.name,
                     stage.name + " in RTL, from words of " + std::to_string(in.word_bits()) +
                         " bits to words of " + std::to_string(out.word_bits()),
                     "widths that divide an image, or a converter from HLS");
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
                          latency.padding, latency.max_pool, latency.memory}) {
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
    check.require(p.window_simd == 0 ||
                      (!layer.is_flat() && p.window_simd > 0 && channels % p.window_simd == 0),
                  "window_simd " + std::to_string(p.window_simd),
                  layer.is_flat()
                      ? "0: it has no windows"
                      : "0, or a divisor of its " + std::to_string(channels) + " input channels");
    if (layer.part() == HardwarePart::pe_array) validate_mvtu(check, layer, p, i == 0);
    validate_parts(check, layer, p);
  }
  validate_converters(accelerator, network);
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
