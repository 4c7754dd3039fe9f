#include "faultmaps/sites.h"

#include <algorithm>
#include <cassert>

#include "faultmaps/effects.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

const PeArray& array_at(const Placement& placement, int part) {
  return placement.arrays[static_cast<size_t>(part)];
}
const Stream& stream_at(const Placement& placement, int part) {
  return placement.streams[static_cast<size_t>(part)];
}
const Layer& layer_of(const Network& network, const ArrayUse& use) {
  return network.layers[static_cast<size_t>(use.layer)];
}

/// Greatest of a figure over everything that the array is used for.
template <typename Figure>
int greatest(const Placement& placement, int part, const Network& network, Figure figure) {
  int result = 0;
  for (const ArrayUse& use : array_at(placement, part).uses) {
    result = std::max(result, figure(use, layer_of(network, use)));
  }
  return result;
}

int pes(const Placement& p, int part, const Network&) { return array_at(p, part).pe; }
int lanes(const Placement& p, int part, const Network&) { return array_at(p, part).simd; }
int input_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.input_format.bits; });
}
int weight_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.weight_format.bits; });
}
int product_bits_of(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.product_bits(); });
}
int accumulator_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer&) { return u.accumulator_bits; });
}
int output_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer& l) {
    return l.accumulator_output ? u.accumulator_bits : l.output_format.bits;
  });
}
// Memories that belong to a PE exist where a PE has rows of its own. A pixel-parallel array
// broadcasts weights and thresholds to all PEs.
int weight_addresses(const Placement& p, int part, const Network& n) {
  const PeArray& a = array_at(p, part);
  if (a.schedule == Schedule::pixel_parallel) return 0;
  return greatest(p, part, n, [&](const ArrayUse& u, const Layer&) {
    return u.rows / a.pe * (u.columns / a.simd);
  });
}
int threshold_addresses(const Placement& p, int part, const Network& n) {
  const PeArray& a = array_at(p, part);
  if (a.schedule == Schedule::pixel_parallel) return 0;
  return greatest(p, part, n, [&](const ArrayUse& u, const Layer& l) {
    return l.accumulator_output ? 0 : u.rows / a.pe;
  });
}
int thresholds(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n,
                  [](const ArrayUse&, const Layer& l) { return l.thresholds_per_row(); });
}
int threshold_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer& l) {
    return l.accumulator_output ? 0 : u.threshold_bits;
  });
}
int shared_weight_addresses(const Placement& p, int part, const Network& n) {
  const PeArray& a = array_at(p, part);
  if (a.schedule == Schedule::channel_parallel) return 0;
  return greatest(p, part, n, [&](const ArrayUse& u, const Layer& l) {
    return l.rows() * (u.columns / a.simd);
  });
}
int shared_threshold_addresses(const Placement& p, int part, const Network& n) {
  if (array_at(p, part).schedule == Schedule::channel_parallel) return 0;
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) {
    return l.accumulator_output ? 0 : l.rows();
  });
}
int slots(const Placement& p, int part, const Network&) { return stream_at(p, part).depth; }
int word_bits(const Placement& p, int part, const Network& n) {
  return stream_word_bits(p, stream_at(p, part), n);
}

const WindowBuffer& window_at(const Placement& p, int part) {
  return p.windows[static_cast<size_t>(part)];
}
const Layer& window_layer(const Placement& p, int part, const Network& n) {
  return n.layers[static_cast<size_t>(window_at(p, part).layer)];
}
int window_slots(const Placement& p, int part, const Network&) { return window_at(p, part).slots; }
int window_columns(const Placement& p, int part, const Network& n) {
  const Layer& l = window_layer(p, part, n);
  return l.input.width + 2 * l.padding;
}
int window_words(const Placement& p, int part, const Network& n) {
  return window_layer(p, part, n).input.channels / window_at(p, part).channels_per_word;
}
int window_word_bits(const Placement& p, int part, const Network& n) {
  return window_at(p, part).channels_per_word * window_layer(p, part, n).input_format.bits;
}

