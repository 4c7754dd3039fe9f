#include "faultmaps/parts.h"

#include <cassert>
#include <cstdlib>

namespace stuckat {
namespace {

// Functions of a row, for the parts in one list of the placement.
template <auto list>
int count_of(PartKind, const Placement& placement) {
  return static_cast<int>((placement.*list).size());
}
template <auto list>
const std::string& name_of(PartKind, const Placement& placement, int part) {
  return (placement.*list)[static_cast<size_t>(part)].name;
}
template <auto list>
int own_layer(PartKind, const Placement& placement, int part) {
  return (placement.*list)[static_cast<size_t>(part)].layer;
}
int no_layer(PartKind, const Placement&, int) { return -1; }

int array_layer(PartKind, const Placement& placement, int part) {
  const auto& uses = placement.arrays[static_cast<size_t>(part)].uses;
  return uses.size() == 1 ? uses.front().layer : -1;
}
std::vector<int> array_levels(const Placement& placement, int part, const Network& network) {
  const auto& uses = placement.arrays[static_cast<size_t>(part)].uses;
  if (uses.empty()) return {};
  return levels_of(level_format(network, uses.front().layer));
}

int stream_layer(PartKind, const Placement& placement, int part) {
  const Stream& stream = placement.streams[static_cast<size_t>(part)];
  return stream.carries == Carries::tensor ? Network::producer(stream.tensor) : stream.layer;
}
std::vector<int> stream_levels(const Placement& placement, int part, const Network& network) {
  const int tensor = placement.streams[static_cast<size_t>(part)].tensor;
  return levels_of(tensor == 0 ? network.format(0)
                               : level_format(network, Network::producer(tensor)));
}

int count_others(PartKind kind, const Placement& placement) {
  int count = 0;
  for (const OtherPart& other : placement.others) count += other.kind == kind ? 1 : 0;
  return count;
}
const std::string& name_of_other(PartKind kind, const Placement& placement, int part) {
  return other_part(kind, placement, part).name;
}
int layer_of_other(PartKind kind, const Placement& placement, int part) {
  return other_part(kind, placement, part).layer;
}

std::deque<PartRow>& known_parts() {
  static std::deque<PartRow> rows = {
      {PartKind::pe_array, "PE array", count_of<&Placement::arrays>, name_of<&Placement::arrays>,
       array_layer, array_levels, true},
      {PartKind::stream, "stream", count_of<&Placement::streams>, name_of<&Placement::streams>,
       stream_layer, stream_levels, true},
      {PartKind::window_buffer, "window buffer", count_of<&Placement::windows>,
       name_of<&Placement::windows>, own_layer<&Placement::windows>, nullptr, true},
      {PartKind::pool, "pool", count_of<&Placement::pools>, name_of<&Placement::pools>,
       own_layer<&Placement::pools>, nullptr, true},
      {PartKind::activation_memory, "activation memory", count_of<&Placement::memories>,
       name_of<&Placement::memories>, no_layer, nullptr, true},
      {PartKind::window_ring, "window ring", count_others, name_of_other, layer_of_other, nullptr},
      {PartKind::replay_buffer, "replay buffer", count_others, name_of_other, layer_of_other,
       nullptr},
      {PartKind::output_registers, "output registers", count_others, name_of_other, layer_of_other,
       nullptr},
      {PartKind::threshold_unit, "threshold unit", count_others, name_of_other, layer_of_other,
       nullptr},
      {PartKind::average_pool, "average-pool", count_others, name_of_other, layer_of_other, nullptr,
       true},
      {PartKind::adder, "adder", count_others, name_of_other, layer_of_other, nullptr, true},
  };
  return rows;
}

}  // namespace

const std::deque<PartRow>& part_table() { return known_parts(); }

const PartRow& part_row(PartKind kind) {
  const PartRow& row = known_parts()[static_cast<size_t>(kind)];
  assert(row.kind == kind);
  return row;
}

PartKind register_part_kind(const char* name,
                            std::vector<int> (*levels)(const Placement&, int, const Network&),
                            bool any_network) {
  const auto kind = static_cast<PartKind>(known_parts().size());
  known_parts().push_back(
      {kind, name, count_others, name_of_other, layer_of_other, levels, any_network});
  return kind;
}

const OtherPart& other_part(PartKind kind, const Placement& placement, int part) {
  size_t i = 0;
  for (int left = part; placement.others[i].kind != kind || left-- > 0;) ++i;
  return placement.others[i];
}

NumberFormat level_format(const Network& network, int layer) {
  const Layer& l = network.layers[static_cast<size_t>(layer)];
  if (!l.accumulator_output) return l.output_format;
  return l.input_format.kind == FormatKind::fixed_point ? binary_format : l.input_format;
}

std::vector<int> levels_of(NumberFormat format) {
  std::vector<int> levels;
  for (int i = 0; i < format.levels(); ++i) levels.push_back(format.level(i));
  return levels;
}

int nearest_level(NumberFormat format, int value) {
  int best = format.level(0);
  for (int i = 1; i < format.levels(); ++i) {
    if (std::abs(format.level(i) - value) < std::abs(best - value)) best = format.level(i);
  }
  return best;
}

}  // namespace stuckat
