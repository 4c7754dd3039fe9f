#include "faultmaps/weight_memory.h"

#include <cassert>
#include <cstdint>
#include <optional>

#include "faultmaps/fault_map.h"
#include "faultmaps/lowering.h"

namespace stuckat {
namespace {

/// Sizes of an OtherPart: its bytes, then those of each tile, in the order of StoredTile's members.
constexpr int tile_figures = 7;

StoredTile tile_at(const OtherPart& part, int number) {
  const int* f = part.figures.data() + 1 + number * tile_figures;
  return {f[0], f[1], f[2], f[3], f[4], f[5] != 0, f[6]};
}
int tiles_in(const OtherPart& part) {
  return static_cast<int>(part.figures.size() - 1) / tile_figures;
}

/// The tile that holds an address.
StoredTile tile_of(const OtherPart& part, int address) {
  int first = 0;
  for (int end = tiles_in(part); end - first > 1;) {
    const int middle = (first + end) / 2;
    (tile_at(part, middle).offset <= address ? first : end) = middle;
  }
  return tile_at(part, first);
}

/// What bit `at` of a tile is; nothing: it fills up a byte.
std::optional<StoredBit> bit_of(const StoredTile& tile, const Layer& of, int64_t at) {
  const int weight_bits = of.weight_format.bits;
  const int64_t column_bits = (int64_t{tile.rows} * weight_bits + 7) / 8 * 8;
  const int64_t weights = tile.columns * column_bits;
  StoredBit result;
  result.layer = tile.layer;
  if (at < weights) {
    const auto in_column = static_cast<int>(at % column_bits);
    if (in_column / weight_bits >= tile.rows) return {};
    result.row = tile.first_row + in_column / weight_bits;
    result.index = tile.first_column + static_cast<int>(at / column_bits);
    result.bit = in_column % weight_bits;
    result.bits = weight_bits;
    return result;
  }
  const auto in_thresholds = static_cast<int>(at - weights);
  const int number = in_thresholds / of.threshold_bits();
  if (!tile.thresholds || number >= tile.rows * of.thresholds_per_row()) return {};
  result.row = tile.first_row + number / of.thresholds_per_row();
  result.is_threshold = true;
  result.index = number % of.thresholds_per_row();
  result.bit = in_thresholds % of.threshold_bits();
  result.bits = of.threshold_bits();
  return result;
}

const OtherPart& memory_part(const Placement& placement, int part) {
  return other_part(weight_memory_kinds().part, placement, part);
}
int memory_bytes_of(const Placement& placement, int part, const Network&) {
  return memory_part(placement, part).figures.front();
}
int bits_of_byte(const Placement&, int, const Network&) { return 8; }

void visit_bits(const Placement& placement, const Network& network, const Fault& fault, int part,
                const StoredBitVisitor& visit) {
  const int address = fault.coordinates[0];
  const StoredTile tile = tile_of(memory_part(placement, part), address);
  const int64_t at = (int64_t{address} - tile.offset) * 8 + fault.coordinates[1];
  const auto found = bit_of(tile, network.layer(tile.layer), at);
  StoredBit padding;
  padding.layer = tile.layer;
  padding.is_padding = true;
  visit(found ? *found : padding);
}

void stick_bit(Lowering& lowering, const Fault& fault, int part) {
  visit_bits(lowering.placement(), lowering.network(), fault, part,
             [&](const StoredBit& b) { lowering.stick(b, fault.value != 0); });
}

constexpr ParameterMemory memory_of_bytes = {visit_bits, [](const Placement&, int) { return true; },
                                             8};

WeightMemoryKinds register_kinds() {
  WeightMemoryKinds k;
  k.part = register_part_kind("weight memory", nullptr, true);
  SiteRow row{{},
              "memory/parameter",
              k.part,
              "data[][]",
              {{"address", memory_bytes_of, "bytes of all tiles of weights and thresholds"},
               {"bit", bits_of_byte, "8"}},
              ValueKind::bit,
              "bit of a byte of the off-chip memory that weights and thresholds are loaded from, "
              "as it is read",
              "one weight or threshold of one channel differs, wherever it is loaded to",
              "the weight or threshold has that bit; or the bit fills up a byte",
              "docs/systolic.md, Fault sites",
              Transient::none,
              stick_bit,
              nullptr,
              off_chip};
  row.parameters = &memory_of_bytes;
  k.parameter = register_site(std::move(row));
  return k;
}

}  // namespace

const WeightMemoryKinds& weight_memory_kinds() {
  static const WeightMemoryKinds kinds = register_kinds();
  return kinds;
}

OtherPart weight_memory_part(const WeightMemory& memory) {
  OtherPart part{weight_memory_kinds().part, memory.name, -1, {memory.bytes}};
  for (const StoredTile& t : memory.tiles) {
    part.figures.insert(part.figures.end(), {t.layer, t.first_row, t.rows, t.first_column,
                                             t.columns, t.thresholds ? 1 : 0, t.offset});
  }
  return part;
}

WeightMemory weight_memory_of(const OtherPart& part) {
  assert(part.kind == weight_memory_kinds().part && !part.figures.empty());
  WeightMemory memory{part.name, {}, part.figures.front()};
  for (int i = 0; i < tiles_in(part); ++i) memory.tiles.push_back(tile_at(part, i));
  return memory;
}

}  // namespace stuckat
