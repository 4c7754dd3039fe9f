#include "faultmaps/effects.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <tuple>

#include "faultmaps/placement.h"

namespace stuckat {
namespace {

/// Operands of one lane, as values; columns beyond the layer's hold padding.
struct Operands {
  int32_t weight;
  int32_t input;
};

Operands operands_at(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                     const int32_t* window, int column) {
  Operands result{padded_weight(layer), window[column]};
  if (column < layer.columns()) result.weight = weights[column];
  for (const auto& patch : pe.padded_weights) {
    if (patch.row == row && patch.column == column) result.weight = patch.value;
  }
  const NumberFormat& format = layer.weight_format;
  for (const auto& flip : pe.weight_flips) {
    if (flip.row != row || flip.column != column) continue;
    result.weight = format.value(format.code(result.weight) ^ flip.bits);
  }
  return result;
}

uint32_t flips_of(const std::vector<BrokenPe::LaneFlip>& flips, int step, int lane) {
  uint32_t bits = 0;
  for (const auto& f : flips) bits ^= f.step == step && f.lane == lane ? f.bits : 0;
  return bits;
}

bool contains(const std::vector<int>& sorted, int value) {
  return sorted.empty() || std::binary_search(sorted.begin(), sorted.end(), value);
}

void merge_lanes(std::vector<BrokenPe::Lane>& into, const std::vector<BrokenPe::Lane>& from) {
  std::map<int, CodeMask> masks;
  for (const auto& l : into) masks[l.lane] = l.mask;
  for (const auto& l : from) masks[l.lane] = masks[l.lane].then(l.mask);
  into.clear();
  for (const auto& [lane, mask] : masks) into.push_back({lane, mask});
}

template <typename T>
void append(std::vector<T>& into, const std::vector<T>& from) {
  into.insert(into.end(), from.begin(), from.end());
}

void merge(BrokenPe& into, const BrokenPe& from) {
  assert(into.simd == from.simd && into.padded_columns == from.padded_columns);
  into.accumulator = into.accumulator.then(from.accumulator);
  merge_lanes(into.inputs, from.inputs);
  merge_lanes(into.products, from.products);
  for (const auto& p : from.padded_weights) into.padded_weights.push_back(p);
  for (const auto& c : from.comparators) into.comparators.push_back(c);
  const auto by_index = [](const auto& a, const auto& b) { return a.index < b.index; };
  std::stable_sort(into.comparators.begin(), into.comparators.end(), by_index);
  append(into.weight_flips, from.weight_flips);
  append(into.accumulator_flips, from.accumulator_flips);
  append(into.input_flips, from.input_flips);
  append(into.product_flips, from.product_flips);
  append(into.threshold_flips, from.threshold_flips);
  append(into.comparator_flips, from.comparator_flips);
}

std::string images_text(const RunImages& images) {
  if (images.is_all()) return "";
  if (images.first == images.last) return " in image " + std::to_string(images.first);
  if (images.last == INT64_MAX) return " from image " + std::to_string(images.first) + " on";
  return " in images " + std::to_string(images.first) + " to " + std::to_string(images.last);
}

std::string slot_text(const SlotPattern& slot) {
  if (slot.depth == 0) return "";
  return " in words with running index mod " + std::to_string(slot.depth) + " = " +
         std::to_string(slot.slot);
}

void merge(BrokenPool& into, const BrokenPool& from) {
  into.cell = into.cell.then(from.cell);
  if (from.comparator != BrokenPool::Comparator::healthy) into.comparator = from.comparator;
  append(into.flips, from.flips);
}

std::string list(const char* singular, const char* plural, const std::vector<int>& numbers) {
  constexpr size_t shown = 12;
  std::string text = numbers.size() == 1 ? singular : plural;
  for (size_t i = 0; i < std::min(shown, numbers.size()); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(numbers[i]);
  }
  if (numbers.size() > shown) text += ", ... (" + std::to_string(numbers.size()) + ")";
  return text;
}

std::string tensor_name(const Network& network, int tensor) {
  return tensor == 0 ? "the input" : network.tensor_name(tensor);
}

/// "stuck at -1", "bit 2 stuck at 1", ...
std::string action(const CodeMask& mask, const NumberFormat* format) {
  const uint32_t all = format != nullptr ? (1u << format->bits) - 1 : ~0u;
  if ((mask.keep & all) == 0) {
    const uint32_t code = mask.apply(0) & all;
    const int value = format != nullptr ? format->value(code) : static_cast<int32_t>(code);
    return "stuck at " + std::to_string(value);
  }
  std::string text;
  for (int b = 0; b < 32; ++b) {
    const uint32_t bit = 1u << b;
    if ((all & bit) == 0) continue;
    std::string one;
    if ((mask.set & bit) != 0)
      one = "stuck at 1";
    else if ((mask.keep & bit) == 0)
      one = "stuck at 0";
    else if ((mask.flip & bit) != 0)
      one = "inverted";
    if (!one.empty()) text += (text.empty() ? "bit " : ", bit ") + std::to_string(b) + " " + one;
  }
  return text.empty() ? "unchanged" : text;
}

std::string describe_pe(const BrokenPe& pe) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  for (const auto& l : pe.inputs)
    add("input lane " + std::to_string(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& l : pe.products)
    add("product of lane " + std::to_string(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& w : pe.padded_weights) {
    add("padded weight of column " + std::to_string(w.column) + " reads " +
        std::to_string(w.value));
  }
  if (!pe.accumulator.is_identity()) {
    add("accumulator " + action(pe.accumulator, nullptr) + " in every partial sum");
  }
  for (const auto& c : pe.comparators) {
    add("comparator " + std::to_string(c.index) + " stuck at " + (c.one ? "1" : "0"));
  }
  for (const auto& w : pe.weight_flips) {
    add("weight of column " + std::to_string(w.column) + " with bits " + std::to_string(w.bits) +
        " inverted");
  }
  for (const auto& f : pe.accumulator_flips) {
    add("accumulator with bits " + std::to_string(f.bits) + " inverted before step " +
        std::to_string(f.step));
  }
  const auto in_step = [&](const char* what, const BrokenPe::LaneFlip& f) {
    add(std::string(what) + " lane " + std::to_string(f.lane) + " with bits " +
        std::to_string(f.bits) + " inverted in step " + std::to_string(f.step));
  };
  for (const auto& f : pe.input_flips) in_step("input", f);
  for (const auto& f : pe.product_flips) in_step("product of", f);
  for (const auto& f : pe.threshold_flips) {
    add("threshold " + std::to_string(f.index) + " with bits " + std::to_string(f.bits) +
        " inverted");
  }
  for (const int index : pe.comparator_flips) {
    add("comparator " + std::to_string(index) + " inverted");
  }
  return text;
}

std::string describe_pool(const BrokenPool& pool, NumberFormat format) {
  std::string text;
  if (pool.comparator != BrokenPool::Comparator::healthy) {
    const bool keeps = pool.comparator == BrokenPool::Comparator::keeps;
    text = std::string("of every window the ") + (keeps ? "first" : "last") + " pixel";
  }
  if (!pool.cell.is_identity()) {
    text += (text.empty() ? "" : "; ") + ("running maximum " + action(pool.cell, &format));
  }
  for (const auto& f : pool.flips) {
    text += text.empty() ? "" : "; ";
    text += f.bits == 0 ? std::string("comparison")
                        : "running maximum with bits " + std::to_string(f.bits);
    text += " inverted behind pixel " + std::to_string(f.taken) + " of the window";
  }
  return text;
}

auto slot_key(const SlotPattern& s) {
  return std::tie(s.depth, s.slot, s.words_per_pixel, s.channels_per_word, s.packed, s.frame);
}
auto key(const PoolFault& f) {
  return std::tie(f.layer, f.images.first, f.images.last, f.channels, f.pixels);
}
auto key(const OperandFault& f) {
  return std::tuple_cat(
      std::tie(f.layer, f.stage, f.images.first, f.images.last, f.channels, f.pixels),
      slot_key(f.slot));
}
auto key(const WindowFault& f) {
  return std::tuple_cat(
      std::tie(f.layer, f.stage, f.images.first, f.images.last, f.rows, f.columns, f.pixels),
      slot_key(f.slot));
}
auto key(const OperatorFault& f) {
  return std::tie(f.layer, f.images.first, f.images.last, f.rows, f.pixels);
}
auto key(const ParameterPatch& p) { return std::tie(p.layer, p.row, p.is_threshold, p.index); }
bool same_selection(const ElementFault& a, const ElementFault& b) {
  return a.tensor == b.tensor && a.stage == b.stage && a.channels == b.channels &&
         a.pixels == b.pixels && a.slot == b.slot && a.images == b.images;
}
/// Sorts by key() and merges faults of the same key into one.
template <class Fault, class Merge>
void merge_equal(std::vector<Fault>& faults, const Merge& merge_into) {
  std::stable_sort(faults.begin(), faults.end(),
                   [](const auto& a, const auto& b) { return key(a) < key(b); });
  std::vector<Fault> merged;
  for (Fault& fault : faults) {
    if (!merged.empty() && key(merged.back()) == key(fault))
      merge_into(merged.back(), fault);
    else
      merged.push_back(std::move(fault));
  }
  faults = std::move(merged);
}
bool element_before(const ElementFault& a, const ElementFault& b) {
  if (a.tensor != b.tensor) return a.tensor < b.tensor;
  if (a.stage != b.stage) return a.stage < b.stage;
  if (!(a.images == b.images)) {
    return std::tie(a.images.first, a.images.last) < std::tie(b.images.first, b.images.last);
  }
  if (a.channels != b.channels) return a.channels < b.channels;
  if (a.pixels != b.pixels) return a.pixels < b.pixels;
  if (!(a.slot == b.slot)) return slot_key(a.slot) < slot_key(b.slot);
  return std::tie(a.mask.keep, a.mask.set, a.mask.flip) <
         std::tie(b.mask.keep, b.mask.set, b.mask.flip);
}

}  // namespace

CodeMask CodeMask::then(CodeMask next) const {
  // (((c & k1) | s1) ^ f1) & k2 | s2, written as one keep, set, flip: with c0 = bits kept by both
  // and set by neither, the rest is constant.
  const uint32_t through = keep & ~set & next.keep & ~next.set;
  const uint32_t constant = next.apply(apply(0));  // right on every bit that does not depend on c
  CodeMask result;
  result.keep = through;
  result.flip = (flip ^ next.flip) & through;
  result.set = constant & ~through;
  // Bits beyond `through` have keep 0, so set alone gives them.
  if (through == ~0u && result.set == 0 && result.flip == 0) return {};
  return result;
}

CodeMask CodeMask::stuck_bit(int bit, bool one) {
  const uint32_t mask = 1u << bit;
  return {~mask, one ? mask : 0, 0};
}

CodeMask CodeMask::stuck_bit_sign_extended(int bit, int bits, bool one) {
  if (bit != bits - 1) return stuck_bit(bit, one);
  const uint32_t high = ~0u << bit;
  return {~high, one ? high : 0, 0};
}

CodeMask mask_of(const std::vector<BrokenPe::Lane>& lanes, int lane) {
  for (const auto& l : lanes) {
    if (l.lane == lane) return l.mask;
  }
  return {};
}

int32_t broken_accumulate(const Layer& layer, const BrokenPe& pe, int row, const int8_t* weights,
                          const int32_t* window) {
  const bool xnor = layer.is_xnor();
  const int width = layer.product_bits();
  int32_t accumulator = 0;
  for (int step = 0; step < pe.padded_columns; step += pe.simd) {
    accumulator = pe.at_step(step / pe.simd, accumulator, xnor);
    int32_t sum = 0;
    for (int lane = 0; lane < pe.simd; ++lane) {
      const Operands o = operands_at(layer, pe, row, weights, window, step + lane);
      const NumberFormat& format = layer.input_format;
      const uint32_t code = format.code(o.input) ^ flips_of(pe.input_flips, step / pe.simd, lane);
      const int32_t input = format.value(mask_of(pe.inputs, lane).apply(code));
      const auto product = static_cast<uint32_t>(xnor ? o.weight == input : o.weight * input);
      const uint32_t read = mask_of(pe.products, lane)
                                .apply(product ^ flips_of(pe.product_flips, step / pe.simd, lane));
      sum += read_register(read, width, xnor);
    }
    accumulator = pe.stored(static_cast<uint32_t>(accumulator) + static_cast<uint32_t>(sum), xnor);
  }
  return accumulator;
}

int32_t broken_threshold(const Layer& layer, const BrokenPe& pe, int row, const int32_t* thresholds,
                         int32_t accumulator) {
  if (layer.accumulator_output) return accumulator;
  int below = 0;
  for (int i = 0; i < layer.thresholds_per_row(); ++i) {
    auto threshold = static_cast<uint32_t>(thresholds[i]);
    for (const auto& f : pe.threshold_flips) {
      if (f.row == row && f.index == i) threshold ^= f.bits;
    }
    bool out = static_cast<int32_t>(threshold) < accumulator;
    for (const int index : pe.comparator_flips) out = out != (index == i);
    for (const auto& c : pe.comparators) {
      if (c.index == i) out = c.one;
    }
    below += out ? 1 : 0;
  }
  return layer.output_format.level(below);
}

int32_t plain_accumulate(const Layer& layer, const int8_t* weights, const int32_t* window,
                         int columns, int accumulator_bits) {
  const bool xnor = layer.is_xnor();
  int32_t sum = 0;
  for (int c = 0; c < columns; ++c) {
    const int32_t weight = c < layer.columns() ? weights[c] : padded_weight(layer);
    sum += xnor ? weight == window[c] : weight * window[c];
  }
  return read_register(static_cast<uint32_t>(sum), accumulator_bits, xnor);
}

int32_t masked_value(const Network& network, int tensor, CodeMask mask, int32_t value) {
  if (network.holds_accumulators(tensor)) {
    return static_cast<int32_t>(mask.apply(static_cast<uint32_t>(value)));
  }
  const NumberFormat format = network.format(tensor);
  return format.value(mask.apply(format.code(value)));
}

namespace {

/// Of which word of image `image_index` the element is, counted over the run; -1: of none.
int64_t word_of(const SlotPattern& s, Shape shape, int pixel, int channel, int64_t image_index) {
  int pixels = shape.pixels();
  if (s.frame > 0) {
    const int y = pixel / shape.width - s.frame;
    const int x = pixel % shape.width - s.frame;
    const int height = shape.height - 2 * s.frame;
    const int width = shape.width - 2 * s.frame;
    if (y < 0 || x < 0 || y >= height || x >= width) return -1;
    pixel = y * width + x;
    pixels = height * width;
  }
  const int64_t words_per_image = int64_t{s.packed ? 1 : pixels} * s.words_per_pixel;
  const int64_t word = s.packed
                           ? (int64_t{pixel} * shape.channels + channel) / s.channels_per_word
                           : int64_t{pixel} * s.words_per_pixel + channel / s.channels_per_word;
  return image_index * words_per_image + word;
}

/// visit(pixel, channel) for all that lists and slot select, in raster order.
template <typename Visit>
void for_selected(const std::vector<int>& pixels, const std::vector<int>& channels,
                  const SlotPattern& slot, Shape shape, int64_t image_index, const Visit& visit) {
  const auto at_pixel = [&](int pixel) {
    const auto at = [&](int channel) {
      if (slot.depth > 0 || slot.frame > 0) {
        const int64_t word = word_of(slot, shape, pixel, channel, image_index);
        if (word < 0 || (slot.depth > 0 && word % slot.depth != slot.slot)) return;
      }
      visit(pixel, channel);
    };
    for (const int channel : channels) at(channel);
    for (int channel = 0; channels.empty() && channel < shape.channels; ++channel) at(channel);
  };
  for (const int pixel : pixels) at_pixel(pixel);
  for (int pixel = 0; pixels.empty() && pixel < shape.pixels(); ++pixel) at_pixel(pixel);
}

}  // namespace

std::vector<int> selected_elements(const ElementFault& fault, Shape shape, int64_t image_index) {
  std::vector<int> result;
  if (!fault.images.contains(image_index)) return result;
  for_selected(fault.pixels, fault.channels, fault.slot, shape, image_index,
               [&](int pixel, int channel) { result.push_back(pixel * shape.channels + channel); });
  return result;
}

bool WindowEdits::has_row(const WindowFault& fault, int row) { return contains(fault.rows, row); }

int WindowEdits::columns(const Layer& layer, int index, const std::vector<WindowFault>& faults) {
  int columns = layer.columns();
  for (const WindowFault& f : faults) {
    if (f.layer == index) columns = std::max(columns, f.padded_columns);
  }
  return columns;
}

WindowEdits::WindowEdits(const Layer& layer, int index, const std::vector<WindowFault>& faults,
                         int64_t image_index)
    : format_(layer.input_format) {
  std::vector<const WindowFault*> in_order;
  for (const WindowFault& f : faults) {
    if (f.layer != index || !f.images.contains(image_index)) continue;
    in_order.push_back(&f);
    accumulator_bits_ = f.accumulator_bits;
    by_row_ |= !f.rows.empty();
  }
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto* a, const auto* b) { return a->stage < b->stage; });
  for (const WindowFault* f : in_order) {
    const Shape windows{layer.output.height, layer.output.width,
                        std::max(f->padded_columns, layer.columns())};
    for_selected(f->pixels, f->columns, f->slot, windows, image_index, [&](int pixel, int column) {
      by_pixel_[pixel].push_back({f, column});
    });
  }
}

