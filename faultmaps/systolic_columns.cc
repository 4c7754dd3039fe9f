// Stuck bits in systolic arrays.
#include <algorithm>

#include "faultmaps/array_map.h"
#include "faultmaps/lower.h"
#include "faultmaps/systolic_faults.h"
#include "faultmaps/systolic_sites.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// The bits that a register of so many has.
CodeMask limited(CodeMask mask, int bits) {
  if (bits >= 32) return mask;
  const uint32_t low = (1u << bits) - 1;
  return {mask.keep | ~low, mask.set & low, mask.flip & low};
}

void stick(CodeMask& mask, int bit, bool one) { mask = mask.then(CodeMask::stuck_bit(bit, one)); }

}  // namespace

void SystolicFaults::add(const Fault& fault) {
  if (fault.is_flip()) {
    flips_.push_back(&fault);
    return;
  }
  const SystolicKinds& kinds = systolic_kinds();
  const bool one = fault.value != 0;
  if (fault.kind == kinds.accumulator) {
    const auto [column, address, bit, unused] = fault.coordinates;
    stick(accumulators_[column][address], bit, one);
    return;
  }
  const auto [row, column, bit, unused] = fault.coordinates;
  Pe& pe = pes_[{column, row}];
  if (fault.kind == kinds.a) stick(pe.a, bit, one);
  if (fault.kind == kinds.b) stick(pe.b, bit, one);
  if (fault.kind == kinds.d) stick(pe.d, bit, one);
  if (fault.kind == kinds.w0) stick(pe.w[0], bit, one);
  if (fault.kind == kinds.w1) stick(pe.w[1], bit, one);
  if (fault.kind == kinds.product) stick(pe.product, bit, one);
  if (fault.kind == kinds.valid) pe.valid = one;
  if (fault.kind == kinds.propagate) pe.propagate = fault.value;
  if (fault.kind == kinds.bypass) pe.bypassed = one;
  if (fault.kind == kinds.dead) pe.dead = fault.value;
}

void SystolicFaults::finish(Lowering& lowering) {
  array_ = systolic_array_of(other_part(systolic_kinds().part, lowering.placement(), part_));
  for (const int layer : array_.layers) {
    if (pes_.empty() && accumulators_.empty()) break;
    const Work work = work_on(lowering, layer);
    if (array_.weights_stay())
      weight_stationary(work);
    else
      output_stationary(work);
  }
  add_flips(lowering);
}

SystolicFaults::Work SystolicFaults::work_on(Lowering& lowering, int index) const {
  const Layer& layer = lowering.layer(index);
  const SystolicMap map(array_, layer);
  return {lowering, array_, index, layer, map, std::min(array_.columns, map.group_rows())};
}

const SystolicFaults::Pe* SystolicFaults::pe_at(int row, int column) const {
  const auto found = pes_.find({column, row});
  return found == pes_.end() ? nullptr : &found->second;
}

bool SystolicFaults::is_bypassed(int row, int column) const {
  const Pe* pe = pe_at(row, column);
  return pe != nullptr && pe->bypassed;
}

BrokenPe SystolicFaults::healthy(const Work& work) {
  const bool stay = work.array.weights_stay();
  BrokenPe pe;
  pe.padded_columns = work.layer.columns();
  pe.accumulator_bits = work.array.accumulator_bits;
  pe.chain.rows = stay ? work.array.rows : 1;
  pe.chain.segment = stay ? work.map.segment() : work.layer.columns();
  pe.chain.sum_bits = stay ? work.array.sum_bits : 32;
  pe.simd = pe.chain.rows;
  return pe;
}

void SystolicFaults::refuse(const Work& work, const std::string& what) const {
  throw InputError(work.lowering.placement().accelerator,
                   array_.name + " on " + work.layer.name + ": " + what + " has no exact effect",
                   "the other faults of the column");
}

