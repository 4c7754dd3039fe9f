// Effects: what a fault map does to a network once the placement is known. Values: comparable,
// printable, exact. The campaign engine, the trainer and the faulty reference see only these.
//
// One image passes through the effects of layer L like this:
//   1. the layer's parameters are patched (ParameterPatch), and operands that are stored wrongly on
//      their way to the array are replaced in its padded input (OperandFault), then in its windows
//      (WindowFault),
//   2. its rows are computed, broken ones by broken_accumulate / broken_threshold (OperatorFault);
//      broken elements of a pool or an add by broken_element (PoolFault),
//   3. elements of its output tensor are overwritten (ElementFault), in the order of `point`.
// ElementFaults on tensor 0 hit the input image.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/broken_pe.h"
#include "faultmaps/broken_pool.h"
#include "faultmaps/code_mask.h"
#include "workloads/network.h"

namespace stuckat {

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
  int point = 0;  ///< of the data path: their order; see PathPoint
  RunImages images = {};

  bool depends_on_image() const { return slot.depth > 0 || !images.is_all(); }
  bool operator==(const ElementFault&) const = default;
};

/// Order of what can change a word on its way out of a PE, along streams and into a buffer. A flip
/// comes before the bits that are stuck at the same place: they win.
enum PathPoint : int {
  point_output_flip = 0,
  point_output_code = 1,
  point_pe_dead = 2,
  point_side_register = 3,  ///< of results that are accumulators
  point_output_register = 4,
  point_stream =
      10,  ///< of the first FIFO that carries the tensor; the next one: + points_of_stream
  point_buffer_flip = 1000,
  point_buffer = 1001
};
/// Points of one FIFO, from its first.
enum StreamPoint : int {
  stream_wire_flip = 0,
  stream_wire = 1,
  stream_slot_flip = 2,
  stream_slot = 3,
  stream_word = 4,
  points_of_stream = 5
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

/// Puts the patch into its layer.
void apply_patch(const ParameterPatch& patch, Layer& layer);

/// Rows of one layer that a broken PE computes. `pixels` empty: at every output pixel.
struct OperatorFault {
  int layer = 0;
  std::vector<int> rows;    ///< ascending, unique
  std::vector<int> pixels;  ///< ascending, unique; output pixels y*width + x
  BrokenPe pe;
  RunImages images = {};

  bool operator==(const OperatorFault&) const = default;
};

/// Operands of one layer that are stored wrongly on their way to it, in a FIFO or in the buffer of
/// its windows: the tensor before it is right, and so is what other layers, and other inputs of
/// this one, read of it. Padding takes no part in a pool. Selected are elements of the layer's
/// padded input as ElementFault selects them: channel in `channels` AND pixel in `pixels`, counted
/// in the padded image, y * (width + 2*padding) + x from the corner of the padding, AND word in
/// `slot`. In the order of `point`.
struct OperandFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique; none: all
  std::vector<int> pixels;    ///< ascending, unique; none: all
  CodeMask mask;              ///< on the code of the input format
  SlotPattern slot = {};
  int point = 0;
  RunImages images = {};
  int input = 0;  ///< of the layer

  bool operator==(const OperandFault&) const = default;
};

/// Operands as the rows of a layer read them, after its windows: the window at output pixel p in
/// `pixels`, its columns in `columns`, its words (of SIMD columns, words_per_pixel = synapse fold)
/// in `slot`; padded columns too. For rows in `rows`. Empty lists select all.
struct WindowFault {
  int layer = 0;
  std::vector<int> rows;     ///< ascending, unique
  std::vector<int> columns;  ///< ascending, unique
  std::vector<int> pixels;   ///< ascending, unique
  CodeMask mask;             ///< on the code of the input format
  SlotPattern slot = {};
  int point = 0;
  RunImages images = {};
  int padded_columns = 0;  ///< of a row, as the array is folded
  int accumulator_bits = 32;

  bool operator==(const WindowFault&) const = default;
};

/// Elements of a pool's or an add's output that broken hardware computes: channel in `channels` AND
/// output pixel in `pixels`, an empty list selects all. Faults that select the same element act
/// together.
struct PoolFault {
  int layer = 0;
  std::vector<int> channels;  ///< ascending, unique
  std::vector<int> pixels;    ///< ascending, unique
  BrokenPool pool;
  RunImages images = {};

  bool operator==(const PoolFault&) const = default;
};

/// All effects of a fault map, in canonical order (normal_form.h): one list for each form.
struct Effects {
  std::vector<ParameterPatch> patches = {};
  std::vector<OperatorFault> operators = {};
  std::vector<ElementFault> elements = {};
  std::vector<OperandFault> operands = {};
  std::vector<WindowFault> windows = {};
  std::vector<PoolFault> pools = {};

  size_t size() const;
  /// Some effect hits some images only.
  bool depends_on_image() const;
  /// From the first image that an effect hits to the last one.
  RunImages images() const;
  bool empty() const { return size() == 0; }
  bool operator==(const Effects&) const = default;
};

/// visit(list) for the list of every form, const or not as the effects are. The one enumeration of
/// forms: with a further list in Effects it does not compile.
template <class AnyEffects, class Visit>
void for_each_form(AnyEffects&& effects, Visit&& visit) {
  auto& [patches, operators, elements, operands, windows, pools] = effects;
  visit(patches);
  visit(operators);
  visit(elements);
  visit(operands);
  visit(windows);
  visit(pools);
}

/// visit(fault) for every fault of every form, in that order. What differs from form to form goes
/// into an overload for each, so that a further form does not compile before it is thought of.
template <class AnyEffects, class Visit>
void for_each_fault(AnyEffects&& effects, Visit&& visit) {
  for_each_form(effects, [&](auto& faults) {
    for (auto& fault : faults) visit(fault);
  });
}

/// The tensor that a fault makes wrong: of operands and windows the output of the layer that reads
/// them.
template <class Fault>
int tensor_of(const Fault& fault) {
  return Network::output_tensor(fault.layer);
}
inline int tensor_of(const ElementFault& fault) { return fault.tensor; }

/// Images of the run that the fault hits.
template <class Fault>
RunImages images_of(const Fault& fault) {
  return fault.images;
}
inline RunImages images_of(const ParameterPatch&) { return {}; }

/// Channel `channel` of the output of layer `layer` stuck at `value` (FAT, channel stuck@).
Effects stuck_channel(const Network& network, int layer, int channel, int value);

/// Pixel `pixel` of tensor `tensor` stuck at `value` in all channels (FAT, same-pixel stuck@).
Effects stuck_pixel(const Network& network, int tensor, int pixel, int value);

}  // namespace stuckat
