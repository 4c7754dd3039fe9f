#include "sim/fast/faulty_pass.h"

#include <algorithm>
#include <utility>

#include "sim/fast/kernels.h"
#include "workloads/reference.h"

namespace stuckat::fast {

FaultyPass::FaultyPass(const Executor& golden) : network_(golden.network()), golden_(golden) {
  for (int t = 0; t < network_.tensors(); ++t) {
    const TensorLayout& layout = network_.layout(t);
    diff_.emplace_back(layout.total_words(), uint64_t{0});
    changed_.emplace_back(layout.shape.pixels());
    values_.emplace_back();
  }
  for (int i = 0; i < static_cast<int>(network_.network().layers.size()); ++i) {
    lists_.emplace_back();
    scatter_.emplace_back();
    const PackedLayer& layer = network_.layer(i);
    const TensorLayout& layout = network_.input_layout(i);
    if (layer.path == LayerPath::matrix) {
      lists_.back().reserve(layer, layout);
      changed_words_.reserve(layer, layout);
    }
    digits_.emplace_back();
    patched_.emplace_back();
    wide_patched_.emplace_back();
    first_rows_.emplace_back();
    chain_layers_.emplace_back();
    if (layer.path == LayerPath::matrix && !layer.accumulator_output) {
      digits_.back() = DigitImage(layer, layout);
    }
    if (kernels::ScatterBuffers::fits(layer)) scatter_.back().reserve(layer, layout);
  }
  logits_.resize(static_cast<size_t>(network_.network().classes()));
  begin_image();
}

void FaultyPass::begin_image() {
  golden_inputs_.assign(static_cast<size_t>(network_.last_tensor()), {});
  first_rows_loaded_.assign(golden_inputs_.size(), false);
  if (sliced_ != nullptr) sliced_->begin_image();
}

const PaddedImage& FaultyPass::padded_input(int index) {
  const size_t i = static_cast<size_t>(index);
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const TensorLayout& layout = network_.input_layout(index);
  const GoldenState& golden = golden_.state();
  PaddedImage& right = golden_inputs_[i];
  const std::ptrdiff_t channels = layout.shape.channels;
  const std::ptrdiff_t words = layout.pixel_words();
  if (right.empty()) {
    right.reset(layer, layout.format.padding_value());
    for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
      if (layout.form == TensorForm::planes)
        right.set_pixel(layout, pixel, golden.planes[from].data() + pixel * words);
      else
        right.set_pixel(pixel, golden.values[from].values.data() + pixel * channels);
    }
  }
  if (!differs(network_.input_tensor(index)) && held_.padding_pixels.empty()) return right;
  faulty_input_ = right;
  std::vector<uint64_t> faulty(static_cast<size_t>(words));
  changed_[from].for_each([&](int pixel) {
    if (layout.form == TensorForm::values) {
      faulty_input_.set_pixel(pixel, values_[from].values.data() + pixel * channels);
      return;
    }
    for (size_t w = 0; w < faulty.size(); ++w) {
      faulty[w] = faulty_word(network_.input_tensor(index), static_cast<size_t>(pixel * words) + w);
    }
    faulty_input_.set_pixel(layout, pixel, faulty.data());
  });
  for (size_t p = 0; p < held_.padding_pixels.size(); ++p) {
    faulty_input_.set_padded_pixel(held_.padding_pixels[p],
                                   held_.padding_values.data() + p * static_cast<size_t>(channels));
  }
  return faulty_input_;
}

bool FaultyPass::differs(int tensor) const {
  return tensor == network_.last_tensor() ? logits_differ_
                                          : !changed_[static_cast<size_t>(tensor)].empty();
}

uint64_t FaultyPass::faulty_word(int tensor, size_t word) const {
  const size_t t = static_cast<size_t>(tensor);
  return golden_.state().planes[t][word] ^ diff_[t][word];
}

Tensor FaultyPass::tensor(int tensor) const {
  if (!differs(tensor)) return golden_.tensor(tensor);
  const TensorLayout& layout = network_.layout(tensor);
  const size_t t = static_cast<size_t>(tensor);
  if (layout.form == TensorForm::values) return values_[t];
  if (layout.form == TensorForm::accumulators) return {layout.shape, logits_};
  AlignedVector<uint64_t> planes(layout.total_words());
  for (size_t w = 0; w < planes.size(); ++w) planes[w] = faulty_word(tensor, w);
  return values_from_planes(layout, planes.data());
}

