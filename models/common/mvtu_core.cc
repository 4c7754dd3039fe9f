#include "models/common/mvtu_core.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "models/common/threshold_search.h"

namespace stuckat {
namespace {

StuckBits& lane_of(std::vector<StuckBits>& lanes, int lanes_in_all, int lane) {
  lanes.resize(static_cast<size_t>(lanes_in_all));
  return lanes[static_cast<size_t>(lane)];
}

/// The accumulator that stands for a level (faultmaps/lower.h): the range of the accumulator is
/// divided like the range of the levels of the layer's input, -1 and +1 for fixed-point inputs.
int32_t dead_accumulator(const Layer& layer, int level) {
  const bool fixed_point = layer.input_format.kind == FormatKind::fixed_point;
  const int lowest = fixed_point ? -1 : layer.input_format.min_level();
  const int highest = fixed_point ? 1 : layer.input_format.max_level();
  const int64_t range = int64_t{layer.accumulator_max()} - layer.accumulator_min();
  const int64_t position = std::clamp(level, lowest, highest) - lowest;
  return static_cast<int32_t>(layer.accumulator_min() + range * position / (highest - lowest));
}

/// What a dead PE puts into its output register: the nearest level of the layer's format, the
/// lower of two that are equally near.
int32_t dead_output(const Layer& layer, int level) {
  if (layer.accumulator_output) return dead_accumulator(layer, level);
  const NumberFormat& format = layer.output_format;
  int nearest = format.min_level();
  for (int i = 0; i < format.levels(); ++i) {
    if (std::abs(format.level(i) - level) < std::abs(nearest - level)) nearest = format.level(i);
  }
  return nearest;
}

}  // namespace

MvtuCore::MvtuCore(const Layer& layer, const PeArray& array, const ArrayUse& use, bool sums)
    : layer_(layer),
      pe_(array.pe),
      simd_(array.simd),
      gives_sums_(sums || layer.accumulator_output),
      schedule_(array.schedule),
      use_(use),
      weights_(static_cast<size_t>(layer.rows()) * static_cast<size_t>(use.columns)),
      thresholds_(layer.thresholds),
      packed_(layer.weight_format, layer.input_format, layer.rows(), layer.columns()),
      sums_(static_cast<size_t>(layer.rows())),
      fold_rows_(layer.rows() / layer.groups * use.groups_at_once) {
  for (int row = 0; row < layer.rows(); ++row) {
    std::copy_n(layer.weight_row(row), layer.columns(), weights_of(row));
    for (int column = layer.columns(); column < use.columns; ++column) {
      weights_of(row)[column] = static_cast<int8_t>(padded_weight(layer, column));
    }
    packed_.set_row(row, weights_of(row));
    note_order(row);
  }
  for (int i = 0; i <= layer.thresholds_per_row(); ++i) {
    levels_.push_back(layer.accumulator_output ? 0 : layer.output_format.level(i));
  }
  layer_.weights.clear();
  layer_.thresholds.clear();
}

int MvtuCore::row_at(int fold, int pe) const {
  const int rows = fold_rows_;
  const int folds = (rows + pe_ - 1) / pe_;
  const int row = fold % folds * pe_ + pe;
  const int first = fold / folds * rows;
  return row < rows && first < layer_.rows() ? first + row : layer_.rows();
}

void MvtuCore::arm(const Fault& fault) {
  const auto [pe, second, third, fourth] = fault.coordinates;
  if (fault.is_flip()) return arm_flip(fault);
  const bool one = fault.value != 0;
  const int synapse_fold = use_.columns / simd_;
  switch (fault.kind) {
    case SiteKind::pe_weight:
      assert(schedule_ == Schedule::channel_parallel);
      return arm_weight(row_at(second / synapse_fold, pe), second % synapse_fold * simd_ + third,
                        fourth, one);
    case SiteKind::pe_threshold:
      assert(schedule_ == Schedule::channel_parallel);
      return arm_threshold(row_at(second, pe), third, fourth, one);
    case SiteKind::array_weight:
      assert(schedule_ == Schedule::pixel_parallel);
      return arm_weight(pe / synapse_fold, pe % synapse_fold * simd_ + second, third, one);
    case SiteKind::array_threshold:
      assert(schedule_ == Schedule::pixel_parallel);
      return arm_threshold(pe, second, third, one);
    case SiteKind::pe_input:
      if (third >= layer_.input_format.bits) return;
      broken_[pe].arithmetic = true;
      return lane_of(broken_[pe].inputs, simd_, second).stick(third, one);
    case SiteKind::pe_product:
      if (third >= layer_.product_bits()) return;
      broken_[pe].arithmetic = true;
      return lane_of(broken_[pe].products, simd_, second).stick(third, one);
    case SiteKind::pe_accumulator:
      if (second >= use_.accumulator_bits) return;
      broken_[pe].arithmetic = true;
      return broken_[pe].accumulator.stick(second, one);
    case SiteKind::pe_comparator:
      if (second >= layer_.thresholds_per_row()) return;
      return lane_of(broken_[pe].comparators, layer_.thresholds_per_row(), second).stick(0, one);
    case SiteKind::pe_output: {
      const int bits =
          layer_.accumulator_output ? use_.accumulator_bits : layer_.output_format.bits;
      if (second < bits) broken_[pe].output.stick(second, one);
      return;
    }
    case SiteKind::pe_dead:
      broken_[pe].dead = true;
      broken_[pe].dead_output = dead_output(layer_, fault.value);
      return;
    default:
      refuse_site(fault, "model of an array of PEs");
  }
}

void MvtuCore::arm_flip(const Fault& fault) {
  const auto [pe, second, third, fourth] = fault.coordinates;
  const int64_t cycle = fault.flip_cycle;
  const int synapse_fold = use_.columns / simd_;
  has_flips_ = true;
  const auto in_memory = [&, pe = pe](std::vector<ParameterFlip>& flips, int row, int number,
                                      int bit) {
    flips.push_back({row, number, bit, cycle});
    const bool shared = schedule_ == Schedule::pixel_parallel;
    for (int p = shared ? 0 : pe; p < (shared ? pe_ : pe + 1); ++p) broken_[p].arithmetic = true;
  };
  switch (fault.kind) {
    case SiteKind::pe_weight:
      return in_memory(weight_flips_, row_at(second / synapse_fold, pe),
                       second % synapse_fold * simd_ + third, fourth);
    case SiteKind::array_weight:
      return in_memory(weight_flips_, pe / synapse_fold, pe % synapse_fold * simd_ + second, third);
    case SiteKind::pe_threshold:
      return in_memory(threshold_flips_, row_at(second, pe), third, fourth);
    case SiteKind::array_threshold:
      return in_memory(threshold_flips_, pe, second, third);
    case SiteKind::pe_comparator:
      return broken_[pe].comparator_flips.push_back({second, 0, cycle});
    case SiteKind::pe_output:
      return broken_[pe].output_flips.push_back({0, second, cycle});
    default:
      break;
  }
  BrokenPe& broken = broken_[pe];
  broken.arithmetic = true;
  switch (fault.kind) {
    case SiteKind::pe_accumulator:
      return broken.accumulator_flips.push_back({0, second, cycle});
    case SiteKind::pe_input:
      if (third < layer_.input_format.bits) broken.input_flips.push_back({second, third, cycle});
      return;
    case SiteKind::pe_product:
      if (third < layer_.product_bits()) broken.product_flips.push_back({second, third, cycle});
      return;
    default:
      refuse_site(fault, "model of an array of PEs");
  }
}

uint32_t MvtuCore::inverted(const std::vector<BrokenPe::Flip>& flips, int index, int64_t cycle) {
  uint32_t bits = 0;
  for (const auto& flip : flips) {
    if (flip.index == index && flip.cycle == cycle) bits ^= 1u << flip.bit;
  }
  return bits;
}

namespace {

StuckBits stuck_at(const std::map<std::pair<int, int>, StuckBits>& cells, int row, int number) {
  const auto found = cells.find({row, number});
  return found == cells.end() ? StuckBits{} : found->second;
}

}  // namespace

/// What the weight memory holds in `cycle`.
int32_t MvtuCore::weight_in(int row, int column, int64_t cycle) const {
  const NumberFormat& format = layer_.weight_format;
  uint32_t code =
      format.code(weights_[static_cast<size_t>(row) * static_cast<size_t>(use_.columns) +
                           static_cast<size_t>(column)]);
  for (const auto& flip : weight_flips_) {
    const bool hit = flip.row == row && flip.number == column && flip.bit < format.bits &&
                     filled_ <= flip.cycle && flip.cycle <= cycle;
    if (hit) code ^= 1u << flip.bit;
  }
  return format.value(stuck_at(stuck_weights_, row, column).read(code));
}

/// What the threshold memory holds in `cycle`.
int32_t MvtuCore::threshold_in(int row, int index, int64_t cycle) const {
  const auto at = static_cast<size_t>(row * layer_.thresholds_per_row() + index);
  auto code = static_cast<uint32_t>(thresholds_[at]);
  for (const auto& flip : threshold_flips_) {
    const bool hit = flip.row == row && flip.number == index && flip.bit < use_.threshold_bits &&
                     filled_ <= flip.cycle && flip.cycle <= cycle;
    if (hit) code ^= 1u << flip.bit;
  }
  return read_register(stuck_at(stuck_thresholds_, row, index).read(code), use_.threshold_bits,
                       false);
}

void MvtuCore::arm_weight(int row, int column, int bit, bool one) {
  if (row >= layer_.rows() || bit >= layer_.weight_format.bits) return;
  int8_t& weight = weights_of(row)[column];
  StuckBits& cell = stuck_weights_[{row, column}];
  cell.stick(bit, one);
  const NumberFormat& format = layer_.weight_format;
  weight = static_cast<int8_t>(format.value(cell.read(format.code(weight))));
  if (column < layer_.columns()) {
    stale_rows_.insert(row);
    return;
  }
  // A padded weight: the packed path leaves those out.
  const bool one_pe = schedule_ == Schedule::channel_parallel;
  for (int pe = one_pe ? pe_of(row) : 0; pe < (one_pe ? pe_of(row) + 1 : pe_); ++pe) {
    broken_[pe].arithmetic = true;
  }
}

void MvtuCore::arm_threshold(int row, int index, int bit, bool one) {
  const int per_row = layer_.thresholds_per_row();
  if (row >= layer_.rows() || index >= per_row || bit >= use_.threshold_bits) return;
  int32_t& threshold = thresholds_[static_cast<size_t>(row * per_row + index)];
  StuckBits& cell = stuck_thresholds_[{row, index}];
  cell.stick(bit, one);
  threshold =
      read_register(cell.read(static_cast<uint32_t>(threshold)), use_.threshold_bits, false);
  note_order(row);
}

/// Whether the thresholds of a row are many and ascend, so that they can be searched.
void MvtuCore::note_order(int row) {
  constexpr int few = 15;  // are compared in a few instructions
  const int per_row = layer_.thresholds_per_row();
  if (per_row <= few) return;
  const auto rows = static_cast<size_t>(layer_.rows()), count = static_cast<size_t>(per_row);
  const int32_t* first = thresholds_.data() + std::ptrdiff_t{row} * per_row;
  ascends_.resize(rows);
  lines_.resize(rows, ThresholdLine(first, count));
  ascends_[static_cast<size_t>(row)] = std::is_sorted(first, first + per_row) ? 1 : 0;
  if (ascends_[static_cast<size_t>(row)] != 0)
    lines_[static_cast<size_t>(row)] = ThresholdLine(first, count);
}

void MvtuCore::load(const int32_t* window) {
  window_ = window;
  packed_.pack(window, packed_window_);
}

void MvtuCore::load_codes(const uint64_t* codes) {
  assert(layer_.input_format.kind == FormatKind::binary);
  packed_.pack_codes(codes, packed_window_);
  if (broken_.empty() && padding_ == nullptr) return;
  unpacked_.resize(static_cast<size_t>(layer_.columns()));
  for (size_t c = 0; c < unpacked_.size(); ++c) {
    unpacked_[c] = layer_.input_format.value(static_cast<uint32_t>(codes[c / 64] >> (c % 64)));
  }
  window_ = unpacked_.data();
}

void MvtuCore::compute(int pixel, int first, int last, int32_t* out) {
  for (const int row : stale_rows_) packed_.set_row(row, weights_of(row));
  stale_rows_.clear();
  packed_.multiply(packed_window_, first, last, sums_.data());
  const bool xnor = layer_.is_xnor();
  const int columns = layer_.columns();
  for (int row = first; row < last; ++row) {
    // matches - mismatches = sum and matches + mismatches = columns
    int32_t& sum = sums_[static_cast<size_t>(row - first)];
    if (xnor) sum = (sum + columns) / 2;
    sum = read_register(static_cast<uint32_t>(sum), use_.accumulator_bits, xnor);
    out[row - first] = output_value(row, sum);
  }
  if (padding_ != nullptr) {  // the packed path leaves padding out
    for (int row = first; row < last; ++row) {
      static const BrokenPe healthy;
      recompute(healthy, row, 0, out + (row - first));
    }
  }
  for (const auto& [number, pe] : broken_) {
    if (schedule_ == Schedule::pixel_parallel && pixel % pe_ != number) continue;
    const bool all_rows = schedule_ == Schedule::pixel_parallel;
    const int step = all_rows ? 1 : pe_;
    const int ahead = number - pe_of(first);
    const int start = all_rows ? first : first + (ahead + (ahead < 0 ? pe_ : 0));
    for (int row = start; row < last; row += step) {
      recompute(pe, row, sums_[static_cast<size_t>(row - first)], out + (row - first));
    }
  }
}

/// The output of a row on a broken PE; `sum` is the accumulator of healthy arithmetic.
void MvtuCore::recompute(const BrokenPe& pe, int row, int32_t sum, int32_t* out) const {
  const bool thresholds_apart = gives_sums_ && !layer_.accumulator_output;
  if (pe.dead && !thresholds_apart) {
    *out = pe.dead_output;
    return;
  }
  const bool steps = pe.arithmetic || padding_ != nullptr;
  const int32_t accumulator = steps ? accumulate_in_steps(pe, row) : sum;
  *out = thresholds_apart ? accumulator : broken_output(pe, row, accumulator, last_step_cycle());
}

int32_t MvtuCore::broken_output(const BrokenPe& pe, int row, int32_t accumulator,
                                int64_t cycle) const {
  const uint32_t output_flips = inverted(pe.output_flips, 0, cycle);
  if (layer_.accumulator_output) {
    const uint32_t code = static_cast<uint32_t>(accumulator) ^ output_flips;
    return register_value(static_cast<int32_t>(pe.output.read(code)));
  }
  const int per_row = layer_.thresholds_per_row();
  const int32_t* thresholds = thresholds_.data() + static_cast<size_t>(row * per_row);
  uint32_t below = 0;
  for (int i = 0; i < per_row; ++i) {
    const int32_t threshold =
        threshold_flips_.empty() ? thresholds[i] : threshold_in(row, i, cycle);
    uint32_t comparator = threshold < accumulator ? 1 : 0;
    comparator ^= inverted(pe.comparator_flips, i, cycle);
    below += pe.comparators.empty() ? comparator
                                    : pe.comparators[static_cast<size_t>(i)].read(comparator) & 1u;
  }
  const NumberFormat& format = layer_.output_format;
  const uint32_t code = format.code(levels_[below]) ^ (output_flips & ((1u << format.bits) - 1));
  return format.value(pe.output.read(code));
}

void MvtuCore::apply_thresholds(int row, int count, int32_t* values) const {
  if (broken_.empty() && levels_.size() == 2) {
    const int32_t* thresholds = thresholds_.data() + row;
    const int32_t low = levels_[0], high = levels_[1];
    for (int i = 0; i < count; ++i) values[i] = thresholds[i] < values[i] ? high : low;
    return;
  }
  for (int i = 0; i < count; ++i) {
    const auto broken = broken_.empty() ? broken_.end() : broken_.find((row + i) % pe_);
    values[i] = broken == broken_.end() ? threshold_value(row + i, values[i])
                                        : broken_output_of(broken->second, row + i, values[i]);
  }
}

int32_t MvtuCore::broken_output_of(const BrokenPe& pe, int row, int32_t accumulator) const {
  if (pe.dead) return pe.dead_output;
  constexpr int64_t no_cycle = -1;  // in which a flip is
  return broken_output(pe, row, accumulator, no_cycle);
}

/// The steps of the synapse fold as the PE's registers go through them. The register starts at 0;
/// its stuck bits show after every addition.
int32_t MvtuCore::accumulate_in_steps(const BrokenPe& pe, int row) const {
  const NumberFormat& input_format = layer_.input_format;
  const bool xnor = layer_.is_xnor();
  const int width = layer_.product_bits();
  const int32_t padding = padded_input(layer_);
  const int8_t* weights =
      weights_.data() + static_cast<size_t>(row) * static_cast<size_t>(use_.columns);
  int32_t accumulator = 0;
  const auto stored = [&](int32_t value) {
    const auto next = static_cast<uint32_t>(register_value(value));
    return register_value(static_cast<int32_t>(pe.accumulator.read(next)));
  };
  for (int column = 0; column < use_.columns; column += simd_) {
    const int step = column / simd_;
    for (const auto& flip : pe.accumulator_flips) {
      const bool hit =
          step > 0 && step_cycles_[step - 1] < flip.cycle && flip.cycle <= step_cycles_[step];
      if (hit) {
        accumulator =
            stored(static_cast<int32_t>(static_cast<uint32_t>(accumulator) ^ 1u << flip.bit));
      }
    }
    int32_t sum = 0;
    for (int lane = 0; lane < simd_; ++lane) {
      const int c = column + lane;
      int32_t input = padding;
      if (c < layer_.columns()) input = window_[c];
      if (c >= layer_.columns() && padding_ != nullptr) input = padding_[c - layer_.columns()];
      if (!pe.input_flips.empty()) {
        const uint32_t flips = inverted(pe.input_flips, lane, step_cycles_[step]);
        input = input_format.value(input_format.code(input) ^ flips);
      }
      if (!pe.inputs.empty()) {
        const StuckBits& stuck = pe.inputs[static_cast<size_t>(lane)];
        input = input_format.value(stuck.read(input_format.code(input)));
      }
      const int32_t weight =
          weight_flips_.empty() ? weights[c] : weight_in(row, c, step_cycles_[step]);
      int32_t product = xnor ? weight == input : weight * input;
      if (!pe.product_flips.empty()) {
        const uint32_t flips = inverted(pe.product_flips, lane, step_cycles_[step]);
        product = read_register(static_cast<uint32_t>(product) ^ flips, width, xnor);
      }
      if (!pe.products.empty()) {
        const uint32_t code =
            pe.products[static_cast<size_t>(lane)].read(static_cast<uint32_t>(product));
        product = read_register(code, width, xnor);
      }
      sum += product;
    }
    accumulator = stored(
        static_cast<int32_t>(static_cast<uint32_t>(accumulator) + static_cast<uint32_t>(sum)));
  }
  return accumulator;
}

/// What the accumulator register holds when `value` is written to it: it wraps.
int32_t MvtuCore::register_value(int32_t value) const {
  return read_register(static_cast<uint32_t>(value), use_.accumulator_bits, layer_.is_xnor());
}

int32_t MvtuCore::output_value(int row, int32_t accumulator) const {
  return gives_sums_ ? accumulator : threshold_value(row, accumulator);
}

int32_t MvtuCore::threshold_value(int row, int32_t accumulator) const {
  const size_t per_row = levels_.size() - 1;
  const int32_t* thresholds = thresholds_.data() + static_cast<size_t>(row) * per_row;
  if (!ascends_.empty() && ascends_[static_cast<size_t>(row)] != 0) {
    return levels_[thresholds_below(thresholds, per_row, lines_[static_cast<size_t>(row)],
                                    accumulator)];
  }
  size_t below = 0;
  for (size_t i = 0; i < per_row; ++i) below += thresholds[i] < accumulator ? 1 : 0;
  return levels_[below];
}

}  // namespace stuckat
