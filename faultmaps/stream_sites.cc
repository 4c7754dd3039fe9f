// Sites of streams: their rows in the site table, and what they do.
#include <algorithm>

#include "faultmaps/lower.h"
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"

namespace stuckat {

Shape carried_shape(const Stream& stream, const Placement& placement, const Network& network) {
  if (stream.carries == Carries::tensor) return network.shape(stream.tensor);
  const Layer& layer = network.layer(stream.layer);
  if (stream.carries == Carries::windows) {
    return {layer.output.height, layer.output.width, use_of(placement, stream.layer).columns};
  }
  const Shape input = network.shape(stream.tensor);
  if (stream.frame > 0) return input;
  const Padding& p = layer.padding;
  return {input.height + p.top + p.bottom, input.width + p.left + p.right, input.channels};
}

namespace {

/// Elements that broken words of a stream hit.
class CarriedFaults {
 public:
  CarriedFaults(Lowering& lowering, const Stream& stream, StreamPoint point)
      : lowering_(lowering), stream_(stream), point_(point) {}

  /// Channels, pixels, slot, mask and images of `fault` are meant in carried_shape().
  void add(ElementFault fault);
  /// The same for what a dense layer finds in its padded columns: elements after the last one of
  /// the tensor, as its stream carries them. first, step: which of them, counted from the tensor's
  /// first.
  void add_padding(const ElementFault& fault, int first, int step);

 private:
  /// In the order of the FIFOs that carry the same.
  int point() const { return int{points_of_stream} * stream_.position + point_; }