void FaultyPass::clear(int first) {
  for (int t = first; t < network_.last_tensor(); ++t) {
    const size_t i = static_cast<size_t>(t);
    const int words = network_.layout(t).pixel_words();
    if (network_.layout(t).form == TensorForm::planes) {
      changed_[i].for_each([&](int pixel) {
        std::fill_n(diff_[i].data() + static_cast<size_t>(pixel) * words, words, uint64_t{0});
      });
    }
    changed_[i].clear();
  }
  logits_differ_ = false;
}

void FaultyPass::propagate(int layer) {
  switch (network_.layer(layer).path) {
    case LayerPath::matrix:
      return propagate_matrix(layer);
    case LayerPath::first:
      return propagate_first(layer);
    case LayerPath::pool:
      return propagate_pool(layer);
  }
}

void FaultyPass::find_changed_words(int index) {
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  kernels::find_changed_words(network_.layer(index), network_.input_layout(index),
                              diff_[from].data(), changed_[from], changed_words_);
}

bool FaultyPass::can_scatter(int index) {
  find_changed_words(index);
  return !scatter_[static_cast<size_t>(index)].sums.empty() &&
         kernels::scatter_is_exact(network_.layer(index), changed_words_);
}

void FaultyPass::propagate_matrix(int index) {
  const bool scatters = can_scatter(index);
  changed_elements_ += changed_words_.changes;
  follow(index, cheapest_way(network_.layer(index), network_.input_layout(index),
                             changed_words_.changes, scatters));
}

void FaultyPass::propagate(int layer, Way way) {
  find_changed_words(layer);
  follow(layer, way);
}

void FaultyPass::follow(int index, Way way) {
  const size_t i = static_cast<size_t>(index);
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const TensorLayout& in = network_.input_layout(index);
  const GoldenState& golden = golden_.state();
  switch (way) {
    case Way::scatter:
      additions_ += kernels::scatter(layer, in, network_.output_layout(index), golden.margins[i],
                                     golden.planes[from].data(), diff_[from].data(), changed_[from],
                                     changed_words_, golden.planes[to].data(), diff_[to].data(),
                                     changed_[to], scatter_[i]);
      return;
    case Way::gather:
      kernels::list_changes(layer, in, golden.planes[from].data(), diff_[from].data(),
                            changed_words_, lists_[i]);
      return propagate_list(index);
    case Way::dense:
      return recompute_matrix(index);
  }
}

void FaultyPass::propagate_list(int index) {
  const size_t i = static_cast<size_t>(index);
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const ChangeList& list = lists_[i];
  const auto count = static_cast<int64_t>(list.up_count + list.down_count);
  if (!layer.accumulator_output) {
    additions_ +=
        kernels::propagate(layer, network_.output_layout(index), golden_.state().margins[i],
                           golden_.state().planes[to].data(), list, diff_[to].data(), changed_[to]);
    return;
  }
  additions_ += count * layer.rows;
  sums_.resize(static_cast<size_t>(layer.rows_padded));
  kernels::sum_columns(layer, list, sums_.data());
  for (size_t row = 0; row < logits_.size(); ++row) {
    logits_[row] = golden_.logits()[row] + layer.unit * sums_[row];
    logits_differ_ = logits_differ_ || sums_[row] != 0;
  }
}

void FaultyPass::change_logits(int channel, int levels) {
  const PackedLayer& layer = network_.layer(network_.network().producer(network_.last_tensor()));
  const int8_t* column =
      layer.columns.data() + static_cast<size_t>(channel) * static_cast<size_t>(layer.rows_padded);
  for (size_t row = 0; row < logits_.size(); ++row) {
    const int change = layer.unit * levels * column[row];
    logits_[row] = golden_.logits()[row] + change;
    logits_differ_ = logits_differ_ || change != 0;
  }
  additions_ += layer.rows;
  ++changed_elements_;
}

