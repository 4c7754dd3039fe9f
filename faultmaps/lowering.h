// What the lowering of a site works with: the rows of the site table (sites.h) name functions that
// add what a fault does to one of these.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "faultmaps/array_map.h"
#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "faultmaps/timeline.h"

namespace stuckat {

/// Faults of one part that only all together say what they do: kept until then.
class PartFaults {
 public:
  virtual ~PartFaults() = default;
  /// Once all faults, transients too, are added: adds their effects.
  virtual void finish(Lowering& lowering) = 0;
};

/// Collects what faults do, and what they do to the same piece of hardware before it becomes
/// effects: bits of one memory word, faults of one PE.
class Lowering {
 public:
  /// For so many faults, some of which may be flips.
  Lowering(const Placement& placement, const Network& network, size_t faults, bool may_flip)
      : placement_(placement), network_(network), expected_(faults), may_flip_(may_flip) {}

  const Placement& placement() const { return placement_; }
  const Network& network() const { return network_; }
  const Layer& layer(int index) const { return network_.layers[static_cast<size_t>(index)]; }
  /// Of the run that transients are in.
  const Timeline& run() const { return *placement_.run; }

  /// What is known at once is added here.
  Effects& effects() { return effects_; }
  /// What is stuck in a PE while its array works for a use.
  BrokenPe& broken(int array, int use, int pe);
  /// Stuck bits of the stored code of a weight, padded columns included. pe: whose memory it is, or
  /// all_pes.
  void stick_weight(int array, int use, int pe, ArrayMap::Weight at, CodeMask mask);
  static constexpr int all_pes = -1;
  /// Stuck bits of a stored threshold of a layer, sign extension included. Throws InputError for
  /// thresholds whose faults have no exact effect.
  void stick_threshold(int layer, int row, int index, CodeMask mask);
  /// A bit of a parameter; of padding nothing.
  void stick(const StoredBit& bit, bool one);

  /// An operator for some pixels or images, beside those of its PEs.
  void add_operator(OperatorFault fault);
  /// The part's own collection, made when it is asked for first.
  template <class Collection>
  Collection& of_part(PartKind kind, int part) {
    auto& held = parts_[{kind, part}];
    if (held == nullptr) held = std::make_unique<Collection>(part);
    return static_cast<Collection&>(*held);
  }

  /// The fault must outlive the lowering.
  void add(const Fault& fault);
  /// Once all faults are added.
  Effects finish();

 private:
  using PeKey = std::tuple<int, int, int>;  // array, use, PE

  /// One broken bit of a word of a parameter memory.
  struct ParameterBit {
    int layer;
    int row;
    bool is_threshold;
    int index;
    CodeMask mask;

    auto word() const { return std::tie(layer, row, is_threshold, index); }
  };

  const PeArray& array(int index) const { return placement_.arrays[static_cast<size_t>(index)]; }
  /// Adds what the fault does to the part of its name.
  void add_at_part(const Fault& fault);
  int part_of(const Fault& fault);
  void patch_parameters();
  void keep(const ParameterBit& bit) {
    if (memory_.empty()) memory_.reserve(expected_);
    memory_.push_back(bit);
  }
  /// visit(first, end) for the bits of each word, word by word in their order.
  template <class Visit>
  void for_each_word(const Visit& visit);
  void read_padded_weights();
  void share_padded_weights();
  void break_pes();
  void add_flips();

  const Placement& placement_;
  const Network& network_;
  const size_t expected_;  // faults
  const bool may_flip_;
  std::vector<const Fault*> flips_;
  std::vector<const Fault*> stuck_;  // where flips are lost, if there are any
  std::vector<ParameterBit> memory_;
  std::map<std::tuple<PeKey, int, int>, CodeMask> padded_memory_;  // ..., row, column
  std::map<PeKey, BrokenPe> pes_;
  std::map<std::tuple<int, int>, std::vector<BrokenPe::PaddedWeight>>
      shared_padding_;  // array, use
  std::map<std::pair<PartKind, int>, std::unique_ptr<PartFaults>> parts_;
  Effects effects_;
  bool operators_meet_ = false;
  const Fault* last_ = nullptr;  // the fault before: neighbours share their part
  int last_part_ = -1;
};

/// A PE with nothing broken.
BrokenPe new_pe(const PeArray& array, const ArrayUse& use);

/// The array's use for a layer.
const ArrayUse& use_of(const Placement& placement, int layer);

/// What a flip of one bit inverts in a sign-extended value of `bits` bits.
uint32_t inverted(int bit, int bits, bool is_signed);

}  // namespace stuckat