CodeMask SystolicFaults::of_input(const Work& work, int row, int first, int last) const {
  CodeMask mask;
  for (int c = first; c <= last; ++c) {
    if (const Pe* pe = pe_at(row, c)) {
      mask = mask.then(limited(pe->a, work.layer.input_format.bits));
    }
  }
  return mask;
}

CodeMask SystolicFaults::of_weight_operand(const Work& work, int column, int first,
                                           int last) const {
  CodeMask mask;
  for (auto at = pes_.lower_bound({column, first}); at != pes_.end(); ++at) {
    if (at->first > PeKey{column, last}) break;
    mask = mask.then(limited(at->second.b, work.layer.weight_format.bits));
  }
  return mask;
}

CodeMask SystolicFaults::of_load(const Work& work, int column, int first, int last) const {
  CodeMask mask;
  for (auto at = pes_.lower_bound({column, first}); at != pes_.end(); ++at) {
    if (at->first > PeKey{column, last}) break;
    mask = mask.then(limited(at->second.d, work.layer.weight_format.bits));
  }
  return mask;
}

CodeMask SystolicFaults::of_product(const Work& work, int row, int column) const {
  const Pe* pe = pe_at(row, column);
  if (pe == nullptr) return {};
  if (pe->bypassed) return CodeMask::constant(0);
  // Output-stationary PEs are dead after their accumulator.
  if (pe->dead && array_.weights_stay()) {
    return CodeMask::constant(static_cast<uint32_t>(*pe->dead));
  }
  return limited(pe->product, work.layer.signed_product_bits());
}

CodeMask SystolicFaults::of_register(const Work& work, int row, int column, int parity) const {
  const Pe* pe = pe_at(row, column);
  if (pe == nullptr) return {};
  return limited(pe->w[parity],
                 array_.weights_stay() ? work.layer.weight_format.bits : array_.accumulator_bits);
}

CodeMask SystolicFaults::of_weight(const Work& work, int column, int first_row, int row,
                                   int parity) const {
  return of_load(work, column, first_row, row).then(of_register(work, row, column, parity));
}

// Weight-stationary. Tiles of the product of a group are in the order of channel tiles, then of sum
// tiles; the parity of their number says which of w0 and w1 works.

void SystolicFaults::weight_stationary(const Work& work) const {
  std::vector<CodeMask> inputs(static_cast<size_t>(array_.rows));
  bool any_input = false;
  for (int c = 0; c < work.columns; ++c) {
    auto at = pes_.lower_bound({c, 0});
    const bool any = at != pes_.end() && at->first.first == c;
    for (; at != pes_.end() && at->first.first == c; ++at) {
      CodeMask& mask = inputs[static_cast<size_t>(at->first.second)];
      mask = mask.then(limited(at->second.a, work.layer.input_format.bits));
      any_input |= !mask.is_identity();
    }
    if (any || any_input || accumulators_.count(c) != 0) column(work, c, inputs);
  }
}

