#include "sim/fast/kernels.h"

#include <algorithm>
#include <cstring>

#include "sim/fast/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/bit_kernels-inl.h"
#include "sim/fast/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

int64_t propagate(const PackedLayer& layer, const TensorLayout& output, const Margins& margins,
                  const uint64_t* golden, const ChangeList& list, uint64_t* diff,
                  PixelSet& changed) {
  if (list.empty()) return 0;
  const int limit = layer.additions_in_8_bits();
  // Window rows oy*stride .. + kernel-1 must meet y_low .. y_high, and columns likewise.
  const auto first_reached = [&](int low, int kernel) {
    return low < kernel ? 0 : (low - kernel) / layer.stride + 1;
  };
  const int oy_end = std::min(layer.output.height, list.y_high / layer.stride + 1);
  const int ox_end = std::min(layer.output.width, list.x_high / layer.stride + 1);
  // From this many changes on, counting bits is faster than adding bytes (measured).
  const int least_count =
      layer.bit_columns.empty() || layer.rows_padded < 4 * rows_per_word ? limit + 1 : 8;
  int64_t additions = 0;
  Windows windows(layer, list);
  AlignedVector<int32_t> sums;
  const size_t skip = static_cast<size_t>(layer.first_plane) * output.words;
  for (int oy = first_reached(list.y_low, layer.kernel_height); oy < oy_end; ++oy) {
    windows.begin_row(oy);
    for (int ox = first_reached(list.x_low, layer.kernel_width); ox < ox_end; ++ox) {
      const Window window = windows.at(ox);
      const int count = window.count();
      if (count == 0) continue;
      additions += count;
      const int pixel = oy * layer.output.width + ox;
      const size_t at = static_cast<size_t>(pixel) * layer.thresholds * layer.rows_padded;
      const size_t word = static_cast<size_t>(pixel) * output.pixel_words() + skip;
      uint64_t any = 0;
      if (count <= limit && count >= least_count) {
        any = count_and_compare(layer, window, count,
                                margins.bits.data() + at / rows_per_word * margin_bits,
                                golden + word, diff + word);
      } else if (count <= limit) {
        any =
            add_and_compare(layer, window, margins.narrow.data() + at, golden + word, diff + word);
      } else {
        sums.assign(static_cast<size_t>(layer.rows_padded), 0);
        add_columns(layer, window, sums.data());
        compare(layer, margins.wide.data() + at, sums.data(), diff + word, nullptr, 0);
        for (int w = 0; w < layer.thresholds * output.words; ++w) {
          diff[word + w] ^= golden[word + w];
          any |= diff[word + w];
        }
      }
      if (any != 0) changed.insert(pixel);
    }
  }
  return additions * layer.rows;
}

void sum_columns(const PackedLayer& layer, const ChangeList& list, int32_t* sums) {
  std::fill_n(sums, layer.rows_padded, 0);
  if (list.empty()) return;
  Windows windows(layer, list);
  windows.begin_row(0);
  add_columns(layer, windows.at(0), sums);
}

void find_changed_words(const PackedLayer& layer, const TensorLayout& input, const uint64_t* diff,
                        const PixelSet& changed, ChangedWords& words) {
  const int pixel_words = input.pixel_words();
  const int width = layer.input.width;
  ChangedWords::Word* to = words.list.data();
  words.changes = 0;
  std::fill_n(words.row_changes.begin(), layer.input.height, 0);
  const int y_begin = changed.first_word_pixel() / width;
  const int y_end = std::min(layer.input.height, changed.end_word_pixel() / width + 1);
  for (int y = y_begin; y < y_end; ++y) {
    int64_t row_changes = 0;
    for (int first = 0; first < width; first += 64) {
      const int pixel_0 = y * width + first;
      uint64_t left = changed.bits(pixel_0, std::min(64, width - first));
      for (; left != 0; left &= left - 1) {
        const int i = std::countr_zero(left);
        const uint32_t pixel = static_cast<uint32_t>(pixel_0 + i);
        const uint64_t* from = diff + static_cast<size_t>(pixel) * pixel_words;
        for (int w = 0; w < pixel_words; ++w) {
          // Written always and kept if not 0: no branch that depends on the data.
          *to = {pixel, static_cast<uint16_t>(y), static_cast<uint16_t>(first + i),
                 static_cast<uint32_t>(w)};
          to += from[w] != 0 ? 1 : 0;
          row_changes += std::popcount(from[w]);
        }
      }
    }
    words.row_changes[y] = row_changes;
    words.changes += row_changes;
  }
  words.count = static_cast<size_t>(to - words.list.data());
}

void list_changes(const PackedLayer& layer, const TensorLayout& input, const uint64_t* golden,
                  const uint64_t* diff, const ChangedWords& words, ChangeList& list) {
  ListBuilder builder(layer, input, list);
  for (size_t i = 0; i < words.count; ++i) {
    const ChangedWords::Word& word = words.list[i];
    builder.begin_pixel(word.y + layer.padding, word.x + layer.padding);
    const size_t at = static_cast<size_t>(word.pixel) * input.pixel_words() + word.word;
    builder.add(static_cast<int>(word.word), diff[at] & ~golden[at], diff[at] & golden[at]);
  }
  builder.finish();
}

