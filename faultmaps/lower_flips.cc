// Transients: what a bit that is inverted in a cycle of the run does to the tensors of its images.
#include <algorithm>
#include <cassert>
#include <tuple>

#include "faultmaps/lowering.h"

namespace stuckat {
namespace {

/// What a flip of one bit inverts in a sign-extended value of `bits` bits.
uint32_t inverted(int bit, int bits, bool is_signed) {
  return is_signed && bit == bits - 1 ? ~0u << bit : 1u << bit;
}

class Flips {
 public:
  Flips(const Fault& fault, const Placement& placement, const Network& network, Effects& effects)
      : fault_(fault),
        placement_(placement),
        network_(network),
        run_(*placement.run),
        effects_(effects) {}

  void in_array(const PeArray& array);
  void in_stream(const Stream& stream);
  void in_window(const WindowBuffer& window);
  void in_pool(const PoolUnit& unit);
  void in_memory(const ActivationMemory& memory);

 private:
  const Layer& layer(int index) const { return network_.layers[static_cast<size_t>(index)]; }
  const ArrayUse& use(const PeArray& array, int index) const {
    return array.uses[static_cast<size_t>(index)];
  }
  void in_step(const PeArray& array, const ArrayStep& at);
  void in_parameters(const PeArray& array, const ArrayStep& at);
  void add_operator(const ArrayUse& use, int row, std::vector<int> pixels, RunImages images,
                    BrokenPe pe);
  void while_written(const PeArray& array, const BufferElement& element, const ArrayStep* next,
                     int64_t image);
  void while_read(const PeArray& array, const BufferElement& element, const ArrayStep& at);