  Lowering& lowering_;
  const Stream& stream_;
  const StreamPoint point_;
};

void CarriedFaults::add(ElementFault fault) {
  const Stream& stream = stream_;
  Effects& effects = lowering_.effects();
  fault.tensor = stream.tensor;
  fault.point = int{point_stream} + point();
  if (stream.carries == Carries::tensor) {
    effects.elements.push_back(std::move(fault));
    return;
  }
  if (stream.carries == Carries::windows) {
    const ArrayUse& use = use_of(lowering_.placement(), stream.layer);
    effects.windows.push_back({stream.layer,
                               {},
                               std::move(fault.channels),
                               std::move(fault.pixels),
                               fault.mask,
                               fault.slot,
                               fault.point,
                               fault.images,
                               use.columns,
                               use.accumulator_bits});
    return;
  }
  const Layer& layer = lowering_.layer(stream.layer);
  const int width = layer.input.width;
  for (int& pixel : fault.pixels) {  // from inside the frame to the padded image
    if (stream.frame == 0) break;
    const int y = pixel / width + stream.frame;
    pixel = y * (width + 2 * stream.frame) + pixel % width + stream.frame;
  }
  fault.slot.frame = stream.frame;
  effects.operands.push_back({stream.layer, std::move(fault.channels), std::move(fault.pixels),
                              fault.mask, fault.slot, fault.point, fault.images, stream.input});
}

void CarriedFaults::add_padding(const ElementFault& fault, int first, int step) {
  const Stream& stream = stream_;
  if (stream.carries != Carries::tensor || stream.layer < 0) return;
  const Layer& layer = lowering_.layer(stream.layer);
  if (!layer.is_flat() || !(stream.packed || layer.input.pixels() == 1)) return;
  const ArrayUse& use = use_of(lowering_.placement(), stream.layer);
  const int end = std::min(use.columns, stream.words_per_pixel * stream.channels_per_word);
  WindowFault padding;
  padding.layer = stream.layer;
  for (const int column : multiples(first, step, end)) {
    if (column >= layer.columns()) padding.columns.push_back(column);
  }
  if (padding.columns.empty()) return;
  padding.mask = fault.mask;
  padding.slot = fault.slot;
  padding.point = point() - int{point_buffer};
  padding.images = fault.images;
  padding.padded_columns = use.columns;
  padding.accumulator_bits = use.accumulator_bits;
  lowering_.effects().windows.push_back(std::move(padding));
}

const Stream& stream_at(const Placement& placement, int part) {
  return placement.streams[static_cast<size_t>(part)];
}

int slots(const Placement& p, int part, const Network&) { return stream_at(p, part).depth; }
int word_bits(const Placement& p, int part, const Network& n) {
  return stream_word_bits(p, stream_at(p, part), n);
}

/// Words that a FIFO slot holds.
SlotPattern words_in(const Stream& stream, int slot) {
  return {stream.depth, slot, stream.words_per_pixel, stream.channels_per_word, stream.packed};
}

/// The stream carries accumulators, whose highest bit is read as their sign.
bool is_signed(const Stream& stream, const Network& network) {
  return network.holds_accumulators(stream.tensor) &&
         !network.layer(network.producer(stream.tensor)).is_xnor();
}

/// One bit of every word that `slot` selects.
void stick_word_bit(Lowering& lowering, const Stream& stream, StreamPoint point, SlotPattern slot,
                    int word_bit, bool one) {
  const Network& network = lowering.network();
  CarriedFaults carried(lowering, stream, point);
  ElementFault element;
  element.slot = slot;
  const int bits = element_bits(lowering.placement(), stream.tensor, network);
  const int bit = word_bit % bits;
  const int lane = word_bit / bits;
  element.mask = is_signed(stream, network) ? CodeMask::stuck_bit_sign_extended(bit, bits, one)
                                            : CodeMask::stuck_bit(bit, one);
  const Shape shape = carried_shape(stream, lowering.placement(), network);
  carried.add_padding(element, lane, stream.channels_per_word);
  if (!stream.packed) {
    element.channels = multiples(lane, stream.channels_per_word, shape.channels);
    if (element.channels.empty()) return;  // a lane beyond the last channel
    return carried.add(std::move(element));
  }
  // One effect for each channel: a lane of a packed stream meets different channels in each word.
  for (int channel = 0; channel < shape.channels; ++channel) {
    element.channels = {channel};
    element.pixels.clear();
    for (int pixel = 0; pixel < shape.pixels(); ++pixel) {
      const int number = pixel * shape.channels + channel;
      if (number % stream.channels_per_word == lane) element.pixels.push_back(pixel);
    }
    if (!element.pixels.empty()) carried.add(element);
  }
}

void stick_wire(Lowering& lowering, const Fault& fault, int part) {
  stick_word_bit(lowering, stream_at(lowering.placement(), part), stream_wire, {},
                 fault.coordinates[0], fault.value != 0);
}

void stick_slot(Lowering& lowering, const Fault& fault, int part) {
  const Stream& stream = stream_at(lowering.placement(), part);
  stick_word_bit(lowering, stream, stream_slot, words_in(stream, fault.coordinates[0]),
                 fault.coordinates[1], fault.value != 0);
}

void kill_word(Lowering& lowering, const Fault& fault, int part) {
  const Network& network = lowering.network();
  const Stream& stream = stream_at(lowering.placement(), part);
  CarriedFaults carried(lowering, stream, stream_word);
  ElementFault element;
  element.slot = words_in(stream, fault.coordinates[0]);
  element.mask =
      CodeMask::constant(network.holds_accumulators(stream.tensor)
                             ? static_cast<uint32_t>(dead_accumulator(
                                   network.layer(network.producer(stream.tensor)), fault.value))
                             : network.format(stream.tensor).code(fault.value));
  carried.add_padding(element, 0, 1);
  carried.add(std::move(element));
}

/// One bit of one word of the run.
void flip_word_bit(Lowering& lowering, const Stream& stream, StreamPoint point, int64_t word,
                   int word_bit) {
  const Network& network = lowering.network();
  const Shape shape = carried_shape(stream, lowering.placement(), network);
  const int bits = element_bits(lowering.placement(), stream.tensor, network);
  const int64_t words = int64_t{stream.packed ? 1 : shape.pixels()} * stream.words_per_pixel;
  const auto in_image = static_cast<int>(word % words);
  int pixel = in_image / stream.words_per_pixel;
  int channel = in_image % stream.words_per_pixel * stream.channels_per_word + word_bit / bits;
  if (stream.packed) {
    pixel = channel / shape.channels;
    channel %= shape.channels;
  }
  CarriedFaults carried(lowering, stream, point);
  ElementFault element;
  element.mask.flip = inverted(word_bit % bits, bits, is_signed(stream, network));
  element.images = {word / words, word / words};
  if (pixel >= shape.pixels() || channel >= shape.channels) {  // padding
    constexpr int beyond_all = 1 << 30;
    return carried.add_padding(element, in_image * stream.channels_per_word + word_bit / bits,
                               beyond_all);
  }
  element.channels = {channel};
  element.pixels = {pixel};
  carried.add(std::move(element));
}

/// The word that passes the wire into the FIFO.
void flip_wire(Lowering& lowering, const Fault& fault, int part) {
  const Stream& stream = stream_at(lowering.placement(), part);
  const auto word = lowering.run().word_written(stream.name, fault.flip_cycle);
  if (word) flip_word_bit(lowering, stream, stream_wire_flip, *word, fault.coordinates[0]);
}

/// The word that is stored in the slot.
void flip_slot(Lowering& lowering, const Fault& fault, int part) {
  const Stream& stream = stream_at(lowering.placement(), part);
  const auto [slot, bit, unused, none] = fault.coordinates;
  const auto word = lowering.run().word_in(stream.name, slot, fault.flip_cycle);
  if (word) flip_word_bit(lowering, stream, stream_slot_flip, *word, bit);
}

}  // namespace

namespace site_rows {

std::vector<SiteRow> of_streams() {
  return {
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
       "docs/hardware.md, Streams",
       Transient::passes,
       stick_wire,
       flip_wire,
       any_parameters},
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
       "docs/hardware.md, Streams",
       Transient::stored,
       stick_slot,
       flip_slot,
       any_parameters},
      {SiteKind::stream_word,
       "stream/word",
       PartKind::stream,
       "slot[]/dead",
       {{"slot", slots, "depth"}},
       ValueKind::level,
       "one storage slot of the FIFO reads one level in every lane",
       "pixels whose words use the slot are stuck in all channels of the word (same-pixel stuck@)",
       "never, but for words that hold the level anyway",
       "docs/hardware.md, Error models of the FAT paper",
       Transient::none,
       kill_word,
       nullptr,
       any_parameters},
  };
}

}  // namespace site_rows
}  // namespace stuckat
