#include "models/dataflow/stuck_unit.h"

#include <cstdint>

#include "models/dataflow/family.h"
#include "models/dataflow/placement.h"

namespace stuckat::dataflow {

BrokenHardware stuck_unit(const Network& network, const StuckUnit& unit, const std::string& where) {
  auto accelerator = auto_dataflow(network, INT32_MAX);
  const auto producer = static_cast<size_t>(network.producer(unit.tensor));
  const Layer& layer = network.layers[producer];
  const std::string level = "]/dead=" + std::to_string(unit.level);
  std::vector<std::string> names;
  if (unit.channel >= 0) {
    accelerator.layers[producer].pe = layer.rows();
    names.push_back(layer.name + "/mvtu/pe[" + std::to_string(unit.channel) + level);
  } else {
    const Shape shape = network.shape(unit.tensor);
    const std::string stream = layer.name + "/out";
    int words_per_pixel = 1;
    for (const Stream& s : place(accelerator, network).streams) {
      if (s.name == stream) words_per_pixel = s.words_per_pixel;
    }
    accelerator.layers[producer].out_depth = shape.pixels() * words_per_pixel;
    const int first = (unit.y * shape.width + unit.x) * words_per_pixel;
    for (int word = first; word < first + words_per_pixel; ++word) {
      names.push_back(stream + "/slot[" + std::to_string(word) + level);
    }
  }
  validate(accelerator, network);
  const Placement placement = place(accelerator, network);
  FaultMap map{placement.accelerator, {}};
  for (const auto& name : names) {
    map.faults.push_back(parse_fault(name, placement, network, where));
  }
  stuckat::validate(map, placement, network, where);
  return {std::make_shared<Dataflow>(std::move(accelerator)), std::move(map)};
}

}  // namespace stuckat::dataflow