/// All that a column does to its channels. Pixels are told apart where the address in its memory
/// matters, or how many weights of the next tile are there already.
void SystolicFaults::column(const Work& work, int c, const std::vector<CodeMask>& inputs) const {
  patch_weights(work, c);
  check_valid(work, c);
  const BrokenPe none = healthy(work);
  BrokenPe pe = none;
  int exchanged = array_.rows;  // first row whose propagate is stuck
  int frozen = array_.rows;     // first row whose valid is stuck at 0
  for (int r = 0; r < array_.rows; ++r) {
    const CodeMask input = inputs[static_cast<size_t>(r)];
    if (!input.is_identity()) pe.inputs.push_back({r, input});
  }
  for (auto at = pes_.lower_bound({c, 0}); at != pes_.end() && at->first.first == c; ++at) {
    const int r = at->first.second;
    const Pe& broken = at->second;
    // A bypassed PE's weights are pruned where their format has a 0.
    CodeMask product = of_product(work, r, c);
    if (broken.bypassed && !work.layer.is_xnor()) product = {};
    if (!product.is_identity()) pe.products.push_back({r, product});
    const CodeMask sum = limited(broken.b, array_.sum_bits);
    if (!sum.is_identity()) pe.chain.sums.push_back({r, sum});
    if (broken.valid == false) frozen = std::min(frozen, r);
    if (broken.propagate) exchanged = std::min(exchanged, r);
  }
  for (int t = 0; t < work.map.sum_tiles(); ++t) {
    if (work.map.sum_tile(t).rows > frozen) pe.chain.lost_tiles.push_back(t);
  }
  if (exchanged < array_.rows && array_.waits && array_.loading == WeightLoading::double_buffered) {
    refuse(work, "propagate stuck in column " + std::to_string(c) +
                     " where weights come when memory has them");
  }
  const auto memory = accumulators_.find(c);
  const bool splits = memory != accumulators_.end() || exchanged < array_.rows;
  if (!splits && pe == none) return;
  const std::vector<int> rows = work.map.rows_in(c);
  auto& operators = work.lowering.effects().operators;
  if (!splits) {
    operators.push_back({work.index, rows, {}, std::move(pe), {}});
    return;
  }
  std::map<std::pair<int, int>, std::vector<int>> pixels;  // by address, and vectors of the product
  for (int p = 0; p < work.layer.output.pixels(); ++p) {
    const int address = p % array_.accumulator_depth;
    const bool broken = memory != accumulators_.end() && memory->second.count(address) != 0;
    const bool moving = exchanged < array_.rows && array_.loading == WeightLoading::double_buffered;
    pixels[{broken ? address : -1, moving ? std::min(address, array_.rows - exchanged) : 0}]
        .push_back(p);
  }
  for (auto& [where, group] : pixels) {
    BrokenPe here = pe;
    if (where.first >= 0) {
      here.accumulator = limited(memory->second.at(where.first), array_.accumulator_bits);
    }
    if (here == none && exchanged == array_.rows) continue;
    if (static_cast<int>(group.size()) == work.layer.output.pixels()) group.clear();
    if (exchanged == array_.rows) {
      operators.push_back({work.index, rows, std::move(group), std::move(here), {}});
      continue;
    }
    const bool moving = array_.loading == WeightLoading::double_buffered;
    const auto next_is_in_place = [&, vector = where.second](int r) {
      return moving && vector >= array_.rows - r;
    };
    for (const int n : rows) {
      BrokenPe of_row = here;
      for (int t = 0; t < work.map.sum_tiles(); ++t) {
        const auto tile = work.map.sum_tile(t);
        const int number = work.map.channel_tile_of(n) * work.map.sum_tiles() + t;
        std::optional<int> works;
        for (int r = 0; r < tile.rows; ++r) {
          const Pe* at = pe_at(r, c);
          if (at != nullptr && at->propagate) works = at->propagate;
          if (!works || *works == number % 2 || is_bypassed(r, c)) continue;
          const CodeMask own = of_weight(work, c, 0, r, number % 2);
          const int k = tile.first + r;
          const NumberFormat& format = work.layer.weight_format;
          const uint32_t right =
              format.code(format.value(own.apply(format.code(work.layer.weight_row(n)[k]))));
          const uint32_t bits = right ^ other_weight(work, n, r, number, next_is_in_place(r));
          if (bits != 0) of_row.weight_flips.push_back({n, k, bits});
        }
      }
      if (of_row == none) continue;
      operators.push_back({work.index, {n}, group, std::move(of_row), {}});
    }
  }
}