void FaultyPass::patch_logits(int index, const LayerPatch& patch) {
  if (!logits_differ_) std::copy(golden_.logits().begin(), golden_.logits().end(), logits_.begin());
  const int from = network_.input_tensor(index);
  const Layer& of = network_.network().layer(index);
  const TensorLayout& in = network_.input_layout(index);
  const bool binary = in.format.kind == FormatKind::binary;
  for (const LayerPatch::Weight& w : patch.weights) {
    const int channel = w.column % in.shape.channels;
    size_t word = static_cast<size_t>(w.column / in.shape.channels * in.pixel_words() +
                                      channel / rows_per_word);
    int level = 0;
    for (int k = 0; k < in.planes; ++k, word += static_cast<size_t>(in.words)) {
      level += static_cast<int>(faulty_word(from, word) >> channel % rows_per_word & 1);
    }
    const int value = binary ? 2 * level - 1 : in.format.min_value() + level;
    const int change = (w.after - w.before) * value;
    logits_[static_cast<size_t>(w.row)] += of.is_xnor() ? change / 2 : change;
  }
  logits_differ_ = !std::equal(logits_.begin(), logits_.end(), golden_.logits().begin());
}

void FaultyPass::swap_differences(int tensor, AlignedVector<uint64_t>& diff, PixelSet& changed) {
  std::swap(diff_[static_cast<size_t>(tensor)], diff);
  std::swap(changed_[static_cast<size_t>(tensor)], changed);
}

void FaultyPass::propagate_first(int index) {
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const TensorLayout& out = network_.output_layout(index);
  const PaddedImage& image = padded_input(index);
  PixelSet reached(out.shape.pixels());
  changed_[from].for_each([&](int pixel) {
    const int y = pixel / layer.input.width + layer.padding;
    const int x = pixel % layer.input.width + layer.padding;
    for_each_window(layer, y, x, [&](int reader) { reached.insert(reader); });
  });
  sums_.resize(static_cast<size_t>(layer.rows_padded));
  const uint64_t* golden = golden_.state().planes[to].data();
  reached.for_each([&](int pixel) {
    const size_t at = static_cast<size_t>(pixel) * out.pixel_words();
    uint64_t* words = diff_[to].data() + at;
    kernels::compute_first(layer, out, image.data(), pixel, sums_.data(), words);
    uint64_t any = 0;
    for (int w = 0; w < out.pixel_words(); ++w) any |= words[w] ^= golden[at + w];
    if (any != 0) changed_[to].insert(pixel);
    additions_ += int64_t{layer.rows} * layer.kernel_height * layer.window_row_columns();
  });
}

void FaultyPass::propagate_pool(int index) {
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const PackedLayer& layer = network_.layer(index);
  const TensorLayout& in = network_.input_layout(index);
  if (layer.kernel_height == 2 && layer.stride == 2 && in.shape.width <= 64) {
    kernels::propagate_pool_2x2(layer, in, golden_.state().planes[from].data(), diff_[from].data(),
                                changed_[from], golden_.state().planes[to].data(), diff_[to].data(),
                                changed_[to]);
    return;
  }
  PixelSet reached(layer.output.pixels());
  changed_[from].for_each([&](int pixel) {
    for_each_window(layer, pixel / layer.input.width, pixel % layer.input.width,
                    [&](int reader) { reached.insert(reader); });
  });
  const size_t stride = static_cast<size_t>(in.pixel_words());
  const uint64_t* golden = golden_.state().planes[to].data();
  const uint64_t* golden_in = golden_.state().planes[from].data();
  const uint64_t* diff_in = diff_[from].data();
  const auto word = [&](int pixel, int w) {
    const size_t at = static_cast<size_t>(pixel) * stride + static_cast<size_t>(w);
    return golden_in[at] ^ diff_in[at];
  };
  reached.for_each([&](int pixel) {
    const size_t at = static_cast<size_t>(pixel) * stride;
    uint64_t* words = diff_[to].data() + at;
    pool_pixel(layer, in, pixel, word, words);
    uint64_t any = 0;
    for (size_t w = 0; w < stride; ++w) any |= words[w] ^= golden[at + w];
    if (any != 0) changed_[to].insert(pixel);
  });
}