void list_from_reference(const PackedLayer& layer, const TensorLayout& input,
                         const uint64_t* planes, ChangeList& list) {
  ListBuilder builder(layer, input, list);
  const int reference_words = input.reference_level * input.words;
  const int tail = input.shape.channels % rows_per_word;
  const uint64_t last_valid = tail == 0 ? ~uint64_t{0} : (uint64_t{1} << tail) - 1;
  for (int pixel = 0; pixel < input.shape.pixels(); ++pixel) {
    builder.begin_pixel(pixel);
    const uint64_t* words = planes + static_cast<size_t>(pixel) * input.pixel_words();
    for (int w = 0; w < input.pixel_words(); ++w) {
      const uint64_t valid = (w + 1) % input.words == 0 ? last_valid : ~uint64_t{0};
      if (w < reference_words)
        builder.add(w, 0, ~words[w] & valid);
      else
        builder.add(w, words[w], 0);
    }
  }
  builder.finish();
}

void compute_first(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                   int out_pixel, int32_t* sums, uint64_t* planes) {
  const int oy = out_pixel / layer.output.width;
  const int ox = out_pixel % layer.output.width;
  multiply_window(layer, image, oy, ox, sums);
  set_channels(output, layer.first_plane, planes);
  compare(layer, layer.base_margin.data(), sums, planes + layer.first_plane * output.words, nullptr,
          0);
}

void compute_first_layer(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                         uint64_t* planes) {
  AlignedVector<int32_t> sums(static_cast<size_t>(layer.rows_padded));
  for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
    compute_first(layer, output, image, pixel, sums.data(),
                  planes + static_cast<size_t>(pixel) * output.pixel_words());
  }
}

void add_column(const int16_t* values, int32_t weight, size_t count, int32_t* sums) {
  const hn::CappedTag<int32_t, rows_per_word> d;
  const hn::Rebind<int16_t, decltype(d)> half;
  const auto factor = hn::Set(d, weight);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto value = hn::PromoteTo(d, hn::LoadU(half, values + i));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::Mul(value, factor)), d, sums + i);
  }
}

void exceeding(const int32_t* sums, int32_t threshold, size_t count, uint64_t* bits) {
  const hn::CappedTag<int32_t, rows_per_word> d;
  const size_t lanes = hn::Lanes(d);
  const auto most = hn::Set(d, threshold);
  for (size_t first = 0; first < count; first += rows_per_word) {
    uint64_t word = 0;
    for (size_t i = 0; i < rows_per_word; i += lanes) {
      word |= mask_bits(d, hn::Gt(hn::LoadU(d, sums + first + i), most)) << i;
    }
    *bits++ = word;
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(propagate);
HWY_EXPORT(sum_columns);
HWY_EXPORT(find_changed_words);
HWY_EXPORT(list_changes);
HWY_EXPORT(list_from_reference);
HWY_EXPORT(compute_first);
HWY_EXPORT(compute_first_layer);
HWY_EXPORT(add_column);
HWY_EXPORT(exceeding);

namespace kernels {

void find_changed_words(const PackedLayer& layer, const TensorLayout& input, const uint64_t* diff,
                        const PixelSet& changed, ChangedWords& words) {
  HWY_DYNAMIC_DISPATCH(find_changed_words)(layer, input, diff, changed, words);
}

void list_changes(const PackedLayer& layer, const TensorLayout& input, const uint64_t* golden,
                  const uint64_t* diff, const ChangedWords& words, ChangeList& list) {
  HWY_DYNAMIC_DISPATCH(list_changes)(layer, input, golden, diff, words, list);
}

void list_from_reference(const PackedLayer& layer, const TensorLayout& input,
                         const uint64_t* planes, ChangeList& list) {
  HWY_DYNAMIC_DISPATCH(list_from_reference)(layer, input, planes, list);
}

int64_t propagate(const PackedLayer& layer, const TensorLayout& output, const Margins& margins,
                  const uint64_t* golden, const ChangeList& list, uint64_t* diff,
                  PixelSet& changed) {
  return HWY_DYNAMIC_DISPATCH(propagate)(layer, output, margins, golden, list, diff, changed);
}

void sum_columns(const PackedLayer& layer, const ChangeList& list, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(sum_columns)(layer, list, sums);
}

void compute_first(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                   int out_pixel, int32_t* sums, uint64_t* planes) {
  HWY_DYNAMIC_DISPATCH(compute_first)(layer, output, image, out_pixel, sums, planes);
}

void compute_first_layer(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                         uint64_t* planes) {
  HWY_DYNAMIC_DISPATCH(compute_first_layer)(layer, output, image, planes);
}

void add_column(const int16_t* values, int32_t weight, size_t count, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(add_column)(values, weight, count, sums);
}

void exceeding(const int32_t* sums, int32_t threshold, size_t count, uint64_t* bits) {
  HWY_DYNAMIC_DISPATCH(exceeding)(sums, threshold, count, bits);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