void SystolicFaults::patch_weights(const Work& work, int c) const {
  const NumberFormat& format = work.layer.weight_format;
  // Of a weight on its way through rows 0 .. r, before the register.
  CodeMask load;
  int first = array_.rows;  // row that changes what goes by
  std::vector<std::pair<CodeMask, CodeMask>> masks(static_cast<size_t>(array_.rows));
  std::vector<bool> pruned(static_cast<size_t>(array_.rows));
  auto at = pes_.lower_bound({c, 0});
  for (int r = 0; r < array_.rows; ++r) {
    if (at != pes_.end() && at->first == PeKey{c, r}) {
      load = load.then(limited(at->second.d, format.bits));
      pruned[static_cast<size_t>(r)] = at->second.bypassed && !work.layer.is_xnor();
      ++at;
    }
    auto& [w0, w1] = masks[static_cast<size_t>(r)];
    w0 = load.then(of_register(work, r, c, 0));
    w1 = load.then(of_register(work, r, c, 1));
    const bool changes = !w0.is_identity() || !w1.is_identity() || pruned[static_cast<size_t>(r)];
    if (changes) first = std::min(first, r);
  }
  if (first == array_.rows) return;
  auto& patches = work.lowering.effects().patches;
  for (const int n : work.map.rows_in(c)) {
    const int8_t* weights = work.layer.weight_row(n);
    for (int t = 0; t < work.map.sum_tiles(); ++t) {
      const auto tile = work.map.sum_tile(t);
      const int parity = (work.map.channel_tile_of(n) * work.map.sum_tiles() + t) % 2;
      for (int r = first; r < tile.rows; ++r) {
        const auto row = static_cast<size_t>(r);
        const CodeMask mask = parity == 0 ? masks[row].first : masks[row].second;
        if (mask.is_identity() && !pruned[row]) continue;
        const int stored = weights[tile.first + r];
        const int read = pruned[row] ? 0 : format.value(mask.apply(format.code(stored)));
        if (read != stored) patches.push_back({work.index, n, false, tile.first + r, read});
      }
    }
  }
}

// The weights of tile t+1 are in place R cycles after it began to enter: with double buffering that
// is when vector R - r of tile t meets row r. Until then the register has those of tile t-1, before
// the first tile of a product zeros.
uint32_t SystolicFaults::other_weight(const Work& work, int channel, int row, int tile,
                                      bool next_is_in_place) const {
  const int c = work.map.column_of(channel);
  const int of_sum = work.map.sum_tiles();
  const bool is_new = next_is_in_place && tile + 1 < of_sum * work.map.channel_tiles();
  const int source = is_new ? tile + 1 : tile - 1;
  const int parity = (tile + 1) % 2;
  uint32_t code = 0;
  if (source >= 0) {
    const auto from = work.map.sum_tile(source % of_sum);
    const int of_group = source / of_sum * array_.columns + c;
    const int n = work.map.first_row(channel) + of_group;
    // An idle row gets a 0, through the rows that are in use.
    if (of_group < work.map.group_rows()) {
      const bool used = row < from.rows;
      code =
          of_load(work, c, 0, std::min(row, from.rows - 1))
              .apply(used
                         ? work.layer.weight_format.code(work.layer.weight_row(n)[from.first + row])
                         : 0);
    }
  }
  const uint32_t all = (1u << work.layer.weight_format.bits) - 1;
  return of_register(work, row, c, parity).apply(code) & all;
}

/// Below a PE that does not let its sum count, one that does adds to what was left there.
void SystolicFaults::check_valid(const Work& work, int c) const {
  bool frozen = false;
  for (auto at = pes_.lower_bound({c, 0}); at != pes_.end() && at->first.first == c; ++at) {
    const auto& [key, pe] = *at;
    if (pe.valid == true && frozen) {
      refuse(work, "valid stuck at 1 below valid stuck at 0 in column " + std::to_string(c));
    }
    frozen |= pe.valid == false;
  }
}

// Output-stationary. Tiles are in the order of channel tiles, then of pixel tiles.

void SystolicFaults::output_stationary(const Work& work) const {
  const int rows = std::min(array_.rows, work.layer.output.pixels());
  std::vector<CodeMask> inputs(static_cast<size_t>(array_.rows));
  for (int c = 0; c < work.columns; ++c) {
    check_valid(work, c);
    CodeMask weight;
    for (int r = 0; r < rows; ++r) {
      CodeMask& input = inputs[static_cast<size_t>(r)];
      if (const Pe* pe = pe_at(r, c)) {
        input = input.then(limited(pe->a, work.layer.input_format.bits));
        weight = weight.then(limited(pe->b, work.layer.weight_format.bits));
      }
      element(work, r, c, input, weight);
    }
  }
}

