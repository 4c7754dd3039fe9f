#include "sim/fast/first_rows.h"

#include <algorithm>
#include <bit>

#include "sim/fast/broken_lane.h"
#include "sim/fast/kernels.h"

namespace stuckat::fast {

FirstRows::FirstRows(const Layer& of, const PackedLayer& layer) : of_(&of), layer_(&layer) {
  const auto width = static_cast<size_t>(layer.padded_width());
  const auto whole_words = [](size_t count) { return (count + 63) / 64 * 64; };
  count_ = whole_words(static_cast<size_t>(layer.output.height) * width);
  plane_size_ = whole_words(count_ + static_cast<size_t>(layer.kernel_height) * width +
                            static_cast<size_t>(layer.kernel_width));
  planes_.assign(plane_size_ * static_cast<size_t>(layer.input.channels), 0);
  right_.resize(static_cast<size_t>(layer.rows));
  sums_.resize(count_);
  before_.resize(count_);
  right_bits_.resize(count_ / 64);
  bits_.resize(count_ / 64);
}

bool FirstRows::holds(const SpecialRow& row, const Effects& effects, int64_t image_index) {
  if (row.operators.empty()) return true;
  if (row.operators.size() > 1 || !row.weights.empty()) return false;
  const OperatorFault& fault = effects.operators[static_cast<size_t>(row.operators.front())];
  return fault.pixels.empty() && fault.images.contains(image_index) &&
         broken_lane(fault.pe).has_value();
}

void FirstRows::load(const Tensor& image) {
  const int channels = layer_->input.channels;
  const int padding = layer_->padding;  // holds zeros
  const int32_t* value = image.values.data();
  for (int y = 0; y < layer_->input.height; ++y) {
    for (int x = 0; x < layer_->input.width; ++x) {
      const int at = (y + padding) * layer_->padded_width() + x + padding;
      for (int c = 0; c < channels; ++c) {
        planes_[static_cast<size_t>(c) * plane_size_ + static_cast<size_t>(at)] =
            static_cast<int16_t>(*value++);
      }
    }
  }
  for (Sums& sums : right_) sums.clear();
}

const int16_t* FirstRows::plane(int column) const {
  const int channels = layer_->input.channels;
  const int position = column / channels;
  const int from =
      position / layer_->kernel_width * layer_->padded_width() + position % layer_->kernel_width;
  return planes_.data() + static_cast<size_t>(column % channels) * plane_size_ + from;
}

const FirstRows::Sums& FirstRows::right_sums(int row) {
  Sums& sums = right_[static_cast<size_t>(row)];
  if (!sums.empty()) return sums;
  sums.assign(count_, 0);
  const int8_t* weights = of_->weight_row(row);
  for (int column = 0; column < of_->columns(); ++column) {
    kernels::add_column(plane(column), weights[column], count_, sums.data());
  }
  return sums;
}

void FirstRows::add_change_of_lane(const OperatorFault& fault, int row, Sums& sums) {
  const BrokenLane lane = broken_lane(fault.pe).value();
  const int8_t* weights = of_->weight_row(row);
  constexpr int codes = 256;  // fits()
  uint32_t changes[codes] = {};
  for_each_tile(fault.pe.chain, lane.lane, of_->columns(), [&](int first, int column) {
    if (!lane.sum.is_identity()) {
      std::fill(before_.begin(), before_.end(), 0);
      for (int c = first; c < column; ++c) {
        kernels::add_column(plane(c), weights[c], count_, before_.data());
      }
      for (size_t i = 0; i < count_; ++i) {
        const auto before = static_cast<uint32_t>(before_[i]);
        sums[i] =
            static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + lane.sum.apply(before) - before);
      }
    }
    if (!lane.multiplies_wrongly()) return;
    const NumberFormat& format = of_->input_format;
    for (int code = 0; code < 1 << format.bits; ++code) {
      const int32_t value = format.value(static_cast<uint32_t>(code));
      changes[value & (codes - 1)] = lane.product_change(*of_, weights[column], value);
    }
    const int16_t* input = plane(column);
    for (size_t i = 0; i < count_; ++i) {
      sums[i] =
          static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + changes[input[i] & (codes - 1)]);
    }
  });
}

void FirstRows::change(const SpecialRow& row, const Effects& effects, const TensorLayout& output,
                       uint64_t* diff, PixelSet& changed) {
  const Sums& right = right_sums(row.row);
  sums_ = right;
  const int8_t* weights = of_->weight_row(row.row);
  for (const auto& [column, weight] : row.weights) {
    kernels::add_column(plane(column), weight - weights[column], count_, sums_.data());
  }
  for (const int f : row.operators) {
    add_change_of_lane(effects.operators[static_cast<size_t>(f)], row.row, sums_);
  }
  std::vector<int32_t> thresholds(of_->threshold_row(row.row),
                                  of_->threshold_row(row.row) + of_->thresholds_per_row());
  std::vector<int32_t> right_thresholds = thresholds;
  for (const auto& [index, threshold] : row.thresholds) {
    thresholds[static_cast<size_t>(index)] = threshold;
  }
  std::sort(thresholds.begin(), thresholds.end());
  std::sort(right_thresholds.begin(), right_thresholds.end());
  const uint64_t channel = uint64_t{1} << (row.row % rows_per_word);
  const int width = layer_->padded_width();
  for (size_t t = 0; t < thresholds.size(); ++t) {
    kernels::exceeding(right.data(), right_thresholds[t], count_, right_bits_.data());
    kernels::exceeding(sums_.data(), thresholds[t], count_, bits_.data());
    const int plane = layer_->first_plane + static_cast<int>(t);
    uint64_t* words = diff + plane * output.words + row.row / rows_per_word;
    for (size_t w = 0; w < bits_.size(); ++w) {
      for (uint64_t left = bits_[w] ^ right_bits_[w]; left != 0; left &= left - 1) {
        const int at = static_cast<int>(w) * 64 + std::countr_zero(left);
        const int x = at % width;
        const int y = at / width;
        if (x >= layer_->output.width || y >= layer_->output.height) continue;
        const int pixel = y * layer_->output.width + x;
        words[static_cast<size_t>(pixel) * static_cast<size_t>(output.pixel_words())] ^= channel;
        changed.insert(pixel);
      }
    }
  }
}

}  // namespace stuckat::fast
