#include "models/loopback/site_diagram.h"

#include "models/loopback/family.h"

namespace stuckat::loopback {

/// One array, layer after layer: it reads one activation buffer and writes the other.
SiteDiagram site_diagram() {
  return {"Fault sites of a loopback accelerator",
          "One array runs layer after layer. Red: what can break.",
          {{"off-chip memory", "image, weights, result", "memory/", 20, 150},
           {"weight buffer", "banks, filled tile by tile", "array/", 230, 170},
           {"array of PEs", "rows (or pixels) mod PE, columns mod SIMD", "array/", 460, 260},
           {"activation buffers", "read one, write the other", "buffer/", 780, 180}}};
}

std::vector<Family::Example> examples() {
  const auto array = [](Schedule schedule, const char* name) {
    return [schedule, name](const Network&) -> AcceleratorPtr {
      LoopbackAccelerator accelerator = parse_loopback("loopback:32x64");
      accelerator.name = name;
      accelerator.schedule = schedule;
      return std::make_shared<Loopback>(accelerator);
    };
  };
  // The PEs of the second share their weights.
  return {{"cnv-w1a1", array(Schedule::channel_parallel, "32x64"),
           "a loopback\narray of 32 PEs with 64 lanes that runs the same network"},
          {"cnv-w1a1", array(Schedule::pixel_parallel, "pixel-parallel-32x64"), ""}};
}

}  // namespace stuckat::loopback