/// Would the PE add something in a cycle in which no operands are there?
bool SystolicFaults::idle_adds(const Work& work, int r, int c) const {
  const Layer& l = work.layer;
  const int input = l.input_format.value(of_input(work, r, 0, c).apply(0));
  const int weight = l.weight_format.value(of_weight_operand(work, c, 0, r).apply(0));
  const uint32_t product = of_product(work, r, c).apply(static_cast<uint32_t>(input * weight));
  return read_register(product, l.signed_product_bits(), false) != 0;
}

void SystolicFaults::element(const Work& work, int r, int c, CodeMask input,
                             CodeMask weight) const {
  const Layer& l = work.layer;
  const BrokenPe none = healthy(work);
  BrokenPe base = none;
  if (!input.is_identity()) base.inputs = {{0, input}};
  if (!weight.is_identity()) base.chain.weights = {{0, weight}};
  CodeMask product = of_product(work, r, c);
  bool lost = false;
  bool counts_always = false;
  std::optional<int> works;
  for (auto at = pes_.lower_bound({c, 0}); at != pes_.end() && at->first <= PeKey{c, r}; ++at) {
    lost |= at->second.valid == false;
    counts_always |= at->second.valid == true;
    if (at->second.propagate) works = at->second.propagate;
  }
  if (counts_always && !lost && idle_adds(work, r, c)) {
    refuse(work, "valid stuck at 1, where an idle PE's product is not 0, in row " +
                     std::to_string(r) + " of column " + std::to_string(c));
  }
  if (lost) product = CodeMask::constant(0);
  const Pe* pe = pe_at(r, c);
  if (pe != nullptr && pe->dead) {
    ElementFault dead;
    dead.tensor = Network::output_tensor(work.index);
    dead.channels = work.map.rows_in(c);
    dead.pixels = multiples(r, array_.rows, l.output.pixels());
    dead.point = point_pe_dead;
    dead.mask = CodeMask::constant(
        l.accumulator_output ? static_cast<uint32_t>(dead_accumulator(l, *pe->dead))
                             : l.output_format.code(nearest_level(l.output_format, *pe->dead)));
    work.lowering.effects().elements.push_back(std::move(dead));
  }
  const int pixel_tiles = work.map.pixel_tiles();
  for (int odd = 0; odd < std::min(2, work.map.channel_tiles()); ++odd) {
    std::map<std::pair<int, int>, std::vector<int>> pixels;  // by parity, rows in use
    for (int m = r; m < l.output.pixels(); m += array_.rows) {
      const int tile = m / array_.rows;
      pixels[{(odd * pixel_tiles + tile) % 2,
              std::min(array_.rows, l.output.pixels() - tile * array_.rows)}]
          .push_back(m);
    }
    std::vector<int> channels;
    for (const int n : work.map.rows_in(c)) {
      if (work.map.channel_tile_of(n) % 2 == odd) channels.push_back(n);
    }
    for (auto& [where, group] : pixels) {
      const auto [parity, used] = where;
      BrokenPe here = base;
      here.accumulator = of_register(work, r, c, parity);
      CodeMask of_product = product;
      if (works && *works != parity) of_product = CodeMask::constant(0);
      if (!of_product.is_identity()) here.products = {{0, of_product}};
      if (pe != nullptr && pe->bypassed) here.chain.result = CodeMask::constant(0);
      for (int below = r; array_.drains && below < used; ++below) {
        if (const Pe* passed = pe_at(below, c)) {
          here.chain.result = here.chain.result.then(limited(passed->d, array_.accumulator_bits));
        }
      }
      if (here == none) continue;
      if (static_cast<int>(group.size()) == l.output.pixels()) group.clear();
      work.lowering.effects().operators.push_back(
          {work.index, channels, std::move(group), std::move(here), {}});
    }
  }
}

}  // namespace stuckat
