// Effects: what a fault map does to a network once the placement is known. Values: comparable,
// printable, exact. The campaign engine, the trainer and the faulty reference see only these.
//
// One image passes through the effects of layer L like this:
//   1. the layer's parameters are patched (ParameterPatch), and operands that are stored wrongly on
//      their way to the array are replaced in its padded input (OperandFault), then in its windows
//      (WindowFault),
//   2. its rows are computed, broken ones by broken_accumulate / broken_threshold (OperatorFault);
//      a pool's broken maxima by broken_maximum (PoolFault),
//   3. elements of its output tensor are overwritten (ElementFault), in the order of `stage`.
// ElementFaults on tensor 0 hit the input image.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

/// Bits of a stored code that are stuck or inverted: code' = ((code & keep) | set) ^ flip.
struct CodeMask {
  uint32_t keep = ~0u;
  uint32_t set = 0;
  uint32_t flip = 0;

  uint32_t apply(uint32_t code) const { return ((code & keep) | set) ^ flip; }
  bool is_identity() const { return keep == ~0u && set == 0 && flip == 0; }
  /// Every bit is stuck: the result does not depend on the code.
  bool is_constant() const { return keep == 0; }
  /// The mask that applies `*this` first and `next` to its result.
  CodeMask then(CodeMask next) const;
  /// One bit stuck.
  static CodeMask stuck_bit(int bit, bool one);
  /// All bits stuck at this code.
  static CodeMask constant(uint32_t code) { return {0, code, 0}; }
  /// One bit of a `bits` wide code that is kept sign-extended in 32 bits.
  static CodeMask stuck_bit_sign_extended(int bit, int bits, bool one);

  bool operator==(const CodeMask&) const = default;
};

/// Words of a stream that pass through one slot of a FIFO. Word w of image i (w = pixel *
/// words_per_pixel + group; group g holds channels g*channels_per_word ..) has the running index
/// i*words_per_image + w, and the slot is that index mod depth. depth = 0: no such restriction.
/// packed: word w of an image holds elements w*channels_per_word .. of the tensor, and
/// words_per_pixel is the number of words of the image.
/// frame: the outer `frame` pixels of the image travel in no word and are not selected; the others
/// count as an image of their own.
struct SlotPattern {
  int depth = 0;
  int slot = 0;
  int words_per_pixel = 1;
  int channels_per_word = 1;
  bool packed = false;
  int frame = 0;

  bool operator==(const SlotPattern&) const = default;
};

/// Images of a run by their index, both ends included.
struct RunImages {
  int64_t first = 0;
  int64_t last = INT64_MAX;

  bool is_all() const { return first == 0 && last == INT64_MAX; }
  bool contains(int64_t image) const { return first <= image && image <= last; }
  bool operator==(const RunImages&) const = default;
};

/// Elements of one tensor whose stored code is changed. Selected are the elements whose channel is
/// in `channels` AND whose pixel (y*width + x) is in `pixels` AND whose word meets `slot`; an
/// empty list selects all. In the last tensor (accumulators) the code is the 32-bit two's
/// complement of the value; elsewhere it is the code of the tensor's format.
struct ElementFault {
  int tensor = 0;
  std::vector<int> channels;  ///< ascending, unique
  std::vector<int> pixels;    ///< ascending, unique
  SlotPattern slot;
  CodeMask mask;
  int stage = 0;  ///< order along the data path; see Stage
  RunImages images = {};

  bool depends_on_image() const { return slot.depth > 0 || !images.is_all(); }
  bool operator==(const ElementFault&) const = default;
};

/// Order of what can change a word on its way out of a PE, along streams and into a buffer. A flip
/// comes before the bits that are stuck at the same place: they win.
enum Stage : int {
  stage_output_flip = 0,
  stage_output_code = 1,
  stage_pe_dead = 2,
  stage_stream =
      10,  ///< of the first FIFO that carries the tensor; the next one: + stages_of_stream
  stage_buffer_flip = 1000,
  stage_buffer = 1001
};
/// Stages of one FIFO, from its first.
enum StreamStage : int {
  stream_wire_flip = 0,
  stream_wire = 1,
  stream_slot_flip = 2,
  stream_slot = 3,
  stream_word = 4,
  stages_of_stream = 5
};

