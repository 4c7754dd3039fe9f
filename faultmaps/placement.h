// Placements: which piece of hardware does which operation. A value that every accelerator fills
// in for a network (models/*/placement), and the only thing that lowering knows about hardware.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

class Timeline;

/// channel_parallel: PE p computes rows {r : r mod pe = p} at every pixel.
/// pixel_parallel:   PE p computes all rows at output pixels {q : q mod pe = p}.
enum class Schedule : uint8_t { channel_parallel, pixel_parallel };

/// What an array of PEs does for one layer. Row r is computed in neuron fold nf = r / pe; weight
/// (row r, column c) sits in the weight memory of PE r mod pe at address nf*(columns/simd) +
/// c/simd, lane c mod simd (docs/hardware.md, MVTU). Rows and columns are padded up to multiples.
struct ArrayUse {
  int layer = 0;             ///< index in Network::layers
  int rows = 0;              ///< padded: a multiple of pe
  int columns = 0;           ///< padded: a multiple of simd
  int accumulator_bits = 0;  ///< register width; >= layer.accumulator_bits()
  int threshold_bits = 0;    ///< stored width; >= layer.threshold_bits()
  int groups_at_once = 1;    ///< whose rows a fold has; > 1: as many as it has PEs for

  bool operator==(const ArrayUse&) const = default;
};

/// An array of PEs: an MVTU of a dataflow accelerator (one use) or the array of a loopback
/// accelerator (one use for each layer that runs on it).
struct PeArray {
  std::string name;  ///< "layer1/mvtu", "array"
  int pe = 1;
  int simd = 1;
  Schedule schedule = Schedule::channel_parallel;
  std::vector<ArrayUse> uses;

  bool operator==(const PeArray&) const = default;
};

/// What the words of a FIFO are. After a tensor's own stream ("layer0/out") its elements travel on
/// towards a layer that reads it, as operands: `operands` of that layer's padded input
/// (see `frame`), then `windows`.
enum class Carries : uint8_t { tensor, operands, windows };

/// A FIFO between parts, or inside one, that carries one tensor, word by word in raster order: word
/// w of a pixel holds channels w*channels_per_word .. of it. A packed stream knows no pixels: word
/// w of the image holds elements w*channels_per_word .. of the tensor. Words and lanes after the
/// last channel (the last element) carry padding. Lane l of the word lies in bits [l*b, (l+1)*b), b
/// the bits of the tensor's format. A ring of `depth` slots: the n-th word of the run lies in slot
/// n mod depth. Operands are those of layer `layer`: with frame = its padding the words are those
/// of the image without it, with frame = 0 padding travels too. Windows: "pixels" are output
/// pixels, "channels" the padded columns.
struct Stream {
  std::string name;  ///< "layer1/out": the stream of layer1's output to the next part
  int tensor = 0;
  int depth = 2;
  int channels_per_word = 1;
  int words_per_pixel = 1;  ///< >= ceil(channels / channels_per_word); packed: words of the image
  bool packed = false;
  Carries carries = Carries::tensor;
  int frame = 0;
  int position = 0;  ///< among the FIFOs that carry the same, in the order of the data
  int layer = -1;    ///< that reads the tensor at the end of this way; -1: it leaves
  int input = 0;     ///< of that layer: which of those that it has

  bool operator==(const Stream&) const = default;
};

/// The sliding-window buffer before an array: row y of the layer's padded input lies in row
/// slot y mod `slots`, word by word: word w of a pixel holds channels w*channels_per_word .. of it,
/// lane l in bits [l*b, (l+1)*b).
struct WindowBuffer {
  std::string name;  ///< "layer1/sliding_window"
  int layer = 0;
  int slots = 0;  ///< rows that the buffer holds
  int channels_per_word = 1;

  bool operator==(const WindowBuffer&) const = default;
};

