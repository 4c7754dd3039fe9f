#include "faultmaps/lower.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <map>
#include <tuple>

#include "faultmaps/lowering.h"
#include "faultmaps/normal_form.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// Collects what the faults do to the same piece of hardware before it becomes effects: bits of
/// one memory word, faults of one PE.
class Lowering {
 public:
  Lowering(const Placement& placement, const Network& network)
      : placement_(placement), network_(network) {}

  void add(const Fault& fault);
  Effects finish();

 private:
  using PeKey = std::tuple<int, int, int>;  // array, use, PE

  /// One broken bit of a word of a parameter memory.
  struct ParameterBit {
    int layer;
    int row;
    bool is_threshold;
    int index;
    CodeMask mask;

    auto word() const { return std::tie(layer, row, is_threshold, index); }
  };

  void add_to_array(const Fault& fault, int array, int use_index);
  void add_weight_bit(const Fault& fault, int array, int use_index);
  void add_shared_weight_bit(const Fault& fault, int array, int use_index);
  void add_weight(int array, int use_index, int pe, int row, int column, CodeMask mask);
  void add_threshold(const ArrayUse& use, int row, int index, int bit, bool one);
  void add_output(const Fault& fault, const PeArray& array, const ArrayUse& use);
  void add_to_stream(const Fault& fault, const Stream& stream);
  void add_to_window(const Fault& fault, const WindowBuffer& window);
  void add_to_pool(const Fault& fault, const PoolUnit& unit);
  void add_to_memory(const Fault& fault, const ActivationMemory& memory);
  int part_of(const Fault& fault);
  void patch_parameters();
  void share_padded_weights();
  void add_flips();
  BrokenPe& broken(int array, int use_index, int pe);

  const Layer& layer(int index) const { return network_.layers[static_cast<size_t>(index)]; }
  std::vector<int> rows_of(const PeArray& array, const ArrayUse& use, int pe) const;
  std::vector<int> pixels_of(const PeArray& array, const ArrayUse& use, int pe) const;

  const Placement& placement_;
  const Network& network_;
  std::vector<const Fault*> flips_;
  std::vector<const Fault*> stuck_;  // where flips are lost
  std::vector<ParameterBit> memory_;
  std::map<std::tuple<PeKey, int, int>, CodeMask> padded_memory_;  // ..., row, column
  std::map<PeKey, BrokenPe> pes_;
  std::map<std::tuple<int, int>, std::vector<BrokenPe::PaddedWeight>>
      shared_padding_;  // array, use
  Effects effects_;
  const Fault* last_ = nullptr;  // the fault before: neighbours share their part
  int last_part_ = -1;
};

/// Stands for the PE in the key of a padded weight that every PE reads.
constexpr int all_pes = -1;

int nearest_level(NumberFormat format, int value) {
  int best = format.level(0);
  for (int i = 1; i < format.levels(); ++i) {
    if (std::abs(format.level(i) - value) < std::abs(best - value)) best = format.level(i);
  }
  return best;
}

std::vector<int> Lowering::rows_of(const PeArray& array, const ArrayUse& use, int pe) const {
  const int rows = layer(use.layer).rows();
  return array.schedule == Schedule::channel_parallel ? multiples(pe, array.pe, rows)
                                                      : multiples(0, 1, rows);
}

std::vector<int> Lowering::pixels_of(const PeArray& array, const ArrayUse& use, int pe) const {
  if (array.schedule == Schedule::channel_parallel) return {};  // every pixel
  return multiples(pe, array.pe, layer(use.layer).output.pixels());
}

BrokenPe& Lowering::broken(int array, int use_index, int pe) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const auto [at, is_new] = pes_.try_emplace({array, use_index, pe});
  if (is_new) at->second = new_pe(a, a.uses[static_cast<size_t>(use_index)]);
  return at->second;
}

void add_lane(std::vector<BrokenPe::Lane>& lanes, int lane, CodeMask mask) {
  for (auto& l : lanes) {
    if (l.lane == lane) {
      l.mask = l.mask.then(mask);
      return;
    }
  }
  lanes.push_back({lane, mask});
  std::sort(lanes.begin(), lanes.end(), [](auto& a, auto& b) { return a.lane < b.lane; });
}

