#include "sim/fast/fault_classes.h"

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include "workloads/hash.h"

namespace stuckat::fast {
namespace {

/// Hashes all that a program does; ways to write the same down differently give the same.
class KeyWriter {
 public:
  KeyWriter(const PackedNetwork& network, const Effects& effects, Share share)
      : network_(network), effects_(effects), share_(share) {}

  std::string write(const FaultProgram& program) {
    for (size_t i = 0; i < program.steps.size(); ++i) {
      const TensorStep& step = program.steps[i];
      if (step.computes()) add_computed(step);
      const bool moves = moves_after_pool(program.steps, i);
      for (const ElementStep& element : step.elements) add_element(element, moves);
    }
    return hasher_.hex();
  }

 private:
  const ElementFault& fault_of(const ElementStep& element) const {
    return effects_.elements[static_cast<size_t>(element.fault)];
  }

  /// Pixels of a tensor that a fault selects.
  struct Selection {
    bool all = false;
    std::vector<int> pixels;
  };

  bool is_pooled(int tensor) const {
    const int reader = network_.reader(tensor);
    return reader >= 0 && network_.in_planes() && network_.layer(reader).path == LayerPath::pool;
  }

  /// Pixels that no window of a pool covers can be left out where only the logits count.
  Selection selection(const ElementFault& fault) const {
    const TensorLayout& layout = network_.layout(fault.tensor);
    if (fault.pixels.empty()) return {true, {}};
    Selection result{false, fault.pixels};
    size_t all = static_cast<size_t>(layout.shape.pixels());
    if (share_ == Share::logits && is_pooled(fault.tensor)) {
      const PackedLayer& pool = network_.layer(network_.reader(fault.tensor));
      const auto seen = [&](int y, int x) {
        bool any = false;
        for_each_window(pool, y, x, [&](int) { any = true; });
        return any;
      };
      const int width = layout.shape.width;
      std::erase_if(result.pixels, [&](int p) { return !seen(p / width, p % width); });
      // The windows of the first row see what all rows see of the columns, and the reverse.
      size_t rows = 0;
      size_t columns = 0;
      for (int y = 0; y < layout.shape.height; ++y) rows += seen(y, 0) ? 1 : 0;
      for (int x = 0; x < width; ++x) columns += seen(0, x) ? 1 : 0;
      all = rows * columns;
    }
    result.all = result.pixels.size() == all;
    return result;
  }

  /// The tensor that the pool makes of a tensor.
  int pooled(int tensor) const { return network_.output_tensor(network_.reader(tensor)); }

  /// Pixels of the pool's output whose windows cover a pixel.
  std::vector<int> pooled_pixels(int tensor, int pixel) const {
    const PackedLayer& pool = network_.layer(network_.reader(tensor));
    std::vector<int> pixels;
    for_each_window(pool, pixel / pool.input.width, pixel % pool.input.width,
                    [&](int p) { pixels.push_back(p); });
    return pixels;
  }

  Selection moved_after_pool(int tensor, const Selection& before) const {
    if (before.all) return before;
    Selection result;
    for (const int pixel : before.pixels) {
      for (const int p : pooled_pixels(tensor, pixel)) result.pixels.push_back(p);
    }
    std::sort(result.pixels.begin(), result.pixels.end());
    result.pixels.erase(std::unique(result.pixels.begin(), result.pixels.end()),
                        result.pixels.end());
    result.all = result.pixels.size() ==
                 static_cast<size_t>(network_.layer(network_.reader(tensor)).output.pixels());
    return result;
  }

  /// What is done to all elements of a step before a pool can as well be done after it.
  bool moves_after_pool(const std::vector<TensorStep>& steps, size_t i) const {
    const TensorStep& step = steps[i];
    if (share_ != Share::logits || step.computes() || !is_pooled(step.tensor)) return false;
    const bool is_next = i + 1 < steps.size() && steps[i + 1].tensor == pooled(step.tensor);
    if (is_next && steps[i + 1].computes()) return false;
    return std::all_of(step.elements.begin(), step.elements.end(), [&](const ElementStep& e) {
      const ElementFault& fault = fault_of(e);
      if (fault.depends_on_image()) return false;
      const Selection selected = selection(fault);
      // The greatest of a rising function's values is its value at the greatest; nothing exceeds
      // the highest level.
      if (selected.all) return std::is_sorted(e.level_map.begin(), e.level_map.end());
      const int highest = network_.layout(fault.tensor).planes;
      return selected.pixels.empty() || (e.is_constant && e.level_map.front() == highest);
    });
  }

