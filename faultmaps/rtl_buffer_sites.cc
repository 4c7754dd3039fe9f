// Sites of what FINN's parts in RTL store: the ring of a sliding-window unit, the replay buffer of
// an MVU, and the two registers through which its results leave. Their rows in the site table, and
// what they do.
#include "faultmaps/lower.h"
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"
#include "workloads/errors.h"

namespace stuckat::site_rows {
namespace {

const OtherPart& ring_at(const Placement& p, int part) {
  return other_part(PartKind::window_ring, p, part);
}
const OtherPart& buffer_at(const Placement& p, int part) {
  return other_part(PartKind::replay_buffer, p, part);
}
const OtherPart& registers_at(const Placement& p, int part) {
  return other_part(PartKind::output_registers, p, part);
}
const Layer& layer_of(const OtherPart& part, const Network& n) {
  return n.layers[static_cast<size_t>(part.layer)];
}
const PeArray& array_of(const OtherPart& part, const Placement& p) {
  for (const PeArray& array : p.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == part.layer) return array;
    }
  }
  throw InputError(p.accelerator, part.name + " without an array", "an array for the layer");
}

int ring_slots(const Placement& p, int part, const Network&) { return ring_at(p, part).figures[0]; }
int ring_bits(const Placement& p, int part, const Network& n) {
  const OtherPart& ring = ring_at(p, part);
  return ring.figures[1] * layer_of(ring, n).input_format.bits;
}
int buffer_slots(const Placement& p, int part, const Network&) {
  return buffer_at(p, part).figures[0];
}
int buffer_bits(const Placement& p, int part, const Network& n) {
  const OtherPart& buffer = buffer_at(p, part);
  return array_of(buffer, p).simd * layer_of(buffer, n).input_format.bits;
}
int registers(const Placement&, int, const Network&) { return 2; }
int register_pes(const Placement& p, int part, const Network&) {
  return array_of(registers_at(p, part), p).pe;
}
int register_bits(const Placement& p, int part, const Network&) {
  return use_of(p, registers_at(p, part).layer).accumulator_bits;
}

// Word n of the run lies in slot n mod BUF, as in a FIFO of that depth.
void stick_ring(Lowering& lowering, const Fault& fault, int part) {
  const OtherPart& ring = ring_at(lowering.placement(), part);
  const Layer& l = lowering.layer(ring.layer);
  const int slots = ring.figures[0], lanes = ring.figures[1], bits = l.input_format.bits;
  OperandFault operand;
  operand.layer = ring.layer;
  operand.channels = multiples(fault.coordinates[1] / bits, lanes, l.input.channels);
  operand.slot = {slots, fault.coordinates[0], l.input.channels / lanes, lanes};
  operand.mask = CodeMask::stuck_bit(fault.coordinates[1] % bits, fault.value != 0);
  operand.point = point_buffer;
  lowering.effects().operands.push_back(std::move(operand));
}

void flip_ring(Lowering& lowering, const Fault& fault, int part) {
  const OtherPart& ring = ring_at(lowering.placement(), part);
  const Layer& l = lowering.layer(ring.layer);
  const auto slot = lowering.run().ring_reads(ring.name, fault.coordinates[0], fault.flip_cycle);
  if (!slot) return;
  const int bits = l.input_format.bits;
  const int channel = slot->word * ring.figures[1] + fault.coordinates[1] / bits;
  for (const CellReads::Read& read : slot->reads) {
    WindowFault wrong;
    wrong.layer = ring.layer;
    wrong.columns = {read.position * l.input.channels + channel};
    wrong.pixels = {read.pixel};
    wrong.mask.flip = 1u << fault.coordinates[1] % bits;
    wrong.images = {slot->image, slot->image};
    wrong.accumulator_bits = use_of(lowering.placement(), ring.layer).accumulator_bits;
    lowering.effects().windows.push_back(std::move(wrong));
  }
}

