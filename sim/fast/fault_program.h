// Effects of one fault, laid out tensor by tensor for the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/layer_patch.h"
#include "sim/fast/levels/level_patch.h"
#include "sim/fast/packed_network.h"

namespace stuckat::fast {

/// One ElementFault.
struct ElementStep {
  int fault = 0;                   ///< index in Effects::elements
  std::vector<uint64_t> channels;  ///< [words]: selected channels (TensorForm::planes only)
  /// New level for each level, counted in planes set: [planes + 1] (TensorForm::planes only); in a
  /// network of levels for each of those.
  std::vector<uint8_t> level_map;
  bool is_constant = false;  ///< all of level_map is the same
};

/// A weight or threshold of a row that reads differently from the network's.
struct ParameterChange {
  int index = 0;
  int32_t value = 0;
};

/// A row whose parameters are patched, or that a broken PE computes, or both.
struct SpecialRow {
  int row = 0;
  std::vector<ParameterChange> weights = {};     ///< by column, ascending
  std::vector<ParameterChange> thresholds = {};  ///< ascending, in the order of the network
  std::vector<int> operators = {};               ///< in Effects::operators; a later one wins
};

/// What happens on the way to one tensor: operands and rows of the layer before it, then its
/// elements.
struct TensorStep {
  int tensor = 0;
  std::vector<int> operands = {};     ///< indices in Effects::operands
  std::vector<int> pools = {};        ///< indices in Effects::pools
  std::vector<int> windows = {};      ///< indices in Effects::windows
  std::vector<SpecialRow> rows = {};  ///< ascending
  std::vector<ElementStep> elements = {};
  /// Of the rows that are patched and no more, for layers of LayerPath::matrix; and the other rows.
  LayerPatch patch = {};
  /// The same in a network of levels.
  LevelPatch level_patch = {};
  /// Its rows that are in neither, by themselves; or null.
  std::shared_ptr<const TensorStep> others = {};

  /// More is read of the tensor before than its elements as they pass.
  bool computes() const {
    return !rows.empty() || !operands.empty() || !pools.empty() || !windows.empty();
  }
};

struct FaultProgram {
  std::vector<TensorStep> steps;  ///< ascending tensors
};

/// Checks every index. Throws InputError(where, ...).
FaultProgram make_program(const PackedNetwork& network, const Effects& effects,
                          const std::string& where);

/// The faults of a list whose first step holds some channels of one tensor at a constant: all
/// levels at once.
struct ChannelGroup {
  struct Place {
    int fault = 0;
    int tensor = 0;  ///< `start`, or the tensor before the pool
  };
  /// Faults of one class: they differ in where they begin only.
  struct Member {
    int level = 0;  ///< planes set
    std::vector<Place> places;
  };
  /// Where the work begins: the tensor of the fault, or what the pool that follows makes of it,
  /// since a channel stuck before a pool is stuck after it.
  int start = 0;
  int layer = 0;              ///< that reads tensor `start`
  int next = 0;               ///< the tensor that it makes
  std::vector<int> channels;  ///< ascending; more than one only with tables
  std::vector<int> tables;    ///< [channels]: indices in FaultList, or empty: the layer has none
  std::vector<Member> members;
};

}  // namespace stuckat::fast
