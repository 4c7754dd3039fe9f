#include <algorithm>

#include "faultmaps/array_map.h"
#include "sim/protect/measure_rows.h"
#include "sim/protect/replication.h"

namespace stuckat::protect {
namespace {

/// The array that computes a layer, and its PE count; 0 where PEs share channels or none does.
struct ArrayOfLayer {
  const PeArray* array = nullptr;
  const ArrayUse* use = nullptr;
};
ArrayOfLayer array_of_layer(const Placement& placement, int layer) {
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (use.layer == layer) return {&array, &use};
    }
  }
  return {};
}

/// PEs for each array, as channels of its layers come to stand on the first ones.
class FirstPes {
 public:
  explicit FirstPes(const MeasureInput& input) : input_(input) {}

  void add(int layer) {
    const auto [array, use] = array_of_layer(input_.placement, layer);
    if (array == nullptr) return;
    const int64_t channels = ++channels_[layer];
    int& pes = pes_[array->name];
    const ArrayMap map(*array, *use, input_.network.layer(layer));
    if (array->schedule == Schedule::pixel_parallel) {
      pes = array->pe;  // every PE computes every channel
      return;
    }
    int64_t room = 0;
    for (int pe = 0; pe < array->pe; ++pe) {
      if (room >= channels) break;
      room += static_cast<int64_t>(map.rows(pe).size());
      pes = std::max(pes, pe + 1);
    }
  }
  std::map<std::string, std::vector<int>> copies() const {
    std::map<std::string, std::vector<int>> result;
    for (const auto& [array, count] : pes_) {
      for (int pe = 0; pe < count; ++pe) result[array].push_back(pe);
    }
    return result;
  }
  const std::map<std::string, int>& pes() const { return pes_; }

 private:
  const MeasureInput& input_;
  std::map<int, int64_t> channels_;  // by layer
  std::map<std::string, int> pes_;
};

}  // namespace

void add_channels(const MeasureInput& input, std::vector<Candidate>& candidates) {
  if (input.evidence.identity.faults != "channel") return;
  const Replication found = replication(input.evidence, input.network, "evidence");
  FirstPes first(input);
  std::map<std::string, int> counted;
  Candidate next;
  next.measure = "channels";
  for (const ReplicationPoint& point : found.curve) {
    if (point.channels > 0) {
      first.add(found.order[static_cast<size_t>(point.channels) - 1].layer);
      if (first.pes() != counted) {  // costs rise with PEs, not with channels
        counted = first.pes();
        next.redundant[Redundancy::copies] = first.copies();
        add_cost(input, next);
      }
    }
    next.count = point.channels;
    next.macs = point.cost;
    next.worst_error = point.worst_error;
    next.mean_error = point.mean_error;
    next.worst_fault = point.worst_fault < 0
                           ? ""
                           : input.evidence.faults[static_cast<size_t>(point.worst_fault)].id;
    next.detail = count_of(point.channels, "channel");
    candidates.push_back(next);
    candidates.back().redundant.clear();  // with the orders that they need: realized_channels()
  }
}

Candidate realized_channels(const MeasureInput& input, int64_t n) {
  const Replication found = replication(input.evidence, input.network, "evidence");
  Candidate candidate;
  candidate.measure = "channels";
  candidate.count = n;
  FirstPes first(input);
  std::map<int, std::vector<double>> rank;  // the copied channels before the others
  for (const auto& [layer, channel] : found.order) {
    auto& of_layer = rank[layer];
    of_layer.resize(static_cast<size_t>(input.network.layer(layer).rows()));
  }
  for (int64_t i = 0; i < n; ++i) {
    const auto [layer, channel] = found.order[static_cast<size_t>(i)];
    rank[layer][static_cast<size_t>(channel)] = 1;
    first.add(layer);
  }
  candidate.orders = clustered(input.network, input.placement, rank);
  std::erase_if(candidate.orders, [&](const auto& order) {
    return order.second == identity_order(input.network.layer(order.first).rows());
  });
  candidate.redundant[Redundancy::copies] = first.copies();
  const ReplicationPoint& point = found.curve[static_cast<size_t>(n)];
  candidate.macs = point.cost;
  candidate.worst_error = point.worst_error;
  candidate.mean_error = point.mean_error;
  add_cost(input, candidate);
  return candidate;
}

}  // namespace stuckat::protect
