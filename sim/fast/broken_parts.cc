// FaultyPass: the effects themselves, rows that compute wrongly and elements that are overwritten.
#include <algorithm>
#include <map>
#include <numeric>

#include "faultmaps/faulty_values.h"
#include "faultmaps/placement.h"
#include "sim/fast/faulty_pass.h"
#include "sim/fast/row_calculator.h"

namespace stuckat::fast {
namespace {

/// What becomes of a word of every pixel when some of its channels are held.
struct HeldWord {
  uint64_t keep;  // channels that are not
  uint64_t set;   // channels that are held at 1 in this plane
};

/// Differences of `count` <= 64 pixels. Bit i: pixel i differs. kWords: words of a pixel, 0 if it
/// is not known when this is compiled.
template <size_t kWords>
uint64_t hold_pixels(const std::vector<HeldWord>& held, int count, const uint64_t* golden,
                     uint64_t* diff) {
  const size_t words = kWords > 0 ? kWords : held.size();
  uint64_t changed = 0;
  for (int i = 0; i < count; ++i, diff += words, golden += words) {
    uint64_t any = 0;
    for (size_t w = 0; w < words; ++w) {
      const HeldWord h = held[w];
      diff[w] = (diff[w] & h.keep) | (h.set ^ (golden[w] & ~h.keep));
      any |= diff[w];
    }
    changed |= uint64_t{any != 0 ? 1u : 0u} << i;
  }
  return changed;
}

uint64_t hold_words(const std::vector<HeldWord>& held, int count, const uint64_t* golden,
                    uint64_t* diff) {
  switch (held.size()) {
    case 1:
      return hold_pixels<1>(held, count, golden, diff);
    case 2:
      return hold_pixels<2>(held, count, golden, diff);
    case 3:
      return hold_pixels<3>(held, count, golden, diff);
    case 4:
      return hold_pixels<4>(held, count, golden, diff);
    case 6:
      return hold_pixels<6>(held, count, golden, diff);
    default:
      return hold_pixels<0>(held, count, golden, diff);
  }
}

}  // namespace

std::vector<SpecialRow> FaultyPass::all_rows(int index,
                                             const std::vector<SpecialRow>& special) const {
  const int count = network_.network().layers[static_cast<size_t>(index)].rows();
  std::vector<SpecialRow> rows;
  auto next = special.begin();
  for (int row = 0; row < count; ++row) {
    const bool is_special = next != special.end() && next->row == row;
    rows.push_back(is_special ? *next++ : SpecialRow{row});
  }
  return rows;
}

bool FaultyPass::recomputes(const TensorStep& step) {
  return step.windows.empty() && step.operands.empty() && step.patch.recomputes;
}

void FaultyPass::recompute_patched(int index, const Effects& effects, const TensorStep& step,
                                   int64_t image_index) {
  const LayerPatch& patch = step.patch;
  PatchedLayer& patched = (patch.wide ? wide_patched_ : patched_)[static_cast<size_t>(index)];
  if (patched.empty()) {
    patched = PatchedLayer(network_.network().layer(index), network_.layer(index), patch.wide);
  }
  patched.patch(patch);
  clear(network_.output_tensor(index));
  recompute_planes(index, patched.layer(), patched.excesses());
  patched.restore(patch);
  if (step.others) apply_rows(index, effects, *step.others, image_index);
}

std::vector<SpecialRow> FaultyPass::apply_first_rows(int index, const Effects& effects,
                                                     const std::vector<SpecialRow>& rows,
                                                     int64_t image_index) {
  const size_t i = static_cast<size_t>(index);
  const PackedLayer& layer = network_.layer(index);
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  std::vector<SpecialRow> others;
  for (const SpecialRow& row : rows) {
    if (!FirstRows::holds(row, effects, image_index)) {
      others.push_back(row);
      continue;
    }
    if (!first_rows_loaded_[i]) {
      if (first_rows_[i].empty())
        first_rows_[i] = FirstRows(network_.network().layer(index), layer);
      first_rows_[i].load(golden_.state().values[from]);
      first_rows_loaded_[i] = true;
    }
    first_rows_[i].change(row, effects, network_.output_layout(index), diff_[to].data(),
                          changed_[to]);
  }
  return others;
}

void FaultyPass::apply_rows(int index, const Effects& effects, const TensorStep& step,
                            int64_t image_index) {
  if (step.rows.empty() && step.windows.empty()) return;
  const PackedLayer& layer = network_.layer(index);
  if (!step.windows.empty() || !held_.padding_pixels.empty()) {
    return apply_rows_one_by_one(index, effects, step, image_index);
  }
  const Layer& of = network_.network().layer(index);
  if (layer.accumulator_output && layer.input.height == 1 && layer.padding == 0) {
    patch_logits(index, step.patch);
    if (step.others) apply_rows_one_by_one(index, effects, *step.others, image_index);
    return;
  }
  const bool is_first = FirstRows::fits(of, layer) && !differs(network_.input_tensor(index));
  if (!is_first && !ChainLayer::fits(of, layer)) {
    return apply_rows_one_by_one(index, effects, step, image_index);
  }
  TensorStep others{step.tensor};
  others.rows = is_first ? apply_first_rows(index, effects, step.rows, image_index)
                         : apply_chain_rows(index, effects, step.rows, image_index);
  apply_rows_one_by_one(index, effects, others, image_index);
}

std::vector<SpecialRow> FaultyPass::apply_chain_rows(int index, const Effects& effects,
                                                     const std::vector<SpecialRow>& rows,
                                                     int64_t image_index) {
  const size_t i = static_cast<size_t>(index);
  const int from = network_.input_tensor(index);
  const int to = network_.output_tensor(index);
  std::vector<SpecialRow> others;
  std::map<int, std::vector<int>> held;  // rows of an operator
  for (const SpecialRow& row : rows) {
    if (ChainLayer::holds(row, effects, image_index))
      held[row.operators.front()].push_back(row.row);
    else
      others.push_back(row);
  }
  if (held.empty()) return others;
  const PackedLayer& layer = network_.layer(index);
  ChainLayer& chain = chain_layers_[i];
  if (chain.empty()) chain = ChainLayer(network_.network().layer(index), layer);
  kernels::fill_digits(golden_.state().planes[static_cast<size_t>(from)].data(),
                       diff_[static_cast<size_t>(from)].data(), digits_[i]);
  const int pixels = layer.output.pixels();
  for (const auto& [f, numbers] : held) {
    levels_.resize(numbers.size() * static_cast<size_t>(pixels));
    chain.compute(effects.operators[static_cast<size_t>(f)], numbers, digits_[i], levels_.data());
    const uint8_t* level = levels_.data();
    for (const int row : numbers) {
      for (int pixel = 0; pixel < pixels; ++pixel) {
        set_level(to, pixel, row, layer.first_plane + *level++);
      }
    }
  }
  for (int pixel = 0; pixel < pixels; ++pixel) settle_pixel(to, pixel);
  return others;
}

void FaultyPass::apply_rows_one_by_one(int index, const Effects& effects, const TensorStep& step,
                                       int64_t image_index) {
  if (step.rows.empty() && step.windows.empty()) return;
  const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
  const WindowEdits edits(layer, index, effects.windows, image_index);
  const int columns = WindowEdits::columns(layer, index, effects.windows);
  std::vector<int> right;
  std::vector<int> wrong;
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    (edits.touches(pixel) ? wrong : right).push_back(pixel);
  }
  if (!step.rows.empty() && !right.empty()) {
    apply_rows_at(index, effects, step.rows, image_index, right, edits, columns);
  }
  if (wrong.empty()) return;
  apply_rows_at(index, effects, all_rows(index, step.rows), image_index, wrong, edits, columns);
}

