// Output channels of a layer in another order: which hardware computes them changes, what is
// computed does not.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

/// order[i]: the row that becomes row i; a permutation of 0 .. rows-1.
using ChannelOrder = std::vector<int>;

/// By layer; a layer that is not there keeps its order.
using ChannelOrders = std::map<int, ChannelOrder>;

ChannelOrder identity_order(int rows);
/// inverse(order)[order[i]] = i.
ChannelOrder inverse(const ChannelOrder& order);

/// Why the output channels of layer `layer` have no other order: its channels are the classes, it
/// has no rows of its own, it or a reader has groups, or a reader joins or adds. Empty if they do.
std::string fixed_order_reason(const Network& network, int layer);

/// The layer's rows in another order, and the columns of all that read them likewise, through pools
/// (with the thresholds of average-pools): logits and all tensors but those between are
/// bit-identical, and in those channel i is what channel order[i] was. Throws InputError(
/// network.name, ...) where fixed_order_reason() has one, or for what is no permutation.
Network permute_channels(Network network, int layer, const ChannelOrder& order);

/// permute_channels() layer by layer.
Network reschedule(Network network, const ChannelOrders& schedule);

}  // namespace stuckat