/// All rows read the window from the buffer.
WindowFault of_window(const Lowering& lowering, const OtherPart& buffer, int bit) {
  const ArrayUse& use = use_of(lowering.placement(), buffer.layer);
  WindowFault wrong;
  wrong.layer = buffer.layer;
  wrong.padded_columns = use.columns;
  wrong.accumulator_bits = use.accumulator_bits;
  wrong.mask = CodeMask::stuck_bit(bit, false);
  return wrong;
}

void stick_replay(Lowering& lowering, const Fault& fault, int part) {
  const OtherPart& buffer = buffer_at(lowering.placement(), part);
  const int simd = array_of(buffer, lowering.placement()).simd;
  const int bits = lowering.layer(buffer.layer).input_format.bits;
  const auto [slot, bit, unused, none] = fault.coordinates;
  WindowFault wrong = of_window(lowering, buffer, 0);
  wrong.mask = CodeMask::stuck_bit(bit % bits, fault.value != 0);
  wrong.columns = multiples(bit / bits, simd, wrong.padded_columns);
  wrong.slot = {buffer.figures[0], slot, wrong.padded_columns / simd, simd};
  wrong.point = point_buffer;
  lowering.effects().windows.push_back(std::move(wrong));
}

void flip_replay(Lowering& lowering, const Fault& fault, int part) {
  const OtherPart& buffer = buffer_at(lowering.placement(), part);
  const auto [slot, bit, unused, none] = fault.coordinates;
  const auto word = lowering.run().replay_reads(buffer.name, slot, fault.flip_cycle);
  if (!word) return;
  const PeArray& array = array_of(buffer, lowering.placement());
  const int bits = lowering.layer(buffer.layer).input_format.bits;
  WindowFault wrong = of_window(lowering, buffer, 0);
  wrong.mask = {};
  wrong.mask.flip = 1u << bit % bits;
  wrong.columns = {word->word * array.simd + bit / bits};
  wrong.pixels = {word->pixel};
  wrong.images = {word->image, word->image};
  wrong.point = point_buffer_flip;
  if (word->first_fold > 0) {  // the others have read it
    wrong.rows = multiples(word->first_fold * array.pe, 1, lowering.layer(buffer.layer).rows());
    if (wrong.rows.empty()) return;
  }
  lowering.effects().windows.push_back(std::move(wrong));
}

/// What a register does to the sums of one PE that `fault` selects.
class Register {
 public:
  Register(Lowering& lowering, const Fault& fault, int part)
      : lowering_(lowering),
        part_(registers_at(lowering.placement(), part)),
        array_(array_of(part_, lowering.placement())),
        layer_(lowering.layer(part_.layer)),
        use_(use_of(lowering.placement(), part_.layer)),
        which_(fault.coordinates[0]),
        pe_(fault.coordinates[1]),
        bit_(fault.coordinates[2]) {}

  const std::string& name() const { return part_.name; }
  bool is_side() const { return which_ == 0; }
  bool drives_wires() const { return part_.figures[0] != 0; }

  void stick(bool one) {
    add(multiples(pe_, array_.pe, layer_.rows()), {}, {},
        is_signed_output() ? CodeMask::stuck_bit_sign_extended(bit_, bits(), one)
                           : CodeMask::stuck_bit(bit_, one));
  }
  void stick(bool one, const FoldResult& at) {
    of_result(at, is_signed_output() ? CodeMask::stuck_bit_sign_extended(bit_, bits(), one)
                                     : CodeMask::stuck_bit(bit_, one));
  }
  void flip(const FoldResult& at) {
    CodeMask mask;
    mask.flip = inverted(bit_, bits(), is_signed_output());
    of_result(at, mask);
  }

