// A network prepared for the fast engine: immutable, shared by all threads.
#pragma once

#include <memory>
#include <vector>

#include "sim/fast/packed_layer.h"
#include "workloads/network.h"

namespace stuckat::fast {

class LevelNetwork;

class PackedNetwork {
 public:
  /// `network` must pass validate(); it is copied. Chains whose layers are all on bit planes are
  /// held as such; everything else as levels; networks with formats of more than 8 bits as they
  /// are, for the reference.
  explicit PackedNetwork(Network network);

  const Network& network() const { return network_; }
  int tensors() const { return network_.tensors(); }
  int last_tensor() const { return network_.tensors() - 1; }
  /// Where this is false of what follows only levels() and layout() is there, without planes.
  bool in_planes() const { return !layers_.empty(); }
  /// Held as it is: a fault takes about as long as the reference, whatever else is simulated.
  bool fault_by_fault() const { return !in_planes() && levels() == nullptr; }
  /// The layers as levels, or null.
  const LevelNetwork* levels() const { return levels_.get(); }
  const PackedLayer& layer(int index) const { return layers_[static_cast<size_t>(index)]; }
  /// The tensors that a layer reads and makes, and the layer that reads a tensor; -1: none does.
  int input_tensor(int layer) const { return inputs_[static_cast<size_t>(layer)]; }
  static constexpr int output_tensor(int layer) { return Network::output_tensor(layer); }
  int reader(int tensor) const { return readers_[static_cast<size_t>(tensor)]; }
  /// How tensor `tensor` is held.
  const TensorLayout& layout(int tensor) const { return layouts_[static_cast<size_t>(tensor)]; }
  const TensorLayout& input_layout(int layer) const { return layout(input_tensor(layer)); }
  const TensorLayout& output_layout(int layer) const { return layout(output_tensor(layer)); }
  /// Planes of tensor `tensor` (of TensorForm::planes) that are set in every fault-free element,
  /// because no quantizer emits what is below them.
  int always_set_planes(int tensor) const;

 private:
  Network network_;
  std::vector<TensorLayout> layouts_;  // [tensors()]
  std::vector<int> inputs_;            // [network_.layers.size()]
  std::vector<int> readers_;           // [tensors()]
  std::vector<PackedLayer> layers_;    // [network_.layers.size()]
  std::shared_ptr<const LevelNetwork> levels_;
};

}  // namespace stuckat::fast
