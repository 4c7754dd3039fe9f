#include "faultmaps/systolic_sites.h"

#include <algorithm>
#include <cassert>

#include "faultmaps/site_index.h"
#include "faultmaps/systolic_faults.h"

namespace stuckat {
namespace {

/// Sizes of an OtherPart, in order; the layers follow.
enum Figure {
  rows,
  columns,
  dataflow,
  mapping,
  loading,
  drains,
  sum_bits,
  accumulator_bits,
  depth
};
constexpr int first_layer = depth + 1;

const OtherPart& part_at(const Placement& placement, int part) {
  return other_part(systolic_kinds().part, placement, part);
}
int figure(const Placement& p, int part, Figure which) {
  return part_at(p, part).figures[static_cast<size_t>(which)];
}
bool has(const Placement& p, int part, SystolicDataflow what) {
  return figure(p, part, dataflow) == static_cast<int>(what);
}
bool weights_stay(const Placement& p, int part) {
  return has(p, part, SystolicDataflow::weight_stationary);
}

/// Nothing is known of the values in an array whose inputs stay: only of its cycles.
int array_rows(const Placement& p, int part, const Network&) {
  return has(p, part, SystolicDataflow::input_stationary) ? 0 : figure(p, part, rows);
}
int array_columns(const Placement& p, int part, const Network&) { return figure(p, part, columns); }

template <typename Bits>
int greatest(const Placement& p, int part, const Network& network, Bits bits) {
  int result = 0;
  const auto& figures = part_at(p, part).figures;
  for (size_t i = first_layer; i < figures.size(); ++i) {
    result = std::max(result, bits(network.layer(figures[i])));
  }
  return result;
}
int input_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const Layer& l) { return l.input_format.bits; });
}
int weight_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const Layer& l) { return l.weight_format.bits; });
}
int product_bits(const Placement& p, int part, const Network& n) {
  return greatest(p, part, n, [](const Layer& l) { return l.signed_product_bits(); });
}
int b_bits(const Placement& p, int part, const Network& n) {
  return weights_stay(p, part) ? figure(p, part, sum_bits) : weight_bits(p, part, n);
}
int d_bits(const Placement& p, int part, const Network& n) {
  if (weights_stay(p, part)) return weight_bits(p, part, n);
  return figure(p, part, drains) != 0 ? figure(p, part, accumulator_bits) : 0;
}
int w_bits(const Placement& p, int part, const Network& n) {
  return weights_stay(p, part) ? weight_bits(p, part, n) : figure(p, part, accumulator_bits);
}
int memory_columns(const Placement& p, int part, const Network&) {
  return weights_stay(p, part) ? figure(p, part, columns) : 0;
}
int memory_addresses(const Placement& p, int part, const Network&) {
  return figure(p, part, depth);
}
int memory_bits(const Placement& p, int part, const Network&) {
  return figure(p, part, accumulator_bits);
}

std::vector<int> levels(const Placement& placement, int part, const Network& network) {
  const auto& figures = part_at(placement, part).figures;
  if (figures.size() <= first_layer) return {};
  return levels_of(level_format(network, figures[first_layer]));
}

void collect(Lowering& lowering, const Fault& fault, int part) {
  lowering.of_part<SystolicFaults>(systolic_kinds().part, part).add(fault);
}

constexpr const char* source = "docs/systolic.md, Fault sites";

SiteRow of_pe(PartKind part, const char* name, const char* pattern,
              std::vector<SiteCoordinate> more, const char* meaning, const char* effect,
              const char* masked, Transient transient) {
  std::vector<SiteCoordinate> coordinates = {{"row", array_rows, "R, rows of the array"},
                                             {"column", array_columns, "C, its columns"}};
  coordinates.insert(coordinates.end(), more.begin(), more.end());
  return {{},
          name,
          part,
          pattern,
          std::move(coordinates),
          ValueKind::bit,
          meaning,
          effect,
          masked,
          source,
          transient,
          collect,
          transient == Transient::none ? nullptr : collect};
}

constexpr const char* idle =
    "the bit already has that value; or an idle PE, or the layer's codes "
    "have fewer bits";