/// A weight or a threshold that reads differently because its memory is broken. Data-independent.
struct ParameterPatch {
  int layer = 0;
  int row = 0;
  bool is_threshold = false;
  int index = 0;      ///< column of the weight, or number of the threshold
  int32_t value = 0;  ///< what is read: may be a value that no quantizer emits (-2 in 2 bits)

  bool operator==(const ParameterPatch&) const = default;
};

/// What a broken PE computes, in the order of the fold (hardware.md, MVTU): per step, `simd` lanes
/// multiply, their sum goes into an accumulator register of accumulator_bits (unsigned for XNOR
/// layers, else two's complement; it wraps), whose stuck bits show in every partial sum. Columns
/// from layer.columns() to padded_columns hold padded_weight() and padded_input() (placement.h).
struct BrokenPe {
  struct Lane {
    int lane = 0;
    CodeMask mask;
    bool operator==(const Lane&) const = default;
  };
  struct PaddedWeight {
    int row = 0;
    int column = 0;  ///< layer.columns() .. padded_columns - 1
    int32_t value = 0;
    bool operator==(const PaddedWeight&) const = default;
  };
  struct Comparator {
    int index = 0;  ///< number of the threshold
    bool one = false;
    bool operator==(const Comparator&) const = default;
  };
  /// Bits of a lane's operand or product that a transient inverted in one step.
  struct LaneFlip {
    int step = 0;
    int lane = 0;
    uint32_t bits = 0;
    bool operator==(const LaneFlip&) const = default;
  };
  /// Bits of a stored threshold that a transient inverted, sign extension included.
  struct ThresholdFlip {
    int row = 0;
    int index = 0;
    uint32_t bits = 0;
    bool operator==(const ThresholdFlip&) const = default;
  };
  /// Bits of a stored weight that a transient inverted, in a padded column too.
  struct WeightFlip {
    int row = 0;
    int column = 0;
    uint32_t bits = 0;
    bool operator==(const WeightFlip&) const = default;
  };
  /// Bits of the accumulator register that a transient inverted before a step of the fold.
  struct AccumulatorFlip {
    int step = 0;
    uint32_t bits = 0;
    bool operator==(const AccumulatorFlip&) const = default;
  };
  int simd = 1;
  int padded_columns = 0;
  int accumulator_bits = 32;
  CodeMask accumulator;
  std::vector<Lane> inputs;    ///< on the code of the lane's input operand
  std::vector<Lane> products;  ///< XNOR: 1-bit match; else two's complement of layer.product_bits()
  std::vector<PaddedWeight> padded_weights;
  std::vector<Comparator> comparators;  ///< outputs stuck at 0 or 1
  std::vector<WeightFlip> weight_flips = {};
  std::vector<AccumulatorFlip> accumulator_flips = {};  ///< stuck bits win, here and below
  std::vector<LaneFlip> input_flips = {};
  std::vector<LaneFlip> product_flips = {};
  std::vector<ThresholdFlip> threshold_flips = {};
  std::vector<int> comparator_flips = {};  ///< numbers of thresholds

  /// What the accumulator register holds after a sum was written to it: it wraps, stuck bits win.
  int32_t stored(uint32_t sum, bool is_unsigned) const {
    return read_register(accumulator.apply(sum), accumulator_bits, is_unsigned);
  }
  /// What it holds at the beginning of a step, after the transients before it.
  int32_t at_step(int step, int32_t held, bool is_unsigned) const {
    for (const auto& flip : accumulator_flips) {
      if (flip.step == step) held = stored(static_cast<uint32_t>(held) ^ flip.bits, is_unsigned);
    }
    return held;
  }
  bool operator==(const BrokenPe&) const = default;
};

