#include "sim/protect/replication.h"

#include <algorithm>

#include "sim/protect/measure_rows.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"

namespace stuckat::protect {
namespace {

struct Worst {
  Replication::Channel channel;
  int64_t fault = 0;
  int64_t least = 0;  // images right
  int64_t sum = 0;    // over its levels
  int64_t levels = 0;
};

/// One for each channel, in the order of the campaign, in which levels of a channel are neighbours.
std::vector<Worst> by_channel(const campaign::Result& result) {
  std::vector<Worst> channels;
  for (int64_t f = 0; f < result.size(); ++f) {
    const campaign::FaultInfo& info = result.faults[static_cast<size_t>(f)];
    const int64_t right = result.total_correct(f);
    const bool same = !channels.empty() && channels.back().channel.layer == info.layer &&
                      channels.back().channel.channel == info.channel;
    if (!same) channels.push_back({{info.layer, info.channel}, f, right, 0, 0});
    Worst& worst = channels.back();
    worst.sum += right;
    ++worst.levels;
    if (right < worst.least) {
      worst.least = right;
      worst.fault = f;
    }
  }
  return channels;
}

}  // namespace

Replication replication(const campaign::Result& result, const Network& network,
                        const std::string& where, ChannelCost cost, double voter_cost) {
  const auto& identity = result.identity;
  if (identity.network_hash != content_hash(network)) {
    throw InputError(where, "is about another network", "a campaign of " + network.name);
  }
  const bool whole = identity.faults == "channel" && !identity.sampling && result.shard.count == 1;
  if (!whole || result.size() == 0) {
    throw InputError(where,
                     "is of '" + identity.faults + "'" + (identity.sampling ? ", a sample" : "") +
                         (result.shard.count > 1 ? ", a shard" : ""),
                     "every stuck channel: 'stuckat campaign --faults channel'");
  }
  std::vector<Worst> channels = by_channel(result);
  std::stable_sort(channels.begin(), channels.end(),
                   [](const Worst& a, const Worst& b) { return a.least < b.least; });
  const auto cost_of = [&](const Worst& worst) {
    const Layer& layer = network.layer(worst.channel.layer);
    const int64_t pixels = cost == ChannelCost::weights ? 1 : layer.output.pixels();
    return layer.columns() * pixels;
  };
  int64_t all = 0;
  int64_t right = 0;  // summed over all faults
  for (const Worst& worst : channels) {
    all += cost_of(worst);
    right += worst.sum;
  }
  const int64_t golden = result.total_golden_correct();
  Replication found;
  int64_t copied = 0;
  for (size_t n = 0; n <= channels.size(); ++n) {
    ReplicationPoint point;
    point.channels = static_cast<int64_t>(n);
    const auto share = static_cast<double>(n) / static_cast<double>(channels.size());
    point.cost =
        1 + 2 * static_cast<double>(copied) / static_cast<double>(all) + voter_cost * share;
    const bool is_worse = n < channels.size() && channels[n].least < golden;
    point.worst_fault = is_worse ? channels[n].fault : -1;
    point.worst_error = percent_wrong(is_worse ? channels[n].least : golden, result.images);
    point.mean_error = percent_wrong(right, result.images * result.size());
    found.curve.push_back(point);
    if (n == channels.size()) break;
    found.order.push_back(channels[n].channel);
    copied += cost_of(channels[n]);
    right += channels[n].levels * golden - channels[n].sum;
  }
  return found;
}

int64_t channels_for(const Replication& replication, double error) {
  constexpr double rounding = 1e-9;
  for (const ReplicationPoint& point : replication.curve) {
    if (point.worst_error <= error + rounding) return point.channels;
  }
  return -1;
}

}  // namespace stuckat::protect