RunImages Effects::images() const {
  if (!patches.empty()) return {};
  RunImages hull{INT64_MAX, -1};
  const auto add = [&](const auto& faults) {
    for (const auto& f : faults) {
      hull = {std::min(hull.first, f.images.first), std::max(hull.last, f.images.last)};
    }
  };
  add(operators);
  add(elements);
  add(operands);
  add(pools);
  add(windows);
  return hull;
}

bool Effects::depends_on_image() const {
  const auto any = [](const auto& faults) {
    return std::any_of(faults.begin(), faults.end(),
                       [](const auto& f) { return !f.images.is_all(); });
  };
  const auto drifts = [](const auto& faults) {
    return std::any_of(faults.begin(), faults.end(),
                       [](const auto& f) { return f.slot.depth > 0; });
  };
  return any(operators) || any(elements) || any(operands) || any(pools) || any(windows) ||
         drifts(elements) || drifts(operands) || drifts(windows);
}

Tensor padded_operands(const Layer& layer, int index, const std::vector<OperandFault>& faults,
                       const Tensor& input, int64_t image_index) {
  const int p = layer.padding;
  const NumberFormat format = layer.input_format;
  const Shape shape{layer.input.height + 2 * p, layer.input.width + 2 * p, layer.input.channels};
  Tensor padded{shape,
                std::vector<int32_t>(static_cast<size_t>(shape.size()), format.padding_value())};
  for (int y = 0; y < layer.input.height; ++y) {
    for (int x = 0; x < layer.input.width; ++x) {
      for (int c = 0; c < shape.channels; ++c) padded.at(y + p, x + p, c) = input.at(y, x, c);
    }
  }
  std::vector<const OperandFault*> in_order;
  for (const OperandFault& fault : faults) {
    if (fault.layer == index && fault.images.contains(image_index)) in_order.push_back(&fault);
  }
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto* a, const auto* b) { return a->stage < b->stage; });
  for (const OperandFault* fault : in_order) {
    for_selected(fault->pixels, fault->channels, fault->slot, shape, image_index,
                 [&](int pixel, int channel) {
                   int32_t& value =
                       padded.values[static_cast<size_t>(pixel * shape.channels + channel)];
                   value = format.value(fault->mask.apply(format.code(value)));
                 });
  }
  return padded;
}

