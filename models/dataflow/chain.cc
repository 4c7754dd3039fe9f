#include "models/dataflow/chain.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "models/dataflow/max_pool.h"
#include "models/dataflow/sliding_window.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

class ChainBuilder {
 public:
  ChainBuilder(const DataflowAccelerator& accelerator, const Network& network)
      : accelerator_(accelerator), network_(network) {}

  Chain build() {
    add_input();
    fork(0);
    for (int i = 0; i < static_cast<int>(network_.layers.size()); ++i) {
      const Layer& layer = network_.layer(i);
      if (is_join(layer)) {
        add_join(i);
      } else {
        current_ = way_.at({i, 0});
        is_pool(layer) ? add_pool(i) : add_mvtu(i);
      }
      fork(Network::output_tensor(i));
    }
    chain_.stages.push_back({StageKind::memory_writer, "output/memory_writer", -1, {current_}, {}});
    for (size_t s = 0; s < chain_.stages.size(); ++s) {
      for (const int in : chain_.stages[s].inputs) stream(in).to = static_cast<int>(s);
      for (const int out : chain_.stages[s].outputs) stream(out).from = static_cast<int>(s);
    }
    return std::move(chain_);
  }

 private:
  StreamSpec& stream(int index) { return chain_.streams[static_cast<size_t>(index)]; }
  int push(StreamSpec stream) {
    chain_.streams.push_back(std::move(stream));
    return static_cast<int>(chain_.streams.size()) - 1;
  }
  void add(StageKind kind, const std::string& name, int layer, StreamSpec out) {
    std::vector<int> inputs;
    if (current_ >= 0) inputs = {current_};
    current_ = push(std::move(out));
    chain_.stages.push_back({kind, name, layer, std::move(inputs), {current_}});
  }
  /// The stream that the next stage reads.
  const StreamSpec& current() const { return chain_.streams[static_cast<size_t>(current_)]; }

  /// What carries a tensor goes to the layer that reads it, or to each of several after a fork.
  void fork(int tensor) {
    std::vector<std::pair<int, int>> readers;  // layer, and which of its inputs
    for (const int layer : network_.consumers(tensor)) {
      const auto& inputs = network_.layer(layer).inputs;
      for (size_t k = 0; k < inputs.size(); ++k) {
        if (inputs[k] == tensor) readers.emplace_back(layer, static_cast<int>(k));
      }
    }
    if (readers.size() == 1) way_[readers.front()] = current_;
    if (readers.size() < 2) return;
    StageSpec stage{StageKind::fork,
                    network_.tensor_name(tensor) + "/fork",
                    Network::producer(tensor),
                    {current_},
                    {}};
    for (const auto& reader : readers) {
      const auto [layer, input] = reader;
      StreamSpec branch = current();
      branch.name = network_.layer(layer).name + "/in" + std::to_string(input);
      branch.depth = branch_depth(params(layer), input);
      branch.tensor = -1;
      branch.branch = input;
      way_[reader] = push(std::move(branch));
      stage.outputs.push_back(way_[reader]);
    }
    chain_.stages.push_back(std::move(stage));
  }

  /// Words of PE elements of every input, and what is made of them.
  void add_join(int index) {
    const Layer& layer = network_.layer(index);
    const LayerParams& p = params(index);
    const bool adds = layer.kind == LayerKind::add;
    const std::string part = adds ? "/add" : "/concat";
    StageSpec stage{adds ? StageKind::add : StageKind::concat, layer.name + part, index, {}, {}};
    for (size_t k = 0; k < layer.inputs.size(); ++k) {
      const int tensor = layer.inputs[k];
      const std::string number = std::to_string(k);
      current_ = way_.at({index, static_cast<int>(k)});
      convert(layer.name + "/input_converter" + number, index, p.inner_depth,
              {layer.name + "/operands" + number, p.pe, network_.format(tensor).bits, p.inner_depth,
               network_.shape(tensor).size() / p.pe, -1});
      stage.inputs.push_back(current_);
    }
    const int bits = layer.accumulator_output ? accumulator_bits(accelerator_, network_, index)
                                              : layer.output_format.bits;
    const StreamSpec out = result_of(index, p.pe, bits);
    current_ =
        push(out.lanes == p.pe ? out
                               : StreamSpec{layer.name + (adds ? "/sums" : "/joined"), p.pe, bits,
                                            p.inner_depth, layer.output.size() / p.pe, -1});
    stage.outputs = {current_};
    chain_.stages.push_back(std::move(stage));
    convert(layer.name + "/output_converter", index, p.inner_depth, out);
  }

