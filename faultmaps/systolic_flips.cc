// Transients in systolic arrays: which vector, tile and weight a flip of a register meets, and what
// is stuck on the way before and after it. When each tile began, the timeline says.
#include <algorithm>
#include <set>
#include <tuple>

#include "faultmaps/array_map.h"
#include "faultmaps/systolic_faults.h"
#include "faultmaps/systolic_sites.h"

namespace stuckat {

struct SystolicFaults::Flips {
  const SystolicFaults& stuck;
  Lowering& lowering;
  const SystolicArray& array;

  /// Where and when, in the product that the array is busy with.
  struct At {
    Work work;
    SystolicProduct product;
    int64_t cycle;  // of the product
    int row, column, bit;
    RunImages image() const { return {product.image, product.image}; }
  };
  /// An operand on its way through a row (a) or down a column (b, output-stationary), with the
  /// registers in which it is hit.
  using Way = std::tuple<int64_t, int, int, int, int, int>;  // image, layer, group, pixel, number,
                                                             // row
  struct Hit {
    At at;
    std::map<int, uint32_t> bits;  // by column
  };
  std::map<Way, Hit> inputs = {};
  using WeightWay = std::tuple<int64_t, int, int, int, int>;  // image, layer, channel, tile, k
  std::map<WeightWay, Hit> weights = {};                      // bits by row
  std::set<std::tuple<int64_t, int, int, int, int>> lost =
      {};  // image, layer, channel, pixel, tile

  const Layer& layer(const At& at) const { return at.work.layer; }
  /// The row of the layer, or none.
  std::optional<int> n_of(const At& at, int channel_tile, int column) const {
    const int of_group = channel_tile * array.columns + column;
    if (of_group >= at.work.map.group_rows()) return {};
    return at.product.first_row + of_group;
  }

  void emit(const At& at, int n, std::vector<int> pixels, BrokenPe pe) {
    if (pixels.empty()) return;
    if (static_cast<int>(pixels.size()) == layer(at).output.pixels()) pixels.clear();
    lowering.effects().operators.push_back(
        {at.work.index, {n}, std::move(pixels), std::move(pe), at.image()});
  }

  void add(const Fault& fault) {
    const auto product = lowering.run().systolic_product(array.name, fault.flip_cycle);
    if (!product) return;
    const auto [row, column, bit, unused] = fault.coordinates;
    const At at{stuck.work_on(lowering, product->layer),
                *product,
                fault.flip_cycle - product->cycle,
                row,
                column,
                bit};
    const SystolicKinds& kinds = systolic_kinds();
    const Layer& l = layer(at);
    const bool stay = array.weights_stay();
    const auto fits = [&, bit = bit](int bits) { return bit < bits; };
    if (fault.kind == kinds.a && fits(l.input_format.bits)) stay ? flip_a(at) : flip_os_a(at);
    if (fault.kind == kinds.b) {
      if (stay)
        flip_sum(at);
      else if (fits(l.weight_format.bits))
        flip_os_b(at);
    }
    if (fault.kind == kinds.product && fits(l.signed_product_bits())) {
      flip_product(at);
    }
    if (fault.kind == kinds.d) {
      if (!stay)
        flip_drain(at);
      else if (fits(l.weight_format.bits))
        flip_load(at);
    }
    for (const int parity : {0, 1}) {
      if (fault.kind != (parity == 0 ? kinds.w0 : kinds.w1)) continue;
      if (!stay)
        flip_accumulator(at, parity);
      else if (fits(l.weight_format.bits))
        flip_weight(at, parity);
    }
    if (fault.kind == kinds.valid) flip_valid(at);
    if (fault.kind == kinds.propagate) stay ? flip_propagate(at) : flip_os_propagate(at);
  }

  /// The tile that begins in `cycle` of the product or was the last to begin before; -1: none.
  static int tile_in(const At& at, int64_t cycle) {
    const auto& tiles = at.product.tiles;
    const auto after =
        std::upper_bound(tiles.begin(), tiles.end(), cycle,
                         [](int64_t now, const SystolicTile& tile) { return now < tile.start; });
    return static_cast<int>(after - tiles.begin()) - 1;
  }
  static int64_t start(const At& at, int tile) {
    return at.product.tiles[static_cast<size_t>(tile)].start;
  }
  static int64_t load(const At& at, int tile) {
    return at.product.tiles[static_cast<size_t>(tile)].load;
  }

