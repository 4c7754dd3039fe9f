// Faults prepared once for simulation on many images; immutable, shared by all threads.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/channel_tables.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/packed_network.h"
#include "sim/fast/sliced_chain.h"

namespace stuckat::fast {

class FaultList {
 public:
  /// Fault f of the list is what effects[f] does; any effects that effects.h knows, in any number.
  /// Keeps a reference to `network`. Throws InputError(where, ...) for a layer, tensor, channel,
  /// pixel or index that the network does not have. The list does not depend on `threads`.
  FaultList(const PackedNetwork& network, std::vector<Effects> effects,
            const std::string& where = "faults", int threads = 1);

  const PackedNetwork& network() const { return network_; }
  int size() const { return static_cast<int>(effects_.size()); }
  const Effects& effects(int fault) const { return effects_[static_cast<size_t>(fault)]; }

  /// For the engine.
  const FaultProgram& program(int fault) const { return programs_[static_cast<size_t>(fault)]; }
  /// The fault does nothing in others.
  const RunImages& images(int fault) const { return images_[static_cast<size_t>(fault)]; }
  const std::vector<ChannelGroup>& channel_groups() const { return channel_groups_; }
  const std::vector<int>& other_faults() const { return other_faults_; }
  /// Faults in neither, and another with the same verdicts that is in other_faults().
  const std::vector<std::pair<int, int>>& copies() const { return copies_; }
  /// Layers with pixels as bits: for the faults that is_sliced() names. Null if there are none.
  const SlicedChain* chain() const { return chain_.get(); }
  bool is_sliced(int fault) const { return sliced_[static_cast<size_t>(fault)]; }
  const ChannelTable& table(int index) const { return tables_[static_cast<size_t>(index)]; }

 private:
  const PackedNetwork& network_;
  std::vector<Effects> effects_;
  std::vector<FaultProgram> programs_;
  std::vector<RunImages> images_;
  std::vector<ChannelGroup> channel_groups_;  // faults that begin with stuck channels
  std::vector<int> other_faults_;             // in no group, nor copies
  std::vector<std::pair<int, int>> copies_;
  std::unique_ptr<const SlicedChain> chain_;
  std::vector<bool> sliced_;          // [size()]
  std::vector<ChannelTable> tables_;  // one for each channel of a table layer
};

}  // namespace stuckat::fast