void Lowering::add_weight_bit(const Fault& fault, int array, int use_index) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  const Layer& l = layer(use.layer);
  const auto [pe, address, lane, bit] = fault.coordinates;
  const int synapse_fold = use.columns / a.simd;
  const int row = address / synapse_fold * a.pe + pe;
  const int column = address % synapse_fold * a.simd + lane;
  if (row >= l.rows() || bit >= l.weight_format.bits) return;  // no such word in this layer
  add_weight(array, use_index, pe, row, column, CodeMask::stuck_bit(bit, fault.value != 0));
}

void Lowering::add_shared_weight_bit(const Fault& fault, int array, int use_index) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  const Layer& l = layer(use.layer);
  const auto [address, lane, bit, unused] = fault.coordinates;
  const int synapse_fold = use.columns / a.simd;
  const int row = address / synapse_fold;
  const int column = address % synapse_fold * a.simd + lane;
  if (row >= l.rows() || bit >= l.weight_format.bits) return;
  add_weight(array, use_index, all_pes, row, column, CodeMask::stuck_bit(bit, fault.value != 0));
}

void Lowering::add_weight(int array, int use_index, int pe, int row, int column, CodeMask mask) {
  const int index =
      placement_.arrays[static_cast<size_t>(array)].uses[static_cast<size_t>(use_index)].layer;
  if (column < layer(index).columns()) {
    memory_.push_back({index, row, false, column, mask});
    return;
  }
  auto& word = padded_memory_[{PeKey{array, use_index, pe}, row, column}];
  word = word.then(mask);
}

void Lowering::add_threshold(const ArrayUse& use, int row, int index, int bit, bool one) {
  const Layer& l = layer(use.layer);
  if (row >= l.rows() || index >= l.thresholds_per_row() || bit >= use.threshold_bits) return;
  memory_.push_back({use.layer, row, true, index,
                     CodeMask::stuck_bit_sign_extended(bit, use.threshold_bits, one)});
}

void Lowering::add_output(const Fault& fault, const PeArray& array, const ArrayUse& use) {
  const Layer& l = layer(use.layer);
  ElementFault element;
  element.tensor = network_.output_tensor(use.layer);
  element.channels = rows_of(array, use, fault.coordinates[0]);
  element.pixels = pixels_of(array, use, fault.coordinates[0]);
  if (array.schedule == Schedule::pixel_parallel) {
    element.channels.clear();  // all of them
    if (element.pixels.empty()) return;
  } else if (element.channels.empty()) {
    return;  // padded rows only
  }
  if (fault.kind == SiteKind::pe_dead) {
    element.stage = stage_pe_dead;
    element.mask =
        l.accumulator_output
            ? CodeMask::constant(static_cast<uint32_t>(dead_accumulator(l, fault.value)))
            : CodeMask::constant(l.output_format.code(nearest_level(l.output_format, fault.value)));
  } else {
    const int bit = fault.coordinates[1];
    const int bits = l.accumulator_output ? use.accumulator_bits : l.output_format.bits;
    if (bit >= bits) return;
    element.stage = stage_output_code;
    element.mask = l.accumulator_output && !l.is_xnor()
                       ? CodeMask::stuck_bit_sign_extended(bit, bits, fault.value != 0)
                       : CodeMask::stuck_bit(bit, fault.value != 0);
  }
  effects_.elements.push_back(element);
}

void Lowering::add_to_array(const Fault& fault, int array, int use_index) {
  const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
  const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
  const Layer& l = layer(use.layer);
  const int pe = fault.coordinates[0];
  const bool one = fault.value != 0;
  switch (fault.kind) {
    case SiteKind::pe_weight:
      return add_weight_bit(fault, array, use_index);
    case SiteKind::array_weight:
      return add_shared_weight_bit(fault, array, use_index);
    case SiteKind::pe_threshold: {
      const auto [unused, address, index, bit] = fault.coordinates;
      return add_threshold(use, address * a.pe + pe, index, bit, one);
    }
    case SiteKind::array_threshold: {
      const auto [row, index, bit, unused] = fault.coordinates;
      return add_threshold(use, row, index, bit, one);
    }
    case SiteKind::pe_output:
    case SiteKind::pe_dead:
      return add_output(fault, a, use);
    case SiteKind::pe_input: {
      const int bit = fault.coordinates[2];
      if (bit >= l.input_format.bits) return;
      return add_lane(broken(array, use_index, pe).inputs, fault.coordinates[1],
                      CodeMask::stuck_bit(bit, one));
    }
    case SiteKind::pe_product: {
      const int bit = fault.coordinates[2];
      if (bit >= l.product_bits()) return;
      return add_lane(broken(array, use_index, pe).products, fault.coordinates[1],
                      CodeMask::stuck_bit(bit, one));
    }
    case SiteKind::pe_accumulator: {
      const int bit = fault.coordinates[1];
      if (bit >= use.accumulator_bits) return;
      BrokenPe& b = broken(array, use_index, pe);
      b.accumulator = b.accumulator.then(CodeMask::stuck_bit(bit, one));
      return;
    }
    case SiteKind::pe_comparator: {
      if (fault.coordinates[1] >= l.thresholds_per_row()) return;
      auto& comparators = broken(array, use_index, pe).comparators;
      comparators.push_back({fault.coordinates[1], one});
      std::sort(comparators.begin(), comparators.end(),
                [](auto& x, auto& y) { return x.index < y.index; });
      return;
    }
    default:
      break;
  }
  assert(false && "not a site of a PE array");
}

