// Sites of sliding-window buffers: their row in the site table, and what they do.
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"

namespace stuckat::site_rows {
namespace {

const WindowBuffer& window_at(const Placement& p, int part) {
  return p.windows[static_cast<size_t>(part)];
}
const Layer& window_layer(const Placement& p, int part, const Network& n) {
  return n.layers[static_cast<size_t>(window_at(p, part).layer)];
}
int window_slots(const Placement& p, int part, const Network&) { return window_at(p, part).slots; }
int window_columns(const Placement& p, int part, const Network& n) {
  const Layer& l = window_layer(p, part, n);
  return l.input.width + l.padding.left + l.padding.right;
}
int window_words(const Placement& p, int part, const Network& n) {
  return window_layer(p, part, n).input.channels / window_at(p, part).channels_per_word;
}
int window_word_bits(const Placement& p, int part, const Network& n) {
  return window_at(p, part).channels_per_word * window_layer(p, part, n).input_format.bits;
}

void stick_window_cell(Lowering& lowering, const Fault& fault, int part) {
  const WindowBuffer& window = window_at(lowering.placement(), part);
  const Layer& l = lowering.layer(window.layer);
  const auto [slot, column, word, word_bit] = fault.coordinates;
  const int bits = l.input_format.bits;
  OperandFault operand;
  operand.layer = window.layer;
  operand.channels = {word * window.channels_per_word + word_bit / bits};
  const int width = l.input.width + l.padding.left + l.padding.right;
  const int height = l.input.height + l.padding.top + l.padding.bottom;
  for (const int y : multiples(slot, window.slots, height)) {
    operand.pixels.push_back(y * width + column);
  }
  if (operand.pixels.empty()) return;  // fewer rows than slots
  operand.mask = CodeMask::stuck_bit(word_bit % bits, fault.value != 0);
  operand.point = point_buffer;
  lowering.effects().operands.push_back(std::move(operand));
}

void flip_window_cell(Lowering& lowering, const Fault& fault, int part) {
  const WindowBuffer& window = window_at(lowering.placement(), part);
  const Layer& l = lowering.layer(window.layer);
  const auto [slot, column, word, word_bit] = fault.coordinates;
  const auto cell = lowering.run().cell_reads(window.name, slot, column, word, fault.flip_cycle);
  if (!cell) return;
  const int channel = word * window.channels_per_word + word_bit / l.input_format.bits;
  for (const CellReads::Read& read : cell->reads) {
    WindowFault wrong;
    wrong.layer = window.layer;
    const int in_group = l.group_channels();
    wrong.columns = {read.position * in_group + channel % in_group};
    if (l.groups > 1) {
      const int rows = l.rows() / l.groups, first = channel / in_group * rows;
      wrong.rows = multiples(first, 1, first + rows);
    }
    wrong.pixels = {read.pixel};
    wrong.mask.flip = 1u << word_bit % l.input_format.bits;
    wrong.images = {cell->image, cell->image};
    wrong.accumulator_bits = use_of(lowering.placement(), window.layer).accumulator_bits;
    lowering.effects().windows.push_back(std::move(wrong));
  }
}

}  // namespace

std::vector<SiteRow> of_windows() {
  return {
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
       "layer after it, padding included; the tensor itself is right",
       "every such operand has that bit; or no window covers the pixels",
       "docs/hardware.md, Sliding-window unit",
       Transient::stored,
       stick_window_cell,
       flip_window_cell,
       any_parameters},
  };
}

}  // namespace stuckat::site_rows