/// Rows of one layer that a broken PE computes. `pixels` empty: at every output pixel.
struct OperatorFault {
  int layer = 0;
  std::vector<int> rows;    ///< ascending, unique
  std::vector<int> pixels;  ///< ascending, unique; output pixels y*width + x
  BrokenPe pe;
  RunImages images = {};

  bool operator==(const OperatorFault&) const = default;
};

/// Operands of one convolution that are stored wrongly on their way to its windows, in a FIFO or in
/// the window buffer: the tensor in front of it is right. Selected are elements of the layer's
/// padded input as ElementFault selects them: channel in `channels` AND pixel in `pixels`, counted
/// in the padded image, y * (width + 2*padding) + x from the corner of the padding, AND word in
/// `slot`. In the order of `stage`.
struct OperandFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique; none: all
  std::vector<int> pixels;    ///< ascending, unique; none: all
  CodeMask mask;              ///< on the code of the input format
  SlotPattern slot = {};
  int stage = 0;
  RunImages images = {};

  bool operator==(const OperandFault&) const = default;
};

/// Operands as the rows of a layer read them, behind its windows: the window at output pixel p in
/// `pixels`, its columns in `columns`, its words (of SIMD columns, words_per_pixel = synapse fold)
/// in `slot`; padded columns too. For rows in `rows`. Empty lists select all.
struct WindowFault {
  int layer = 0;
  std::vector<int> rows;     ///< ascending, unique
  std::vector<int> columns;  ///< ascending, unique
  std::vector<int> pixels;   ///< ascending, unique
  CodeMask mask;             ///< on the code of the input format
  SlotPattern slot = {};
  int stage = 0;
  RunImages images = {};
  int padded_columns = 0;  ///< of a row, as the array is folded
  int accumulator_bits = 32;

  bool operator==(const WindowFault&) const = default;
};

/// How a broken max-pool takes the codes of a window, in raster order: the first becomes the
/// running maximum, each further one replaces it if the comparator says that it is greater; `cell`
/// acts on the running maximum after each of them.
struct BrokenPool {
  enum class Comparator : uint8_t { healthy, keeps, replaces };
  /// A transient, once `taken` codes of the window are taken: it inverts bits of the running
  /// maximum, or the outcome of the next comparison.
  struct Flip {
    int taken = 0;
    uint32_t bits = 0;  ///< 0: of the comparator
    bool operator==(const Flip&) const = default;
  };
  CodeMask cell;
  Comparator comparator = Comparator::healthy;
  std::vector<Flip> flips = {};  ///< stuck bits win

  bool operator==(const BrokenPool&) const = default;
};

/// Elements of a max-pool's output that broken hardware computes: channel in `channels` AND output
/// pixel in `pixels`, an empty list selects all. Faults that select the same element act together.
struct PoolFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique
  std::vector<int> pixels;    ///< ascending, unique
  BrokenPool pool;
  RunImages images = {};

  bool operator==(const PoolFault&) const = default;
};

/// Operators of which some select the same element, as ones that do not: where several meet, one PE
/// with all their faults.
std::vector<OperatorFault> disjoint(std::vector<OperatorFault> faults, const Network& network);

/// All effects of a fault map, in canonical order (normalize()).
struct Effects {
  std::vector<ParameterPatch> patches = {};
  std::vector<OperatorFault> operators = {};
  std::vector<ElementFault> elements = {};
  std::vector<OperandFault> operands = {};
  std::vector<PoolFault> pools = {};
  std::vector<WindowFault> windows = {};

  size_t size() const {
    return patches.size() + operators.size() + elements.size() + operands.size() + pools.size() +
           windows.size();
  }
  /// Some effect hits some images only.
  bool depends_on_image() const;
  /// From the first image that an effect hits to the last one.
  RunImages images() const;
  bool empty() const { return size() == 0; }
  bool operator==(const Effects&) const = default;
};

/// The mask of a lane, the identity where the list has none.
CodeMask mask_of(const std::vector<BrokenPe::Lane>& lanes, int lane);