void FaultyPass::apply_rows_at(int index, const Effects& effects,
                               const std::vector<SpecialRow>& rows, int64_t image_index,
                               const std::vector<int>& pixels, const WindowEdits& edits,
                               int columns) {
  const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
  const TensorLayout& out = network_.output_layout(index);
  std::vector<RowCalculator> calculators;
  for (const SpecialRow& row : rows) {
    calculators.emplace_back(layer, row, effects, image_index, columns, edits.accumulator_bits());
  }
  const PaddedImage& image = padded_input(index);
  const auto size =
      static_cast<size_t>(std::max(columns, RowCalculator::window_size(layer, rows, effects)));
  std::vector<int16_t> window(size, static_cast<int16_t>(stuckat::padded_input(layer)));
  std::vector<int16_t> seen = window;
  const bool in_planes = out.form == TensorForm::planes;
  const bool binary = layer.output_format.kind == FormatKind::binary;
  Tensor output;
  if (!in_planes) output = tensor(network_.output_tensor(index));
  for (const int pixel : pixels) {
    image.window(pixel, window.data());
    const bool edited = edits.touches(pixel);
    for (const RowCalculator& calculator : calculators) {
      if (edited && (edits.by_row() || &calculator == calculators.data())) {
        seen = window;
        edits.apply(pixel, calculator.row(), seen.data());
      }
      const int32_t value = calculator.value(pixel, (edited ? seen : window).data());
      if (in_planes) {
        const int level = binary ? (value > 0 ? 1 : 0) : value - layer.output_format.min_value();
        set_level(network_.output_tensor(index), pixel, calculator.row(), level);
      } else {
        output.values[static_cast<size_t>(pixel * layer.rows() + calculator.row())] = value;
      }
    }
    if (in_planes) settle_pixel(network_.output_tensor(index), pixel);
  }
  if (!in_planes) set_tensor(network_.output_tensor(index), output);
}