  /// What a layer gives, in words of `lanes` elements as its part has them, unless its parameters
  /// say otherwise.
  StreamSpec result_of(int index, int lanes, int bits) const {
    const Layer& layer = network_.layer(index);
    const LayerParams& p = params(index);
    const int64_t elements = layer.output.size();
    StreamSpec out{layer.name + "/out",          lanes, bits, p.out_depth, elements / lanes,
                   Network::output_tensor(index)};
    if (p.word_bits > 0 && !layer.accumulator_output) {
      out.lanes = lanes_in_word(layer.output.channels, bits, p.word_bits);
      out.words_per_image = elements / out.lanes;
    }
    return out;
  }

  /// Width converters until the words are as `out` says; through the least common multiple where
  /// neither width divides the other. Nothing if they are already.
  void convert(const std::string& part, int layer, int inner_depth, const StreamSpec& out) {
    const int from = current().word_bits();
    const int to = out.word_bits();
    if (from == to) return;
    const int common = std::lcm(from, to);
    if (common != from && common != to) {
      const int64_t narrow = common / from;
      add(StageKind::width_converter, part + "_up", layer,
          {part + "_words", common, 1, inner_depth,
           (current().words_per_image + narrow - 1) / narrow, -1});
    }
    add(StageKind::width_converter, part, layer, out);
  }

  void add_input() {
    const Layer& first = network_.layers.front();
    const int bits = first.input_format.bits;
    StreamSpec pixels{
        "input", first.input.channels, bits, accelerator_.input_depth, first.input.pixels(), 0};
    if (first.is_flat() && network_.only_consumer(0) == 0) {
      const int simd = params(0).simd;
      pixels.lanes = simd;
      pixels.words_per_image = padded_columns(accelerator_, network_, 0) / simd;
    }
    const int64_t image_bits = pixels.words_per_image * pixels.word_bits();
    const int word = accelerator_.memory_word_bits;
    const int64_t words = (image_bits + word - 1) / word;
    StreamSpec memory{"input/memory_words", word, 1, 2, words, -1};
    if (word == pixels.word_bits()) memory = pixels;
    add(StageKind::memory_reader, "input/memory_reader", -1, memory);
    convert("input/converter", -1, 2, pixels);
  }

  void add_mvtu(int index) {
    const Layer& layer = network_.layers[static_cast<size_t>(index)];
    const LayerParams& p = params(index);
    const bool last = layer.accumulator_output;
    if (!layer.is_flat()) add_windows(index);
    const int64_t columns = padded_columns(accelerator_, network_, index);
    const int in_bits = layer.input_format.bits;
    // Nothing where the memory's words are those of the first layer already.
    const char* converter = layer.is_flat() ? "/input_converter" : "/window_converter";
    convert(layer.name + converter, index, p.inner_depth,
            {layer.name + "/columns", p.simd * groups_at_once(layer, p), in_bits, p.inner_depth,
             int64_t{layer.output.pixels()} * layer.groups / groups_at_once(layer, p) * columns /
                 p.simd,
             -1});
    const int rows = padded_rows(accelerator_, network_, index);
    const int64_t elements = int64_t{layer.output.pixels()} * rows;
    const int out_bits =
        last ? accumulator_bits(accelerator_, network_, index) : layer.output_format.bits;
    const bool thresholds = has_threshold_part(accelerator_, network_, index);
    const int pe = thresholds && p.threshold_pe > 0 ? p.threshold_pe : p.pe;
    StreamSpec out{layer.name + "/out", pe, out_bits, p.out_depth, elements / pe, index + 1};
    if (!last && p.word_bits > 0) {
      out.lanes = lanes_in_word(layer.output.channels, out_bits, p.word_bits);
      out.words_per_image = elements / out.lanes;
    }
    StreamSpec rows_out = out;
    if (out.lanes != pe) {
      rows_out = {layer.name + "/rows", pe, out_bits, p.inner_depth, elements / pe, -1};
    }
    if (thresholds) {
      const int bits = accumulator_bits(accelerator_, network_, index);
      add(StageKind::mvtu, layer.name + "/mvtu", index,
          {layer.name + "/sums", p.pe, bits, p.inner_depth, elements / p.pe, -1});
      convert(layer.name + "/sum_converter", index, p.inner_depth,
              {layer.name + "/threshold_sums", pe, bits, p.inner_depth, elements / pe, -1});
      add(StageKind::thresholding, layer.name + "/thresholding", index, rows_out);
    } else {
      add(StageKind::mvtu, layer.name + "/mvtu", index, rows_out);
    }
    convert(layer.name + "/output_converter", index, p.inner_depth, out);
  }

