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

  /// report(fault, last tensor that differs or -1) for every member; `pass` holds the logits when
  /// that is the network's last tensor.
  template <typename Report>
  void run(const ChannelGroup& group, Report&& report) {
    const ChannelRows& rows = rows_of(group.start);
    levels_.clear();
    active_.clear();
    for (const ChannelGroup::Member& member : group.members) {
      if (rows.is_constant(group.channel, member.level)) {
        report(member.fault, masked_at(group, member.level));
      } else {
        active_.push_back(member);
      }
    }
    if (active_.empty()) return;
    if (group.table >= 0) look_up(group, rows);
    for (size_t i = 0; i < active_.size(); ++i) {
      const int last = group.table >= 0 ? finish_level(group, i) : finish_list(group, rows, i);
      report(active_[i].fault, last);
      pass_.clear(group.start + 1);
      if (group.table >= 0) return_level(group, i);
    }
  }

 private:
  /// Buffers of one level of the tensor behind a table layer.
  struct Level {
    AlignedVector<uint64_t> diff;
    PixelSet changed;
  };

  const ChannelRows& rows_of(int tensor);
  int masked_at(const ChannelGroup& group, int level);
  void plane_rows(const ChannelRows& rows, int channel, int first_plane, int planes);
  void look_up(const ChannelGroup& group, const ChannelRows& rows);
  int finish_level(const ChannelGroup& group, size_t member);
  void return_level(const ChannelGroup& group, size_t member);
  int finish_list(const ChannelGroup& group, const ChannelRows& rows, size_t member);
  int follow(int tensor, int last_difference);

  const FaultList& faults_;
  const PackedNetwork& network_;
  const Executor& golden_;
  FaultyPass& pass_;
  std::vector<ChannelRows> rows_;            // [tensor]
  std::vector<bool> filled_;                 // [tensor]: rows_ are those of this image
  std::vector<std::vector<Level>> buffers_;  // [tensor][level]: all zero between groups
  std::vector<kernels::StuckLevel> levels_;
  std::vector<ChannelGroup::Member> active_;
  std::vector<const uint64_t*> plane_rows_;
};

}  // namespace stuckat::fast