const PoolUnit& pool_at(const Placement& p, int part) { return p.pools[static_cast<size_t>(part)]; }
const Layer& pool_layer(const Placement& p, int part, const Network& n) {
  return n.layers[static_cast<size_t>(pool_at(p, part).layer)];
}
int pool_columns(const Placement& p, int part, const Network&) { return pool_at(p, part).columns; }
int pool_words(const Placement& p, int part, const Network&) { return pool_at(p, part).words; }
int pool_word_bits(const Placement& p, int part, const Network& n) {
  return pool_at(p, part).channels_per_word * pool_layer(p, part, n).input_format.bits;
}
// The greater of two 1-bit codes is their OR: no comparator.
int pool_comparators(const Placement& p, int part, const Network& n) {
  return pool_layer(p, part, n).input_format.bits > 1 ? pool_at(p, part).channels_per_word : 0;
}

const ActivationMemory& memory_at(const Placement& p, int part) {
  return p.memories[static_cast<size_t>(part)];
}
int memory_buffers(const Placement& p, int part, const Network&) {
  return memory_at(p, part).buffers;
}
int memory_bytes(const Placement& p, int part, const Network&) { return memory_at(p, part).bytes; }
int byte_bits(const Placement&, int, const Network&) { return 8; }

}  // namespace

