#include "workloads/permutation.h"

#include <algorithm>
#include <numeric>

#include "workloads/errors.h"

namespace stuckat {
namespace {

bool is_pool(const Layer& layer) {
  return layer.kind == LayerKind::max_pool || layer.kind == LayerKind::average_pool;
}

/// Blocks of `size` elements in another order, in each of `count / order.size() / size` runs.
template <typename T>
void permute_blocks(std::vector<T>& elements, const ChannelOrder& order, size_t size) {
  const std::vector<T> old = elements;
  const size_t run = order.size() * size;
  for (size_t first = 0; first < old.size(); first += run) {
    for (size_t i = 0; i < order.size(); ++i) {
      const auto from =
          old.begin() + static_cast<std::ptrdiff_t>(first + static_cast<size_t>(order[i]) * size);
      std::copy_n(from, size, elements.begin() + static_cast<std::ptrdiff_t>(first + i * size));
    }
  }
}

/// What reads the tensor sees its channels in another order.
void permute_readers(Network& network, int tensor, const ChannelOrder& order) {
  for (const int reader : network.consumers(tensor)) {
    Layer& layer = network.layers[static_cast<size_t>(reader)];
    if (is_pool(layer)) {
      permute_blocks(layer.thresholds, order, static_cast<size_t>(layer.thresholds_per_row()));
      permute_readers(network, Network::output_tensor(reader), order);
    } else {
      permute_blocks(layer.weights, order, 1);  // columns: ..., channel with the channel fastest
    }
  }
}

std::string reason_of_readers(const Network& network, int tensor) {
  const std::vector<int> readers = network.consumers(tensor);
  if (readers.empty()) return "its channels are the result";
  for (const int reader : readers) {
    const Layer& layer = network.layer(reader);
    if (is_pool(layer)) {
      const std::string reason = reason_of_readers(network, Network::output_tensor(reader));
      if (!reason.empty()) return reason;
    } else if (!layer.has_weights()) {
      return "'" + layer.name + "' of the kind " + layer.kind->name + " reads its channels";
    } else if (layer.groups != 1) {
      return "'" + layer.name + "', which reads it, has " + std::to_string(layer.groups) +
             " groups";
    }
  }
  return {};
}

}  // namespace

ChannelOrder identity_order(int rows) {
  ChannelOrder order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

ChannelOrder inverse(const ChannelOrder& order) {
  ChannelOrder result(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    result[static_cast<size_t>(order[i])] = static_cast<int>(i);
  }
  return result;
}

std::string fixed_order_reason(const Network& network, int layer) {
  const Layer& l = network.layer(layer);
  if (!l.has_weights()) return std::string("it is of the kind ") + l.kind->name;
  if (l.groups != 1) return "it has " + std::to_string(l.groups) + " groups";
  return reason_of_readers(network, Network::output_tensor(layer));
}

Network permute_channels(Network network, int layer, const ChannelOrder& order) {
  Layer& l = network.layers[static_cast<size_t>(layer)];
  const std::string what = "another order of the channels of '" + l.name + "'";
  const std::string reason = fixed_order_reason(network, layer);
  if (!reason.empty()) throw InputError(network.name, what + ": " + reason, "another layer");
  std::vector<bool> seen(static_cast<size_t>(l.rows()));
  for (const int row : order) {
    if (row < 0 || row >= l.rows() || seen[static_cast<size_t>(row)]) {
      throw InputError(network.name, what + ": row " + std::to_string(row),
                       "each of 0 to " + std::to_string(l.rows() - 1) + " once");
    }
    seen[static_cast<size_t>(row)] = true;
  }
  if (order.size() != seen.size()) {
    throw InputError(network.name, what + " has " + std::to_string(order.size()) + " entries",
                     std::to_string(seen.size()));
  }
  permute_blocks(l.weights, order, static_cast<size_t>(l.columns()));
  permute_blocks(l.thresholds, order, static_cast<size_t>(l.thresholds_per_row()));
  permute_readers(network, Network::output_tensor(layer), order);
  return network;
}

Network reschedule(Network network, const ChannelOrders& schedule) {
  for (const auto& [layer, order] : schedule) {
    network = permute_channels(std::move(network), layer, order);
  }
  return network;
}

}  // namespace stuckat
