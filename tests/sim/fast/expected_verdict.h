// What the engines' verdicts are compared with, and how a fault is named when they differ.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/describe_effects.h"
#include "sim/fast/fault_simulator.h"
#include "tests/support/random_network.h"
#include "workloads/reference.h"

namespace stuckat::test {

inline std::string text(const Effects& effects, const Network& network) {
  std::string result;
  for (const std::string& line : describe(effects, network)) result += line + "\n";
  return result;
}

/// Every other network gets a map of its classes, which moves and turns round what is greatest.
inline Network with_class_map(Network network, uint64_t seed) {
  if (seed % 2 == 0) return network;
  Random random(seed);
  for (int c = 0; c < network.classes(); ++c) {
    network.class_map.scale.push_back(uniform(random, -2, 5) / 3.0);
    network.class_map.offset.push_back(uniform(random, -20, 20) / 7.0);
  }
  return network;
}

/// From all tensors of the reference, without faults and with them.
inline fast::Verdict expected_verdict(const Network& network, const std::vector<Tensor>& golden,
                                      const std::vector<Tensor>& faulty) {
  fast::Verdict verdict;
  for (size_t t = 0; t < golden.size(); ++t) {
    if (!(golden[t] == faulty[t])) verdict.last_difference = static_cast<int16_t>(t);
  }
  const auto prediction = [&](const Tensor& t) {
    return predicted_class(network, t.values.data());
  };
  verdict.prediction = static_cast<uint16_t>(prediction(faulty.back()));
  verdict.critical = prediction(golden.back()) != prediction(faulty.back());
  return verdict;
}

}  // namespace stuckat::test