  // Weight-stationary. PE (r, c) works on vector m of a tile r + c + m cycles after its start.

  static int tiles(const At& at) { return static_cast<int>(at.product.tiles.size()); }

  /// What a PE works on.
  struct Step {
    int sum_tile, n, vector;
    int number;  // of the tile in the product
  };
  /// Nothing: it is idle, or has nothing to do.
  std::optional<Step> step_of(const At& at, int row, int column, int64_t cycle) const {
    const int64_t since = cycle - row - column;
    const int tile = tile_in(at, since);
    if (tile < 0) return {};
    const int64_t vector = since - start(at, tile);
    if (vector >= at.product.pixels) return {};
    const int of_sum = at.work.map.sum_tiles();
    const auto n = n_of(at, tile / of_sum, column);
    if (!n) return {};
    const Step step{tile % of_sum, *n, static_cast<int>(vector), tile};
    if (row >= at.work.map.sum_tile(step.sum_tile).rows) return {};
    return step;
  }
  int pixel_of(const At& at, const Step& step) const {
    return at.product.first_pixel + step.vector;
  }

  void flip_a(const At& at) {
    const auto step = step_of(at, at.row, at.column, at.cycle);
    if (!step) return;
    auto [hit, is_new] =
        inputs.try_emplace(Way{at.product.image, at.work.index, at.product.first_row,
                               pixel_of(at, *step), step->number, at.row},
                           Hit{at, {}});
    hit->second.bits[at.column] ^= 1u << at.bit;
  }
  /// The operand in every column that it passes from the first hit on.
  void finish_inputs() {
    for (const auto& [way, hit] : inputs) {
      // tile: number in the product, or of k
      const auto [image, index, group, pixel, tile, row] = way;
      const At& at = hit.at;
      const bool stay = array.weights_stay();
      const int of_sum = stay ? at.work.map.sum_tiles() : layer(at).columns();
      const int first = hit.bits.begin()->first;
      CodeMask mask = stuck.of_input(at.work, row, 0, first - 1);
      for (int c = first; c < array.columns; ++c) {
        const auto bits = hit.bits.find(c);
        if (bits != hit.bits.end()) mask = mask.then(inverting(bits->second));
        mask = mask.then(stuck.of_input(at.work, row, c, c));
        const auto n = n_of(at, tile / of_sum, c);
        if (!n) break;
        BrokenPe pe = healthy(at.work);
        pe.chain.inputs_at = {{tile % of_sum, stay ? row : 0, mask}};
        emit(at, *n, {pixel}, std::move(pe));
      }
    }
  }
  static CodeMask inverting(uint32_t bits) { return {~0u, 0, bits}; }

  void flip_sum(const At& at) {
    const auto step = step_of(at, at.row, at.column, at.cycle);
    if (!step) return;
    BrokenPe pe = healthy(at.work);
    pe.chain.sum_flips = {{step->sum_tile, at.row, 1u << at.bit}};
    emit(at, step->n, {pixel_of(at, *step)}, std::move(pe));
  }

  void flip_product(const At& at) {
    BrokenPe pe = healthy(at.work);
    if (!array.weights_stay()) {
      const auto step = os_step(at, at.row, at.column, at.cycle);
      if (!step) return refuse_counted(at, at.row, at.column);
      pe.product_flips = {{step->k, 0, 1u << at.bit}};
      emit(at, step->n, {step->pixel}, std::move(pe));
      return;
    }
    const auto step = step_of(at, at.row, at.column, at.cycle);
    if (!step || stuck.is_bypassed(at.row, at.column)) return;
    pe.product_flips = {{step->sum_tile, at.row, 1u << at.bit}};
    emit(at, step->n, {pixel_of(at, *step)}, std::move(pe));
  }

