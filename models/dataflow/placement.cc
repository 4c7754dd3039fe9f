#include "models/dataflow/placement.h"

#include <algorithm>

#include "faultmaps/sites.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/rtl_mvu_clock.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::dataflow {

namespace {

/// Elements of a tensor (or of windows) follow each other from word to word, `in_pixel` of them for
/// each pixel, padding included. Where no word holds two pixels, pixels are words of their own; the
/// padding after the last element is part of the one pixel there is. False: words have no place
/// among the pixels.
bool divide(int pixels, int in_pixel, int channels, int64_t words_per_image, Stream& stream) {
  const bool aligned = pixels == 1 || in_pixel % stream.channels_per_word == 0;
  if (!aligned && in_pixel != channels) return false;
  stream.packed = !aligned;
  stream.words_per_pixel = static_cast<int>(words_per_image / (aligned ? pixels : 1));
  return true;
}

/// The streams in the order of the data: to a layer's windows (from a fork, or input converters, to
/// the array; to an add, a concat or a pool), and from a layer's array, pool, add or concat to its
/// own stream. What comes to a pool in a chain has no place: that is a matter of graphs.
class StreamPlacer {
 public:
  StreamPlacer(const Chain& chain, const Network& network, Placement& placement)
      : chain_(chain), network_(network), placement_(placement) {}

  void run() {
    for (const StreamSpec& spec : chain_.streams) {
      const auto from = static_cast<size_t>(spec.from);
      if (!carries_sums(from)) add(chain_.stages[from], spec);
    }
  }

 private:
  /// From an array to thresholds that are a part of their own: no effect says what a broken sum
  /// does.
  bool carries_sums(size_t stage) const {
    const auto& stages = chain_.stages;
    for (size_t i = stage + 1; stages[i].layer == stages[stage].layer; ++i) {
      if (stages[i].kind != StageKind::thresholding) continue;
      for (size_t before = stage + 1; before-- > 0;) {
        if (stages[before].layer != stages[stage].layer) return false;
        if (stages[before].kind == StageKind::mvtu) return true;
      }
    }
    return false;
  }

  void add(const StageSpec& stage, const StreamSpec& spec) {
    const bool computes = stage.kind == StageKind::mvtu || stage.kind == StageKind::thresholding ||
                          stage.kind == StageKind::max_pool ||
                          stage.kind == StageKind::average_pool || stage.kind == StageKind::add ||
                          stage.kind == StageKind::concat;
    if (computes) computed_ = stage.layer + 1;  // what follows is on its way out
    Stream stream;
    stream.name = spec.name;
    stream.depth = spec.depth;
    const bool forked = spec.branch >= 0;
    const int layer_in = forked ? chain_.stages[static_cast<size_t>(spec.to)].layer : stage.layer;
    const bool on_its_way_in = layer_in >= computed_;
    if (on_its_way_in && !network_.layer(layer_in).has_weights() && chain_.is_line()) return;
    if (on_its_way_in) stream.input = forked ? spec.branch : input_of(stage, spec);
    stream.tensor = on_its_way_in
                        ? network_.layer(layer_in).inputs[static_cast<size_t>(stream.input)]
                    : stage.layer < 0 ? 0
                                      : network_.output_tensor(stage.layer);
    stream.layer = on_its_way_in ? layer_in : network_.only_consumer(stream.tensor);
    if (on_its_way_in) {
      const Layer& layer = network_.layer(layer_in);
      if (stage.kind == StageKind::sliding_window) windowed_ = layer_in;
      const bool windows = layer.is_flat() || layer_in == windowed_;
      if (windows && layer.groups > 1) return;      // of some channels after those of others
      if (windows && !layer.has_weights()) return;  // no effect says what a pool's window reads
      stream.carries = windows ? Carries::windows : Carries::operands;
      if (!windows && stage.kind != StageKind::padding) {
        // Effects know frames of one width.
        if (layer.padding != Padding(layer.padding.top)) return;
        stream.frame = layer.padding.top;
      }
    }
    const int bits = element_bits(placement_, stream.tensor, network_);
    if (spec.word_bits() % bits != 0) return;  // codes across words
    stream.channels_per_word = spec.word_bits() / bits;
    const Shape shape = carried_shape(stream, placement_, network_);
    const bool of_array = stage.layer >= 0 && !on_its_way_in && rows_of(stage.layer) > 0;
    const int in_pixel = of_array ? rows_of(stage.layer) : shape.channels;
    if (!divide(shape.pixels(), in_pixel, shape.channels, spec.words_per_image, stream)) return;
    for (const Stream& other : placement_.streams) {
      stream.position += other.tensor == stream.tensor && other.carries == stream.carries &&
                                 (stream.carries == Carries::tensor ||
                                  (other.layer == stream.layer && other.input == stream.input))
                             ? 1
                             : 0;
    }
    placement_.streams.push_back(std::move(stream));
  }

  /// Which input of the stage's layer the converters lead to whose last stream this is.
  int input_of(const StageSpec& stage, const StreamSpec& spec) const {
    for (const StageSpec& join : chain_.stages) {
      if (join.layer != stage.layer || !is_junction(join.kind) || join.kind == StageKind::fork)
        continue;
      for (size_t k = 0; k < join.inputs.size(); ++k) {
        if (leads_to(spec, join.inputs[k])) return static_cast<int>(k);
      }
    }
    return 0;
  }
  /// Through converters.
  bool leads_to(const StreamSpec& spec, int stream) const {
    const StreamSpec* at = &spec;
    while (at->name != chain_.streams[static_cast<size_t>(stream)].name) {
      const StageSpec& next = chain_.stages[static_cast<size_t>(at->to)];
      if (next.kind != StageKind::width_converter) return false;
      at = &chain_.streams[static_cast<size_t>(next.outputs.front())];
    }
    return true;
  }

