// Channels assigned to hardware so that the weights that a chip prunes matter least: repair without
// training (SalvageDNN: saliency-driven mapping around faults).
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "workloads/network.h"
#include "workloads/permutation.h"

namespace stuckat {

/// Of a square matrix of costs, cost[worker * n + job]: the job of each worker in an assignment of
/// least total cost (the Hungarian method, Kuhn 1955, with shortest augmenting paths; n^3 steps).
std::vector<int> cheapest_assignment(const std::vector<int64_t>& cost, int n);

/// What a chip's pruned weights amount to: the sum of their magnitudes, in levels, each layer's as
/// a share of what all of its weights amount to.
double saliency_lost(const Network& network, const Effects& prunes);

/// Another order of the channels of each layer that has one (fixed_order_reason()): row i of a
/// layer gets the channel that loses least there, all rows together. [choice] Layer by layer from
/// the first on, since the order of one is the order of its readers' columns; saliency of a weight
/// is its magnitude. `prunes`: weights that count as 0, by their place in the network as it lies on
/// the chip, whatever is there; other effects are not looked at. The orders are in the numbers of
/// the network after the orders of the layers before: reschedule(network, orders) is what to
/// deploy.
ChannelOrders salvaging_orders(const Network& network, const Effects& prunes);

}  // namespace stuckat
