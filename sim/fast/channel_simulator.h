// Stuck channels, all levels of a channel at once: the bulk of a campaign, on the shortest way.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/channel_rows.h"
#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/faulty_pass.h"
#include "sim/fast/kernels.h"

namespace stuckat::fast {

/// One per thread.
class ChannelSimulator {
 public:
  /// Works in `pass`, which belongs to the same golden executor.
  ChannelSimulator(const FaultList& faults, const Executor& golden, FaultyPass& pass);

  /// Forgets the last image.
  void begin_image();

  /// report(fault, last tensor that differs or -1) for every fault; `pass` holds the logits when
  /// that is the network's last tensor. go_on(fault, tensor, last): what remains of the fault's
  /// program from tensor `tensor` on, which is computed and to which no step was applied yet;
  /// returns the last tensor that differs, `last` if none of these does.
  template <typename Report, typename GoOn>
  void run(const ChannelGroup& group, Report&& report, GoOn&& go_on) {
    const ChannelRows& rows = rows_of(group.start);
    active_.clear();
    for (const ChannelGroup::Member& member : group.members) {
      if (!is_masked(group, rows, member.level)) {
        active_.push_back(&member);
        continue;
      }
      for (const ChannelGroup::Place& place : member.places) {
        report(place.fault, go_on(place.fault, group.next, masked_at(group, member, place)));
        pass_.clear(group.next);
      }
    }
    if (active_.empty()) return;
    const bool has_tables = !group.tables.empty();
    if (has_tables) look_up(group, rows);
    for (size_t i = 0; i < active_.size(); ++i) {
      const std::vector<ChannelGroup::Place>& places = active_[i]->places;
      if (has_tables)
        trade_level(group, i);
      else
        propagate_list(group, rows, active_[i]->level);
      const int last = go_on(places.front().fault, group.next, group.start);
      for (const ChannelGroup::Place& place : places) report(place.fault, last);
      pass_.clear(group.next);
      if (has_tables) trade_level(group, i);
    }
  }

 private:
  /// Buffers of one level of the tensor that a table layer makes.
  struct Level {
    AlignedVector<uint64_t> diff;
    PixelSet changed;
  };

  void prepare_rows(int tensor);
  const ChannelRows& rows_of(int tensor);
  static bool is_masked(const ChannelGroup& group, const ChannelRows& rows, int level);
  int masked_at(const ChannelGroup& group, const ChannelGroup::Member& member,
                const ChannelGroup::Place& place);
  void plane_rows(const ChannelGroup& group, const ChannelRows& rows, int first_plane, int planes);
  /// Tensor `next` of every active member, into buffers_.
  void look_up(const ChannelGroup& group, const ChannelRows& rows);
  /// Between buffers_ and pass_.
  void trade_level(const ChannelGroup& group, size_t active);
  /// Tensor `next` of a group of one channel, in pass_.
  void propagate_list(const ChannelGroup& group, const ChannelRows& rows, int level);

  const FaultList& faults_;
  const PackedNetwork& network_;
  const Executor& golden_;
  FaultyPass& pass_;
  std::vector<ChannelRows> rows_;            // [tensor]
  std::vector<bool> filled_;                 // [tensor]: rows_ are those of this image
  std::vector<std::vector<Level>> buffers_;  // [tensor][level]: all zero between groups
  std::vector<kernels::StuckLevel> levels_;
  std::vector<const ChannelGroup::Member*> active_;  // not masked
  std::vector<const ChannelTable*> tables_;
  std::vector<const uint64_t*> plane_rows_;
};

}  // namespace stuckat::fast
