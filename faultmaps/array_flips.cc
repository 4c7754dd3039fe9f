// Transients in arrays of PEs.
#include <tuple>

#include "faultmaps/array_lowering.h"

namespace stuckat::array_sites {
namespace {

/// The array in the step that is the first to see the flip.
struct Moment {
  Lowering& lowering;
  const PeArray& array;
  const ArrayStep at;
  const ArrayUse& use;
  const Layer& layer;
  ArrayMap map;

  bool is_last_step() const { return at.step == map.steps() - 1; }
  RunImages image() const { return {at.image, at.image}; }
  void add_operator(int row, std::vector<int> pixels, RunImages images, BrokenPe pe) const {
    lowering.effects().operators.push_back(
        {use.layer, {row}, std::move(pixels), std::move(pe), images});
  }
};

/// visit(moment) unless the array has done all its steps.
template <typename Visit>
void at_moment(Lowering& lowering, const Fault& fault, int part, Visit visit) {
  const PeArray& array = lowering.placement().arrays[static_cast<size_t>(part)];
  const auto at = lowering.run().next_step(array.name, fault.flip_cycle);
  if (!at) return;
  const ArrayUse& use = array.uses[static_cast<size_t>(at->use)];
  const Layer& layer = lowering.layer(use.layer);
  visit(Moment{lowering, array, *at, use, layer, ArrayMap(array, use, layer)});
}

/// What the PE computes in that step, if it is no padding: visit(moment, row, pixel, pe), the PE
/// with nothing broken. Operands, products, comparators and the output code pass in their own
/// cycle; the accumulator is stored.
template <typename Visit>
void in_step(Lowering& lowering, const Fault& fault, int part, bool passes, Visit visit) {
  at_moment(lowering, fault, part, [&](const Moment& moment) {
    const ArrayStep& at = moment.at;
    const auto output = moment.map.output_of(fault.coordinates[0], at.pass, at.fold);
    if (moment.map.is_padding(output)) return;
    if (passes && at.cycle != fault.flip_cycle) return;  // nothing passes
    visit(moment, output, new_pe(moment.array, moment.use));
  });
}

/// A word at `address` of a memory is read once in each pass, in step `step` of fold `fold`. It is
/// written again only where the memory is filled anew, for the next tile.
void in_memory(const Moment& moment, int64_t cycle, int row, int fold, int step, BrokenPe pe) {
  const ArrayStep& at = moment.at;
  if (fold < at.first_fold || fold >= at.first_fold + at.folds) return;
  const bool begins = at.pass == 0 && at.fold == at.first_fold && at.step == 0;
  if (!at.resident && begins && at.cycle != cycle) return;
  const bool read_before = std::tie(fold, step) < std::tie(at.fold, at.step);
  const int first_pixel = moment.map.first_pixel(at.pass + (read_before ? 1 : 0));
  RunImages rest{at.image, at.resident ? INT64_MAX : at.image};
  if (first_pixel > 0) {
    const std::vector<int> pixels = multiples(first_pixel, 1, moment.layer.output.pixels());
    if (!pixels.empty()) moment.add_operator(row, pixels, moment.image(), pe);
    ++rest.first;
  }
  if (rest.first <= rest.last) moment.add_operator(row, {}, rest, std::move(pe));
}

void in_weight(Lowering& lowering, const Fault& fault, int part, int pe, int address, int lane,
               int bit) {
  at_moment(lowering, fault, part, [&](const Moment& moment) {
    const ArrayMap::Weight weight = moment.map.weight_at(pe, address, lane);
    const Layer& l = moment.layer;
    if (weight.row >= l.rows() || bit >= l.weight_format.bits) return;
    const auto read = moment.map.step_of(weight.row, 0, weight.column);
    BrokenPe broken = new_pe(moment.array, moment.use);
    broken.weight_flips = {{weight.row, weight.column, 1u << bit}};
    in_memory(moment, fault.flip_cycle, weight.row, read.fold, read.step, std::move(broken));
  });
}

/// Thresholds are read in the last step of a fold.
void in_threshold(Lowering& lowering, const Fault& fault, int part, int pe, int address, int index,
                  int bit) {
  at_moment(lowering, fault, part, [&](const Moment& moment) {
    const int row = moment.map.threshold_row(pe, address);
    const Layer& l = moment.layer;
    const int bits = moment.use.threshold_bits;
    if (row >= l.rows() || index >= l.thresholds_per_row() || bit >= bits) return;
    BrokenPe broken = new_pe(moment.array, moment.use);
    broken.threshold_flips = {{row, index, inverted(bit, bits, true)}};
    in_memory(moment, fault.flip_cycle, row, address, moment.map.steps() - 1, std::move(broken));
  });
}

}  // namespace

void flip_weight(Lowering& lowering, const Fault& fault, int part) {
  const auto [pe, address, lane, bit] = fault.coordinates;
  in_weight(lowering, fault, part, pe, address, lane, bit);
}

void flip_shared_weight(Lowering& lowering, const Fault& fault, int part) {
  const auto [address, lane, bit, unused] = fault.coordinates;
  in_weight(lowering, fault, part, 0, address, lane, bit);
}

void flip_threshold(Lowering& lowering, const Fault& fault, int part) {
  const auto [pe, address, index, bit] = fault.coordinates;
  in_threshold(lowering, fault, part, pe, address, index, bit);
}

void flip_shared_threshold(Lowering& lowering, const Fault& fault, int part) {
  const auto [address, index, bit, unused] = fault.coordinates;
  in_threshold(lowering, fault, part, 0, address, index, bit);
}

/// The accumulator holds what step s-1 of a fold left when step s begins, and before step 0 nothing
/// that is used again.
void flip_accumulator(Lowering& lowering, const Fault& fault, int part) {
  const int bit = fault.coordinates[1];
  in_step(lowering, fault, part, false, [&](const Moment& moment, auto output, BrokenPe pe) {
    if (moment.at.step == 0 || bit >= moment.use.accumulator_bits) return;
    pe.accumulator_flips = {{moment.at.step, 1u << bit}};
    moment.add_operator(output.row, {output.pixel}, moment.image(), std::move(pe));
  });
}

void flip_input(Lowering& lowering, const Fault& fault, int part) {
  const auto [unused, lane, bit, none] = fault.coordinates;
  in_step(lowering, fault, part, true,
          [&, lane = lane, bit = bit](const Moment& moment, auto output, BrokenPe pe) {
            if (bit >= moment.layer.input_format.bits) return;
            pe.input_flips = {{moment.at.step, lane, 1u << bit}};
            moment.add_operator(output.row, {output.pixel}, moment.image(), std::move(pe));
          });
}

void flip_product(Lowering& lowering, const Fault& fault, int part) {
  const auto [unused, lane, bit, none] = fault.coordinates;
  in_step(lowering, fault, part, true,
          [&, lane = lane, bit = bit](const Moment& moment, auto output, BrokenPe pe) {
            if (bit >= moment.layer.product_bits()) return;
            pe.product_flips = {{moment.at.step, lane, 1u << bit}};
            moment.add_operator(output.row, {output.pixel}, moment.image(), std::move(pe));
          });
}

void flip_comparator(Lowering& lowering, const Fault& fault, int part) {
  const int index = fault.coordinates[1];
  in_step(lowering, fault, part, true, [&](const Moment& moment, auto output, BrokenPe pe) {
    if (!moment.is_last_step() || index >= moment.layer.thresholds_per_row()) return;
    pe.comparator_flips = {index};
    moment.add_operator(output.row, {output.pixel}, moment.image(), std::move(pe));
  });
}

void flip_output(Lowering& lowering, const Fault& fault, int part) {
  const int bit = fault.coordinates[1];
  in_step(lowering, fault, part, true, [&](const Moment& moment, auto output, const BrokenPe&) {
    const Layer& l = moment.layer;
    const int bits = l.accumulator_output ? moment.use.accumulator_bits : l.output_format.bits;
    if (!moment.is_last_step() || bit >= bits) return;
    ElementFault element;
    element.tensor = Network::output_tensor(moment.use.layer);
    element.channels = {output.row};
    element.pixels = {output.pixel};
    element.point = point_output_flip;
    element.images = moment.image();
    element.mask.flip = inverted(bit, bits, l.accumulator_output && !l.is_xnor());
    lowering.effects().elements.push_back(std::move(element));
  });
}

}  // namespace stuckat::array_sites