  /// Words of channels, padding around the image, sliding window.
  void add_windows(int index) {
    const Layer& layer = network_.layers[static_cast<size_t>(index)];
    const LayerParams& p = params(index);
    const int bits = layer.input_format.bits;
    const int simd = window_simd(accelerator_, network_, index);
    const int64_t words_per_pixel = layer.input.channels / simd;
    convert(layer.name + "/input_converter", index, p.inner_depth,
            {layer.name + "/channels", simd, bits, p.inner_depth,
             layer.input.pixels() * words_per_pixel, -1});
    add_padding(index, simd);
    add_window(index, simd);
  }

  void add_padding(int index, int simd) {
    const Layer& layer = network_.layer(index);
    const LayerParams& p = params(index);
    if (layer.padding == Padding(0)) return;
    const Shape padded = padded_shape(layer);
    add(StageKind::padding, layer.name + "/padding", index,
        {layer.name + "/padded", simd, layer.input_format.bits, p.inner_depth, padded.size() / simd,
         -1});
  }

  /// A word of `simd` channels of one pixel of a window after the other; parallel: of all.
  void add_window(int index, int simd) {
    const Layer& layer = network_.layers[static_cast<size_t>(index)];
    const LayerParams& p = params(index);
    const int size = layer.kernel.height * layer.kernel.width;
    const bool parallel = window_version(layer, p) == WindowVersion::parallel;
    const int64_t words = int64_t{layer.output.pixels()} * (layer.input.channels / simd);
    add(StageKind::sliding_window, layer.name + "/sliding_window", index,
        {layer.name + "/windows", parallel ? size * simd : simd, layer.input_format.bits,
         p.inner_depth, parallel ? words : words * size, -1});
  }

  void add_pool(int index) {
    const Layer& layer = network_.layers[static_cast<size_t>(index)];
    const LayerParams& p = params(index);
    const int bits = layer.input_format.bits;
    const int lanes = p.window_simd > 0 ? p.window_simd : current().lanes;
    if (pools_windows(accelerator_, network_, index)) {
      const int64_t words_per_pixel = layer.input.channels / lanes;
      convert(layer.name + "/input_converter", index, p.inner_depth,
              {layer.name + "/channels", lanes, bits, p.inner_depth,
               layer.input.pixels() * words_per_pixel, -1});
      add_padding(index, lanes);
      add_window(index, lanes);
    }
    const bool sums = layer.kind->sums;
    const int out_bits = layer.accumulator_output ? accumulator_bits(accelerator_, network_, index)
                                                  : layer.output_format.bits;
    const StreamSpec out = result_of(index, lanes, sums ? out_bits : bits);
    StreamSpec pooled = out;
    if (out.lanes != lanes) {
      pooled = {layer.name + "/pooled",      lanes, out.lane_bits, p.inner_depth,
                layer.output.size() / lanes, -1};
    }
    add(sums ? StageKind::average_pool : StageKind::max_pool, layer.name + "/pool", index, pooled);
    convert(layer.name + "/output_converter", index, p.inner_depth, out);
  }

  /// Most channels in a word of at most `word_bits` bits that divide a pixel into equal words.
  static int lanes_in_word(int channels, int bits, int word_bits) {
    int lanes = std::clamp(word_bits / bits, 1, channels);
    while (channels % lanes != 0) --lanes;
    return lanes;
  }

  const LayerParams& params(int index) const {
    return accelerator_.layers[static_cast<size_t>(index)];
  }

  const DataflowAccelerator& accelerator_;
  const Network& network_;
  Chain chain_;
  int current_ = -1;                        // stream
  std::map<std::pair<int, int>, int> way_;  // stream to input k of a layer, by layer and k
};

}  // namespace

bool is_junction(StageKind kind) {
  return kind == StageKind::fork || kind == StageKind::add || kind == StageKind::concat;
}

std::vector<size_t> stages_between(const Chain& chain, const std::string& first,
                                   const std::string& last) {
  const auto index = [&](const std::string& name) -> size_t {
    std::vector<std::string> names;
    for (size_t i = 0; i < chain.stages.size(); ++i) {
      if (chain.stages[i].name == name) return i;
      names.push_back(chain.stages[i].name);
    }
    throw_unknown_name("dataflow", "part", name, names);
  };
  std::vector<size_t> stages;
  for (size_t i = index(first); i <= index(last); ++i) stages.push_back(i);
  if (stages.empty())
    throw InputError("dataflow", first + " comes after " + last, "the first one first");
  return stages;
}

Chain build_chain(const DataflowAccelerator& accelerator, const Network& network) {
  return ChainBuilder(accelerator, network).build();
}

}  // namespace stuckat::dataflow