BrokenPool broken_pool_at(const std::vector<PoolFault>& faults, int index, int pixel, int channel,
                          int64_t image_index) {
  BrokenPool result;
  for (const PoolFault& fault : faults) {
    if (fault.layer == index && fault.images.contains(image_index) &&
        contains(fault.channels, channel) && contains(fault.pixels, pixel)) {
      merge(result, fault.pool);
    }
  }
  return result;
}

int32_t broken_maximum(const Layer& layer, const BrokenPool& pool, const Tensor& input, int y,
                       int x, int channel) {
  const NumberFormat format = layer.input_format;
  int32_t running = 0;
  const auto inverted = [&](int taken) {  // the running maximum's bits
    uint32_t bits = 0;
    for (const auto& f : pool.flips) bits ^= f.taken == taken ? f.bits : 0;
    return bits;
  };
  const auto store = [&](uint32_t code) { running = format.value(pool.cell.apply(code)); };
  const int size = layer.kernel * layer.kernel;
  for (int k = 0; k < size; ++k) {
    const int32_t value =
        input.at(y * layer.stride + k / layer.kernel, x * layer.stride + k % layer.kernel, channel);
    if (k > 0) store(format.code(running) ^ inverted(k));
    bool greater = value > running;
    for (const auto& f : pool.flips) greater = greater != (f.bits == 0 && f.taken == k);
    if (pool.comparator != BrokenPool::Comparator::healthy) {
      greater = pool.comparator == BrokenPool::Comparator::replaces;
    }
    store(format.code(k == 0 || greater ? value : running));
  }
  store(format.code(running) ^ inverted(size));
  return running;
}

