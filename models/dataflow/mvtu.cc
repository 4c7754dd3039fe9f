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
      neuron_fold_(array.uses.front().rows / array.pe /
                   (layer.groups / array.uses.front().groups_at_once)),
      rows_(layer.rows()),
      columns_(layer.columns()),
      pixels_(layer.output.pixels()),
      binary_input_(layer.input_format.kind == FormatKind::binary),
      groups_at_once_(array.uses.front().groups_at_once),
      group_rows_(layer.rows() / layer.groups),
      group_lanes_(groups_at_once_ == 1 ? array.simd : layer.group_channels()),
      blocks_(layer.groups / groups_at_once_),
      window_(static_cast<size_t>(array.uses.front().columns) *
              static_cast<size_t>(groups_at_once_)),
      codes_(static_cast<size_t>(groups_at_once_),
             std::vector<uint64_t>(static_cast<size_t>(limbs_for(array.uses.front().columns)))),
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
  window_block_ = block_;
  load_window();
  if (++block_ < blocks_) return;
  block_ = 0;
  if (++pixel_ == pixels_) pixel_ = 0;
}

void Mvtu::reload(const uint64_t* words, int limbs) {
  for (int step = 0; step < synapse_fold_; ++step) unpack(step, words + step * limbs);
  load_window();
}

/// The columns of a step.
void Mvtu::unpack(int step, const uint64_t* word) {
  const int bits = input_format_.bits;
  const int padded = synapse_fold_ * simd_;
  for (int first = 0, lane = 0; first < simd_; first += group_lanes_) {
    const int column = step * simd_ + first;
    for (int group = 0; group < groups_at_once_; ++group, lane += group_lanes_) {
      if (binary_input_) {
        copy_bits(codes_[static_cast<size_t>(group)].data(), column, word, lane, group_lanes_);
        continue;
      }
      int32_t* values = window_.data() + group * padded + column;
      for (int i = 0; i < group_lanes_; ++i) {
        values[i] = value_of_[get_bits(word, (lane + i) * bits, bits)];
      }
    }
  }
}

void Mvtu::load_window() {
  if (!padding_.empty()) read_padding();
  for (int group = 0; group < groups_at_once_; ++group) {
    load_group(group);
    const int first = (window_block_ * groups_at_once_ + group) * group_rows_;
    if (!has_flips()) {
      core_.compute(window_pixel_, first, first + group_rows_, outputs_.data() + first);
    }
  }
}

void Mvtu::load_group(int group) {
  binary_input_ ? core_.load_codes(codes_[static_cast<size_t>(group)].data())
                : core_.load(window_.data() + group * synapse_fold_ * simd_);
}

/// Padded columns travel like all others, and may be broken on the way.
void Mvtu::read_padding() {
  bool broken = false;
  for (size_t i = 0; i < padding_.size(); ++i) {
    const int column = columns_ + static_cast<int>(i);
    const auto code =
        static_cast<uint32_t>(binary_input_ ? get_bits(codes_.front().data(), column, 1) : 0);
    padding_[i] = binary_input_ ? input_format_.value(code) : window_[static_cast<size_t>(column)];
    broken |= padding_[i] != padding_value_;
  }
  core_.set_padding(broken ? padding_.data() : nullptr);
}

void Mvtu::store(int fold, uint64_t* word) {
  std::fill_n(word, limbs_for(pe_ * out_bits_), 0);
  const int first = (window_block_ * neuron_fold_ + fold) * pe_;
  if (has_flips()) {
    core_.set_step_cycles(step_cycles_.data());
    const int end = std::min(first + pe_, rows_);
    for (int row = first; row < end;) {  // those of one group after the other
      const int group = row / group_rows_;
      const int last = std::min(end, (group + 1) * group_rows_);
      if (groups_at_once_ > 1) load_group(group % groups_at_once_);
      core_.compute(window_pixel_, row, last, outputs_.data() + row);
      row = last;
    }
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