void FaultyPass::recompute_by_reference(int index) {
  const Layer& layer = network_.network().layers[static_cast<size_t>(index)];
  set_tensor(network_.output_tensor(index),
             reference::run_layer(layer, tensor(network_.input_tensor(index))));
}

void FaultyPass::recompute(int layer) {
  if (network_.layer(layer).path == LayerPath::matrix)
    recompute_matrix(layer);
  else
    recompute_by_reference(layer);
}

void FaultyPass::recompute_matrix(int index) {
  const size_t i = static_cast<size_t>(index);
  const PackedLayer& layer = network_.layer(index);
  if (layer.accumulator_output) {
    const TensorLayout& in = network_.input_layout(index);
    scratch_.resize(in.total_words());
    for (size_t w = 0; w < scratch_.size(); ++w)
      scratch_[w] = faulty_word(network_.input_tensor(index), w);
    kernels::list_from_reference(layer, in, scratch_.data(), lists_[i]);
    sums_.resize(static_cast<size_t>(layer.rows_padded));
    kernels::sum_columns(layer, lists_[i], sums_.data());
    for (size_t row = 0; row < logits_.size(); ++row) {
      logits_[row] = layer.base[row] + layer.unit * sums_[row];
    }
    logits_differ_ = !std::equal(logits_.begin(), logits_.end(), golden_.logits().begin());
    return;
  }
  recompute_planes(index, layer);
}

void FaultyPass::recompute_planes(int index, const PackedLayer& layer,
                                  std::span<const ExcessWeight> excesses) {
  const size_t i = static_cast<size_t>(index);
  const auto from = static_cast<size_t>(network_.input_tensor(index));
  const auto to = static_cast<size_t>(network_.output_tensor(index));
  const TensorLayout& out = network_.output_layout(index);
  kernels::fill_digits(golden_.state().planes[from].data(), diff_[from].data(), digits_[i]);
  kernels::compute_layer(layer, out, digits_[i], excesses, nullptr, diff_[to].data());
  bit_products_ += bit_products(layer, digits_[i].digits);
  const uint64_t* golden = golden_.state().planes[to].data();
  uint64_t* diff = diff_[to].data();
  const int words = out.pixel_words();
  const int pixels = out.shape.pixels();
  for (int first = 0; first < pixels; first += 64) {
    uint64_t changed = 0;
    for (int p = 0; p < std::min(64, pixels - first); ++p) {
      uint64_t any = 0;
      for (int w = 0; w < words; ++w) any |= * diff++ ^= *golden++;
      changed |= uint64_t{any != 0 ? 1u : 0u} << p;
    }
    changed_[to].assign_word(first, changed);
  }
}

int FaultyPass::run_sliced(const SlicedChain& chain, const FaultProgram& program) {
  if (sliced_ == nullptr) sliced_ = std::make_unique<SlicedPass>(chain);
  const auto from = static_cast<size_t>(chain.input());
  const auto to = static_cast<size_t>(chain.output());
  const int last_difference = sliced_->run(golden_.state(), program, diff_[from].data(),
                                           changed_[from], diff_[to].data(), changed_[to]);
  bit_products_ += sliced_->take_counted_bits();
  return last_difference;
}

void FaultyPass::set_tensor(int tensor, const Tensor& values) {
  const TensorLayout& layout = network_.layout(tensor);
  const size_t t = static_cast<size_t>(tensor);
  const Tensor golden = golden_.tensor(tensor);
  if (layout.form == TensorForm::accumulators) {
    logits_ = values.values;
    logits_differ_ = !(values == golden);
    return;
  }
  if (layout.form == TensorForm::values) values_[t] = values;
  if (layout.form == TensorForm::planes) {
    planes_from_values(layout, values, diff_[t].data());
    for (size_t w = 0; w < diff_[t].size(); ++w) diff_[t][w] ^= golden_.state().planes[t][w];
  }
  const int channels = layout.shape.channels;
  for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
    const auto at = static_cast<std::ptrdiff_t>(pixel) * channels;
    const auto begin = values.values.begin() + at;
    if (std::equal(begin, begin + channels, golden.values.begin() + at))
      changed_[t].erase(pixel);
    else
      changed_[t].insert(pixel);
  }
}

}  // namespace stuckat::fast