/// A max-pool: running maxima in words of channels_per_word channels as above. A streaming pool
/// keeps a whole output row; one that takes window by window, all of a word's before the next
/// word's, keeps a single word.
struct PoolUnit {
  std::string name;  ///< "pool0/pool"
  int layer = 0;
  int channels_per_word = 1;
  int columns = 1;  ///< output pixels that are kept at once
  int words = 1;    ///< of each of them

  bool operator==(const PoolUnit&) const = default;
};

/// Activation buffers. A pixel begins at a whole byte: pixel p of a tensor at its `address` + p *
/// ceil(channels * b / 8), its channel c in the bits from c*b on, the lowest bit of a byte first; b
/// as stored_bits() says. Layers directly after a tensor sit on the way in; where the last of them
/// are max-pools, their running maxima are in the buffer.
struct ActivationMemory {
  struct Stored {
    int tensor = 0;   ///< as the array gives it, or as it is loaded
    int kept = 0;     ///< after layers tensor .. kept - 1, each of which alone reads the one before
    int buffer = 0;   ///< that holds `kept`
    int address = 0;  ///< of its first byte
    bool operator==(const Stored&) const = default;
  };
  std::string name;  ///< "activations"
  int buffers = 2;
  int bytes = 0;  ///< of each
  std::vector<Stored> tensors = {};

  bool operator==(const ActivationMemory&) const = default;
};

/// Bits of an element of the tensor in an activation memory: of its format, 32 for accumulators.
int stored_bits(const Network& network, int tensor);

enum class PartKind : uint8_t {
  pe_array,
  stream,
  window_buffer,
  pool,
  activation_memory,
  window_ring,       ///< of others: slots, channels in a word
  replay_buffer,     ///< of others: slots
  output_registers,  ///< of others: 1 if the stream after is wires
  threshold_unit,    ///< of others: rows at once. Thresholds after an array, not inside it
  average_pool,      ///< of others: channels in a word, columns and words kept, bits of a sum
  adder              ///< of others: channels in a word, bits of a sum
};

/// A part of a kind that was registered (parts.h), or has no list of its own: a value that the
/// kind's site rows read.
struct OtherPart {
  PartKind kind = {};
  std::string name;
  int layer = -1;                 ///< that it belongs to; -1: none, or several
  std::vector<int> figures = {};  ///< sizes, as the kind says

  bool operator==(const OtherPart&) const = default;
};

struct Placement {
  std::string accelerator;  ///< "dataflow:bnn-pynq-cnv-w1a1": what fault maps are made for
  std::vector<PeArray> arrays;
  std::vector<Stream> streams;
  std::vector<WindowBuffer> windows = {};
  std::vector<PoolUnit> pools = {};
  std::vector<ActivationMemory> memories = {};
  std::vector<OtherPart> others = {};  ///< of the kinds that no list above is for
  /// Of the run that transients are in; null: there is none, and they have no meaning.
  std::shared_ptr<const Timeline> run = {};

  bool operator==(const Placement&) const = default;
};

/// SHA-256 over all of it but the run: what a fault map or a result was made for, whatever the
/// file is called. Part of files: a new member must leave the hash of a placement that does not use
/// it as it is.
std::string content_hash(const Placement& placement);

/// What padded columns hold: operands that change no sum as long as nothing is broken. A binary
/// weight is +1 and a binary input -1 (code 0), which do not match; all others are 0. Where binary
/// operands are summed no product is 0: the weights of padded columns take turns, and their number
/// is even (validate()).
inline int padded_weight(const Layer& layer, int column) {
  if (layer.weight_format.kind != FormatKind::binary) return 0;
  return layer.signed_sum && (column - layer.columns()) % 2 == 0 ? -1 : 1;
}
inline int padded_input(const Layer& layer) { return layer.input_format.padding_value(); }

/// Every use exists in the network and its padding covers the layer; names are unique.
/// Throws InputError(placement.accelerator, ...).
void validate(const Placement& placement, const Network& network);

}  // namespace stuckat
