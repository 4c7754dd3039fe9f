#include "models/systolic/array_core.h"

#include <algorithm>
#include <cstdlib>

#include "faultmaps/systolic_sites.h"
#include "workloads/reference.h"

namespace stuckat::systolic {
namespace {

PeArray as_array() { return {"array", 1, 1, stuckat::Schedule::channel_parallel, {}}; }

ArrayUse as_use(const Layer& layer) {
  return {0, layer.rows(), layer.columns(), layer.accumulator_bits(), layer.threshold_bits()};
}

int32_t wide(uint32_t code, int bits) {
  const int shift = 32 - bits;
  return static_cast<int32_t>(code << shift) >> shift;
}

/// The level of the output format that a dead PE gives, the nearest; of accumulators the same share
/// of their range.
int32_t dead_output(const Layer& layer, int level) {
  if (!layer.accumulator_output) {
    int nearest = layer.output_format.min_level();
    for (int i = 0; i < layer.output_format.levels(); ++i) {
      const int other = layer.output_format.level(i);
      if (std::abs(other - level) < std::abs(nearest - level)) nearest = other;
    }
    return nearest;
  }
  const bool image = layer.input_format.kind == FormatKind::fixed_point;
  const int lowest = image ? -1 : layer.input_format.min_level();
  const int highest = image ? 1 : layer.input_format.max_level();
  const int64_t range = int64_t{layer.accumulator_max()} - layer.accumulator_min();
  return static_cast<int32_t>(layer.accumulator_min() +
                              range * (std::clamp(level, lowest, highest) - lowest) /
                                  (highest - lowest));
}

}  // namespace

ArrayCore::ArrayCore(const SystolicArray& array, const Layer& layer)
    : array_(array),
      layer_(layer),
      map_(array, layer),
      healthy_(layer, as_array(), as_use(layer)),
      a_(static_cast<size_t>(array.rows)),
      b_(static_cast<size_t>(array.columns)),
      d_(b_.size()),
      product_(b_.size()),
      w_{std::vector<Line>(b_.size()), std::vector<Line>(b_.size())},
      valid_(b_.size()),
      propagate_(b_.size()),
      memory_(b_.size()) {}

void ArrayCore::arm(const Fault& fault) {
  const SystolicKinds& kinds = systolic_kinds();
  const auto [first, second, third, unused] = fault.coordinates;
  const bool stay = array_.weights_stay();
  const int weight_bits = layer_.weight_format.bits;
  const auto stick = [&](Register& where, int bit) {
    const uint32_t mask = 1u << bit;
    if (fault.is_flip()) {
      where.flips.emplace_back(fault.flip_cycle, mask);
      return;
    }
    where.keep &= ~mask;
    if (fault.value != 0) where.set |= mask;
  };
  if (fault.kind == kinds.accumulator) {
    stick(memory_[static_cast<size_t>(first)][second], third);
    broken_columns_.insert(first);
    return;
  }
  const auto row = static_cast<size_t>(first);
  const auto column = static_cast<size_t>(second);
  const auto arm_at = [&, first = first, second = second, third = third](std::vector<Line>& lines,
                                                                         int bits) {
    if (third >= bits) return;
    stick(lines[column][first], third);
    broken_columns_.insert(second);
  };
  if (fault.kind == kinds.a) {
    if (third >= layer_.input_format.bits) return;
    stick(a_[row][second], third);
    first_broken_input_ = std::min(first_broken_input_, second);
  } else if (fault.kind == kinds.b) {
    arm_at(b_, stay ? array_.sum_bits : weight_bits);
  } else if (fault.kind == kinds.d) {
    arm_at(d_, stay ? weight_bits : array_.accumulator_bits);
  } else if (fault.kind == kinds.w0 || fault.kind == kinds.w1) {
    arm_at(w_[fault.kind == kinds.w1 ? 1 : 0], stay ? weight_bits : array_.accumulator_bits);
  } else if (fault.kind == kinds.product) {
    arm_at(product_, layer_.signed_product_bits());
  } else if (fault.kind == kinds.valid) {
    stick(valid_[column][first], 0);
    broken_columns_.insert(second);
  } else if (fault.kind == kinds.propagate) {
    stick(propagate_[column][first], 0);
    broken_columns_.insert(second);
  } else if (fault.kind == kinds.bypass) {
    bypassed_.insert({first, second});
    broken_columns_.insert(second);
  } else if (fault.kind == kinds.dead) {
    dead_[{first, second}] = fault.value;
    broken_columns_.insert(second);
  } else {
    refuse_site(fault, "model of a systolic array");
  }
}

uint32_t ArrayCore::travel(const Line& line, int first, int last, uint32_t code, int64_t cycle) {
  for (auto next = line.lower_bound(first); next != line.end() && next->first <= last; ++next) {
    code = next->second.read(code, cycle + next->first - first);
  }
  return code;
}

/// As PE (row, column) reads the operand that it works on in `cycle`.
uint32_t ArrayCore::input_code(int row, int column, int32_t value, int64_t cycle) const {
  return travel(a_[static_cast<size_t>(row)], 0, column, layer_.input_format.code(value),
                cycle - column);
}

uint32_t ArrayCore::product(int row, int column, uint32_t weight, uint32_t input,
                            int64_t cycle) const {
  if (bypassed_.count({row, column}) != 0) return 0;
  const auto dead = dead_.find({row, column});
  const int bits = layer_.signed_product_bits();
  if (dead != dead_.end() && array_.weights_stay()) {
    return static_cast<uint32_t>(wide(static_cast<uint32_t>(dead->second), bits));
  }
  auto value =
      static_cast<uint32_t>(layer_.weight_format.value(weight) * layer_.input_format.value(input));
  if (const Register* wire = at(product_[static_cast<size_t>(column)], row)) {
    value = wire->read(value, cycle);
  }
  return static_cast<uint32_t>(wide(value, bits));
}

/// Thresholds are compared with signed sums, which for XNOR layers are twice the popcount minus the
/// columns.
int32_t ArrayCore::output_of(int row, int32_t sum) const {
  const int64_t columns = layer_.columns();
  if (layer_.accumulator_output) {
    return layer_.is_xnor() ? static_cast<int32_t>((sum + columns + 1) >> 1) : sum;
  }
  const int32_t* thresholds = layer_.threshold_row(row);
  int below = 0;
  for (int i = 0; i < layer_.thresholds_per_row(); ++i) {
    const int64_t threshold =
        layer_.is_xnor() ? 2 * int64_t{thresholds[i]} - columns : thresholds[i];
    below += threshold < sum ? 1 : 0;
  }
  return layer_.output_format.level(below);
}

void ArrayCore::compute(const ProductPlan& plan, int64_t start, const std::vector<TileTimes>& times,
                        const Tensor& input, Tensor& output) {
  std::vector<int> broken;
  for (int c = 0; c < std::min(array_.columns, map_.group_rows()); ++c) {
    if (c >= first_broken_input_ || broken_columns_.count(c) != 0) broken.push_back(c);
  }
  windows_.resize(static_cast<size_t>(plan.gemm.m));
  for (int m = 0; m < plan.gemm.m; ++m) {
    const int pixel = plan.first_pixel + m;
    auto& window = windows_[static_cast<size_t>(m)];
    window = reference::window(layer_, input, pixel / layer_.output.width,
                               pixel % layer_.output.width, layer_.group_of(plan.first_row));
    healthy_.load(window.data());
    healthy_.compute(
        pixel, plan.first_row, plan.first_row + map_.group_rows(),
        output.values.data() + static_cast<ptrdiff_t>(pixel) * layer_.rows() + plan.first_row);
  }
  for (const int c : broken) {
    if (array_.weights_stay())
      weight_stationary(c, plan, start, times, output);
    else
      output_stationary(c, plan, start, times, output);
  }
}

std::vector<std::vector<uint32_t>> ArrayCore::loaded_weights(int column, const ProductPlan& plan,
                                                             const std::vector<TileTimes>& times,
                                                             int64_t start) const {
  std::vector<std::vector<uint32_t>> loaded(times.size());
  const int of_sum = map_.sum_tiles();
  for (size_t t = 0; t < times.size(); ++t) {
    const int number = static_cast<int>(t);
    const int of_group = number / of_sum * array_.columns + column;
    const int n = plan.first_row + of_group;
    const auto tile = map_.sum_tile(number % of_sum);
    loaded[t].assign(static_cast<size_t>(array_.rows), 0);
    if (of_group >= map_.group_rows()) continue;
    for (int r = 0; r < array_.rows; ++r) {
      // The last row's weight enters first; idle rows get a 0, through the rows that are in use.
      const int64_t enters = start + times[t].load + column + array_.rows - 1 - r;
      const bool used = r < tile.rows;
      loaded[t][static_cast<size_t>(r)] = travel(
          d_[static_cast<size_t>(column)], 0, std::min(r, tile.rows - 1),
          used ? layer_.weight_format.code(layer_.weight_row(n)[tile.first + r]) : 0, enters);
    }
  }
  return loaded;
}

void ArrayCore::weight_stationary(int c, const ProductPlan& plan, int64_t start,
                                  const std::vector<TileTimes>& times, Tensor& output) {
  const int of_sum = map_.sum_tiles();
  const int tiles = of_sum * map_.channel_tiles();
  const auto loaded = loaded_weights(c, plan, times, start);
  const auto column = static_cast<size_t>(c);
  // In the cycle after its last row entered, a tile's weights are in their registers.
  const auto in_place = [&](int tile) {
    return start + times[static_cast<size_t>(tile)].load + c + array_.rows;
  };
  std::vector<uint32_t> held(static_cast<size_t>(array_.rows) + 1);  // partial sums between rows
  std::vector<int32_t> sums(static_cast<size_t>(plan.gemm.m));
  for (int of_group = c; of_group < map_.group_rows(); of_group += array_.columns) {
    const int n = plan.first_row + of_group;
    for (int m = 0; m < plan.gemm.m; ++m) {
      const Register* word = at(memory_[column], m);
      sums[static_cast<size_t>(m)] =
          wide(word == nullptr ? 0 : word->stuck(0), array_.accumulator_bits);
    }
    for (int t = 0; t < of_sum; ++t) {
      const int number = of_group / array_.columns * of_sum + t;
      const auto tile = map_.sum_tile(t);
      for (int m = 0; m < plan.gemm.m; ++m) {
        uint32_t valid = 1;
        auto works = static_cast<uint32_t>(number % 2);
        held[0] = 0;
        for (int r = 0; r < tile.rows; ++r) {
          const auto row = static_cast<size_t>(r);
          const int64_t cycle = start + times[static_cast<size_t>(number)].start + r + c + m;
          if (const Register* bit = at(valid_[column], r)) valid = bit->read(valid, cycle) & 1;
          if (const Register* bit = at(propagate_[column], r)) works = bit->read(works, cycle) & 1;
          if (valid == 0) continue;
          // The newest tile of this register's turn that is in place.
          int source = number + 1;
          while (source >= 0 && (source >= tiles || source % 2 != static_cast<int>(works) ||
                                 in_place(source) > cycle)) {
            --source;
          }
          uint32_t weight = source < 0 ? 0 : loaded[static_cast<size_t>(source)][row];
          if (const Register* w = at(w_[works][column], r)) {
            const int64_t written = source < 0 ? start - 1 : in_place(source) - 1;
            weight = w->stuck(weight ^ w->inverted(written, cycle));
          }
          const uint32_t x = input_code(
              r, c, windows_[static_cast<size_t>(m)][static_cast<size_t>(tile.first + r)], cycle);
          uint32_t sum = held[row];
          if (const Register* b = at(b_[column], r)) sum = b->read(sum, cycle);
          sum = static_cast<uint32_t>(wide(sum, array_.sum_bits)) +
                this->product(r, c, weight, x, cycle);
          held[row + 1] = static_cast<uint32_t>(wide(sum, array_.sum_bits));
        }
        if (valid == 0) continue;
        int32_t& sum = sums[static_cast<size_t>(m)];
        uint32_t added = static_cast<uint32_t>(sum) + held[static_cast<size_t>(tile.rows)];
        if (const Register* word = at(memory_[column], m)) added = word->stuck(added);
        sum = wide(added, array_.accumulator_bits);
      }
    }
    for (int m = 0; m < plan.gemm.m; ++m) {
      output.values[static_cast<size_t>((plan.first_pixel + m) * layer_.rows() + n)] =
          output_of(n, sums[static_cast<size_t>(m)]);
    }
  }
}

void ArrayCore::output_stationary(int c, const ProductPlan& plan, int64_t start,
                                  const std::vector<TileTimes>& times, Tensor& output) {
  const auto column = static_cast<size_t>(c);
  const int of_pixels = map_.pixel_tiles();
  const int last_cycle = layer_.columns() + array_.rows + array_.columns - 2;  // of adding
  for (int of_group = c; of_group < map_.group_rows(); of_group += array_.columns) {
    const int n = plan.first_row + of_group;
    for (int m = 0; m < plan.gemm.m; ++m) {
      const int r = m % array_.rows;
      const int number = of_group / array_.columns * of_pixels + m / array_.rows;
      const int used =
          std::min(array_.rows, static_cast<int>(plan.gemm.m) - m / array_.rows * array_.rows);
      const int64_t begin = start + times[static_cast<size_t>(number)].start;
      const int parity = number % 2;
      const Register* w = at(w_[parity][column], r);
      uint32_t sum = 0;
      const auto read_sum = [&](int64_t cycle) {
        if (w == nullptr) return sum;
        sum ^= w->inverted(cycle - 1, cycle);
        return static_cast<uint32_t>(wide(w->stuck(sum), array_.accumulator_bits));
      };
      for (int t = 0; t < last_cycle; ++t) {
        const int64_t cycle = begin + t;
        const int k = t - r - c;
        const bool on = k >= 0 && k < layer_.columns();
        const uint32_t held = read_sum(cycle);
        const uint32_t valid = travel(valid_[column], 0, r, on ? 1 : 0, cycle - r) & 1;
        if (valid == 0) continue;
        // Before its first operands arrive the PE still works for the tile before.
        const int turn = k >= 0 ? parity : number > 0 ? 1 - parity : 0;
        const uint32_t works =
            travel(propagate_[column], 0, r, static_cast<uint32_t>(turn), cycle - r) & 1;
        const uint32_t x =
            on ? input_code(r, c, windows_[static_cast<size_t>(m)][static_cast<size_t>(k)], cycle)
               : travel(a_[static_cast<size_t>(r)], 0, c, 0, cycle - c);
        const uint32_t y =
            travel(b_[column], 0, r, on ? layer_.weight_format.code(layer_.weight_row(n)[k]) : 0,
                   cycle - r);
        const uint32_t p = this->product(r, c, y, x, cycle);
        if (works != static_cast<uint32_t>(parity)) continue;  // cleared before it counts
        sum = held + p;
        if (w != nullptr) sum = w->stuck(sum);
        sum = static_cast<uint32_t>(wide(sum, array_.accumulator_bits));
      }
      // It leaves through the lower edge, or is read where it is at the end of the tile.
      uint32_t result = sum;
      if (w != nullptr && !array_.drains) result = w->stuck(sum);
      if (w != nullptr && array_.drains) result = read_sum(begin + last_cycle);
      if (bypassed_.count({r, c}) != 0) result = 0;
      if (array_.drains) {
        for (auto passed = d_[column].lower_bound(r); passed != d_[column].end(); ++passed) {
          const int64_t cycle = begin + last_cycle + passed->first - r;
          if (passed->first >= used) break;
          // What is there when the drain begins is written over.
          result =
              passed->first > r ? passed->second.read(result, cycle) : passed->second.stuck(result);
        }
      }
      int32_t& value =
          output.values[static_cast<size_t>((plan.first_pixel + m) * layer_.rows() + n)];
      value = output_of(n, wide(result, array_.accumulator_bits));
      const auto dead = dead_.find({r, c});
      if (dead != dead_.end()) value = dead_output(layer_, dead->second);
    }
  }
}

}  // namespace stuckat::systolic
