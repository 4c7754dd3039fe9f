// Selective channel replication (FAT, Zahid et al. 2020, section V-C and figure 9).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/campaign/result.h"
#include "workloads/network.h"

namespace stuckat::protect {

/// Channels in three copies, and what then is the worst.
struct ReplicationPoint {
  int64_t channels = 0;
  double cost = 1;         ///< of the fully unrolled network; 1 without copies
  double worst_error = 0;  ///< percent: of the channels without copies, or error-free
  double mean_error = 0;   ///< percent: over all faults of the campaign, copied channels error-free
  int64_t worst_fault = -1;  ///< index in the result; -1: none is worse than error-free
};

struct Replication {
  /// In the order in which channels get copies: the one with the least accuracy at its worst level
  /// first; of equals the first in the campaign.
  struct Channel {
    int layer = 0;
    int channel = 0;
  };
  std::vector<Channel> order;
  std::vector<ReplicationPoint> curve;  ///< [order.size() + 1]; never rises
};

/// What a channel costs: its multiplications in an image, or its weights.
enum class ChannelCost : uint8_t { multiplications, weights };

/// From a whole campaign of stuck channels. A channel in three copies computes what the fault-free
/// one does. Cost [choice]: 1 + 2 * (cost of the channels in copies) / (that of all channels of the
/// campaign) + voter_cost * their share, so that all of them cost 3 + voter_cost. Throws
/// InputError( where, ...) for a result that is of other faults, a sample, a shard or another
/// network.
Replication replication(const campaign::Result& result, const Network& network,
                        const std::string& where, ChannelCost cost = ChannelCost::multiplications,
                        double voter_cost = 0);

/// Fewest channels in copies for a worst-case error of at most `error` percent; -1: not even all.
int64_t channels_for(const Replication& replication, double error);

}  // namespace stuckat::protect