  // Every field is named, here and above: a new one does not compile before it is thought of.
  template <class... T>
  void all(const T&... values) {
    (add(values), ...);
  }
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) { hasher_.add(value); }
  template <class T>
  void add(const std::vector<T>& values) {
    if constexpr (std::is_integral_v<T>) {
      hasher_.add(std::span<const T>(values));
    } else {
      hasher_.add(values.size());
      for (const T& value : values) add(value);
    }
  }
  void add(const CodeMask& mask) {
    const auto& [keep, set, flip] = mask;
    all(keep, set, flip);
  }
  void add(const RunImages& images) {
    const auto& [first, last] = images;
    all(first, last);
  }
  void add(const SlotPattern& pattern) {
    const auto& [depth, slot, words_per_pixel, channels_per_word, packed, frame] = pattern;
    all(depth, frame);
    if (depth > 0) all(slot, words_per_pixel, channels_per_word, packed);
  }
  void add(const BrokenPe::Lane& of_lane) {
    const auto& [lane, mask] = of_lane;
    all(lane, mask);
  }
  void add(const BrokenPe::PaddedWeight& weight) {
    const auto& [row, column, value] = weight;
    all(row, column, value);
  }
  void add(const BrokenPe::Comparator& comparator) {
    const auto& [index, one] = comparator;
    all(index, one);
  }
  void add(const BrokenPe::WeightFlip& of_weight) {
    const auto& [row, column, bits] = of_weight;
    all(row, column, bits);
  }
  void add(const BrokenPe::AccumulatorFlip& of_accumulator) {
    const auto& [step, bits] = of_accumulator;
    all(step, bits);
  }
  void add(const BrokenPe::LaneFlip& of_lane) {
    const auto& [step, lane, bits] = of_lane;
    all(step, lane, bits);
  }
  void add(const BrokenPe::ThresholdFlip& of_threshold) {
    const auto& [row, index, bits] = of_threshold;
    all(row, index, bits);
  }
  void add(const BrokenChain::TileMask& of_tile) {
    const auto& [tile, lane, mask] = of_tile;
    all(tile, lane, mask);
  }
  void add(const BrokenChain::Flip& of_sum) {
    const auto& [tile, lane, bits] = of_sum;
    all(tile, lane, bits);
  }
  void add(const BrokenChain& chain) {
    const auto& [rows, segment, sum_bits, weights, sums, weights_at, inputs_at, sum_flips,
                 lost_tiles, result] = chain;
    all(rows);
    if (rows > 0)
      all(segment, sum_bits, weights, sums, weights_at, inputs_at, sum_flips, lost_tiles, result);
  }
  void add(const BrokenPe& pe) {
    const auto& [simd, padded_columns, accumulator_bits, accumulator, inputs, products,
                 padded_weights, comparators, weight_flips, accumulator_flips, input_flips,
                 product_flips, threshold_flips, comparator_flips, side_register, output_register,
                 chain] = pe;
    all(simd, padded_columns, accumulator_bits, accumulator, inputs, products, padded_weights,
        comparators, weight_flips, accumulator_flips, input_flips, product_flips, threshold_flips,
        comparator_flips, side_register, output_register, chain);
  }
  void add(const OperatorFault& fault) {
    const auto& [layer, rows, pixels, pe, images] = fault;  // rows: SpecialRow
    all(pixels, pe, images);
  }
  void add(const OperandFault& fault) {
    const auto& [layer, channels, pixels, mask, slot, point, images, input] =
        fault;  // in their order
    all(channels, pixels, mask, slot, point, images, input);
  }
  void add(const WindowFault& fault) {
    const auto& [layer, rows, columns, pixels, mask, slot, point, images, padded_columns,
                 accumulator_bits] = fault;
    all(rows, columns, pixels, mask, slot, point, images, padded_columns, accumulator_bits);
  }
  void add(const BrokenPool::Flip& flip) {
    const auto& [taken, bits] = flip;
    all(taken, bits);
  }
  void add(const BrokenPool& pool) {
    const auto& [cell, comparator, flips, sum_bits] = pool;
    all(cell, comparator, flips, sum_bits);
  }
  void add(const PoolFault& fault) {
    const auto& [layer, channels, pixels, pool, images] = fault;
    all(channels, pixels, pool, images);
  }

  void add(const ParameterChange& change) {
    const auto& [index, value] = change;
    all(index, value);
  }
  /// A row's patches, and which of the layer's broken PEs compute it.
  void add(const SpecialRow& special) {
    const auto& [row, weights, thresholds, operators] = special;
    all(row, operators, weights, thresholds);
  }

  /// What computes the tensor of the step.
  void add_computed(const TensorStep& step) {
    // Patches and others say what rows says, once more.
    const auto& [tensor, operands, pools, windows, rows, elements, patch, level_patch, others] =
        step;
    hasher_.add("computed").add(tensor).add(rows.size()).add(operands.size()).add(pools.size());
    hasher_.add(windows.size());
    for (const SpecialRow& row : rows) add(row);
    for (size_t f = 0; f < effects_.operators.size() && !rows.empty(); ++f) {
      if (effects_.operators[f].layer == Network::producer(tensor)) all(f, effects_.operators[f]);
    }
    for (const int f : operands) add(effects_.operands[static_cast<size_t>(f)]);
    for (const int f : pools) add(effects_.pools[static_cast<size_t>(f)]);
    for (const int f : windows) add(effects_.windows[static_cast<size_t>(f)]);
  }

  void add_element(const ElementStep& element, bool moves) {
    const auto& [number, words, level_map, is_constant] = element;
    const auto& [tensor, channels, pixels, slot, mask, point, images] = fault_of(element);
    Selection selected = selection(fault_of(element));
    if (moves) selected = moved_after_pool(tensor, selected);
    if (!selected.all && selected.pixels.empty()) return;
    if (selected.all) selected.pixels.clear();
    hasher_.add("elements").add(moves ? pooled(tensor) : tensor);
    all(selected.pixels, slot, images);
    if (network_.layout(tensor).form == TensorForm::planes)
      all(words, level_map);
    else
      all(channels, mask);
  }

  const PackedNetwork& network_;
  const Effects& effects_;
  const Share share_;
  Hasher hasher_;
};

}  // namespace

std::string fault_key(const PackedNetwork& network, const Effects& effects,
                      const FaultProgram& program, Share share) {
  return KeyWriter(network, effects, share).write(program);
}

int64_t FaultClasses::add(const Effects& effects) {
  const int64_t number = count_++;
  const FaultProgram program = make_program(network_, effects, "faults");
  if (program.steps.empty()) return no_effect;
  return first_.emplace(fault_key(network_, effects, program, Share::logits), number).first->second;
}

}  // namespace stuckat::fast