void FaultyPass::set_level(int tensor, int pixel, int channel, int level) {
  const TensorLayout& layout = network_.layout(tensor);
  const size_t t = static_cast<size_t>(tensor);
  const size_t at = static_cast<size_t>(pixel) * layout.pixel_words() +
                    static_cast<size_t>(channel / rows_per_word);
  const uint64_t bit = uint64_t{1} << (channel % rows_per_word);
  for (int k = 0; k < layout.planes; ++k) {
    const size_t word = at + static_cast<size_t>(k) * layout.words;
    const uint64_t next = k < level ? bit : 0;
    const uint64_t change = (golden_.state().planes[t][word] ^ next) & bit;
    diff_[t][word] = (diff_[t][word] & ~bit) | change;
  }
}

void FaultyPass::settle_pixel(int tensor, int pixel) {
  const size_t t = static_cast<size_t>(tensor);
  const int words = network_.layout(tensor).pixel_words();
  const uint64_t* diff = diff_[t].data() + static_cast<size_t>(pixel) * words;
  uint64_t any = 0;
  for (int w = 0; w < words; ++w) any |= diff[w];
  if (any != 0)
    changed_[t].insert(pixel);
  else
    changed_[t].erase(pixel);
}

void FaultyPass::apply_element(int tensor, const ElementFault& fault, const ElementStep& step,
                               int64_t image_index) {
  if (!fault.images.contains(image_index)) return;
  const TensorLayout& layout = network_.layout(tensor);
  if (layout.form == TensorForm::planes) return apply_to_planes(tensor, fault, step, image_index);
  Tensor values = this->tensor(tensor);
  for (const int i : selected_elements(fault, layout.shape, image_index)) {
    int32_t& value = values.values[static_cast<size_t>(i)];
    value = masked_value(network_.network(), tensor, fault.mask, value);
  }
  set_tensor(tensor, values);
}

void FaultyPass::apply_to_pixel(int tensor, const ElementStep& step, int pixel,
                                const uint64_t* channels) {
  const TensorLayout& layout = network_.layout(tensor);
  const size_t t = static_cast<size_t>(tensor);
  const size_t at = static_cast<size_t>(pixel) * layout.pixel_words();
  uint64_t* diff = diff_[t].data() + at;
  const uint64_t* golden = golden_.state().planes[t].data() + at;
  if (step.is_constant) {
    for (int w = 0; w < layout.words; ++w) {
      for (int k = 0; k < layout.planes; ++k) {
        const int word = k * layout.words + w;
        const uint64_t next = k < step.level_map.front() ? ~uint64_t{0} : 0;
        diff[word] = (diff[word] & ~channels[w]) | ((next ^ golden[word]) & channels[w]);
      }
    }
    return settle_pixel(tensor, pixel);
  }
  uint64_t next[16];  // the new planes of one word of channels; there are at most 15
  for (int w = 0; w < layout.words; ++w) {
    if (channels[w] == 0) continue;
    std::fill_n(next, layout.planes, uint64_t{0});
    // Level v are the channels in which plane v-1 is set and plane v is not.
    uint64_t below = ~uint64_t{0};
    for (int level = 0; level <= layout.planes; ++level) {
      const int word = level * layout.words + w;
      const uint64_t here = level < layout.planes ? golden[word] ^ diff[word] : 0;
      const uint64_t at_level = below & ~here;
      below = here;
      for (int k = 0; k < step.level_map[static_cast<size_t>(level)]; ++k) next[k] |= at_level;
    }
    for (int k = 0; k < layout.planes; ++k) {
      const int word = k * layout.words + w;
      diff[word] = (diff[word] & ~channels[w]) | ((next[k] ^ golden[word]) & channels[w]);
    }
  }
  settle_pixel(tensor, pixel);
}