namespace {

/// The faults of `meeting` that select image interval [first, last] of one row, split by pixels.
void split_row(const std::vector<OperatorFault>& faults, const std::vector<size_t>& meeting,
               int row, RunImages images, int pixels, std::vector<OperatorFault>& result) {
  std::map<std::vector<size_t>, std::vector<int>> groups;  // pixels by the faults that meet there
  for (int pixel = 0; pixel < pixels; ++pixel) {
    std::vector<size_t> here;
    for (const size_t f : meeting) {
      if (contains(faults[f].pixels, pixel)) here.push_back(f);
    }
    if (!here.empty()) groups[here].push_back(pixel);
  }
  for (auto& [here, group] : groups) {
    OperatorFault fault{faults[here.front()].layer, {row}, {}, faults[here.front()].pe, images};
    for (size_t i = 1; i < here.size(); ++i) merge(fault.pe, faults[here[i]].pe);
    if (static_cast<int>(group.size()) < pixels) fault.pixels = std::move(group);
    result.push_back(std::move(fault));
  }
}

}  // namespace

std::vector<OperatorFault> disjoint(std::vector<OperatorFault> faults, const Network& network) {
  std::map<std::tuple<int, int>, std::vector<size_t>> by_row;  // layer, row
  for (size_t f = 0; f < faults.size(); ++f) {
    for (const int row : faults[f].rows) by_row[{faults[f].layer, row}].push_back(f);
  }
  std::vector<OperatorFault> result;
  for (const auto& [where, meeting] : by_row) {
    const auto [index, row] = where;
    if (meeting.size() < 2) continue;
    std::vector<int64_t> starts;  // of intervals of images in which the same faults are there
    for (const size_t f : meeting) {
      starts.push_back(faults[f].images.first);
      if (faults[f].images.last < INT64_MAX) starts.push_back(faults[f].images.last + 1);
    }
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    const int pixels = network.layers[static_cast<size_t>(index)].output.pixels();
    for (size_t s = 0; s < starts.size(); ++s) {
      const RunImages images{starts[s], s + 1 < starts.size() ? starts[s + 1] - 1 : INT64_MAX};
      std::vector<size_t> here;
      for (const size_t f : meeting) {
        if (faults[f].images.contains(images.first)) here.push_back(f);
      }
      split_row(faults, here, row, images, pixels, result);
    }
    for (const size_t f : meeting) std::erase(faults[f].rows, row);
  }
  std::erase_if(faults, [](const OperatorFault& f) { return f.rows.empty(); });
  result.insert(result.end(), faults.begin(), faults.end());
  return result;
}