  const Fault& fault_;
  const Placement& placement_;
  const Network& network_;
  const Timeline& run_;
  Effects& effects_;
};

void Flips::add_operator(const ArrayUse& use, int row, std::vector<int> pixels, RunImages images,
                         BrokenPe pe) {
  effects_.operators.push_back({use.layer, {row}, std::move(pixels), std::move(pe), images});
}

void Flips::in_array(const PeArray& array) {
  const auto at = run_.next_step(array.name, fault_.flip_cycle);
  if (!at) return;
  switch (fault_.kind) {
    case SiteKind::pe_weight:
    case SiteKind::pe_threshold:
    case SiteKind::array_weight:
    case SiteKind::array_threshold:
      return in_parameters(array, *at);
    default:
      return in_step(array, *at);
  }
}

/// What a PE computes in one step. The accumulator is stored: it holds what step s-1 of a fold left
/// when step s begins, and before step 0 nothing that is used again. Operands, products,
/// comparators and the output code pass in their own cycle, the last two in the last step of a
/// fold.
void Flips::in_step(const PeArray& array, const ArrayStep& at) {
  const ArrayUse& use = this->use(array, at.use);
  const Layer& l = layer(use.layer);
  const auto [pe, second, third, unused] = fault_.coordinates;
  const bool by_channel = array.schedule == Schedule::channel_parallel;
  const int row = by_channel ? at.fold * array.pe + pe : at.fold;
  const int pixel = by_channel ? at.pass : at.pass * array.pe + pe;
  if (row >= l.rows() || pixel >= l.output.pixels()) return;
  BrokenPe broken = new_pe(array, use);
  const RunImages image{at.image, at.image};
  if (fault_.kind == SiteKind::pe_accumulator) {
    if (at.step == 0 || second >= use.accumulator_bits) return;
    broken.accumulator_flips = {{at.step, 1u << second}};
    return add_operator(use, row, {pixel}, image, std::move(broken));
  }
  if (at.cycle != fault_.flip_cycle) return;  // nothing passes
  const bool last_step = at.step == use.columns / array.simd - 1;
  switch (fault_.kind) {
    case SiteKind::pe_input:
      if (third >= l.input_format.bits) return;
      broken.input_flips = {{at.step, second, 1u << third}};
      break;
    case SiteKind::pe_product:
      if (third >= l.product_bits()) return;
      broken.product_flips = {{at.step, second, 1u << third}};
      break;
    case SiteKind::pe_comparator:
      if (!last_step || second >= l.thresholds_per_row()) return;
      broken.comparator_flips = {second};
      break;
    default: {
      assert(fault_.kind == SiteKind::pe_output);
      const int bits = l.accumulator_output ? use.accumulator_bits : l.output_format.bits;
      if (!last_step || second >= bits) return;
      ElementFault element;
      element.tensor = network_.output_tensor(use.layer);
      element.channels = {row};
      element.pixels = {pixel};
      element.stage = stage_output_flip;
      element.images = image;
      element.mask.flip = inverted(second, bits, l.accumulator_output && !l.is_xnor());
      effects_.elements.push_back(std::move(element));
      return;
    }
  }
  add_operator(use, row, {pixel}, image, std::move(broken));
}

/// A word is read once in each pass, in one step of its fold, thresholds in the last one. It is
/// written again only where the memory is filled anew, for the next tile.
void Flips::in_parameters(const PeArray& array, const ArrayStep& at) {
  const ArrayUse& use = this->use(array, at.use);
  const Layer& l = layer(use.layer);
  const auto [first, second, third, fourth] = fault_.coordinates;
  const int synapse_fold = use.columns / array.simd;
  const bool shared = array.schedule == Schedule::pixel_parallel;
  const bool is_weight =
      fault_.kind == SiteKind::pe_weight || fault_.kind == SiteKind::array_weight;
  const int address = shared ? first : second;
  const int inside = shared ? second : third;  // lane, or number of the threshold
  const int bit = shared ? third : fourth;
  const int fold = is_weight ? address / synapse_fold : address;
  const int step = is_weight ? address % synapse_fold : synapse_fold - 1;
  const int row = shared ? fold : fold * array.pe + first;
  if (row >= l.rows() || fold < at.first_fold || fold >= at.first_fold + at.folds) return;
  const bool begins = at.pass == 0 && at.fold == at.first_fold && at.step == 0;
  if (!at.resident && begins && at.cycle != fault_.flip_cycle) return;
  BrokenPe pe = new_pe(array, use);
  if (is_weight) {
    if (bit >= l.weight_format.bits) return;
    pe.weight_flips = {{row, step * array.simd + inside, 1u << bit}};
  } else {
    if (inside >= l.thresholds_per_row() || bit >= use.threshold_bits) return;
    pe.threshold_flips = {{row, inside, inverted(bit, use.threshold_bits, true)}};
  }
  const bool read_before = std::tie(fold, step) < std::tie(at.fold, at.step);
  const int first_pass = at.pass + (read_before ? 1 : 0);
  const int first_pixel = shared ? first_pass * array.pe : first_pass;
  const RunImages image{at.image, at.image};
  RunImages rest{at.image, at.resident ? INT64_MAX : at.image};
  if (first_pixel > 0) {
    const std::vector<int> pixels = multiples(first_pixel, 1, l.output.pixels());
    if (!pixels.empty()) add_operator(use, row, pixels, image, pe);
    ++rest.first;
  }
  if (rest.first <= rest.last) add_operator(use, row, {}, rest, std::move(pe));
}

/// The word that is stored in the slot, or that passes the wire into the FIFO.
void Flips::in_stream(const Stream& stream) {
  const bool is_wire = fault_.kind == SiteKind::stream_wire;
  const int word_bit = fault_.coordinates[is_wire ? 0 : 1];
  const auto word = is_wire ? run_.word_written(stream.name, fault_.flip_cycle)
                            : run_.word_in(stream.name, fault_.coordinates[0], fault_.flip_cycle);
  if (!word) return;
  const Shape shape = carried_shape(stream, placement_, network_);
  const int bits = element_bits(placement_, stream.tensor, network_);
  const int bit = word_bit % bits;
  const int64_t words = int64_t{stream.packed ? 1 : shape.pixels()} * stream.words_per_pixel;
  const auto in_image = static_cast<int>(*word % words);
  int pixel = in_image / stream.words_per_pixel;
  int channel = in_image % stream.words_per_pixel * stream.channels_per_word + word_bit / bits;
  if (stream.packed) {
    pixel = channel / shape.channels;
    channel %= shape.channels;
  }
  const bool last = network_.holds_accumulators(stream.tensor);
  ElementFault element;
  element.mask.flip =
      inverted(bit, bits, last && !layer(network_.producer(stream.tensor)).is_xnor());
  element.images = {*word / words, *word / words};
  const StreamStage stage = is_wire ? stream_wire_flip : stream_slot_flip;
  if (pixel >= shape.pixels() || channel >= shape.channels) {  // padding
    const int number = in_image * stream.channels_per_word + word_bit / bits;
    return add_carried_padding(stream, stage, element, number, 1 << 30, placement_, network_,
                               effects_);
  }
  element.channels = {channel};
  element.pixels = {pixel};
  add_carried(stream, stage, std::move(element), placement_, network_, effects_);
}

void Flips::in_window(const WindowBuffer& window) {
  const Layer& l = layer(window.layer);
  const auto [slot, column, word, word_bit] = fault_.coordinates;
  const auto cell = run_.cell_reads(window.name, slot, column, word, fault_.flip_cycle);
  if (!cell) return;
  const int channel = word * window.channels_per_word + word_bit / l.input_format.bits;
  for (const CellReads::Read& read : cell->reads) {
    WindowFault fault;
    fault.layer = window.layer;
    fault.columns = {read.position * l.input.channels + channel};
    fault.pixels = {read.pixel};
    fault.mask.flip = 1u << word_bit % l.input_format.bits;
    fault.images = {cell->image, cell->image};
    fault.accumulator_bits = use_of(placement_, window.layer).accumulator_bits;
    effects_.windows.push_back(std::move(fault));
  }
}

void Flips::in_pool(const PoolUnit& unit) {
  const Layer& l = layer(unit.layer);
  const int bits = l.input_format.bits;
  const auto [first, second, third, unused] = fault_.coordinates;
  if (fault_.kind == SiteKind::pool_cell) {
    const auto cell = run_.pool_cell(unit.name, first, second, fault_.flip_cycle);
    if (!cell) return;
    PoolFault pool;
    pool.layer = unit.layer;
    pool.channels = {cell->word * unit.channels_per_word + third / bits};
    pool.pixels = {cell->pixel};
    pool.pool.flips = {{cell->taken, 1u << third % bits}};
    pool.images = {cell->image, cell->image};
    effects_.pools.push_back(std::move(pool));
    return;
  }
  const auto at = run_.pool_step(unit.name, fault_.flip_cycle);
  if (!at) return;
  const int channel = at->word * unit.channels_per_word;
  if (fault_.kind == SiteKind::pool_output) {
    if (!at->gives) return;
    ElementFault element;
    element.tensor = network_.output_tensor(unit.layer);
    element.stage = stage_output_flip;
    element.channels = {channel + first / bits};
    element.pixels = {at->pixel};
    element.mask.flip = 1u << first % bits;
    element.images = {at->image, at->image};
    effects_.elements.push_back(std::move(element));
    return;
  }
  if (!at->takes || at->taken == 0) return;  // the first pixel is not compared
  PoolFault pool;
  pool.layer = unit.layer;
  pool.channels = {channel + first};
  pool.pixels = {at->pixel};
  pool.pool.flips = {{at->taken, 0}};
  pool.images = {at->image, at->image};
  effects_.pools.push_back(std::move(pool));
}

/// Does the step come before `at` in time, in the same use? Tiles are in the order of their folds.
bool is_before(int pass, int fold, int step, const ArrayStep& at) {
  if (fold < at.first_fold) return true;
  if (fold >= at.first_fold + at.folds) return false;
  return std::tie(pass, fold, step) < std::tie(at.pass, at.fold, at.step);
}

/// An activation buffer. The tensor in front of use u lies in the buffer that the use reads,
/// written by use u-1 (or loaded, for u = 0); what use u gives lies in the other one. An element is
/// there from write_cycles behind the last step of its fold on, and may be hit until the last read.
void Flips::in_memory(const ActivationMemory& memory) {
  const auto buffered = run_.buffered(fault_.flip_cycle);
  if (!buffered) return;
  const PeArray& array = placement_.arrays.front();
  const int64_t image = buffered->image;
  const auto uses = static_cast<int>(array.uses.size());
  auto next = run_.next_step(array.name, fault_.flip_cycle);
  if (next && next->image != image) next.reset();  // all steps of the image are done
  const int reading = next ? next->use : uses;
  for (const BufferElement& element : buffer_elements(fault_, memory, network_)) {
    const auto index = static_cast<int>(element.stored - memory.tensors.data());
    if (index != reading && index != reading + 1) continue;  // nobody reads it any more
    // The first step whose outputs are not in the buffer yet, of the use that writes the tensor.
    auto missing = run_.next_step(array.name, fault_.flip_cycle - buffered->write_cycles);
    const bool written = index == 0 || !missing || missing->image != image || missing->use >= index;
    // As long as that use is not done the tensor itself is wrong, behind it what is read.
    auto done = run_.next_step(array.name, fault_.flip_cycle - buffered->write_cycles - 1);
    const bool complete = index == 0 || (done && done->image == image && done->use >= index);
    if (complete && next) {
      while_read(array, element, *next);
    } else {
      while_written(array, element, written ? nullptr : &*missing, image);
    }
  }
}

/// `next`: the first step of the writing use whose outputs are not there yet; null: all are.
void Flips::while_written(const PeArray& array, const BufferElement& element, const ArrayStep* next,
                          int64_t image) {
  const auto& stored = *element.stored;
  const bool by_channel = array.schedule == Schedule::channel_parallel;
  const auto is_there = [&](int pixel) {
    if (next == nullptr) return true;
    const ArrayUse& use = this->use(array, next->use);
    if (network_.output_tensor(use.layer) != stored.tensor) return false;  // not even begun
    const int fold = by_channel ? element.channel / array.pe : element.channel;
    const int pass = by_channel ? pixel : pixel / array.pe;
    return is_before(pass, fold, use.columns / array.simd - 1, *next);
  };
  const std::vector<int> pools = network_.pools_after(stored.tensor);
  if (pools.size() == 1) {
    const Layer& pool = layer(pools.front());
    int taken = 0;
    for (int k = 0; k < pool.kernel * pool.kernel; ++k) {
      const int y = element.pixel / pool.output.width * pool.stride + k / pool.kernel;
      const int x = element.pixel % pool.output.width * pool.stride + k % pool.kernel;
      taken += is_there(y * pool.input.width + x) ? 1 : 0;
    }
    if (taken == 0) return;
    PoolFault fault{pools.front(), {element.channel}, {element.pixel}, {}, {image, image}};
    fault.pool.flips = {{taken, element.mask.flip}};
    effects_.pools.push_back(std::move(fault));
    return;
  }
  check_running_maximum(fault_, element, placement_, network_);
  if (!is_there(element.pixel)) return;
  ElementFault fault;
  fault.tensor = stored.kept;
  fault.channels = {element.channel};
  fault.pixels = {element.pixel};
  fault.mask = element.mask;
  fault.stage = stage_buffer_flip;
  fault.images = {image, image};
  effects_.elements.push_back(std::move(fault));
}

/// All reads of the element from step `at` on.
void Flips::while_read(const PeArray& array, const BufferElement& element, const ArrayStep& at) {
  const ArrayUse& use = this->use(array, at.use);
  const Layer& l = layer(use.layer);
  const bool by_channel = array.schedule == Schedule::channel_parallel;
  const int y = element.pixel / l.input.width + l.padding;
  const int x = element.pixel % l.input.width + l.padding;
  const int folds = by_channel ? use.rows / array.pe : l.rows();
  for (int pixel = 0; pixel < l.output.pixels(); ++pixel) {
    int column = element.pixel * l.input.channels + element.channel;
    if (!l.is_flat()) {
      const int ky = y - pixel / l.output.width * l.stride;
      const int kx = x - pixel % l.output.width * l.stride;
      if (ky < 0 || kx < 0 || ky >= l.kernel || kx >= l.kernel) continue;
      column = (ky * l.kernel + kx) * l.input.channels + element.channel;
    }
    WindowFault fault;
    fault.layer = use.layer;
    for (int fold = 0; fold < folds; ++fold) {
      const int pass = by_channel ? pixel : pixel / array.pe;
      if (is_before(pass, fold, column / array.simd, at)) continue;
      const int first = by_channel ? fold * array.pe : fold;
      const int last = by_channel ? std::min(first + array.pe, l.rows()) : fold + 1;
      for (int row = first; row < last; ++row) fault.rows.push_back(row);
    }
    if (fault.rows.empty()) continue;
    fault.columns = {column};
    fault.pixels = {pixel};
    fault.mask = element.mask;
    fault.images = {at.image, at.image};
    fault.accumulator_bits = use.accumulator_bits;
    effects_.windows.push_back(std::move(fault));
  }
}

}  // namespace

void lower_flip(const Fault& fault, const Placement& placement, const Network& network,
                Effects& effects) {
  Flips flips(fault, placement, network, effects);
  const auto visit = [&](const auto& parts, auto in_part) {
    for (const auto& part : parts) {
      if (part.name == fault.part) (flips.*in_part)(part);
    }
  };
  switch (site_row(fault.kind).part) {
    case PartKind::pe_array:
      return visit(placement.arrays, &Flips::in_array);
    case PartKind::stream:
      return visit(placement.streams, &Flips::in_stream);
    case PartKind::window_buffer:
      return visit(placement.windows, &Flips::in_window);
    case PartKind::pool:
      return visit(placement.pools, &Flips::in_pool);
    case PartKind::activation_memory:
      return visit(placement.memories, &Flips::in_memory);
  }
}

}  // namespace stuckat
