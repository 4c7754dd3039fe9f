#include "sim/fast/packed_network.h"

#include <utility>

namespace stuckat::fast {

PackedNetwork::PackedNetwork(Network network) : network_(std::move(network)) {
  validate(network_, network_.name);
  for (int t = 0; t < network_.tensors(); ++t) layouts_.push_back(layout_of(network_, t));
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    layers_.push_back(pack_layer(network_.layers[i], layouts_[i], layouts_[i + 1]));
  }
}

int PackedNetwork::always_set_planes(int tensor) const {
  if (tensor == 0) return 0;
  switch (layer(tensor - 1).path) {
    case LayerPath::matrix:
    case LayerPath::first:
      return layer(tensor - 1).first_plane;
    case LayerPath::pool:
      return always_set_planes(tensor - 1);
    case LayerPath::plain:
      return 0;
  }
  return 0;
}

}  // namespace stuckat::fast