SystolicKinds register_systolic_kinds() {
  SystolicKinds k{};
  k.part = register_part_kind("systolic array", levels, true);
  using Coordinates = std::vector<SiteCoordinate>;
  const auto add = [&](const char* name, const char* pattern, Coordinates more, auto... words) {
    return register_site(of_pe(k.part, name, pattern, std::move(more), words...));
  };
  const auto bits = [](auto count, const char* formula) {
    return Coordinates{{"bit", count, formula}};
  };
  k.a = add("systolic/a", "pe[][]/a[]", bits(input_bits, "bits of an input code"),
            "bit of the register in which an operand moves to the right, as this PE reads it",
            "columns c .. C-1 multiply a wrong operand, of row r of every tile (output-stationary: "
            "in pixels of row r)",
            idle, Transient::passes);
  k.b = add("systolic/b", "pe[][]/b[]",
            bits(b_bits, "width of the partial sum; output-stationary: bits of a weight code"),
            "bit of the register in which the partial sum moves down (output-stationary: the "
            "weight), as this PE reads it",
            "channels of column c add up with a wrong partial sum, and the rows below still add "
            "(output-stationary: they multiply a wrong weight from row r down)",
            idle, Transient::passes);
  k.d = add("systolic/d", "pe[][]/d[]",
            bits(d_bits, "bits of a weight code; output-stationary: accumulator width"),
            "bit of the chain through which weights enter a column (output-stationary: through "
            "which accumulators leave it), as this PE reads it",
            "weights of rows r .. R-1 of column c differ (output-stationary: sums of rows 0 .. r)",
            idle, Transient::passes);
  k.w0 = add("systolic/w0", "pe[][]/w0[]",
             bits(w_bits, "bits of a weight code; output-stationary: accumulator width"),
             "bit of the first of two registers that take turns from tile to tile: a weight "
             "(output-stationary: an accumulator), as it is read",
             "a weight of column c differs in every other tile (output-stationary: elements of the "
             "PE add up wrongly in every other tile)",
             idle, Transient::stored);
  k.w1 = add("systolic/w1", "pe[][]/w1[]",
             bits(w_bits, "bits of a weight code; output-stationary: accumulator width"),
             "bit of the second of two registers that take turns from tile to tile",
             "as systolic/w0, in the other tiles", idle, Transient::stored);
  k.product =
      add("systolic/product", "pe[][]/product[]", bits(product_bits, "weight bits + operand bits"),
          "bit of the product, two's complement, binary operands too",
          "channels of column c add a wrong product in row r of every tile "
          "(output-stationary: elements of the PE)",
          idle, Transient::passes);
  k.valid = add("systolic/valid", "pe[][]/valid", {},
                "the bit that says that this cycle's sum counts; it moves down",
                "at 0, sums of tiles that reach row r of column c never arrive (output-stationary: "
                "elements of rows r .. R-1 are not added up)",
                "stuck at 1; or an idle PE", Transient::passes);
  k.propagate = add("systolic/propagate", "pe[][]/propagate", {},
                    "the bit that says which of w0 and w1 works; it moves down",
                    "from row r on, column c works with the other register in every other tile: "
                    "with weights of the tile before or after",
                    "an idle PE; or the registers hold the same", Transient::passes);
  k.bypass = [&] {
    SiteRow row = of_pe(k.part, "systolic/bypass", "pe[][]/bypass", {},
                        "the PE is bypassed: the partial sum passes it as it is",
                        "its product is 0, its weights count as pruned (output-stationary: its "
                        "elements are not computed, the sum is 0)",
                        "an idle PE; or its weights are 0", Transient::none);
    row.value = ValueKind::on;
    row.traits = prunes;
    return register_site(std::move(row));
  }();
  k.dead = [&] {
    SiteRow row = of_pe(k.part, "systolic/dead", "pe[][]/dead", {},
                        "the PE's product is one level (output-stationary: its output code is)",
                        "channels of column c add the level in row r of every tile "
                        "(output-stationary: elements of the PE are stuck at the level)",
                        "an idle PE", Transient::none);
    row.value = ValueKind::level;
    row.traits = whole_pe;
    return register_site(std::move(row));
  }();
  SiteRow memory{{},
                 "systolic/accumulator",
                 k.part,
                 "accumulator[][][]",
                 {{"column", memory_columns, "C; none output-stationary"},
                  {"address", memory_addresses, "vectors that the memory holds"},
                  {"bit", memory_bits, "accumulator width"}},
                 ValueKind::bit,
                 "bit of the memory below a column, cleared when a product begins, after every "
                 "tile that is added to it",
                 "channels of column c add up wrongly in pixels m with m mod depth = address",
                 "the bit has that value in every partial sum; or no pixel has the address",
                 source,
                 Transient::none,
                 collect,
                 nullptr};
  k.accumulator = register_site(std::move(memory));
  return k;
}

}  // namespace

const SystolicKinds& systolic_kinds() {
  static const SystolicKinds kinds = register_systolic_kinds();
  return kinds;
}

OtherPart systolic_part(const SystolicArray& a) {
  OtherPart part{systolic_kinds().part, a.name, -1, {}};
  part.figures = {a.rows,
                  a.columns,
                  static_cast<int>(a.dataflow),
                  static_cast<int>(a.mapping),
                  static_cast<int>(a.loading),
                  (a.drains ? 1 : 0) | (a.waits ? 2 : 0),
                  a.sum_bits,
                  a.accumulator_bits,
                  a.accumulator_depth};
  part.figures.insert(part.figures.end(), a.layers.begin(), a.layers.end());
  return part;
}

SystolicArray systolic_array_of(const OtherPart& part) {
  const auto& f = part.figures;
  assert(part.kind == systolic_kinds().part && f.size() >= first_layer);
  SystolicArray a;
  a.name = part.name;
  a.rows = f[rows];
  a.columns = f[columns];
  a.dataflow = static_cast<SystolicDataflow>(f[dataflow]);
  a.mapping = static_cast<SystolicMapping>(f[mapping]);
  a.loading = static_cast<WeightLoading>(f[loading]);
  a.drains = (f[drains] & 1) != 0;
  a.waits = (f[drains] & 2) != 0;
  a.sum_bits = f[sum_bits];
  a.accumulator_bits = f[accumulator_bits];
  a.accumulator_depth = f[depth];
  a.layers.assign(f.begin() + first_layer, f.end());
  return a;
}

Fault systolic_fault(SiteKind kind, const SystolicArray& array, int row, int column, int more,
                     int value) {
  return {kind, array.name, {row, column, more, 0}, value};
}

FaultMap bypass_map(const Placement& placement, const PeSet& bypassed) {
  const OtherPart& part = part_at(placement, 0);
  const SystolicArray array = systolic_array_of(part);
  assert(bypassed.size() == static_cast<size_t>(array.pes()));
  FaultMap map{placement.accelerator, {}, content_hash(placement)};
  for (int pe = 0; pe < array.pes(); ++pe) {
    if (!bypassed[static_cast<size_t>(pe)]) continue;
    map.faults.push_back(systolic_fault(systolic_kinds().bypass, array, pe / array.columns,
                                        pe % array.columns, 0, 1));
  }
  return map;
}

}  // namespace stuckat
