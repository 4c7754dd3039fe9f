// The fault lists that bench_campaign measures.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "workloads/network.h"

namespace stuckat::bench {

/// FAT, Algorithm 1: every channel of every hidden layer stuck at every level.
inline std::vector<Effects> channel_faults(const Network& network) {
  std::vector<Effects> faults;
  for (const int layer : network.injectable_layers()) {
    const NumberFormat format = network.format(layer + 1);
    for (int c = 0; c < network.shape(layer + 1).channels; ++c) {
      for (int i = 0; i < format.levels(); ++i) {
        faults.push_back(stuck_channel(network, layer, c, format.level(i)));
      }
    }
  }
  return faults;
}

/// Every pixel of every hidden tensor, after the pool or before it where there is one, stuck at
/// every level.
inline std::vector<Effects> pixel_faults(const Network& network, bool before_pool) {
  std::vector<Effects> faults;
  for (const int layer : network.injectable_layers()) {
    const int tensor = before_pool ? layer + 1 : network.after_pools(network.output_tensor(layer));
    const NumberFormat format = network.format(tensor);
    for (int p = 0; p < network.shape(tensor).pixels(); ++p) {
      for (int i = 0; i < format.levels(); ++i) {
        faults.push_back(stuck_pixel(network, tensor, p, format.level(i)));
      }
    }
  }
  return faults;
}

/// Channels {c : c mod pe = p} of a layer stuck at a value.
inline ElementFault dead_pe(const Network& network, int layer, int pe, int p, int value) {
  ElementFault fault;
  fault.tensor = layer + 1;
  for (int c = p; c < network.shape(layer + 1).channels; c += pe) fault.channels.push_back(c);
  fault.mask = CodeMask::constant(network.format(layer + 1).code(value));
  fault.point = point_pe_dead;
  return fault;
}

/// Every PE of a dataflow accelerator, whose layer L has at most pe[L] PEs (docs/hardware.md), dead
/// at every level.
inline std::vector<Effects> dataflow_pe_faults(const Network& network) {
  const std::vector<int> pe = {16, 32, 16, 16, 4, 1, 1, 1};
  std::vector<Effects> faults;
  size_t index = 0;
  for (const int layer : network.injectable_layers()) {
    const int count = pe[index++ % pe.size()];
    const NumberFormat format = network.format(layer + 1);
    for (int p = 0; p < count; ++p) {
      for (int i = 0; i < format.levels(); ++i) {
        faults.push_back({{}, {}, {dead_pe(network, layer, count, p, format.level(i))}});
      }
    }
  }
  return faults;
}

/// Every PE of a loopback array of 32 PEs, dead at every level in every hidden layer.
inline std::vector<Effects> loopback_pe_faults(const Network& network) {
  constexpr int pe = 32;
  std::vector<Effects> faults;
  const NumberFormat format = network.format(1);
  for (int p = 0; p < pe; ++p) {
    for (int i = 0; i < format.levels(); ++i) {
      Effects effects;
      for (const int layer : network.injectable_layers()) {
        if (network.shape(layer + 1).channels <= p) continue;
        effects.elements.push_back(dead_pe(network, layer, pe, p, format.level(i)));
      }
      faults.push_back(effects);
    }
  }
  return faults;
}

struct CampaignRow {
  std::string name;
  std::function<std::vector<Effects>(const Network&)> faults;
  double binary_goal;  ///< fault-images per CPU-second, binary activations
  double goal;         ///< the same, more bits
};

inline const std::vector<CampaignRow>& campaign_rows() {
  static const std::vector<CampaignRow> rows = {
      {"channel", channel_faults, 300e3, 60e3},
      {"pixel", [](const Network& n) { return pixel_faults(n, false); }, 60e3, 60e3},
      {"pixel:before-pool", [](const Network& n) { return pixel_faults(n, true); }, 60e3, 60e3},
      {"pe", dataflow_pe_faults, 10e3, 10e3},
      {"loopback-pe", loopback_pe_faults, 10e3, 10e3},
  };
  return rows;
}

}  // namespace stuckat::bench
