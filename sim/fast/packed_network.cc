#include "sim/fast/packed_network.h"

#include <utility>

#include "workloads/capabilities.h"

namespace stuckat::fast {

PackedNetwork::PackedNetwork(Network network) : network_(std::move(network)) {
  static const Capabilities packed = {
      "the bit-packed engine does not compute",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  check_supported(network_, packed, network_.name);
  validate(network_, network_.name);
  for (int t = 0; t < network_.tensors(); ++t) {
    layouts_.push_back(layout_of(network_, t));
    readers_.push_back(network_.only_consumer(t));
  }
  for (int i = 0; i < static_cast<int>(network_.layers.size()); ++i) {
    inputs_.push_back(network_.input_tensor(i));
    layers_.push_back(pack_layer(network_.layer(i), input_layout(i), output_layout(i)));
  }
}

int PackedNetwork::always_set_planes(int tensor) const {
  if (tensor == 0) return 0;
  const int producer = Network::producer(tensor);
  switch (layer(producer).path) {
    case LayerPath::matrix:
    case LayerPath::first:
      return layer(producer).first_plane;
    case LayerPath::pool:
      return always_set_planes(input_tensor(producer));
    case LayerPath::plain:
      return 0;
  }
  return 0;
}

}  // namespace stuckat::fast