  /// Padded rows of the array that computes the layer, 0 for pools.
  int rows_of(int layer) const {
    for (const PeArray& array : placement_.arrays) {
      if (array.uses.front().layer == layer) return array.uses.front().rows;
    }
    return 0;
  }

  const Chain& chain_;
  const Network& network_;
  Placement& placement_;
  int computed_ = 0;   // layers whose array or pool comes after
  int windowed_ = -1;  // the layer whose sliding window comes after
};

/// An adder, or the running sums of an average-pool.
OtherPart sum_unit(const DataflowAccelerator& accelerator, const Network& network,
                   const StageSpec& stage, int lanes) {
  const int bits = accumulator_bits(accelerator, network, stage.layer);
  if (stage.kind == StageKind::add)
    return {PartKind::adder, stage.name, stage.layer, {lanes, bits}};
  const Layer& pool = network.layer(stage.layer);
  const bool windows = pools_windows(accelerator, network, stage.layer);
  return {
      PartKind::average_pool,
      stage.name,
      stage.layer,
      {lanes, windows ? 1 : pool.output.width, windows ? 1 : pool.input.channels / lanes, bits}};
}

/// What an MVU in RTL stores beside its core.
void add_buffers(const PeArray& array, const std::string& layer, const StreamSpec& out,
                 Placement& placement) {
  const ArrayUse& use = array.uses.front();
  const RtlMvuShape shape{use.columns / array.simd, use.rows / array.pe};
  if (shape.neuron_fold > 1) {
    placement.others.push_back({PartKind::replay_buffer,
                                layer + "/replay_buffer",
                                use.layer,
                                {static_cast<int>(shape.replay_words())}});
  }
  placement.others.push_back(
      {PartKind::output_registers, layer + "/mvu_output", use.layer, {out.depth == 0 ? 1 : 0}});
}

}  // namespace

Placement place(const DataflowAccelerator& accelerator, const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:" + accelerator.name;
  const Chain chain = build_chain(accelerator, network);
  for (const StageSpec& stage : chain.stages) {
    if (stage.kind == StageKind::sliding_window) {
      const Layer& layer = network.layers[static_cast<size_t>(stage.layer)];
      if (is_pool(layer)) continue;  // no effect says what a pool's window reads
      const LayerParams& p = accelerator.layers[static_cast<size_t>(stage.layer)];
      const int simd = window_simd(accelerator, network, stage.layer);
      const WindowVersion version = window_version(layer, p);
      const WindowShape shape = window_shape(layer, simd, version);
      if (version == WindowVersion::rtl) {
        placement.others.push_back({PartKind::window_ring,
                                    stage.name,
                                    stage.layer,
                                    {static_cast<int>(shape.ring_words()), simd}});
      }
      if (version != WindowVersion::hls) continue;  // parallel: lines of shift registers
      const int slots = SlidingWindow::row_slots(shape);
      placement.windows.push_back({stage.name, stage.layer, slots, simd});
    }
    if (stage.kind == StageKind::max_pool) {
      const Layer& pool = network.layers[static_cast<size_t>(stage.layer)];
      const int lanes = chain.in(static_cast<size_t>(&stage - chain.stages.data())).lanes;
      PoolUnit unit{stage.name, stage.layer, lanes, pool.output.width, pool.input.channels / lanes};
      if (pools_windows(accelerator, network, stage.layer)) unit.columns = unit.words = 1;
      placement.pools.push_back(std::move(unit));
    }
    if (stage.kind == StageKind::average_pool || stage.kind == StageKind::add) {
      placement.others.push_back(
          sum_unit(accelerator, network, stage,
                   chain.in(static_cast<size_t>(&stage - chain.stages.data())).lanes));
    }
    if (stage.kind != StageKind::mvtu) continue;
    const LayerParams& p = accelerator.layers[static_cast<size_t>(stage.layer)];
    PeArray array{stage.name, p.pe, p.simd, Schedule::channel_parallel, {}};
    array.uses.push_back({stage.layer, padded_rows(accelerator, network, stage.layer),
                          padded_columns(accelerator, network, stage.layer),
                          accumulator_bits(accelerator, network, stage.layer),
                          threshold_bits(accelerator, network, stage.layer),
                          groups_at_once(network.layer(stage.layer), p)});
    if (p.parts.mvtu == Backend::rtl) {
      add_buffers(array, network.layers[static_cast<size_t>(stage.layer)].name,
                  chain.out(static_cast<size_t>(&stage - chain.stages.data())), placement);
    }
    if (has_threshold_part(accelerator, network, stage.layer)) {
      placement.others.push_back(
          {PartKind::threshold_unit,
           network.layers[static_cast<size_t>(stage.layer)].name + "/thresholding",
           stage.layer,
           {p.threshold_pe > 0 ? p.threshold_pe : p.pe}});
    }
    placement.arrays.push_back(std::move(array));
  }
  StreamPlacer(chain, network, placement).run();
  return placement;
}

}  // namespace stuckat::dataflow