 private:
  int bits() const { return use_.accumulator_bits; }
  bool is_signed_output() const { return layer_.accumulator_output && !layer_.is_xnor(); }
  void of_result(const FoldResult& at, CodeMask mask) {
    const int row = at.fold * array_.pe + pe_;
    if (row < layer_.rows()) add({row}, {at.pixel}, {at.image, at.image}, mask);
  }
  /// Accumulators that leave the network are elements of its last tensor.
  void add(std::vector<int> rows, std::vector<int> pixels, RunImages images, CodeMask mask) {
    if (rows.empty()) return;
    if (layer_.accumulator_output) {
      ElementFault element;
      element.tensor = Network::output_tensor(part_.layer);
      element.channels = std::move(rows);
      element.pixels = std::move(pixels);
      element.mask = mask;
      element.point = is_side() ? point_side_register : point_output_register;
      element.images = images;
      lowering_.effects().elements.push_back(std::move(element));
      return;
    }
    OperatorFault fault{part_.layer, std::move(rows), std::move(pixels), new_pe(array_, use_),
                        images};
    (is_side() ? fault.pe.side_register : fault.pe.output_register) = mask;
    lowering_.add_operator(std::move(fault));
  }

  Lowering& lowering_;
  const OtherPart& part_;
  const PeArray& array_;
  const Layer& layer_;
  const ArrayUse& use_;
  int which_, pe_, bit_;
};

void stick_register(Lowering& lowering, const Fault& fault, int part) {
  Register of(lowering, fault, part);
  if (!of.is_side()) return of.stick(fault.value != 0);
  if (lowering.placement().run == nullptr) {
    throw InputError(lowering.placement().accelerator,
                     stuckat::name(fault) + ": which results wait there depends on the run",
                     "a run, or register 1");
  }
  for (const FoldResult& at : lowering.run().results_that_wait(of.name())) {
    of.stick(fault.value != 0, at);
  }
}

void flip_register(Lowering& lowering, const Fault& fault, int part) {
  Register of(lowering, fault, part);
  if (!of.is_side()) refuse_on_wires(fault, of.drives_wires(), lowering.placement());
  const auto at = lowering.run().result_in(of.name(), fault.coordinates[0], fault.flip_cycle);
  if (at) of.flip(*at);
}

}  // namespace

std::vector<SiteRow> of_rtl_buffers() {
  return {
      {SiteKind::ring_cell,
       "ring/cell",
       PartKind::window_ring,
       "ring[][]",
       {{"slot", ring_slots, "words of the ring (BUF)"},
        {"bit", ring_bits, "SIMD * bits of a code"}},
       ValueKind::bit,
       "bit of one slot of the ring in which a sliding-window unit in RTL keeps its words: word n "
       "of the run lies in slot n mod BUF; bit = lane * bits of the format + code bit",
       "one code bit of one lane in the pixels whose words use the slot is a wrong operand of the "
       "layer after it, padding included; drifts from image to image",
       "every such operand has that bit; or no window covers the pixels",
       "docs/hardware.md, FINN's parts in RTL",
       Transient::stored,
       stick_ring,
       flip_ring,
       any_parameters},
      {SiteKind::replay_cell,
       "replay/cell",
       PartKind::replay_buffer,
       "cell[][]",
       {{"slot", buffer_slots, "2^ceil(log2 SF), at least 2"},
        {"bit", buffer_bits, "SIMD * bits of a code"}},
       ValueKind::bit,
       "bit of one slot of the replay buffer of an MVU in RTL (more than one neuron fold): word n "
       "of the run lies in slot n mod D; bit = lane * bits of the format + code bit",
       "one code bit of the columns of the windows whose words use the slot, in all rows; where D "
       "is not SF it drifts from window to window",
       "every such column has that bit",
       "docs/hardware.md, FINN's parts in RTL",
       Transient::stored,
       stick_replay,
       flip_replay,
       any_parameters},
      {SiteKind::output_register,
       "mvu/register",
       PartKind::output_registers,
       "register[][][]",
       {{"register", registers, "2: 0 holds what waits for register 1, which drives the stream"},
        {"pe", register_pes, "PE"},
        {"bit", register_bits, "accumulator bits"}},
       ValueKind::bit,
       "bit of one lane of one of the two registers through which the sums of an MVU in RTL leave",
       "the sums of the rows r with r mod PE = pe have that bit, before thresholds; register 0: "
       "those that wait, as the stalls of the run have it",
       "every such sum has that bit; or none waits",
       "docs/hardware.md, FINN's parts in RTL",
       Transient::stored,
       stick_register,
       flip_register,
       any_parameters},
  };
}

}  // namespace stuckat::site_rows