void normalize(Effects& effects) {
  auto& patches = effects.patches;
  std::stable_sort(patches.begin(), patches.end(),
                   [](const auto& a, const auto& b) { return key(a) < key(b); });
  patches.erase(std::unique(patches.begin(), patches.end()), patches.end());

  merge_equal(effects.operators,
              [](OperatorFault& into, const OperatorFault& from) { merge(into.pe, from.pe); });

  auto& elements = effects.elements;
  std::stable_sort(elements.begin(), elements.end(), element_before);
  std::vector<ElementFault> combined;
  for (auto& fault : elements) {
    if (!combined.empty() && same_selection(combined.back(), fault)) {
      combined.back().mask = combined.back().mask.then(fault.mask);
    } else {
      combined.push_back(std::move(fault));
    }
  }
  elements = std::move(combined);

  const auto mask_after = [](auto& into, const auto& from) {
    into.mask = into.mask.then(from.mask);
  };
  merge_equal(effects.operands, mask_after);
  merge_equal(effects.windows, mask_after);
  merge_equal(effects.pools,
              [](PoolFault& into, const PoolFault& from) { merge(into.pool, from.pool); });
}

std::vector<std::string> describe(const Effects& effects, const Network& network) {
  std::vector<std::string> lines;
  for (const auto& p : effects.patches) {
    lines.push_back(std::string(p.is_threshold ? "threshold " : "weight of column ") +
                    std::to_string(p.index) + " of channel " + std::to_string(p.row) + " of " +
                    network.layers[static_cast<size_t>(p.layer)].name + " reads " +
                    std::to_string(p.value));
  }
  for (const auto& o : effects.operators) {
    std::string line = list("channel", "channels", o.rows) + " of " +
                       network.layers[static_cast<size_t>(o.layer)].name;
    if (!o.pixels.empty()) line += " at " + list("pixel", "pixels", o.pixels);
    lines.push_back(line + images_text(o.images) +
                    " computed by a broken PE: " + describe_pe(o.pe));
  }
  for (const auto& e : effects.elements) {
    std::string line;
    if (!e.channels.empty()) line = list("channel", "channels", e.channels);
    if (!e.pixels.empty()) {
      line += (line.empty() ? "" : " at ") + list("pixel", "pixels", e.pixels);
    }
    if (line.empty()) line = "every element";
    line += " of " + tensor_name(network, e.tensor);
    line += slot_text(e.slot);
    const bool last = network.holds_accumulators(e.tensor);
    const NumberFormat format = last ? NumberFormat{} : network.format(e.tensor);
    lines.push_back(line + images_text(e.images) + " " + action(e.mask, last ? nullptr : &format));
  }
  const auto channels_at = [](const auto& f) {
    const std::string channels =
        f.channels.empty() ? "every channel" : list("channel", "channels", f.channels);
    return f.pixels.empty() ? channels : channels + " at " + list("pixel", "pixels", f.pixels);
  };
  for (const auto& o : effects.operands) {
    const Layer& layer = network.layers[static_cast<size_t>(o.layer)];
    lines.push_back(channels_at(o) + " of the padded input of " + layer.name + slot_text(o.slot) +
                    images_text(o.images) + " " + action(o.mask, &layer.input_format));
  }
  for (const auto& w : effects.windows) {
    const Layer& layer = network.layers[static_cast<size_t>(w.layer)];
    std::string line = w.columns.empty() ? "every column" : list("column", "columns", w.columns);
    line += w.pixels.empty() ? " of the windows"
                             : " of the windows at " + list("pixel", "pixels", w.pixels);
    line += " of " + layer.name;
    if (!w.rows.empty()) line += " for " + list("channel", "channels", w.rows);
    lines.push_back(line + slot_text(w.slot) + images_text(w.images) + " " +
                    action(w.mask, &layer.input_format));
  }
  for (const auto& p : effects.pools) {
    const Layer& layer = network.layers[static_cast<size_t>(p.layer)];
    lines.push_back(channels_at(p) + " of " + layer.name + images_text(p.images) +
                    " computed by a broken pool: " + describe_pool(p.pool, layer.input_format));
  }
  return lines;
}

Effects stuck_channel(const Network& network, int layer, int channel, int value) {
  ElementFault fault;
  fault.tensor = network.output_tensor(layer);
  fault.channels = {channel};
  fault.mask = CodeMask::constant(network.format(fault.tensor).code(value));
  fault.stage = stage_pe_dead;
  return {{}, {}, {fault}};
}

Effects stuck_pixel(const Network& network, int tensor, int pixel, int value) {
  ElementFault fault;
  fault.tensor = tensor;
  fault.pixels = {pixel};
  fault.mask = CodeMask::constant(network.format(tensor).code(value));
  fault.stage = int{stage_stream} + stream_slot;
  return {{}, {}, {fault}};
}

}  // namespace stuckat
