// A small random network with images, both kinds of placement, and what campaigns need.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "faultmaps/faulty_reference.h"
#include "sim/campaign/run.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "workloads/dataset.h"
#include "workloads/reference.h"

namespace stuckat::test {

struct CampaignSetup {
  explicit CampaignSetup(uint64_t seed, int images = 12) : random(seed) {
    // Images come as bytes: an 8-bit or binary input is needed.
    do {
      network = random_network(random);
    } while (network.layers.front().input_format.kind != FormatKind::fixed_point &&
             network.layers.front().input_format.kind != FormatKind::binary);
    data.name = "random";
    data.shape = network.input();
    data.classes = network.classes();
    for (int i = 0; i < images * data.shape.size(); ++i) {
      data.pixels.push_back(static_cast<uint8_t>(uniform(random, 0, 255)));
    }
    for (int i = 0; i < images; ++i) {
      data.labels.push_back(static_cast<uint16_t>(uniform(random, 0, data.classes - 1)));
    }
    dataflow = random_dataflow_placement(random, network);
    loopback = random_loopback_placement(random, network);
  }

  Random random;
  Network network;
  DataSet data;
  Placement dataflow;
  Placement loopback;
};

/// Every `step`-th fault of a set, by name.
inline campaign::FaultSet thinned(const campaign::FaultSet& faults, int64_t step,
                                  const Network& network, const Placement* placement) {
  std::vector<std::string> ids;
  std::vector<std::vector<std::string>> parts;
  for (int64_t i = 0; i < faults.size(); i += step) {
    ids.push_back(faults.info(i).id);
    parts.push_back(faults.parts(i));
  }
  return campaign::named_faults(network, placement, ids, parts, "thinned");
}

}  // namespace stuckat::test
