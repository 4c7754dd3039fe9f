// A dataflow accelerator: one part for each layer, streams between them (docs/hardware.md). The
// values of a description; models/dataflow/FORMAT.md documents them and the JSON form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/pipeline.h"
#include "workloads/capabilities.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

using kernel::Discipline;

/// How the sliding-window unit is built: loops from HLS, which load K rows and drain after every
/// image (docs/hardware.md); or FINN's in RTL, which reads and writes decoupled, one word of a
/// window at a time, or (parallel) all pixels of a window at once.
enum class WindowVersion : uint8_t { hls, rtl, parallel };

/// How another part is built: a loop from HLS (docs/hardware.md), or FINN's in RTL.
enum class Backend : uint8_t { hls, rtl };

/// How the parts of a layer are built. Thresholds are inside the MVTU, or (rtl) a part of their
/// own, as they have to be after an MVTU in RTL.
struct LayerParts {
  WindowVersion sliding_window = WindowVersion::hls;
  Backend mvtu = Backend::hls;
  Backend thresholding = Backend::hls;
  Backend padding = Backend::hls;
  Backend width_converter = Backend::hls;

  bool operator==(const LayerParts&) const = default;
};

/// Steps from a part's input to its output.
struct Latencies {
  int mvtu = 6;
  int sliding_window = 1;
  int width_converter = 1;
  int padding = 1;
  int max_pool = 1;  ///< of every pool
  int memory = 1;
  int junction = 1;  ///< of forks, adds and concats

  bool operator==(const Latencies&) const = default;
};

/// What belongs to one layer of the network. Pools use window_simd, word_bits and the depths only;
/// adds and concats PE, word_bits and the depths.
struct LayerParams {
  int pe = 1;                ///< rows computed at once; divides the (padded) rows, and those of a
                             ///< group, or holds several groups. Of an add, a concat: channels at
                             ///< once; divides those of each input
  int simd = 1;              ///< columns per step; divides the (padded) columns
  int window_simd = 0;       ///< channels in a word of the windows; divides the input channels.
                             ///< 0: their gcd with SIMD; of a pool: as they come; with groups:
                             ///< all channels of the groups that PE rows are of
  int accumulator_bits = 0;  ///< 0: the smallest that holds every partial sum
  int threshold_bits = 0;    ///< 0: the smallest that holds every threshold
  int padded_rows = 0;       ///< last layer only; 0: the next multiple of pe
  int word_bits = 0;         ///< widest word of the output stream; 0: as the part produces them
  int out_depth = 2;         ///< FIFO after the layer; 0: wires
  int inner_depth = 2;       ///< FIFOs inside it; 0: wires
  std::vector<int> in_depths = {};  ///< [inputs] FIFO from the fork of what the input reads, if
                                    ///< others read it too; those that are missing: inner_depth
  LayerParts parts;
  Latencies latency{0, 0, 0, 0, 0, 0, 0};  ///< of loops from HLS; 0: those of the accelerator
  int dsp = 48;                            ///< MVTU in RTL: of cores for DSP48 or DSP58 slices
  int segment_length = 0;  ///< ... for DSP58: slices in a pipelined chain; 0: all in one
  int threshold_pe = 0;    ///< thresholds that are a part: rows at once; 0: PE

  bool operator==(const LayerParams&) const = default;
};

/// Where FIFO depths come from. Says something about a description and is no part of it: all are
/// equal.
struct DepthSource {
  std::string text = "as described";

  bool operator==(const DepthSource&) const { return true; }
};

/// The node of FINN's that quantizes the input before the accelerator, where its folding named
/// one. It is not modelled and no part of a description, so that all are equal; but FINN numbers
/// the others after it.
struct InputQuantizer {
  std::string node_type;  ///< "Thresholding_rtl"; empty: none is known
  int pe = 0;

  bool operator==(const InputQuantizer&) const { return true; }
};

struct DataflowAccelerator {
  std::string name;        ///< fault maps are made for "dataflow:NAME"
  double clock_mhz = 300;  ///< for reporting seconds only
  Discipline discipline = Discipline::stalling;
  Latencies latency;
  int memory_word_bits = 64;
  int input_depth = 2;              ///< FIFO of input pixels
  std::vector<LayerParams> layers;  ///< [network.layers]
  DepthSource depths;
  InputQuantizer quantizer;

