#include "workloads/capabilities.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat {

void check_supported(const Network& network, const Capabilities& engine, const std::string& where) {
  for (const Layer& layer : network.layers) {
    if (std::find(engine.kinds.begin(), engine.kinds.end(), layer.kind) != engine.kinds.end()) {
      continue;
    }
    std::string known;
    for (const LayerKind kind : engine.kinds) {
      known += (known.empty() ? "" : ", ") + std::string(kind->name);
    }
    throw InputError(
        where, "layer '" + layer.name + "' is a " + layer.kind->name + ", which " + engine.refusal,
        "layers of the kinds " + known);
  }
}

}  // namespace stuckat
