#include "models/dataflow/site_diagram.h"

#include "models/dataflow/family.h"

namespace stuckat::dataflow {

/// The data path of one layer.
SiteDiagram site_diagram() {
  return {"Fault sites of a dataflow accelerator: one layer",
          "Every layer has parts of its own. Red: what can break.",
          {{"FIFO", "from the part before", "stream/", 20, 130},
           {"sliding window", "rows of the padded image", "window/", 165, 160},
           {"MVTU: array of PEs", "rows r mod PE, columns c mod SIMD", "", 345, 230},
           {"pool", "running maxima, sums", "pool/", 595, 135},
           {"add", "of branches", "add/", 750, 90},
           {"FIFO", "to the next part", "", 860, 110}}};
}

std::vector<Family::Example> examples() {
  const auto named = [](const char* name) {
    return [name](const Network& network) -> AcceleratorPtr {
      return std::make_shared<Dataflow>(parse_dataflow(name, network));
    };
  };
  // The second has max-pools of more than one bit, the third what parts in RTL store, the last
  // sums.
  const auto in_rtl = [](const Network& network) -> AcceleratorPtr {
    DataflowAccelerator a = parse_dataflow("bnn-pynq-cnv-w1a1", network);
    a.name = "cnv-w1a1-rtl";
    a.discipline = Discipline::flushing;
    for (LayerParams& p : a.layers) {
      p.parts = {WindowVersion::rtl, Backend::rtl, Backend::rtl, Backend::rtl, Backend::rtl};
    }
    validate(a, network);
    return std::make_shared<Dataflow>(a);
  };
  return {{"cnv-w1a1", named("bnn-pynq-cnv-w1a1"), "the published CNV-W1A1 accelerator"},
          {"cnv-w2a2", named("auto"), ""},
          {"cnv-w1a1", in_rtl, ""},
          {"resnet-8-w8a8", named("auto"), ""}};
}

}  // namespace stuckat::dataflow