  bool operator==(const DataflowAccelerator&) const = default;
};

/// `text` without "dataflow:": the name of a built-in, "auto" or "auto:CYCLES" (a folding that
/// takes at most CYCLES per image, as published if nothing is said), or the path of a JSON file
/// (ours, or FINN's folding_config.json, then or not "+" and that of its specialize_layers file).
/// Fitted to the network and checked. Throws InputError.
DataflowAccelerator parse_dataflow(std::string_view text, const Network& network);

/// Names of the built-ins and "auto", for --help.
std::vector<std::string> dataflow_names();

/// JSON text in either format; `where` names it in errors, `default_name` is its name unless the
/// text has one. Throws InputError.
/// `backends`: FINN's specialize_layers_config.json beside its folding_config.json, or empty.
DataflowAccelerator dataflow_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name, const Network& network,
                                       const std::string& backends = {});

/// Every parameter as JSON; dataflow_from_json reads it back.
std::string to_json(const DataflowAccelerator& accelerator, const Network& network);

/// The published folding of a BNN-PYNQ accelerator, fitted to a network of the same layers but
/// other widths: PE becomes the greatest divisor of the rows, SIMD that of the input channels (of
/// the columns in a dense layer), that is not above the published one. Throws InputError.
DataflowAccelerator built_in_dataflow(const std::string& name, const Network& network);

/// A folding for any network: layer by layer the fewest PE*SIMD, then words of the MVTU that are
/// those of its windows, and then the fewest PE, that need at most `target_cycles` per image, or as
/// few as any folding where none does. FIFOs hold 32 words.
DataflowAccelerator auto_folding(const Network& network, int64_t target_cycles);
/// The same; where streams fork, with FIFOs that hold as many words as with_sized_fifos() finds.
DataflowAccelerator auto_dataflow(const Network& network, int64_t target_cycles);

/// Whether the accelerator can hold the network. Throws InputError("dataflow:NAME", ...).
void validate(const DataflowAccelerator& accelerator, const Network& network);

/// What dataflow accelerators compute; validate() and all that make an accelerator check it first.
const Capabilities& capabilities();

// Figures of one layer on one accelerator, fitted and validated; index into network.layers.
int padded_rows(const DataflowAccelerator& accelerator, const Network& network, int layer);
int padded_columns(const DataflowAccelerator& accelerator, const Network& network, int layer);
/// What a layer is built as, where that is not an MVTU: a pool, or a part that joins its inputs.
bool is_pool(const Layer& layer);
bool is_join(const Layer& layer);
/// Groups that PE rows are of: their columns come in one word. PE divides the rows of one, or they
/// divide PE (depthwise: PE channels at once, FINN's VVAU).
int groups_at_once(const Layer& layer, const LayerParams& params);
/// Of the FIFO from a fork to input `input` of the layer.
int branch_depth(const LayerParams& params, int input);
/// The layer's input with its padding around.
Shape padded_shape(const Layer& layer);
/// Whether a sliding window before a pool hands it one window after the other: always where
/// they overlap, or reach into padding. (FINN: Pool; without it StreamingMaxPool.)
bool pools_windows(const DataflowAccelerator& accelerator, const Network& network, int layer);
/// Channels in a word of a convolution's windows.
int window_simd(const DataflowAccelerator& accelerator, const Network& network, int layer);
int accumulator_bits(const DataflowAccelerator& accelerator, const Network& network, int layer);
int threshold_bits(const DataflowAccelerator& accelerator, const Network& network, int layer);
/// Whether the thresholds of a layer are a part of their own.
bool has_threshold_part(const DataflowAccelerator& accelerator, const Network& network, int layer);
/// Enabled cycles that a result spends in the core of an MVTU in RTL.
int core_stages(const LayerParams& params);
/// Cycles that the MVTU of a layer computes for one image: NF * SF * output pixels (depthwise:
/// C*K*K/PE/SIMD * pixels, as a row's columns are those of its group).
int64_t mvtu_cycles(const DataflowAccelerator& accelerator, const Network& network, int layer);
/// Cycles for one image of the slowest of a layer's MVTU, its sliding window (HLS), and the pools
/// after it, whose words have PE channels.
int64_t layer_cycles(const Network& network, int layer, const LayerParams& params);

}  // namespace stuckat::dataflow