  /// Bits of a weight of a tile, in the vectors from one on.
  void flip_weight_of(const At& at, int tile, int row, int first_vector, uint32_t bits) {
    const int of_sum = at.work.map.sum_tiles();
    const auto from = at.work.map.sum_tile(tile % of_sum);
    const auto n = n_of(at, tile / of_sum, at.column);
    if (bits == 0 || row >= from.rows || !n) return;
    if (stuck.is_bypassed(row, at.column)) return;
    BrokenPe pe = healthy(at.work);
    pe.weight_flips = {{*n, from.first + row, bits}};
    emit(at, *n,
         multiples(at.product.first_pixel + first_vector, 1,
                   at.product.first_pixel + at.product.pixels),
         std::move(pe));
  }
  void refuse_with_propagate(const At& at) const {
    for (int r = 0; r < array.rows; ++r) {
      const Pe* pe = stuck.pe_at(r, at.column);
      const bool is = pe != nullptr && pe->propagate;
      if (is) {
        stuck.refuse(at.work, "a flip of a weight where propagate is stuck, in column " +
                                  std::to_string(at.column));
      }
    }
    for (const Fault* flip : stuck.flips_) {
      if (flip->kind == systolic_kinds().propagate && flip->coordinates[1] == at.column) {
        stuck.refuse(at.work, "a flip of a weight with one of propagate, in column " +
                                  std::to_string(at.column));
      }
    }
  }
  void flip_weight(const At& at, int parity) {
    refuse_with_propagate(at);
    // The last tile of the parity whose weights are in place.
    int tile = -1;
    const int64_t in_place = at.cycle - at.column - array.rows;
    for (int t = parity; t < tiles(at) && load(at, t) <= in_place; t += 2) tile = t;
    if (tile < 0) return;
    const int64_t first = at.cycle - start(at, tile) - at.row - at.column;
    if (first >= at.product.pixels) return;
    const CodeMask reads = stuck.of_register(at.work, at.row, at.column, parity);
    flip_weight_of(at, tile, at.row, static_cast<int>(std::max<int64_t>(first, 0)),
                   (1u << at.bit) & reads.keep);
  }
  void flip_load(const At& at) {
    refuse_with_propagate(at);
    for (int t = 0; t < tiles(at); ++t) {
      const int64_t step = at.cycle - load(at, t) - at.column;
      if (step < at.row || step >= array.rows) continue;
      // The weight of row w enters in step R - 1 - w.
      const int row = array.rows - 1 - static_cast<int>(step) + at.row;
      const CodeMask after = stuck.of_weight(at.work, at.column, at.row, row, t % 2);
      flip_weight_of(at, t, row, 0, (1u << at.bit) & after.keep);
    }
  }

  void refuse_other_valid(const At& at, bool again) const {
    bool any = again;
    for (int r = 0; r < array.rows; ++r) {
      const Pe* pe = stuck.pe_at(r, at.column);
      any |= pe != nullptr && pe->valid.has_value();
    }
    if (any) {
      stuck.refuse(at.work, "a flip of valid with another fault of valid in its way, in column " +
                                std::to_string(at.column));
    }
  }
  void lose(const At& at, int n, int pixel, int tile) {
    const bool is_new = lost.insert({at.product.image, at.work.index, n, pixel, tile}).second;
    refuse_other_valid(at, !is_new);
    BrokenPe pe = healthy(at.work);
    pe.chain.lost_tiles = {tile};
    emit(at, n, {pixel}, std::move(pe));
  }
  void flip_valid(const At& at) {
    if (array.weights_stay()) {
      const auto step = step_of(at, at.row, at.column, at.cycle);
      if (!step) return;
      lose(at, step->n, pixel_of(at, *step), step->sum_tile);
      return;
    }
    const auto step = os_step(at, at.row, at.column, at.cycle);
    if (!step) {
      for (int r = at.row; r < array.rows; ++r) {
        if (!stuck.idle_adds(at.work, r, at.column)) continue;
        stuck.refuse(at.work,
                     "a flip of valid in an idle cycle, where an idle PE's product is "
                     "not 0, in column " +
                         std::to_string(at.column));
      }
      return;
    }
    for_rows_below(at, *step, [&](int pixel) { lose(at, step->n, pixel, step->k); });
  }

