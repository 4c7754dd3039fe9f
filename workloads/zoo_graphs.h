// The part of the zoo that is no chain. Inside workloads only.
#pragma once

#include <string>
#include <vector>

#include "workloads/zoo.h"

namespace stuckat {

/// What a row of the zoo may have, and what its name ends in then.
struct PrecisionRow {
  std::string name;
  int weight_bits;
  int activation_bits;
};

/// "resnet-8-w8a8", ...: rows and their precisions, in order.
std::vector<std::string> zoo_graph_names();

/// As zoo_network(), which has checked the options; no layers if the name is none of these.
Network zoo_graph(const std::string& name, const ZooOptions& options);

}  // namespace stuckat
