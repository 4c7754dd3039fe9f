#include "sim/fast/sliced_chain.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "sim/fast/break_even.h"
#include "sim/fast/sliced_kernels.h"

namespace stuckat::fast {
namespace {

bool is_pool_2x2(const PackedLayer& layer) {
  return layer.path == LayerPath::pool && layer.kernel_height == 2 && layer.kernel_width == 2 &&
         layer.stride == 2 && layer.padding == 0;
}

/// The word and bit of a pixel in a plane.
struct Place {
  size_t word;
  int bit;
};
Place place_of(const SlicedTensor& tensor, int pixel) {
  const int at = pixel / tensor.width * tensor.pitch + pixel % tensor.width;
  return {static_cast<size_t>(at / 64), at % 64};
}

}  // namespace

SlicedChain::SlicedChain(const PackedNetwork& network) : network_(network) {
  if (!network.in_planes()) return;
  int index = 0;
  while (index < network.last_tensor() && network.layer(index).path == LayerPath::first) ++index;
  if (index == network.last_tensor()) return;
  const TensorLayout& first = network.input_layout(index);
  if (first.form != TensorForm::planes || first.shape.width > SlicedTensor::widest) return;
  const int pitch = std::max(8, static_cast<int>(std::bit_ceil(unsigned(first.shape.width))));
  SlicedTensor input(first, pitch, network.always_set_planes(network.input_tensor(index)));
  for (; index < network.last_tensor(); ++index) {
    const PackedLayer& layer = network.layer(index);
    const int to = Network::output_tensor(index);
    if (network.layout(to).form != TensorForm::planes) break;
    const bool pools = is_pool_2x2(layer) && input.pitch > 8;
    SlicedTensor output(network.layout(to), pools ? input.pitch / 2 : input.pitch,
                        network.always_set_planes(to));
    if (pools) {
      stages_.push_back({index, -1, input, output});
    } else {
      if (!SlicedLayer::fits(layer) || input.planes == 0) break;
      SlicedLayer weights(network.network().layer(index), layer, network.input_layout(index), input,
                          output);
      if (!weights.holds() ||
          !sliced_is_cheapest(layer, network.input_layout(index), weights.counted(),
                              output.words / SlicedTensor::vector_words)) {
        break;
      }
      stages_.push_back({index, static_cast<int>(weights_.size()), input, output});
      weights_.push_back(std::move(weights));
    }
    input = output;
  }
  if (weights_.empty()) stages_.clear();
}

int SlicedChain::input() const { return network_.input_tensor(stages_.front().layer); }
int SlicedChain::output() const { return Network::output_tensor(stages_.back().layer); }

bool SlicedChain::runs(const FaultProgram& program) const {
  if (empty()) return false;
  bool recomputes = false;
  for (const TensorStep& step : program.steps) {
    if (step.tensor > output()) break;
    if (!step.elements.empty() || !step.operands.empty() || !step.pools.empty() ||
        !step.windows.empty()) {
      return false;
    }
    if (step.tensor <= input()) {
      const auto patches = [](const SpecialRow& row) { return row.operators.empty(); };
      if (!std::all_of(step.rows.begin(), step.rows.end(), patches)) return false;
      continue;
    }
    const auto stage = std::find_if(stages_.begin(), stages_.end(), [&](const Stage& s) {
      return Network::output_tensor(s.layer) == step.tensor;
    });
    if (step.others || stage->weights < 0 ||
        !weights_[static_cast<size_t>(stage->weights)].holds(step.patch)) {
      return false;
    }
    recomputes = recomputes || step.patch.recomputes;
  }
  return recomputes;
}

SlicedPass::SlicedPass(const SlicedChain& chain) : chain_(chain), weights_(chain.weights()) {
  constexpr size_t beyond = 2 * SlicedTensor::vector_words;
  const auto add = [&](const SlicedTensor& tensor, int number) {
    const auto channels = static_cast<size_t>(tensor.channels);
    AlignedVector<uint64_t> words(tensor.total_words() + beyond, 0);
    values_.push_back(
        {tensor, number, tensor.pixels(), words, words, std::vector<uint8_t>(channels, 0), false});
  };
  add(chain.stages().front().input, chain.input());
  for (const SlicedChain::Stage& stage : chain.stages()) {
    add(stage.output, Network::output_tensor(stage.layer));
  }
  for (const SlicedLayer& layer : weights_) {
    shifted_.push_back({AlignedVector<uint64_t>(layer.shifted_words(), 0),
                        std::vector<uint8_t>(static_cast<size_t>(layer.input().channels), 0)});
  }
}

int64_t SlicedPass::take_counted_bits() { return std::exchange(counted_bits_, 0); }

void SlicedPass::load(const GoldenState& golden) {
  for (Values& values : values_) load(golden, values);
  for (Shifted& shifted : shifted_) {
    std::fill(shifted.is_golden.begin(), shifted.is_golden.end(), uint8_t{0});
  }
  loaded_ = true;
}

void SlicedPass::load(const GoldenState& golden, Values& values) const {
  const SlicedTensor& tensor = values.tensor;
  const TensorLayout& layout = chain_.network().layout(values.number);
  std::fill(values.golden.begin(), values.golden.end(), uint64_t{0});
  const uint64_t* word = golden.planes[static_cast<size_t>(values.number)].data();
  for (int pixel = 0; pixel < layout.shape.pixels(); ++pixel) {
    const Place place = place_of(tensor, pixel);
    word += tensor.always * layout.words;
    for (int k = 0; k < tensor.planes; ++k) {
      for (int w = 0; w < layout.words; ++w, ++word) {
        for (uint64_t left = *word; left != 0; left &= left - 1) {
          const int channel = w * rows_per_word + std::countr_zero(left);
          const auto plane = static_cast<size_t>((channel * tensor.planes + k) * tensor.words);
          values.golden[plane + place.word] |= uint64_t{1} << place.bit;
        }
      }
    }
  }
}

void SlicedPass::enter(const uint64_t* diff, const PixelSet& changed) {
  Values& values = values_.front();
  const SlicedTensor& tensor = values.tensor;
  const TensorLayout& layout = chain_.network().layout(values.number);
  std::fill(values.differs.begin(), values.differs.end(), uint8_t{0});
  values.any = false;
  const size_t of_channel = tensor.channel_words();
  changed.for_each([&](int pixel) {
    const Place place = place_of(tensor, pixel);
    const uint64_t* word = diff + static_cast<size_t>(pixel) * layout.pixel_words() +
                           static_cast<size_t>(tensor.always) * layout.words;
    for (int k = 0; k < tensor.planes; ++k) {
      for (int w = 0; w < layout.words; ++w, ++word) {
        for (uint64_t left = *word; left != 0; left &= left - 1) {
          const int channel = w * rows_per_word + std::countr_zero(left);
          const size_t begin = static_cast<size_t>(channel) * of_channel;
          uint8_t& differs = values.differs[static_cast<size_t>(channel)];
          if (differs == 0) {
            differs = 1;
            values.any = true;
            std::copy_n(values.golden.data() + begin, of_channel, values.faulty.data() + begin);
          }
          values.faulty[begin + static_cast<size_t>(k * tensor.words) + place.word] ^= uint64_t{1}
                                                                                       << place.bit;
        }
      }
    }
  });
}

void SlicedPass::leave(uint64_t* diff, PixelSet& changed) const {
  const Values& values = values_.back();
  const SlicedTensor& tensor = values.tensor;
  const TensorLayout& layout = chain_.network().layout(values.number);
  for (int channel = 0; channel < tensor.channels; ++channel) {
    if (values.differs[static_cast<size_t>(channel)] == 0) continue;
    const uint64_t bit = uint64_t{1} << channel % rows_per_word;
    size_t at = static_cast<size_t>(channel) * tensor.channel_words();
    for (int k = 0; k < tensor.planes; ++k) {
      uint64_t* to = diff + (tensor.always + k) * layout.words + channel / rows_per_word;
      for (int w = 0; w < tensor.words; ++w, ++at) {
        uint64_t left =
            (values.golden[at] ^ values.faulty[at]) & values.pixels[static_cast<size_t>(w)];
        for (; left != 0; left &= left - 1) {
          const int place = w * 64 + std::countr_zero(left);
          const int pixel = place / tensor.pitch * tensor.width + place % tensor.pitch;
          to[static_cast<ptrdiff_t>(pixel) * layout.pixel_words()] |= bit;
          changed.insert(pixel);
        }
      }
    }
  }
}

void SlicedPass::find_differences(Values& values) {
  const SlicedTensor& tensor = values.tensor;
  values.any = false;
  for (int channel = 0; channel < tensor.channels; ++channel) {
    const size_t begin = static_cast<size_t>(channel) * tensor.channel_words();
    const bool differs = kernels::differ_sliced(
        tensor, values.pixels.data(), values.golden.data() + begin, values.faulty.data() + begin);
    values.differs[static_cast<size_t>(channel)] = differs ? 1 : 0;
    values.any = values.any || differs;
  }
}

void SlicedPass::convolve(const SlicedChain::Stage& stage, const LayerPatch* patch,
                          const Values& in, Values& out) {
  SlicedLayer& layer = weights_[static_cast<size_t>(stage.weights)];
  Shifted& shifted = shifted_[static_cast<size_t>(stage.weights)];
  for (int channel = 0; channel < in.tensor.channels; ++channel) {
    const auto c = static_cast<size_t>(channel);
    if (in.differs[c] == 0 && shifted.is_golden[c] != 0) continue;
    const auto& from = in.differs[c] != 0 ? in.faulty : in.golden;
    for (int k = 0; k < in.tensor.planes; ++k) {
      const size_t plane = c * in.tensor.channel_words() + static_cast<size_t>(k * in.tensor.words);
      kernels::shift_plane(layer, from.data() + plane,
                           shifted.words.data() + layer.shifted_begin(channel, k));
    }
    shifted.is_golden[c] = in.differs[c] != 0 ? 0 : 1;
  }
  if (patch != nullptr) layer.patch(*patch);
  if (in.any) {
    kernels::compute_sliced(layer, shifted.words.data(), 0, out.tensor.channels, out.faulty.data());
    counted_bits_ += layer.counted() * out.tensor.words * 64;
  } else {
    out.faulty = out.golden;
    int row = -1;
    const auto compute = [&](int next) {
      if (next == row) return;
      row = next;
      kernels::compute_sliced(layer, shifted.words.data(), row, row + 1, out.faulty.data());
    };
    for (const LayerPatch::Weight& w : patch->weights) compute(w.row);
    row = -1;
    for (const LayerPatch::Margin& m : patch->margins) compute(m.row);
  }
  if (patch != nullptr) layer.restore(*patch);
  find_differences(out);
}

void SlicedPass::pool(const Values& in, Values& out) {
  const size_t of_channel = out.tensor.channel_words();
  out.any = false;
  for (size_t c = 0; c < in.differs.size(); ++c) {
    out.differs[c] = 0;
    if (in.differs[c] == 0) continue;
    const uint64_t* from = in.faulty.data() + c * in.tensor.channel_words();
    uint64_t* to = out.faulty.data() + c * of_channel;
    for (int k = 0; k < in.tensor.planes; ++k) {
      kernels::pool_sliced(in.tensor, out.tensor, from + k * in.tensor.words,
                           to + k * out.tensor.words);
    }
    const bool differs = kernels::differ_sliced(out.tensor, out.pixels.data(),
                                                out.golden.data() + c * of_channel, to);
    out.differs[c] = differs ? 1 : 0;
    out.any = out.any || differs;
  }
}

int SlicedPass::run(const GoldenState& golden, const FaultProgram& program, const uint64_t* diff_in,
                    const PixelSet& changed_in, uint64_t* diff_out, PixelSet& changed_out) {
  if (!loaded_) load(golden);
  enter(diff_in, changed_in);
  int last_difference = -1;
  auto step = program.steps.begin();
  for (size_t i = 0; i < chain_.stages().size(); ++i) {
    const SlicedChain::Stage& stage = chain_.stages()[i];
    const Values& in = values_[i];
    Values& out = values_[i + 1];
    while (step != program.steps.end() && step->tensor < out.number) ++step;
    const bool is_patched = step != program.steps.end() && step->tensor == out.number;
    if (!in.any && !is_patched) {
      std::fill(out.differs.begin(), out.differs.end(), uint8_t{0});
      out.any = false;
      continue;
    }
    if (stage.weights < 0)
      pool(in, out);
    else
      convolve(stage, is_patched ? &step->patch : nullptr, in, out);
    if (out.any) last_difference = out.number;
  }
  if (values_.back().any) leave(diff_out, changed_out);
  return last_difference;
}

}  // namespace stuckat::fast