const std::vector<SiteRow>& site_table() {
  static const std::vector<SiteRow> rows = {
      {SiteKind::pe_input,
       "pe/input",
       PartKind::pe_array,
       "pe[]/input[][]",
       {{"pe", pes, "PE"}, {"lane", lanes, "SIMD"}, {"bit", input_bits, "bits of an input code"}},
       ValueKind::bit,
       "bit of the input operand's code, as this PE's lane reads it, in every step",
       "its channels multiply a wrong operand in columns c with c mod SIMD = lane",
       "the bit already has that value; or the layer's operands have fewer bits",
       "hardware.md, MVTU",
       Transient::passes},
      {SiteKind::pe_weight,
       "pe/weight",
       PartKind::pe_array,
       "pe[]/weight[][][]",
       {{"pe", pes, "PE"},
        {"address", weight_addresses, "NF*SF, NF = ceil(rows/PE), SF = ceil(columns/SIMD)"},
        {"lane", lanes, "SIMD"},
        {"bit", weight_bits, "bits of a weight code"}},
       ValueKind::bit,
       "bit of the stored weight code at an address (nf*SF + sf) and lane of the PE's weight "
       "memory",
       "one weight of one channel differs (in each layer that uses the address)",
       "the weight has that bit; or a padded row; or a padded column whose input is 0",
       "hardware.md, MVTU",
       Transient::stored},
      {SiteKind::pe_product,
       "pe/product",
       PartKind::pe_array,
       "pe[]/product[][]",
       {{"pe", pes, "PE"},
        {"lane", lanes, "SIMD"},
        {"bit", product_bits_of, "1 for XNOR, else weight bits + input bits"}},
       ValueKind::bit,
       "bit of a lane's product: the XNOR match, or weight bits + input bits in two's complement",
       "its channels add a wrong product in every step, in padded columns too",
       "every product of the lane has that bit",
       "hardware.md, MVTU and Loopback",
       Transient::passes},
      {SiteKind::pe_accumulator,
       "pe/accumulator",
       PartKind::pe_array,
       "pe[]/accumulator[]",
       {{"pe", pes, "PE"},
        {"bit", accumulator_bits,
         "accumulator width: as the accelerator says, or ceil(log2(columns + 1)) for XNOR, "
         "ceil(log2(columns * greatest product + 1)) + 1 for signed sums"}},
       ValueKind::bit,
       "bit of the accumulator register after every step of the synapse fold",
       "its channels are computed with a broken adder, in the order of the fold",
       "every partial sum has that bit",
       "hardware.md, MVTU",
       Transient::stored},
      {SiteKind::pe_threshold,
       "pe/threshold",
       PartKind::pe_array,
       "pe[]/threshold[][][]",
       {{"pe", pes, "PE"},
        {"address", threshold_addresses, "NF = ceil(rows/PE)"},
        {"index", thresholds, "levels of the output - 1"},
        {"bit", threshold_bits,
         "threshold width: as the accelerator says, or what holds every accumulator and one below, "
         "with a sign"}},
       ValueKind::bit,
       "bit of the stored threshold at a neuron fold of the PE's threshold memory, two's "
       "complement",
       "one threshold of one channel differs (in each layer that uses the address)",
       "the threshold has that bit; or a padded row",
       "hardware.md, MVTU",
       Transient::stored},
      {SiteKind::pe_comparator,
       "pe/comparator",
       PartKind::pe_array,
       "pe[]/comparator[]",
       {{"pe", pes, "PE"}, {"index", thresholds, "levels of the output - 1"}},
       ValueKind::bit,
       "output of the comparator 'threshold < accumulator' before the count",
       "its channels count one threshold always or never; with 1-bit activations they are stuck",
       "the comparison always has that outcome",
       "hardware.md, MVTU",
       Transient::passes},
      {SiteKind::pe_output,
       "pe/output",
       PartKind::pe_array,
       "pe[]/output[]",
       {{"pe", pes, "PE"},
        {"bit", output_bits,
         "bits of an output code; accumulator width where a layer passes it out"}},
       ValueKind::bit,
       "bit of the output code; of the accumulator where a layer passes it out",
       "one bit of its channels is stuck; with 1-bit activations the channels are",
       "every output has that bit",
       "hardware.md, MVTU",
       Transient::passes},
      {SiteKind::pe_dead,
       "pe/dead",
       PartKind::pe_array,
       "pe[]/dead",
       {{"pe", pes, "PE"}},
       ValueKind::level,
       "every output of the PE is one level",
       "its channels are stuck at the level (channel stuck@), in every layer that the PE serves",
       "padded rows only",
       "FAT (Zahid et al. 2020), error models",
       Transient::none},
      {SiteKind::stream_wire,
       "stream/wire",
       PartKind::stream,
       "wire[]",
       {{"bit", word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of every word of the stream; bit = lane * bits of the format + code bit",
       "one code bit of the channels on that lane is stuck, in every pixel; inside a layer: of the "
       "operands, or of the columns of its windows",
       "every word has that bit; or a lane beyond the last channel",
       "design.md, sites",
       Transient::passes},
      {SiteKind::stream_slot,
       "stream/slot",
       PartKind::stream,
       "slot[][]",
       {{"slot", slots, "depth"}, {"bit", word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of one storage slot of the FIFO: of every depth-th word, counted over the whole run",
       "one code bit of one lane in the pixels whose words use the slot; drifts from image to "
       "image",
       "every such word has that bit",
       "design.md, sites",
       Transient::stored},
      {SiteKind::stream_word,
       "stream/word",
       PartKind::stream,
       "slot[]/dead",
       {{"slot", slots, "depth"}},
       ValueKind::level,
       "one storage slot of the FIFO reads one level in every lane",
       "pixels whose words use the slot are stuck in all channels of the word (same-pixel stuck@)",
       "never, but for words that hold the level anyway",
       "FAT (Zahid et al. 2020), error models",
       Transient::none},
      {SiteKind::window_cell,
       "window/cell",
       PartKind::window_buffer,
       "cell[][][][]",
       {{"slot", window_slots, "kernel + stride rows"},
        {"column", window_columns, "width + 2*padding"},
        {"word", window_words, "channels/SIMD"},
        {"bit", window_word_bits, "SIMD * bits of a code"}},
       ValueKind::bit,
       "bit of one cell of the sliding-window buffer: row slot, column of the padded input, word "
       "of "
       "the pixel; bit = lane * bits of the format + code bit",
       "one channel of the pixels (y, column) with y mod slots = slot is a wrong operand of the "
       "layer behind, padding included; the tensor itself is right",
       "every such operand has that bit; or no window covers the pixels",
       "hardware.md, sliding-window unit",
       Transient::stored},
      {SiteKind::pool_cell,
       "pool/cell",
       PartKind::pool,
       "cell[][][]",
       {{"column", pool_columns, "width of the output, or 1 behind a window"},
        {"word", pool_words, "channels / channels in a word, or 1 behind a window"},
        {"bit", pool_word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of the running maximum of one output column after every pixel of its window, in raster "
       "order; the first pixel overwrites what was there",
       "one channel of that column, in every output row, is a maximum of broken codes",
       "every running maximum has that bit",
       "hardware.md, max-pool",
       Transient::stored},
      {SiteKind::pool_comparator,
       "pool/comparator",
       PartKind::pool,
       "comparator[]",
       {{"lane", pool_comparators, "channels in a word; 0 for 1-bit codes"}},
       ValueKind::bit,
       "output of the lane's comparator 'new code > running maximum'; 1-bit codes have an OR "
       "instead and no such site",
       "the lane's channels keep the first pixel of each window (0) or the last (1)",
       "the first pixel (the last) of every window is its greatest",
       "hardware.md, max-pool",
       Transient::passes},
      {SiteKind::pool_output,
       "pool/output",
       PartKind::pool,
       "output[]",
       {{"bit", pool_word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of every word that the pool gives; bit = lane * bits of the format + code bit",
       "one code bit of the channels on that lane is stuck, in every pixel behind the pool",
       "every output has that bit",
       "hardware.md, max-pool",
       Transient::passes},
      {SiteKind::array_weight,
       "array/weight",
       PartKind::pe_array,
       "weight[][][]",
       {{"address", shared_weight_addresses, "rows*SF, SF = ceil(columns/SIMD)"},
        {"lane", lanes, "SIMD"},
        {"bit", weight_bits, "bits of a weight code"}},
       ValueKind::bit,
       "bit of the stored weight code at an address (row*SF + sf) and lane of the memory that "
       "broadcasts to the PEs of a pixel-parallel array",
       "one weight of one channel differs, for every PE (in each layer that uses the address)",
       "the weight has that bit; or a padded column whose input is 0",
       "hardware.md, Loopback",
       Transient::stored},
      {SiteKind::array_threshold,
       "array/threshold",
       PartKind::pe_array,
       "threshold[][][]",
       {{"address", shared_threshold_addresses, "rows"},
        {"index", thresholds, "levels of the output - 1"},
        {"bit", threshold_bits,
         "threshold width: as the accelerator says, or what holds every accumulator and one below, "
         "with a sign"}},
       ValueKind::bit,
       "bit of the stored threshold of a row, two's complement, in the memory that broadcasts to "
       "the PEs of a pixel-parallel array",
       "one threshold of one channel differs, for every PE (in each layer that has the row)",
       "the threshold has that bit",
       "hardware.md, Loopback",
       Transient::stored},
      {SiteKind::buffer_activation,
       "buffer/activation",
       PartKind::activation_memory,
       "buffer[]/data[][]",
       {{"buffer", memory_buffers, "2"},
        {"address", memory_bytes, "bytes of a buffer"},
        {"bit", byte_bits, "8"}},
       ValueKind::bit,
       "bit of a byte of one of the two activation buffers: of every code, running maximum of a "
       "pool or accumulator that is stored there",
       "one code bit of one element, in each tensor that the buffer holds and that reaches so far",
       "the element has that bit; or the byte lies behind the tensor or in a pixel's last bits",
       "models/loopback/FORMAT.md, Faults",
       Transient::stored},
  };
  return rows;
}

const SiteRow& site_row(SiteKind kind) {
  const SiteRow& row = site_table()[static_cast<size_t>(kind)];
  assert(row.kind == kind);
  return row;
}

SiteKind parse_site_kind(std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const SiteRow& row : site_table()) {
    if (row.name == name) return row.kind;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "site kind", name, known);
}

int element_bits(const Placement& placement, int tensor, const Network& network) {
  if (!network.holds_accumulators(tensor)) return network.format(tensor).bits;
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == network.producer(tensor)) return use.accumulator_bits;
    }
  }
  return network.layer(network.producer(tensor)).accumulator_bits();
}

int stream_word_bits(const Placement& placement, const Stream& stream, const Network& network) {
  return stream.channels_per_word * element_bits(placement, stream.tensor, network);
}

NumberFormat level_format(const Network& network, int layer) {
  const Layer& l = network.layers[static_cast<size_t>(layer)];
  if (!l.accumulator_output) return l.output_format;
  return l.input_format.kind == FormatKind::fixed_point ? binary_format : l.input_format;
}

std::vector<int> site_values(const SiteRow& row, const Placement& placement, int part,
                             const Network& network) {
  if (row.value == ValueKind::bit) return {0, 1};
  NumberFormat format;
  if (row.part == PartKind::stream) {
    const int tensor = stream_at(placement, part).tensor;
    format = tensor == 0 ? network.format(0) : level_format(network, network.producer(tensor));
  } else {
    const auto& uses = array_at(placement, part).uses;
    if (uses.empty()) return {};
    format = level_format(network, uses.front().layer);
  }
  std::vector<int> values;
  for (int i = 0; i < format.levels(); ++i) values.push_back(format.level(i));
  return values;
}

}  // namespace stuckat
