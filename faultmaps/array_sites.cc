// Sites of arrays of PEs: their rows in the site table.
#include <algorithm>

#include "faultmaps/array_lowering.h"
#include "faultmaps/array_map.h"
#include "faultmaps/site_rows.h"

namespace stuckat::site_rows {
namespace {

const PeArray& array_at(const Placement& placement, int part) {
  return placement.arrays[static_cast<size_t>(part)];
}
const Layer& layer_of(const Network& network, const ArrayUse& use) {
  return network.layers[static_cast<size_t>(use.layer)];
}

/// Greatest of a figure over everything that the array is used for.
template <typename Figure>
int greatest(const Placement& placement, int part, const Network& network, Figure figure) {
  int result = 0;
  for (const ArrayUse& use : array_at(placement, part).uses) {
    result = std::max(result, figure(use, layer_of(network, use)));
  }
  return result;
}
/// Of memories that each PE has (shared: that all of them read), where the array has such.
template <typename Addresses>
int addresses(const Placement& placement, int part, const Network& network, bool shared,
              Addresses figure) {
  const PeArray& array = array_at(placement, part);
  return greatest(placement, part, network, [&](const ArrayUse& use, const Layer& layer) {
    const ArrayMap map(array, use, layer);
    return map.broadcasts() == shared ? figure(map, layer) : 0;
  });
}

int pes(const Placement& p, int part, const Network&) { return array_at(p, part).pe; }
int lanes(const Placement& p, int part, const Network&) { return array_at(p, part).simd; }
int input_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.input_format.bits; });
}
int weight_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.weight_format.bits; });
}
int product_bits_of(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse&, const Layer& l) { return l.product_bits(); });
}
int accumulator_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer&) { return u.accumulator_bits; });
}
int output_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer& l) {
    return l.accumulator_output ? u.accumulator_bits : l.output_format.bits;
  });
}
int weights_in(const ArrayMap& map, const Layer&) { return map.weight_addresses(); }
int threshold_rows_in(const ArrayMap& map, const Layer& layer) {
  return layer.accumulator_output ? 0 : map.folds();
}
int weight_addresses(const Placement& p, int part, const Network& n) {
  return addresses(p, part, n, false, weights_in);
}
int threshold_addresses(const Placement& p, int part, const Network& n) {
  return addresses(p, part, n, false, threshold_rows_in);
}
int shared_weight_addresses(const Placement& p, int part, const Network& n) {
  return addresses(p, part, n, true, weights_in);
}
int shared_threshold_addresses(const Placement& p, int part, const Network& n) {
  return addresses(p, part, n, true, threshold_rows_in);
}
int thresholds(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n,
                  [](const ArrayUse&, const Layer& l) { return l.thresholds_per_row(); });
}
int threshold_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const ArrayUse& u, const Layer& l) {
    return l.accumulator_output ? 0 : u.threshold_bits;
  });
}

}  // namespace

