// Effects: what a fault map does to a network once the placement is known. Values: comparable,
// printable, exact. The campaign engine, the trainer and the faulty reference see only these.
//
// One image passes through the effects of layer L like this:
//   1. the layer's parameters are patched (ParameterPatch), and operands that its window buffer
//      holds wrongly are replaced in its padded input (OperandFault),
//   2. its rows are computed, broken ones by broken_accumulate / broken_threshold (OperatorFault);
//      a pool's broken maxima by broken_maximum (PoolFault),
//   3. elements of its output tensor are overwritten (ElementFault), in the order of `stage`.
// ElementFaults on tensor 0 hit the input image.
#pragma once

#include <cstdint>
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
struct SlotPattern {
  int depth = 0;
  int slot = 0;
  int words_per_pixel = 1;
  int channels_per_word = 1;
  bool packed = false;

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

/// Order of what can change a word on its way out of a PE, along a stream and into a buffer.
enum Stage : int {
  stage_output_code = 0,
  stage_pe_dead = 1,
  stage_wire = 2,
  stage_flip = 3,
  stage_slot = 4,
  stage_word = 5,
  stage_buffer = 6
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
  std::vector<Lane> products;  ///< XNOR: 1-bit match; else two's complement of product_bits(layer)
  std::vector<PaddedWeight> padded_weights;
  std::vector<Comparator> comparators;  ///< outputs stuck at 0 or 1
  std::vector<WeightFlip> weight_flips = {};
  std::vector<AccumulatorFlip> accumulator_flips = {};  ///< stuck bits win

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

/// Operands of one convolution that its window buffer holds wrongly: the tensor in front of it is
/// right. Selected are elements of the layer's padded input: channel in `channels` (none: all) AND
/// pixel in `pixels`, counted in the padded image, y * (width + 2*padding) + x from the corner of
/// the padding. Several faults act in their order.
struct OperandFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique
  std::vector<int> pixels;    ///< ascending, unique; never empty
  CodeMask mask;              ///< on the code of the input format

  bool operator==(const OperandFault&) const = default;
};

/// How a broken max-pool takes the codes of a window, in raster order: the first becomes the
/// running maximum, each further one replaces it if the comparator says that it is greater; `cell`
/// acts on the running maximum after each of them.
struct BrokenPool {
  enum class Comparator : uint8_t { healthy, keeps, replaces };
  CodeMask cell;
  Comparator comparator = Comparator::healthy;

  bool operator==(const BrokenPool&) const = default;
};

/// Elements of a max-pool's output that broken hardware computes: channel in `channels` AND output
/// pixel in `pixels`, an empty list selects all. Faults that select the same element act together.
struct PoolFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique
  std::vector<int> pixels;    ///< ascending, unique
  BrokenPool pool;

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

  size_t size() const {
    return patches.size() + operators.size() + elements.size() + operands.size() + pools.size();
  }
  bool empty() const { return size() == 0; }
  bool operator==(const Effects&) const = default;
};

/// Width of a lane's product: weight bits + input bits (1 for XNOR layers).
int product_bits(const Layer& layer);

/// Bits that hold every fault-free partial sum of the layer: unsigned for XNOR layers (0 ..
/// columns), two's complement otherwise.
int minimal_accumulator_bits(const Layer& layer);

/// Bits of a stored threshold, two's complement: holds accumulator_min()-1 .. accumulator_max().
int minimal_threshold_bits(const Layer& layer);

/// The accumulator of a row as the broken PE computes it. weights: [layer.columns()], window:
/// [layer.columns()] values; `row` selects PE-local padded weights.
int32_t broken_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                          const int32_t* window);

/// The output value for an accumulator, with the comparators that are stuck.
int32_t broken_threshold(const Layer& layer, const BrokenPe& pe, const int32_t* thresholds,
                         int32_t accumulator);

/// The layer's input as its window buffer holds it: padding around, operand faults applied.
Tensor padded_operands(const Layer& layer, int index, const std::vector<OperandFault>& faults,
                       const Tensor& input);

/// What all faults of layer `index` together make of the pool at one output element.
BrokenPool broken_pool_at(const std::vector<PoolFault>& faults, int index, int pixel, int channel);

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