void Lowering::add_to_stream(const Fault& fault, const Stream& stream) {
  const bool last = network_.holds_accumulators(stream.tensor);
  const bool is_wire = fault.kind == SiteKind::stream_wire;
  const bool is_word = fault.kind == SiteKind::stream_word;
  const StreamStage stage = is_wire ? stream_wire : is_word ? stream_word : stream_slot;
  ElementFault element;
  if (!is_wire) {
    element.slot = {stream.depth, fault.coordinates[0], stream.words_per_pixel,
                    stream.channels_per_word, stream.packed};
  }
  if (is_word) {
    element.mask = last ? CodeMask::constant(static_cast<uint32_t>(dead_accumulator(
                              network_.layer(network_.producer(stream.tensor)), fault.value)))
                        : CodeMask::constant(network_.format(stream.tensor).code(fault.value));
    add_carried_padding(stream, stage, element, 0, 1, placement_, network_, effects_);
    return add_carried(stream, stage, std::move(element), placement_, network_, effects_);
  }
  const int word_bit = fault.coordinates[is_wire ? 0 : 1];
  const int bits = element_bits(placement_, stream.tensor, network_);
  const int bit = word_bit % bits;
  const int lane = word_bit / bits;
  element.mask = last && !network_.layer(network_.producer(stream.tensor)).is_xnor()
                     ? CodeMask::stuck_bit_sign_extended(bit, bits, fault.value != 0)
                     : CodeMask::stuck_bit(bit, fault.value != 0);
  const Shape shape = carried_shape(stream, placement_, network_);
  add_carried_padding(stream, stage, element, lane, stream.channels_per_word, placement_, network_,
                      effects_);
  if (!stream.packed) {
    element.channels = multiples(lane, stream.channels_per_word, shape.channels);
    if (element.channels.empty()) return;  // a lane beyond the last channel
    return add_carried(stream, stage, std::move(element), placement_, network_, effects_);
  }
  // One effect for each channel: a lane of a packed stream meets different channels in each word.
  for (int channel = 0; channel < shape.channels; ++channel) {
    element.channels = {channel};
    element.pixels.clear();
    for (int pixel = 0; pixel < shape.pixels(); ++pixel) {
      const int number = pixel * shape.channels + channel;
      if (number % stream.channels_per_word == lane) element.pixels.push_back(pixel);
    }
    if (!element.pixels.empty()) {
      add_carried(stream, stage, element, placement_, network_, effects_);
    }
  }
}

void Lowering::add_to_window(const Fault& fault, const WindowBuffer& window) {
  const Layer& l = layer(window.layer);
  const auto [slot, column, word, word_bit] = fault.coordinates;
  const int bits = l.input_format.bits;
  OperandFault operand;
  operand.layer = window.layer;
  operand.channels = {word * window.channels_per_word + word_bit / bits};
  const int width = l.input.width + 2 * l.padding;
  for (const int y : multiples(slot, window.slots, l.input.height + 2 * l.padding)) {
    operand.pixels.push_back(y * width + column);
  }
  if (operand.pixels.empty()) return;  // fewer rows than slots
  operand.mask = CodeMask::stuck_bit(word_bit % bits, fault.value != 0);
  effects_.operands.push_back(std::move(operand));
}

