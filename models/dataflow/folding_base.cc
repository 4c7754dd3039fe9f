#include "models/dataflow/folding_base.h"

#include <algorithm>
#include <numeric>

#include "models/dataflow/finn_folding.h"
#include "models/dataflow/max_pool.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

bool has_rtl_converters(const DataflowAccelerator& accelerator) {
  return std::any_of(accelerator.layers.begin(), accelerator.layers.end(),
                     [](const auto& p) { return p.parts.width_converter == Backend::rtl; });
}

}  // namespace

DataflowAccelerator finn_base(const Network& network, bool rtl_mvtus) {
  DataflowAccelerator base;
  base.name = rtl_mvtus ? "finn-rtl" : "finn";
  base.discipline = Discipline::flushing;
  base.layers.resize(network.layers.size());
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    LayerParams& p = base.layers[i];
    p.parts = {.sliding_window = WindowVersion::rtl,
               .padding = Backend::rtl,
               .width_converter = Backend::rtl};
    if (rtl_mvtus && layer.has_weights() && has_finn_rtl_mvu(layer)) p.parts.mvtu = Backend::rtl;
    if (rtl_mvtus && layer.thresholds_per_row() > 0) p.parts.thresholding = Backend::rtl;
    const int before = Network::producer(layer.inputs.front());
    if (is_pool(layer) && !overlapping(layer) && before >= 0) {
      base.layers[static_cast<size_t>(before)].word_bits =
          layer.input.channels * layer.input_format.bits;
    }
  }
  return base;
}

DataflowAccelerator parse_base(const std::string& text, const Network& network) {
  if (text == "finn" || text == "finn-rtl") return finn_base(network, text == "finn-rtl");
  constexpr std::string_view family = "dataflow:";
  return parse_dataflow(text.starts_with(family) ? text.substr(family.size()) : text, network);
}

DataflowAccelerator built_as(const DataflowAccelerator& base, const DataflowAccelerator& folding,
                             const Network& network) {
  DataflowAccelerator result = base;
  result.name = folding.name + ":" + base.name;
  result.depths = folding.depths;
  result.input_depth = folding.input_depth;
  int lanes = network.input().channels;  // of the words that come to a layer
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const LayerParams& folded = folding.layers[i];
    LayerParams& p = result.layers[i];
    p.out_depth = folded.out_depth;
    p.inner_depth = folded.inner_depth;
    p.in_depths = folded.in_depths;
    p.pe = folded.pe;
    p.simd = folded.simd;
    p.padded_rows = p.threshold_pe = p.segment_length = 0;
    if (is_pool(layer)) {
      // One after another layer takes that one's words, if it takes windows at all.
      if (p.window_simd > 0) p.window_simd = std::gcd(lanes, layer.input.channels);
    } else {
      lanes = p.pe;
      const bool windows = !layer.is_flat() && !is_join(layer);
      p.window_simd = p.parts.sliding_window == WindowVersion::parallel && windows
                          ? layer.input.channels
                          : folded.window_simd;
    }
  }
  const bool rtl_converters = has_rtl_converters(base);
  for (LayerParams& p : result.layers) p.parts.width_converter = Backend::hls;
  validate(result, network);
  if (rtl_converters) choose_finn_converters(result, network);
  return result;
}

}  // namespace stuckat::dataflow