  void flip_propagate(const At& at) {
    const auto step = step_of(at, at.row, at.column, at.cycle);
    if (!step) return;
    const auto from = at.work.map.sum_tile(step->sum_tile);
    const int n = step->n;
    const NumberFormat& format = layer(at).weight_format;
    BrokenPe pe = healthy(at.work);
    for (int r = at.row; r < from.rows; ++r) {
      const Pe* below = stuck.pe_at(r, at.column);
      if (below != nullptr && below->propagate) break;
      if (stuck.is_bypassed(r, at.column)) continue;
      const int k = from.first + r;
      const CodeMask own = stuck.of_weight(at.work, at.column, 0, r, step->number % 2);
      const uint32_t right =
          format.code(format.value(own.apply(format.code(layer(at).weight_row(n)[k]))));
      const int next = step->number + 1;
      const int64_t now = start(at, step->number) + step->vector + r;  // in column 0
      const bool in_place = next < tiles(at) && load(at, next) + array.rows <= now;
      const uint32_t bits = right ^ stuck.other_weight(at.work, n, r, step->number, in_place);
      if (bits != 0) pe.weight_flips.push_back({n, k, bits});
    }
    emit(at, n, {pixel_of(at, *step)}, std::move(pe));
  }

  // Output-stationary. PE (r, c) adds product k of a tile r + c + k cycles after its start.

  struct OsStep {
    int n, pixel, k, pixel_tile;
  };
  int64_t os_works(const At& at) const {
    return int64_t{layer(at).columns()} + array.rows + array.columns - 2;
  }
  /// Cycles since the tile that the array is at began.
  static int64_t os_since(const At& at, int64_t cycle) {
    return cycle - start(at, tile_in(at, cycle));
  }
  /// k before 0 or after the last: the PE has nothing to add.
  std::optional<OsStep> os_tile(const At& at, int row, int column, int64_t cycle) const {
    const int tile = tile_in(at, cycle);
    if (tile < 0) return {};
    const int of_pixels = at.work.map.pixel_tiles();
    const auto n = n_of(at, tile / of_pixels, column);
    if (!n) return {};
    return OsStep{*n, tile % of_pixels * array.rows + row,
                  static_cast<int>(os_since(at, cycle)) - row - column, tile % of_pixels};
  }
  std::optional<OsStep> os_step(const At& at, int row, int column, int64_t cycle) const {
    const auto step = os_tile(at, row, column, cycle);
    if (!step || step->pixel >= layer(at).output.pixels()) return {};
    if (step->k < 0 || step->k >= layer(at).columns()) return {};
    return step;
  }
  int rows_in_use(const At& at, int pixel_tile) const {
    return std::min(array.rows, layer(at).output.pixels() - pixel_tile * array.rows);
  }
  template <typename Visit>
  void for_rows_below(const At& at, const OsStep& step, Visit visit) {
    for (int r = at.row; r < rows_in_use(at, step.pixel_tile); ++r) {
      visit(step.pixel_tile * array.rows + r);
    }
  }
  /// A flip of what an idle PE multiplies does nothing, unless some PE above one of rows at.row ..
  /// last_row lets that count.
  void refuse_counted(const At& at, int last_row, int last_column) const {
    if (tile_in(at, at.cycle) < 0 || os_since(at, at.cycle) >= os_works(at)) return;
    const auto counts = [&](int column) {
      for (int r = 0; r <= last_row; ++r) {
        const Pe* pe = stuck.pe_at(r, column);
        if (pe != nullptr && pe->valid == true) return true;
      }
      return std::any_of(stuck.flips_.begin(), stuck.flips_.end(), [&](const Fault* flip) {
        return flip->kind == systolic_kinds().valid && flip->coordinates[1] == column;
      });
    };
    for (int column = at.column; column <= last_column; ++column) {
      const auto tile = os_tile(at, at.row, column, at.cycle);
      if (!tile || at.row >= rows_in_use(at, tile->pixel_tile) || !counts(column)) continue;
      stuck.refuse(at.work,
                   "a flip in an idle PE with a fault of valid that lets its product count, in "
                   "column " +
                       std::to_string(column));
    }
  }
  void flip_os_a(const At& at) {
    const auto step = os_step(at, at.row, at.column, at.cycle);
    if (!step) return refuse_counted(at, at.row, array.columns - 1);
    const int number = at.work.map.channel_tile_of(step->n) * layer(at).columns() + step->k;
    auto [hit, is_new] = inputs.try_emplace(
        Way{at.product.image, at.work.index, at.product.first_row, step->pixel, number, at.row},
        Hit{at, {}});
    hit->second.bits[at.column] ^= 1u << at.bit;
  }
  void flip_os_b(const At& at) {
    const auto step = os_step(at, at.row, at.column, at.cycle);
    if (!step) return refuse_counted(at, array.rows - 1, at.column);
    auto [hit, is_new] = weights.try_emplace(
        WeightWay{at.product.image, at.work.index, step->n, step->pixel_tile, step->k},
        Hit{at, {}});
    hit->second.bits[at.row] ^= 1u << at.bit;
  }
  void finish_weights() {
    for (const auto& [way, hit] : weights) {
      const auto [image, index, n, pixel_tile, k] = way;
      const At& at = hit.at;
      const int first = hit.bits.begin()->first;
      CodeMask mask = stuck.of_weight_operand(at.work, at.column, 0, first - 1);
      for (int r = first; r < rows_in_use(at, pixel_tile); ++r) {
        const auto bits = hit.bits.find(r);
        if (bits != hit.bits.end()) mask = mask.then(inverting(bits->second));
        mask = mask.then(stuck.of_weight_operand(at.work, at.column, r, r));
        BrokenPe pe = healthy(at.work);
        pe.chain.weights_at = {{k, 0, mask}};
        emit(at, n, {pixel_tile * array.rows + r}, std::move(pe));
      }
    }
  }

