#include "models/dataflow/mvtu.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

Mvtu::Mvtu(const Layer& layer, const PeArray& array, bool sums, const ArrayProtection& protection)
    : core_(layer, array, array.uses.front(), protection, sums),
      input_format_(layer.input_format),
      output_format_(layer.output_format),
      accumulator_output_(layer.accumulator_output || sums),
      xnor_(layer.is_xnor()),
      pe_(array.pe),
      simd_(array.simd),
      out_bits_(accumulator_output_ ? array.uses.front().accumulator_bits
                                    : layer.output_format.bits),
      sum_bits_(array.uses.front().accumulator_bits),
      synapse_fold_(array.uses.front().columns / array.simd),
      neuron_fold_(array.uses.front().rows / array.pe),
      rows_(layer.rows()),
      columns_(layer.columns()),
      pixels_(layer.output.pixels()),
      binary_input_(layer.input_format.kind == FormatKind::binary),
      window_(static_cast<size_t>(array.uses.front().columns)),
      codes_(static_cast<size_t>(limbs_for(array.uses.front().columns))),
      outputs_(static_cast<size_t>(layer.rows())),
      sums_(static_cast<size_t>(layer.rows())),
      step_cycles_(static_cast<size_t>(synapse_fold_)),
      padding_value_(stuckat::padded_input(layer)),
      padding_(static_cast<size_t>(array.uses.front().columns - layer.columns())) {
  for (uint32_t code = 0; code < 1u << input_format_.bits; ++code) {
    value_of_.push_back(input_format_.value(code));
  }
  if (layer.accumulator_output) return;
  output_low_ = output_format_.min_value();
  code_of_.resize(static_cast<size_t>(output_format_.max_level() - output_low_ + 1));
  for (uint32_t code = 0; code < 1u << output_format_.bits; ++code) {
    code_of_[static_cast<size_t>(output_format_.value(code) - output_low_)] = code;
  }
}

void Mvtu::load(const uint64_t* word) {
  unpack(loaded_, word);
  if (++loaded_ < synapse_fold_) return;
  loaded_ = 0;
  window_pixel_ = pixel_;
  load_window();
  if (++pixel_ == pixels_) pixel_ = 0;
}

void Mvtu::reload(const uint64_t* words, int limbs) {
  for (int step = 0; step < synapse_fold_; ++step) unpack(step, words + step * limbs);
  load_window();
}

/// The columns of a step.
void Mvtu::unpack(int step, const uint64_t* word) {
  if (binary_input_) return copy_bits(codes_.data(), step * simd_, word, 0, simd_);
  const int bits = input_format_.bits;
  int32_t* values = window_.data() + step * simd_;
  for (int lane = 0; lane < simd_; ++lane) {
    values[lane] = value_of_[get_bits(word, lane * bits, bits)];
  }
}

void Mvtu::load_window() {
  if (!padding_.empty()) read_padding();
  binary_input_ ? core_.load_codes(codes_.data()) : core_.load(window_.data());
  if (!has_flips()) core_.compute(window_pixel_, 0, rows_, outputs_.data());
}

/// Padded columns travel like all others, and may be broken on the way.
void Mvtu::read_padding() {
  bool broken = false;
  for (size_t i = 0; i < padding_.size(); ++i) {
    const int column = columns_ + static_cast<int>(i);
    const auto code = static_cast<uint32_t>(binary_input_ ? get_bits(codes_.data(), column, 1) : 0);
    padding_[i] = binary_input_ ? input_format_.value(code) : window_[static_cast<size_t>(column)];
    broken |= padding_[i] != padding_value_;
  }
  core_.set_padding(broken ? padding_.data() : nullptr);
}

void Mvtu::store(int fold, uint64_t* word) {
  std::fill_n(word, limbs_for(pe_ * out_bits_), 0);
  const int first = fold * pe_;
  if (has_flips() && first < rows_) {
    core_.set_step_cycles(step_cycles_.data());
    core_.compute(window_pixel_, first, std::min(first + pe_, rows_), outputs_.data() + first);
  }
  for (int lane = 0; lane < std::min(pe_, rows_ - first); ++lane) {
    const int32_t value = outputs_[static_cast<size_t>(first + lane)];
    const uint32_t code = accumulator_output_ ? static_cast<uint32_t>(value)
                                              : code_of_[static_cast<size_t>(value - output_low_)];
    add_bits(word, lane * out_bits_, out_bits_, code);
  }
}

void Mvtu::threshold(int row, int lanes, const uint64_t* sums, uint64_t* codes) {
  const int bits = output_format_.bits;
  std::fill_n(codes, limbs_for(lanes * bits), 0);
  for (int lane = 0; lane < lanes; ++lane) {
    const auto code = static_cast<uint32_t>(get_bits(sums, lane * sum_bits_, sum_bits_));
    sums_[static_cast<size_t>(lane)] = read_register(code, sum_bits_, xnor_);
  }
  core_.apply_thresholds(row, lanes, sums_.data());
  for (int lane = 0; lane < lanes; ++lane) {
    const int32_t value = sums_[static_cast<size_t>(lane)];
    add_bits(codes, lane * bits, bits, code_of_[static_cast<size_t>(value - output_low_)]);
  }
}

}  // namespace stuckat::dataflow