std::vector<SiteRow> of_pes() {
  using namespace array_sites;
  return {
      {SiteKind::pe_input,
       "pe/input",
       PartKind::pe_array,
       "pe[]/input[][]",
       {{"pe", pes, "PE"}, {"lane", lanes, "SIMD"}, {"bit", input_bits, "bits of an input code"}},
       ValueKind::bit,
       "bit of the input operand's code, as this PE's lane reads it, in every step",
       "its channels multiply a wrong operand in columns c with c mod SIMD = lane",
       "the bit already has that value; or the layer's operands have fewer bits",
       "docs/hardware.md, MVTU",
       Transient::passes,
       stick_input,
       flip_input,
       any_parameters},
      {SiteKind::pe_weight,
       "pe/weight",
       PartKind::pe_array,
       "pe[]/weight[][][]",
       {{"pe", pes, "PE"},
        {"address", weight_addresses, "NF*SF, NF = ceil(rows/PE), SF = ceil(columns/SIMD)"},
        {"lane", lanes, "SIMD"},
        {"bit", weight_bits, "bits of a weight code"}},
       ValueKind::bit,
       "bit of the stored weight code at an address (nf*SF + sf) and lane of the PE's weight "
       "memory",
       "one weight of one channel differs (in each layer that uses the address)",
       "the weight has that bit; or a padded row; or a padded column whose input is 0",
       "docs/hardware.md, MVTU",
       Transient::stored,
       stick_weight,
       flip_weight,
       weight_memory,
       &weights_of_array()},
      {SiteKind::pe_product,
       "pe/product",
       PartKind::pe_array,
       "pe[]/product[][]",
       {{"pe", pes, "PE"},
        {"lane", lanes, "SIMD"},
        {"bit", product_bits_of, "1 for XNOR, else weight bits + operand bits"}},
       ValueKind::bit,
       "bit of a lane's product: the XNOR match, or weight bits + operand bits in two's complement",
       "its channels add a wrong product in every step, in padded columns too",
       "every product of the lane has that bit",
       "docs/hardware.md, MVTU",
       Transient::passes,
       stick_product,
       flip_product,
       any_parameters},
      {SiteKind::pe_accumulator,
       "pe/accumulator",
       PartKind::pe_array,
       "pe[]/accumulator[]",
       {{"pe", pes, "PE"},
        {"bit", accumulator_bits,
         "accumulator width: as the accelerator says, or ceil(log2(columns + 1)) for XNOR, "
         "ceil(log2(columns * greatest product + 1)) + 1 for signed sums"}},
       ValueKind::bit,
       "bit of the accumulator register after every step of the synapse fold",
       "its channels are computed with a broken adder, in the order of the fold",
       "every partial sum has that bit",
       "docs/hardware.md, MVTU",
       Transient::stored,
       stick_accumulator,
       flip_accumulator,
       any_parameters},
      {SiteKind::pe_threshold,
       "pe/threshold",
       PartKind::pe_array,
       "pe[]/threshold[][][]",
       {{"pe", pes, "PE"},
        {"address", threshold_addresses, "NF = ceil(rows/PE)"},
        {"index", thresholds, "levels of the output - 1"},
        {"bit", threshold_bits,
         "threshold width: as the accelerator says, or what holds every accumulator and one below, "
         "with a sign"}},
       ValueKind::bit,
       "bit of the stored threshold at a neuron fold of the PE's threshold memory, two's "
       "complement",
       "one threshold of one channel differs (in each layer that uses the address)",
       "the threshold has that bit; or a padded row",
       "docs/hardware.md, MVTU",
       Transient::stored,
       stick_threshold,
       flip_threshold,
       threshold_memory,
       &thresholds_of_array()},
      {SiteKind::pe_comparator,
       "pe/comparator",
       PartKind::pe_array,
       "pe[]/comparator[]",
       {{"pe", pes, "PE"}, {"index", thresholds, "levels of the output - 1"}},
       ValueKind::bit,
       "output of the comparator 'threshold < accumulator' before the count",
       "its channels count one threshold always or never; with 1-bit activations they are stuck",
       "the comparison always has that outcome",
       "docs/hardware.md, MVTU",
       Transient::passes,
       stick_comparator,
       flip_comparator,
       any_parameters},
      {SiteKind::pe_output,
       "pe/output",
       PartKind::pe_array,
       "pe[]/output[]",
       {{"pe", pes, "PE"},
        {"bit", output_bits,
         "bits of an output code; accumulator width where a layer passes it out"}},
       ValueKind::bit,
       "bit of the output code; of the accumulator where a layer passes it out",
       "one bit of its channels is stuck; with 1-bit activations the channels are",
       "every output has that bit",
       "docs/hardware.md, MVTU",
       Transient::passes,
       stick_output,
       flip_output,
       any_parameters},
      {SiteKind::pe_dead,
       "pe/dead",
       PartKind::pe_array,
       "pe[]/dead",
       {{"pe", pes, "PE"}},
       ValueKind::level,
       "every output of the PE is one level",
       "its channels are stuck at the level (channel stuck@), in every layer that the PE serves",
       "padded rows only",
       "docs/hardware.md, Error models of the FAT paper",
       Transient::none,
       kill_pe,
       nullptr,
       whole_pe | any_parameters},
  };
}

std::vector<SiteRow> of_broadcast_memories() {
  using namespace array_sites;
  return {
      {SiteKind::array_weight,
       "array/weight",
       PartKind::pe_array,
       "weight[][][]",
       {{"address", shared_weight_addresses, "rows*SF, SF = ceil(columns/SIMD)"},
        {"lane", lanes, "SIMD"},
        {"bit", weight_bits, "bits of a weight code"}},
       ValueKind::bit,
       "bit of the stored weight code at an address (row*SF + sf) and lane of the memory that "
       "broadcasts to the PEs of a pixel-parallel array",
       "one weight of one channel differs, for every PE (in each layer that uses the address)",
       "the weight has that bit; or a padded column whose input is 0",
       "docs/hardware.md, Loopback",
       Transient::stored,
       stick_shared_weight,
       flip_shared_weight,
       weight_memory,
       &weights_of_array()},
      {SiteKind::array_threshold,
       "array/threshold",
       PartKind::pe_array,
       "threshold[][][]",
       {{"address", shared_threshold_addresses, "rows"},
        {"index", thresholds, "levels of the output - 1"},
        {"bit", threshold_bits,
         "threshold width: as the accelerator says, or what holds every accumulator and one below, "
         "with a sign"}},
       ValueKind::bit,
       "bit of the stored threshold of a row, two's complement, in the memory that broadcasts to "
       "the PEs of a pixel-parallel array",
       "one threshold of one channel differs, for every PE (in each layer that has the row)",
       "the threshold has that bit",
       "docs/hardware.md, Loopback",
       Transient::stored,
       stick_threshold,
       flip_shared_threshold,
       threshold_memory,
       &thresholds_of_array()},
  };
}

}  // namespace stuckat::site_rows