  void flip_accumulator(const At& at, int parity) {
    const auto step = os_tile(at, at.row, at.column, at.cycle);
    if (!step || step->pixel >= layer(at).output.pixels()) return;
    if (tile_in(at, at.cycle) % 2 != parity) return;
    // What leaves was taken before: through the lower edge, or from where it is.
    if (os_since(at, at.cycle) >= os_works(at) + (array.drains ? 1 : 0)) return;
    BrokenPe pe = healthy(at.work);
    pe.accumulator_flips = {{std::clamp(step->k, 0, layer(at).columns()), 1u << at.bit}};
    emit(at, step->n, {step->pixel}, std::move(pe));
  }

  void flip_drain(const At& at) {
    const auto step = os_tile(at, at.row, at.column, at.cycle);
    if (!step) return;
    const int64_t moved = os_since(at, at.cycle) - os_works(at);
    if (moved < 1 || moved > at.row) return;
    const int row = at.row - static_cast<int>(moved);  // that computed what is there
    const int used = rows_in_use(at, step->pixel_tile);
    if (at.row >= used) return;
    uint32_t bits = 1u << at.bit;
    for (int r = at.row; r < used; ++r) {
      if (const Pe* pe = stuck.pe_at(r, at.column)) bits &= pe->d.keep;
    }
    BrokenPe pe = healthy(at.work);
    pe.chain.result.flip = bits;
    emit(at, step->n, {step->pixel_tile * array.rows + row}, std::move(pe));
  }

  void flip_os_propagate(const At& at) {
    const auto step = os_step(at, at.row, at.column, at.cycle);
    if (!step) return;
    for (int r = 0; r < array.rows; ++r) {
      const Pe* pe = stuck.pe_at(r, at.column);
      if (pe != nullptr && pe->propagate) {
        stuck.refuse(at.work, "a flip of propagate where it is stuck, in column " +
                                  std::to_string(at.column));
      }
    }
    for_rows_below(at, *step, [&](int pixel) {
      const bool is_new =
          lost.insert({at.product.image, at.work.index, step->n, pixel, step->k}).second;
      if (!is_new) {
        stuck.refuse(at.work, "two flips of valid or propagate on one product, in column " +
                                  std::to_string(at.column));
      }
      BrokenPe pe = healthy(at.work);
      pe.chain.lost_tiles = {step->k};
      emit(at, step->n, {pixel}, std::move(pe));
    });
  }
};

void SystolicFaults::add_flips(Lowering& lowering) const {
  if (flips_.empty()) return;
  Flips flips{*this, lowering, array_};
  for (const Fault* flip : flips_) flips.add(*flip);
  flips.finish_inputs();
  flips.finish_weights();
}

}  // namespace stuckat
