#include "sim/fast/packed_network.h"

#include <utility>

#include "sim/fast/levels/level_network.h"
#include "workloads/capabilities.h"

namespace stuckat::fast {

namespace {

const Capabilities& everything() {
  static const Capabilities known = any_network("the fast engine does not compute", 16);
  return known;
}

bool is_wide(const Network& network) {
  for (int t = 0; t < network.tensors(); ++t) {
    if (!network.holds_accumulators(t) && network.format(t).bits > 8) return true;
  }
  return false;
}

/// Chains of square windows, of which path_of() knows the rest.
bool is_plain_chain(const Network& network) {
  static const Capabilities chains = {
      .refusal = "",
      .kinds = {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool},
      .class_map = true};
  return supports(chains, network);
}

}  // namespace

PackedNetwork::PackedNetwork(Network network) : network_(std::move(network)) {
  check_supported(network_, everything(), network_.name);
  validate(network_, network_.name);
  for (int t = 0; t < network_.tensors(); ++t) {
    layouts_.push_back(layout_of(network_, t));
    readers_.push_back(network_.only_consumer(t));
  }
  for (int i = 0; i < last_tensor(); ++i) inputs_.push_back(network_.input_tensor(i));
  bool in_planes = !is_wide(network_) && is_plain_chain(network_);
  for (int i = 0; i < last_tensor() && in_planes; ++i) {
    in_planes = has_path(network_.layer(i), input_layout(i), output_layout(i));
  }
  if (!in_planes) {
    if (!is_wide(network_)) levels_ = std::make_shared<const LevelNetwork>(network_);
    for (TensorLayout& layout : layouts_) {
      if (layout.form == TensorForm::planes) layout.form = TensorForm::values;
    }
    return;
  }
  for (int i = 0; i < last_tensor(); ++i) {
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
  }
  return 0;
}

}  // namespace stuckat::fast
