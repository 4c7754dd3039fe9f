#include "sim/fast/patched_layer.h"

#include <cstdlib>

namespace stuckat::fast {

PatchedLayer::PatchedLayer(const Layer& of, const PackedLayer& layer, bool wide)
    : right_(&layer), layer_(layer) {
  if (wide) layer_.dense = dense_weights(layer, of.weight_format.bits, false);
  layer_.columns = {};
  layer_.wide_columns = {};
  layer_.bit_columns = {};
  for (int column = 0; column < of.columns(); ++column) {
    places_.push_back(column_bit(layer_, column));
  }
}

void PatchedLayer::patch(const LayerPatch& patch) {
  for (const LayerPatch::Weight& w : patch.weights) {
    const ColumnBit place = places_[static_cast<size_t>(w.column)];
    const int stored = held_weight(layer_.dense, w.after);
    set_weight(w.row, place, stored);
    if (stored != w.after) excesses_.push_back({w.row, place, w.after - stored});
  }
  for (const LayerPatch::Margin& m : patch.margins) {
    layer_.base_margin[static_cast<size_t>(m.threshold * layer_.rows_padded + m.row)] = m.value;
  }
}

void PatchedLayer::set_weight(int row, ColumnBit place, int weight) {
  DenseWeights& dense = layer_.dense;
  uint64_t* word = dense.words.data() + dense.word_of(row, 0, place.word);
  const auto set = [&](uint64_t& of, unsigned one) {
    of = (of & ~(uint64_t{1} << place.bit)) | uint64_t{one} << place.bit;
  };
  const auto magnitude = static_cast<unsigned>(std::abs(weight));
  const ptrdiff_t digit_words =
      ptrdiff_t{dense.column_words} * (dense.plus_minus ? 1 : 2) * dense_block_rows;
  for (int digit = 0; digit < dense.digits; ++digit, word += digit_words) {
    set(*word, weight > 0 ? 1u : 0u);
    if (!dense.plus_minus) set(word[dense_block_rows], magnitude >> digit & 1);
  }
}

void PatchedLayer::restore(const LayerPatch& patch) {
  for (const LayerPatch::Weight& w : patch.weights) {
    set_weight(w.row, places_[static_cast<size_t>(w.column)], w.before);
  }
  for (const LayerPatch::Margin& m : patch.margins) {
    const auto at = static_cast<size_t>(m.threshold * layer_.rows_padded + m.row);
    layer_.base_margin[at] = right_->base_margin[at];
  }
  excesses_.clear();
}

}  // namespace stuckat::fast