/// The accumulator of a row as the broken PE computes it. weights: [layer.columns()]; window:
/// [pe.padded_columns] values, padded_input() behind the layer's columns unless that is broken;
/// `row` selects PE-local padded weights.
int32_t broken_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                          const int32_t* window);

/// The output value for the accumulator of a row, with comparators and thresholds that are broken.
int32_t broken_threshold(const Layer& layer, const BrokenPe& pe, int row, const int32_t* thresholds,
                         int32_t accumulator);

/// The layer's input as its windows find it: padding around, operand faults applied.
Tensor padded_operands(const Layer& layer, int index, const std::vector<OperandFault>& faults,
                       const Tensor& input, int64_t image_index);

/// What a layer's window faults change in one image.
class WindowEdits {
 public:
  /// Columns that a window must have: of the layer, or padded ones of a fault.
  static int columns(const Layer& layer, int index, const std::vector<WindowFault>& faults);

  WindowEdits(const Layer& layer, int index, const std::vector<WindowFault>& faults,
              int64_t image_index);

  bool empty() const { return by_pixel_.empty(); }
  bool touches(int pixel) const { return by_pixel_.count(pixel) > 0; }
  /// Some fault is for some rows only.
  bool by_row() const { return by_row_; }
  /// The window at an output pixel as a row reads it; window: [columns()] values.
  template <typename Value>
  void apply(int pixel, int row, Value* window) const {
    const auto at = by_pixel_.find(pixel);
    if (at == by_pixel_.end()) return;
    for (const Edit& edit : at->second) {
      if (!has_row(*edit.fault, row)) continue;
      Value& value = window[edit.column];
      value = static_cast<Value>(format_.value(edit.fault->mask.apply(format_.code(value))));
    }
  }
  /// Registers of the array that computes the layer; 32 without faults.
  int accumulator_bits() const { return accumulator_bits_; }

 private:
  struct Edit {
    const WindowFault* fault;  // of the list given
    int column;
  };
  static bool has_row(const WindowFault& fault, int row);

  NumberFormat format_;
  std::map<int, std::vector<Edit>> by_pixel_;  // in the order of stages
  bool by_row_ = false;
  int accumulator_bits_ = 32;
};

/// The accumulator of a row on a healthy PE for any window, [columns]; weights: [layer.columns()].
int32_t plain_accumulate(const Layer& layer, const int8_t* weights, const int32_t* window,
                         int columns, int accumulator_bits);

/// What all faults of layer `index` together make of the pool at one output element.
BrokenPool broken_pool_at(const std::vector<PoolFault>& faults, int index, int pixel, int channel,
                          int64_t image_index);

/// The output of a broken pool at pixel (y, x) and a channel.
int32_t broken_maximum(const Layer& layer, const BrokenPool& pool, const Tensor& input, int y,
                       int x, int channel);

/// Value of an element of tensor `tensor` after the mask.
int32_t masked_value(const Network& network, int tensor, CodeMask mask, int32_t value);

/// Flat indices of the elements that the fault selects for image `image_index` of the run,
/// ascending; index = pixel * channels + channel.
std::vector<int> selected_elements(const ElementFault& fault, Shape shape, int64_t image_index);

/// Canonical form: sorted by layer and tensor, then stage; operators of the same rows and pixels
/// merged into one; element faults of the same selection and stage merged; patches unique.
/// Equal sets of faults give equal Effects, whatever their order was.
void normalize(Effects& effects);

/// One readable line for each effect: "channels 5, 37 of layer1 stuck at -1".
std::vector<std::string> describe(const Effects& effects, const Network& network);

/// Channel `channel` of the output of layer `layer` stuck at `value` (FAT, channel stuck@).
Effects stuck_channel(const Network& network, int layer, int channel, int value);

/// Pixel `pixel` of tensor `tensor` stuck at `value` in all channels (FAT, same-pixel stuck@).
Effects stuck_pixel(const Network& network, int tensor, int pixel, int value);

}  // namespace stuckat
