// Sites of activation buffers: their row in the site table, and what they do.
#include <tuple>

#include "faultmaps/buffer_flips.h"
#include "faultmaps/lowering.h"
#include "faultmaps/site_rows.h"
#include "workloads/errors.h"

namespace stuckat::site_rows {
namespace {

const ActivationMemory& memory_at(const Placement& p, int part) {
  return p.memories[static_cast<size_t>(part)];
}
int memory_buffers(const Placement& p, int part, const Network&) {
  return memory_at(p, part).buffers;
}
int memory_bytes(const Placement& p, int part, const Network&) { return memory_at(p, part).bytes; }
int byte_bits(const Placement&, int, const Network&) { return 8; }

/// What the site is in one of the tensors that the buffer holds.
struct BufferElement {
  const ActivationMemory::Stored* stored = nullptr;
  int channel = 0;
  int pixel = 0;
  CodeMask mask;  ///< identity but for the bit, which is inverted
};

std::vector<BufferElement> buffer_elements(const Fault& fault, const ActivationMemory& memory,
                                           const Network& network) {
  const auto [buffer, address, bit, unused] = fault.coordinates;
  std::vector<BufferElement> result;
  for (const auto& stored : memory.tensors) {
    if (stored.buffer != buffer) continue;
    const Shape shape = network.shape(stored.kept);
    const int bits = stored_bits(network, stored.kept);
    const int pixel_bytes = (shape.channels * bits + 7) / 8;
    if (address < stored.address) continue;
    const int pixel = (address - stored.address) / pixel_bytes;
    const int pixel_bit = (address - stored.address) % pixel_bytes * 8 + bit;
    const int channel = pixel_bit / bits;
    if (pixel >= shape.pixels() || channel >= shape.channels) continue;
    CodeMask mask;
    mask.flip = 1u << pixel_bit % bits;
    result.push_back({&stored, channel, pixel, mask});
  }
  return result;
}

/// The max-pools whose running maxima lie in the buffer: those at the end of the way into it.
std::vector<int> running_maxima(const ActivationMemory::Stored& stored, const Network& network) {
  std::vector<int> pools;
  for (int l = stored.tensor; l < stored.kept; ++l) {
    if (network.layer(l).kind == LayerKind::max_pool)
      pools.push_back(l);
    else
      pools.clear();
  }
  return pools;
}

void check_running_maximum(const Fault& fault, const BufferElement& element,
                           const Placement& placement, const Network& network) {
  const auto& stored = *element.stored;
  const bool binary = stored_bits(network, stored.kept) == 1;
  if (running_maxima(stored, network).size() <= 1 || (binary && !fault.is_flip())) return;
  throw InputError(placement.accelerator,
                   name(fault) + ": running maxima of pools after pools in the raster order of " +
                       network.tensor_name(stored.tensor) + " have no exact effect",
                   "a network with one pool after a layer, or stuck bits of 1-bit activations");
}

void stick_bit(Lowering& lowering, const Fault& fault, int part) {
  const ActivationMemory& memory = memory_at(lowering.placement(), part);
  for (const BufferElement& e : buffer_elements(fault, memory, lowering.network())) {
    const CodeMask mask{~e.mask.flip, fault.value != 0 ? e.mask.flip : 0, 0};
    const std::vector<int> pools = running_maxima(*e.stored, lowering.network());
    if (pools.size() == 1) {  // a running maximum
      lowering.effects().pools.push_back({pools.front(), {e.channel}, {e.pixel}, {mask}});
      continue;
    }
    check_running_maximum(fault, e, lowering.placement(), lowering.network());
    ElementFault element;
    element.tensor = e.stored->kept;
    element.channels = {e.channel};
    element.pixels = {e.pixel};
    element.mask = mask;
    element.point = point_buffer;
    lowering.effects().elements.push_back(std::move(element));
  }
}

/// Does the step come before `at` in time, in the same use? Tiles are in the order of their folds.
bool is_before(ArrayMap::Step s, const ArrayStep& at) {
  if (s.fold < at.first_fold) return true;
  if (s.fold >= at.first_fold + at.folds) return false;
  return std::tie(s.pass, s.fold, s.step) < std::tie(at.pass, at.fold, at.step);
}

const ArrayUse& use_at(const PeArray& array, const ArrayStep& at) {
  return array.uses[static_cast<size_t>(at.use)];
}

/// `next`: the first step of the writing use whose outputs are not there yet; null: all are.
void flip_while_written(Lowering& lowering, const Fault& fault, const PeArray& array,
                        const BufferElement& element, const ArrayStep* next, int64_t image) {
  const auto& stored = *element.stored;
  const auto is_there = [&](int tensor, int pixel) {  // the element's channel of it
    if (next == nullptr) return true;
    const ArrayUse& use = use_at(array, *next);
    if (Network::output_tensor(use.layer) != stored.tensor) return false;  // not even begun
    for (int t = tensor; t > stored.tensor; --t) {
      pixel = last_pixel_for(lowering.layer(Network::producer(t)), pixel);
    }
    const ArrayMap map(array, use, lowering.layer(use.layer));
    ArrayMap::Step last = map.step_of(element.channel, pixel, 0);
    last.step = map.steps() - 1;
    return is_before(last, *next);
  };
  const std::vector<int> pools = running_maxima(stored, lowering.network());
  if (pools.size() == 1) {  // a running maximum
    const Layer& pool = lowering.layer(pools.front());
    int taken = 0;
    for (int k = 0; k < pool.kernel.height * pool.kernel.width; ++k) {
      const int y = element.pixel / pool.output.width * pool.stride.height + k / pool.kernel.width -
                    pool.padding.top;
      const int x = element.pixel % pool.output.width * pool.stride.width + k % pool.kernel.width -
                    pool.padding.left;
      if (!pool.input.holds(y, x)) continue;
      taken += is_there(pool.inputs.front(), y * pool.input.width + x) ? 1 : 0;
    }
    if (taken == 0) return;
    PoolFault wrong{pools.front(), {element.channel}, {element.pixel}, {}, {image, image}};
    wrong.pool.flips = {{taken, element.mask.flip}};
    lowering.effects().pools.push_back(std::move(wrong));
    return;
  }
  check_running_maximum(fault, element, lowering.placement(), lowering.network());
  if (!is_there(stored.kept, element.pixel)) return;
  ElementFault wrong;
  wrong.tensor = stored.kept;
  wrong.channels = {element.channel};
  wrong.pixels = {element.pixel};
  wrong.mask = element.mask;
  wrong.point = point_buffer_flip;
  wrong.images = {image, image};
  lowering.effects().elements.push_back(std::move(wrong));
}

/// All reads of the element from step `at` on.
void flip_while_read(Lowering& lowering, const PeArray& array, const BufferElement& element,
                     const ArrayStep& at) {
  const ArrayUse& use = use_at(array, at);
  const Layer& l = lowering.layer(use.layer);
  const ArrayMap map(array, use, l);
  const int y = element.pixel / l.input.width + l.padding.top;
  const int x = element.pixel % l.input.width + l.padding.left;
  const int group = element.channel / l.group_channels();
  const int rows = l.rows() / l.groups;  // of the group, which alone read the element
  for (int pixel = 0; pixel < l.output.pixels(); ++pixel) {
    int column = element.pixel * l.input.channels + element.channel;
    if (!l.is_flat()) {
      const int ky = y - pixel / l.output.width * l.stride.height;
      const int kx = x - pixel % l.output.width * l.stride.width;
      if (ky < 0 || kx < 0 || ky >= l.kernel.height || kx >= l.kernel.width) continue;
      column =
          (ky * l.kernel.width + kx) * l.group_channels() + element.channel % l.group_channels();
    }
    WindowFault wrong;
    wrong.layer = use.layer;
    for (int row = group * rows; row < (group + 1) * rows; ++row) {
      if (!is_before(map.step_of(row, pixel, column), at)) wrong.rows.push_back(row);
    }
    if (wrong.rows.empty()) continue;
    wrong.columns = {column};
    wrong.pixels = {pixel};
    wrong.mask = element.mask;
    wrong.images = {at.image, at.image};
    wrong.accumulator_bits = use.accumulator_bits;
    lowering.effects().windows.push_back(std::move(wrong));
  }
}

/// The tensor that use u of the array reads lies in one buffer, written by use u-1 (or loaded, for
/// u = 0); what use u gives goes into the other one. An element is there from write_cycles after
/// the last step of its fold on, and may be hit until the last read.
void flip_bit(Lowering& lowering, const Fault& fault, int part) {
  const ActivationMemory& memory = memory_at(lowering.placement(), part);
  const Timeline& run = lowering.run();
  const int64_t cycle = fault.flip_cycle;
  refuse_buffer_flip(lowering.network(), lowering.placement());
  const auto buffered = run.buffered(cycle);
  if (!buffered) return;
  const PeArray& array = lowering.placement().arrays.front();
  const int64_t image = buffered->image;
  const auto uses = static_cast<int>(array.uses.size());
  auto next = run.next_step(array.name, cycle);
  if (next && next->image != image) next.reset();  // all steps of the image are done
  const int reading = next ? next->use : uses;
  for (const BufferElement& element : buffer_elements(fault, memory, lowering.network())) {
    const auto index = static_cast<int>(element.stored - memory.tensors.data());
    if (index != reading && index != reading + 1) continue;  // nobody reads it any more
    // The first step whose outputs are not in the buffer yet, of the use that writes the tensor.
    auto missing = run.next_step(array.name, cycle - buffered->write_cycles);
    const bool written = index == 0 || !missing || missing->image != image || missing->use >= index;
    // As long as that use is not done the tensor itself is wrong, after it what is read.
    auto done = run.next_step(array.name, cycle - buffered->write_cycles - 1);
    const bool complete = index == 0 || (done && done->image == image && done->use >= index);
    if (complete && next) {
      flip_while_read(lowering, array, element, *next);
    } else {
      flip_while_written(lowering, fault, array, element, written ? nullptr : &*missing, image);
    }
  }
}

}  // namespace

std::vector<SiteRow> of_activation_memories() {
  return {
      {SiteKind::buffer_activation,
       "buffer/activation",
       PartKind::activation_memory,
       "buffer[]/data[][]",
       {{"buffer", memory_buffers, "2; a unified buffer: 1"},
        {"address", memory_bytes, "bytes of a buffer"},
        {"bit", byte_bits, "8"}},
       ValueKind::bit,
       "bit of a byte of an activation buffer: of every code, running maximum of a pool or "
       "accumulator that is stored there; a systolic array with off-chip memory has one, the "
       "unified buffer, in which no pool computes, and knows no transients there",
       "one code bit of one element, in each tensor that the buffer holds and that reaches so far",
       "the element has that bit; or the byte comes after the tensor or in a pixel's last bits",
       "models/loopback/FORMAT.md, Faults",
       Transient::stored,
       stick_bit,
       flip_bit,
       any_parameters},
  };
}

}  // namespace stuckat::site_rows
