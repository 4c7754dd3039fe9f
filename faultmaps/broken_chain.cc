#include "faultmaps/broken_chain.h"

#include <algorithm>
#include <cassert>
#include <map>

#include "faultmaps/broken_pe.h"

namespace stuckat {
namespace {

CodeMask mask_at(const std::vector<BrokenChain::TileMask>& of_tiles,
                 const std::vector<LaneMask>& lanes, int tile, int lane) {
  for (const auto& m : of_tiles) {
    if (m.tile == tile && m.lane == lane) return m.mask;
  }
  return mask_of(lanes, lane);
}

bool has(const std::vector<int>& list, int number) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

}  // namespace

void merge(std::vector<LaneMask>& into, const std::vector<LaneMask>& from) {
  std::map<int, CodeMask> masks;
  for (const auto& l : into) masks[l.lane] = l.mask;
  for (const auto& l : from) masks[l.lane] = masks[l.lane].then(l.mask);
  into.clear();
  for (const auto& [lane, mask] : masks) into.push_back({lane, mask});
}

CodeMask mask_of(const std::vector<LaneMask>& lanes, int lane) {
  for (const auto& l : lanes) {
    if (l.lane == lane) return l.mask;
  }
  return {};
}

void merge(BrokenChain& into, const BrokenChain& from) {
  assert(into.rows == from.rows && into.segment == from.segment && into.sum_bits == from.sum_bits);
  merge(into.weights, from.weights);
  merge(into.sums, from.sums);
  merge(into.weights_at, from.weights_at);
  merge(into.inputs_at, from.inputs_at);
  merge(into.sum_flips, from.sum_flips);
  merge(into.lost_tiles, from.lost_tiles);
  std::sort(into.lost_tiles.begin(), into.lost_tiles.end());
  into.result = into.result.then(from.result);
}

int32_t chain_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                         const int32_t* window) {
  const BrokenChain& chain = pe.chain;
  const NumberFormat& weight_format = layer.weight_format;
  const NumberFormat& input_format = layer.input_format;
  const int product_bits = layer.signed_product_bits();
  const int columns = layer.columns();
  int32_t accumulator = pe.stored(0, false);
  int tile = 0;
  for (int begin = 0; begin < columns; begin += chain.segment) {
    for (int within = 0; within < chain.segment; within += chain.rows, ++tile) {
      accumulator = pe.at_step(tile, accumulator, false);
      int32_t sum = 0;
      const int lanes = std::min(chain.rows, chain.segment - within);
      for (int lane = 0; lane < lanes; ++lane) {
        const int column = begin + within + lane;
        auto read = static_cast<uint32_t>(sum);
        for (const auto& f : chain.sum_flips) {
          if (f.tile == tile && f.lane == lane) read ^= f.bits;
        }
        sum = read_register(mask_of(chain.sums, lane).apply(read), chain.sum_bits, false);

        int32_t weight = weights[column];
        for (const auto& f : pe.weight_flips) {
          if (f.row != row || f.column != column) continue;
          weight = weight_format.value(weight_format.code(weight) ^ f.bits);
        }
        const CodeMask of_weight = mask_at(chain.weights_at, chain.weights, tile, lane);
        if (!of_weight.is_identity()) {
          weight = weight_format.value(of_weight.apply(weight_format.code(weight)));
        }
        const CodeMask of_input = mask_at(chain.inputs_at, pe.inputs, tile, lane);
        const int32_t input = input_format.value(of_input.apply(input_format.code(window[column])));

        auto product = static_cast<uint32_t>(weight * input);
        for (const auto& f : pe.product_flips) {
          if (f.step == tile && f.lane == lane) product ^= f.bits;
        }
        product = mask_of(pe.products, lane).apply(product);
        const auto added = static_cast<uint32_t>(sum) +
                           static_cast<uint32_t>(read_register(product, product_bits, false));
        sum = read_register(added, chain.sum_bits, false);
      }
      if (has(chain.lost_tiles, tile)) continue;
      accumulator =
          pe.stored(static_cast<uint32_t>(accumulator) + static_cast<uint32_t>(sum), false);
    }
  }
  accumulator = pe.at_step(tile, accumulator, false);
  const int32_t result = read_register(chain.result.apply(static_cast<uint32_t>(accumulator)),
                                       pe.accumulator_bits, false);
  return popcount_of_sum(layer, result);
}

}  // namespace stuckat
