// Sites of the sums of layers without weights, of average-pools and adds: their rows in the site
// table, and what they do.
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"

namespace stuckat::site_rows {
namespace {

/// Of an average-pool or an adder.
struct SumUnit {
  int layer, lanes, columns, words, bits;
};
SumUnit average_at(const Placement& p, int part) {
  const OtherPart& other = other_part(PartKind::average_pool, p, part);
  const auto& f = other.figures;
  return {other.layer, f[0], f[1], f[2], f[3]};
}
SumUnit adder_at(const Placement& p, int part) {
  const OtherPart& other = other_part(PartKind::adder, p, part);
  return {other.layer, other.figures[0], 1, 1, other.figures[1]};
}

int average_columns(const Placement& p, int part, const Network&) {
  return average_at(p, part).columns;
}
int average_words(const Placement& p, int part, const Network&) {
  return average_at(p, part).words;
}
int average_bits(const Placement& p, int part, const Network&) {
  const SumUnit unit = average_at(p, part);
  return unit.lanes * unit.bits;
}
int adder_bits(const Placement& p, int part, const Network&) {
  const SumUnit unit = adder_at(p, part);
  return unit.lanes * unit.bits;
}

void stick(Lowering& lowering, const SumUnit& unit, int column, int word, int word_bit, bool one) {
  const Layer& l = lowering.layer(unit.layer);
  PoolFault fault;
  fault.layer = unit.layer;
  fault.channels = multiples(word * unit.lanes + word_bit / unit.bits, unit.words * unit.lanes,
                             l.output.channels);
  if (unit.columns > 1) fault.pixels = multiples(column, unit.columns, l.output.pixels());
  fault.pool.cell = CodeMask::stuck_bit(word_bit % unit.bits, one);
  fault.pool.sum_bits = unit.bits;
  lowering.effects().pools.push_back(std::move(fault));
}

void flip(Lowering& lowering, const SumUnit& unit, const PoolStep& at, int taken, int word_bit) {
  PoolFault fault;
  fault.layer = unit.layer;
  fault.channels = {at.word * unit.lanes + word_bit / unit.bits};
  fault.pixels = {at.pixel};
  fault.pool.flips = {{taken, 1u << word_bit % unit.bits}};
  fault.pool.sum_bits = unit.bits;
  fault.images = {at.image, at.image};
  lowering.effects().pools.push_back(std::move(fault));
}

void stick_average(Lowering& lowering, const Fault& fault, int part) {
  const auto [column, word, bit, unused] = fault.coordinates;
  stick(lowering, average_at(lowering.placement(), part), column, word, bit, fault.value != 0);
}

void flip_average(Lowering& lowering, const Fault& fault, int part) {
  const auto [column, word, bit, unused] = fault.coordinates;
  const auto at = lowering.run().pool_cell(fault.part, column, word, fault.flip_cycle);
  if (at) flip(lowering, average_at(lowering.placement(), part), *at, at->taken, bit);
}

void stick_adder(Lowering& lowering, const Fault& fault, int part) {
  stick(lowering, adder_at(lowering.placement(), part), 0, 0, fault.coordinates[0],
        fault.value != 0);
}

void flip_adder(Lowering& lowering, const Fault& fault, int part) {
  const auto at = lowering.run().pool_step(fault.part, fault.flip_cycle);
  if (at) flip(lowering, adder_at(lowering.placement(), part), *at, 1, fault.coordinates[0]);
}

}  // namespace

std::vector<SiteRow> of_sums() {
  return {
      {SiteKind::average_sum,
       "pool/sum",
       PartKind::average_pool,
       "sum[][][]",
       {{"column", average_columns, "width of the output, or 1 after a window"},
        {"word", average_words, "channels / channels in a word, or 1 after a window"},
        {"bit", average_bits, "channels in a word * bits of a sum"}},
       ValueKind::bit,
       "bit of the running sum of one output column after every pixel of its window, in raster "
       "order; the first pixel overwrites what was there; bit = lane * bits of a sum + bit",
       "one channel of that column, in every output row, is what its thresholds make of a broken "
       "sum",
       "every running sum has that bit, or no threshold lies between",
       "docs/hardware.md, Max-pool",
       Transient::stored,
       stick_average,
       flip_average},
      {SiteKind::adder_sum,
       "add/sum",
       PartKind::adder,
       "sum[]",
       {{"bit", adder_bits, "channels in a word * bits of a sum"}},
       ValueKind::bit,
       "bit of the sum of all inputs of an add, as its thresholds see it; bit = lane * bits of a "
       "sum + bit",
       "the lane's channels, in every pixel, are what their thresholds make of a broken sum",
       "every sum has that bit, or no threshold lies between",
       "docs/hardware.md, Graphs: forks, adds, concats, groups",
       Transient::passes,
       stick_adder,
       flip_adder},
  };
}

}  // namespace stuckat::site_rows