void FaultyPass::hold_channels(int tensor, const ElementStep& step) {
  const TensorLayout& layout = network_.layout(tensor);
  std::vector<HeldWord> held;
  for (int word = 0; word < layout.pixel_words(); ++word) {
    const uint64_t channels = step.channels[static_cast<size_t>(word % layout.words)];
    held.push_back({~channels, word / layout.words < step.level_map.front() ? channels : 0});
  }
  const size_t t = static_cast<size_t>(tensor);
  uint64_t* diff = diff_[t].data();
  const uint64_t* golden = golden_.state().planes[t].data();
  const int pixels = layout.shape.pixels();
  for (int first = 0; first < pixels; first += 64) {
    const int count = std::min(64, pixels - first);
    changed_[t].assign_word(first, hold_words(held, count, golden, diff));
    diff += static_cast<size_t>(count) * held.size();
    golden += static_cast<size_t>(count) * held.size();
  }
}

void FaultyPass::apply_to_planes(int tensor, const ElementFault& fault, const ElementStep& step,
                                 int64_t image_index) {
  const TensorLayout& layout = network_.layout(tensor);
  const SlotPattern& s = fault.slot;
  if (s.depth == 0) {
    for (const int pixel : fault.pixels) apply_to_pixel(tensor, step, pixel, step.channels.data());
    if (fault.pixels.empty() && step.is_constant) return hold_channels(tensor, step);
    if (fault.pixels.empty()) {
      for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
        apply_to_pixel(tensor, step, pixel, step.channels.data());
      }
    }
    return;
  }
  if (s.packed) return apply_to_packed(tensor, fault, step, image_index);
  // Words of this image in the slot: running index = slot modulo depth.
  const int64_t words = int64_t{layout.shape.pixels()} * s.words_per_pixel;
  const int64_t start = image_index * words % s.depth;
  std::vector<uint64_t> channels(static_cast<size_t>(layout.words));
  for (int64_t w = (s.slot - start + s.depth) % s.depth; w < words; w += s.depth) {
    const int pixel = static_cast<int>(w / s.words_per_pixel);
    const int first = static_cast<int>(w % s.words_per_pixel) * s.channels_per_word;
    if (!fault.pixels.empty() &&
        !std::binary_search(fault.pixels.begin(), fault.pixels.end(), pixel)) {
      continue;
    }
    std::fill(channels.begin(), channels.end(), uint64_t{0});
    const int end = std::min(first + s.channels_per_word, layout.shape.channels);
    for (int c = first; c < end; ++c) {
      channels[static_cast<size_t>(c / rows_per_word)] |= uint64_t{1} << (c % rows_per_word);
    }
    for (size_t i = 0; i < channels.size(); ++i) channels[i] &= step.channels[i];
    apply_to_pixel(tensor, step, pixel, channels.data());
  }
}

void FaultyPass::apply_to_packed(int tensor, const ElementFault& fault, const ElementStep& step,
                                 int64_t image_index) {
  const TensorLayout& layout = network_.layout(tensor);
  const int channels = layout.shape.channels;
  std::vector<uint64_t> selected(static_cast<size_t>(layout.words));
  int pixel = -1;
  const auto finish = [&](int next) {
    if (pixel >= 0 && next != pixel) {
      apply_to_pixel(tensor, step, pixel, selected.data());
      std::fill(selected.begin(), selected.end(), uint64_t{0});
    }
    pixel = next;
  };
  for (const int element : selected_elements(fault, layout.shape, image_index)) {
    finish(element / channels);
    const int channel = element % channels;
    selected[static_cast<size_t>(channel / rows_per_word)] |= uint64_t{1}
                                                              << (channel % rows_per_word);
  }
  finish(-1);
}

}  // namespace stuckat::fast