void Lowering::add_to_pool(const Fault& fault, const PoolUnit& unit) {
  const Layer& l = layer(unit.layer);
  const int bits = l.input_format.bits;
  const bool one = fault.value != 0;
  PoolFault pool;
  pool.layer = unit.layer;
  switch (fault.kind) {
    case SiteKind::pool_cell: {
      const auto [column, word, word_bit, unused] = fault.coordinates;
      pool.channels = multiples(word * unit.channels_per_word + word_bit / bits,
                                unit.words * unit.channels_per_word, l.input.channels);
      if (unit.columns > 1) pool.pixels = multiples(column, unit.columns, l.output.pixels());
      pool.pool.cell = CodeMask::stuck_bit(word_bit % bits, one);
      break;
    }
    case SiteKind::pool_comparator:
      pool.channels = multiples(fault.coordinates[0], unit.channels_per_word, l.input.channels);
      pool.pool.comparator = one ? BrokenPool::Comparator::replaces : BrokenPool::Comparator::keeps;
      break;
    default: {
      ElementFault element;
      element.tensor = network_.output_tensor(unit.layer);
      element.stage = stage_output_code;
      element.channels =
          multiples(fault.coordinates[0] / bits, unit.channels_per_word, l.input.channels);
      element.mask = CodeMask::stuck_bit(fault.coordinates[0] % bits, one);
      effects_.elements.push_back(std::move(element));
      return;
    }
  }
  effects_.pools.push_back(std::move(pool));
}

void Lowering::add_to_memory(const Fault& fault, const ActivationMemory& memory) {
  for (const BufferElement& e : buffer_elements(fault, memory, network_)) {
    const CodeMask mask{~e.mask.flip, fault.value != 0 ? e.mask.flip : 0, 0};
    const std::vector<int> pools = network_.pools_after(e.stored->tensor);
    if (pools.size() == 1) {
      effects_.pools.push_back({pools.front(), {e.channel}, {e.pixel}, {mask}});
      continue;
    }
    check_running_maximum(fault, e, placement_, network_);
    ElementFault element;
    element.tensor = e.stored->kept;
    element.channels = {e.channel};
    element.pixels = {e.pixel};
    element.mask = mask;
    element.stage = stage_buffer;
    effects_.elements.push_back(std::move(element));
  }
}

void Lowering::add_flips() {
  if (flips_.empty()) return;
  if (placement_.run == nullptr) {
    throw InputError(placement_.accelerator,
                     name(*flips_.front()) + ": what a flip hits depends on the run that it is in",
                     "permanent faults where no run is simulated");
  }
  const auto before = [](const Fault* a, const Fault* b) {
    return std::tie(a->kind, a->part, a->coordinates) < std::tie(b->kind, b->part, b->coordinates);
  };
  std::sort(stuck_.begin(), stuck_.end(), before);
  for (const Fault* flip : flips_) {
    if (std::binary_search(stuck_.begin(), stuck_.end(), flip, before)) continue;
    lower_flip(*flip, placement_, network_, effects_);
  }
  effects_.operators = disjoint(std::move(effects_.operators), network_);
}

int Lowering::part_of(const Fault& fault) {
  if (last_ != nullptr && last_->kind == fault.kind && last_->part == fault.part) return last_part_;
  const PartKind kind = site_row(fault.kind).part;
  last_part_ = count_parts(kind, placement_) - 1;
  while (last_part_ >= 0 && part_name(kind, placement_, last_part_) != fault.part) --last_part_;
  last_ = &fault;
  return last_part_;
}

void Lowering::add(const Fault& fault) {
  (fault.is_flip() ? flips_ : stuck_).push_back(&fault);
  if (fault.is_flip()) return;  // the stuck bits of all faults come first
  const int part = part_of(fault);
  if (part < 0) return;
  const auto i = static_cast<size_t>(part);
  switch (site_row(fault.kind).part) {
    case PartKind::pe_array:
      for (size_t u = 0; u < placement_.arrays[i].uses.size(); ++u) {
        add_to_array(fault, part, static_cast<int>(u));
      }
      break;
    case PartKind::stream:
      add_to_stream(fault, placement_.streams[i]);
      break;
    case PartKind::window_buffer:
      add_to_window(fault, placement_.windows[i]);
      break;
    case PartKind::pool:
      add_to_pool(fault, placement_.pools[i]);
      break;
    case PartKind::activation_memory:
      add_to_memory(fault, placement_.memories[i]);
      break;
  }
}

