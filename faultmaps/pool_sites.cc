// Sites of max-pools: their rows in the site table, and what they do.
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"

namespace stuckat::site_rows {
namespace {

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

void stick_pool_cell(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  const Layer& l = lowering.layer(unit.layer);
  const int bits = l.input_format.bits;
  const auto [column, word, word_bit, unused] = fault.coordinates;
  PoolFault pool;
  pool.layer = unit.layer;
  pool.channels = multiples(word * unit.channels_per_word + word_bit / bits,
                            unit.words * unit.channels_per_word, l.input.channels);
  if (unit.columns > 1) pool.pixels = multiples(column, unit.columns, l.output.pixels());
  pool.pool.cell = CodeMask::stuck_bit(word_bit % bits, fault.value != 0);
  lowering.effects().pools.push_back(std::move(pool));
}

void stick_pool_comparator(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  PoolFault pool;
  pool.layer = unit.layer;
  pool.channels = multiples(fault.coordinates[0], unit.channels_per_word,
                            lowering.layer(unit.layer).input.channels);
  pool.pool.comparator =
      fault.value != 0 ? BrokenPool::Comparator::replaces : BrokenPool::Comparator::keeps;
  lowering.effects().pools.push_back(std::move(pool));
}

void stick_pool_output(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  const Layer& l = lowering.layer(unit.layer);
  const int bits = l.input_format.bits;
  ElementFault element;
  element.tensor = Network::output_tensor(unit.layer);
  element.point = point_output_code;
  element.channels =
      multiples(fault.coordinates[0] / bits, unit.channels_per_word, l.input.channels);
  element.mask = CodeMask::stuck_bit(fault.coordinates[0] % bits, fault.value != 0);
  lowering.effects().elements.push_back(std::move(element));
}

/// The pool of one channel at one output pixel, in one image.
PoolFault at_step(const PoolUnit& unit, const PoolStep& at, int lane, BrokenPool::Flip flip) {
  PoolFault pool;
  pool.layer = unit.layer;
  pool.channels = {at.word * unit.channels_per_word + lane};
  pool.pixels = {at.pixel};
  pool.pool.flips = {flip};
  pool.images = {at.image, at.image};
  return pool;
}

void flip_pool_cell(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  const int bits = lowering.layer(unit.layer).input_format.bits;
  const auto [column, word, word_bit, unused] = fault.coordinates;
  const auto cell = lowering.run().pool_cell(unit.name, column, word, fault.flip_cycle);
  if (!cell) return;
  lowering.effects().pools.push_back(
      at_step(unit, *cell, word_bit / bits, {cell->taken, 1u << word_bit % bits}));
}

void flip_pool_comparator(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  const auto at = lowering.run().pool_step(unit.name, fault.flip_cycle);
  if (!at || !at->takes || at->taken == 0) return;  // the first pixel is not compared
  lowering.effects().pools.push_back(at_step(unit, *at, fault.coordinates[0], {at->taken, 0}));
}

void flip_pool_output(Lowering& lowering, const Fault& fault, int part) {
  const PoolUnit& unit = pool_at(lowering.placement(), part);
  const int bits = lowering.layer(unit.layer).input_format.bits;
  const auto at = lowering.run().pool_step(unit.name, fault.flip_cycle);
  if (!at || !at->gives) return;
  ElementFault element;
  element.tensor = Network::output_tensor(unit.layer);
  element.point = point_output_flip;
  element.channels = {at->word * unit.channels_per_word + fault.coordinates[0] / bits};
  element.pixels = {at->pixel};
  element.mask.flip = 1u << fault.coordinates[0] % bits;
  element.images = {at->image, at->image};
  lowering.effects().elements.push_back(std::move(element));
}

}  // namespace

std::vector<SiteRow> of_pools() {
  return {
      {SiteKind::pool_cell,
       "pool/cell",
       PartKind::pool,
       "cell[][][]",
       {{"column", pool_columns, "width of the output, or 1 after a window"},
        {"word", pool_words, "channels / channels in a word, or 1 after a window"},
        {"bit", pool_word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of the running maximum of one output column after every pixel of its window, in raster "
       "order; the first pixel overwrites what was there",
       "one channel of that column, in every output row, is a maximum of broken codes",
       "every running maximum has that bit",
       "docs/hardware.md, Max-pool",
       Transient::stored,
       stick_pool_cell,
       flip_pool_cell,
       any_parameters},
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
       "docs/hardware.md, Max-pool",
       Transient::passes,
       stick_pool_comparator,
       flip_pool_comparator,
       any_parameters},
      {SiteKind::pool_output,
       "pool/output",
       PartKind::pool,
       "output[]",
       {{"bit", pool_word_bits, "channels in a word * bits of a code"}},
       ValueKind::bit,
       "bit of every word that the pool gives; bit = lane * bits of the format + code bit",
       "one code bit of the channels on that lane is stuck, in every pixel after the pool",
       "every output has that bit",
       "docs/hardware.md, Max-pool",
       Transient::passes,
       stick_pool_output,
       flip_pool_output,
       any_parameters},
  };
}

}  // namespace stuckat::site_rows