/// Words that read differently from what is stored: all their broken bits at once.
void Lowering::patch_parameters() {
  std::stable_sort(memory_.begin(), memory_.end(),
                   [](const auto& a, const auto& b) { return a.word() < b.word(); });
  for (size_t i = 0; i < memory_.size();) {
    const auto [index, row, is_threshold, number, first] = memory_[i];
    CodeMask mask = first;
    for (++i; i < memory_.size() && memory_[i].word() == memory_[i - 1].word(); ++i) {
      mask = mask.then(memory_[i].mask);
    }
    const Layer& l = layer(index);
    const int stored = is_threshold ? l.threshold_row(row)[number] : l.weight_row(row)[number];
    const int read = is_threshold ? static_cast<int32_t>(mask.apply(static_cast<uint32_t>(stored)))
                                  : l.weight_format.value(mask.apply(l.weight_format.code(stored)));
    if (read != stored) effects_.patches.push_back({index, row, is_threshold, number, read});
  }
}

/// Padded weights that all PEs read: part of what a broken PE computes, and an operator of their
/// own at the pixels of the others.
void Lowering::share_padded_weights() {
  for (const auto& [where, weights] : shared_padding_) {
    const auto [array, use_index] = where;
    const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
    const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
    OperatorFault others{use.layer, {}, {}, {}, {}};
    others.pe = new_pe(a, use);
    others.pe.padded_weights = weights;
    for (const auto& w : weights) {
      if (others.rows.empty() || others.rows.back() != w.row) others.rows.push_back(w.row);
    }
    bool any_broken = false;
    for (int pe = 0; pe < a.pe; ++pe) {
      const auto found = pes_.find({array, use_index, pe});
      if (found == pes_.end()) continue;
      any_broken = true;
      auto& padded = found->second.padded_weights;
      padded.insert(padded.end(), weights.begin(), weights.end());
    }
    if (any_broken) {
      const int pixels = layer(use.layer).output.pixels();
      for (int pixel = 0; pixel < pixels; ++pixel) {
        if (pes_.count({array, use_index, pixel % a.pe}) == 0) others.pixels.push_back(pixel);
      }
      if (others.pixels.empty()) continue;
    }
    effects_.operators.push_back(std::move(others));
  }
}

Effects Lowering::finish() {
  patch_parameters();
  for (const auto& [where, mask] : padded_memory_) {
    const auto& [key, row, column] = where;
    const auto [array, use_index, pe] = key;
    const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
    const Layer& l = layer(a.uses[static_cast<size_t>(use_index)].layer);
    const int stored = padded_weight(l);
    const int read = l.weight_format.value(mask.apply(l.weight_format.code(stored)));
    if (read == stored) continue;
    (pe == all_pes ? shared_padding_[{array, use_index}]
                   : broken(array, use_index, pe).padded_weights)
        .push_back({row, column, read});
  }
  share_padded_weights();
  for (const auto& [where, pe] : pes_) {
    const auto [array, use_index, number] = where;
    const PeArray& a = placement_.arrays[static_cast<size_t>(array)];
    const ArrayUse& use = a.uses[static_cast<size_t>(use_index)];
    OperatorFault fault{use.layer, rows_of(a, use, number), pixels_of(a, use, number), pe, {}};
    const bool idle =
        fault.rows.empty() || (a.schedule == Schedule::pixel_parallel && fault.pixels.empty());
    if (!idle) effects_.operators.push_back(std::move(fault));
  }
  add_flips();
  normalize(effects_);
  return std::move(effects_);
}

}  // namespace

int32_t dead_accumulator(const Layer& layer, int level) {
  const NumberFormat format =
      layer.input_format.kind == FormatKind::fixed_point ? binary_format : layer.input_format;
  const int64_t low = layer.accumulator_min();
  const int64_t high = layer.accumulator_max();
  const int64_t steps = format.max_level() - format.min_level();
  const int64_t step =
      std::clamp(level, format.min_level(), format.max_level()) - format.min_level();
  const int64_t offset = (high - low) * step;  // >= 0: division rounds down
  return static_cast<int32_t>(low + offset / steps);
}

Effects lower(const FaultMap& map, const Placement& placement, const Network& network) {
  static const Capabilities known = {
      "the lowering of faults does not know",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  check_supported(network, known, placement.accelerator);
  Lowering lowering(placement, network);  // refers to the faults of the map
  for (const Fault& fault : map.faults) lowering.add(fault);
  return lowering.finish();
}

}  // namespace stuckat
