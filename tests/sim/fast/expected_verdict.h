// What the engines' verdicts are compared with, and how a fault is named when they differ.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/describe_effects.h"
#include "sim/fast/fault_simulator.h"
#include "workloads/reference.h"

namespace stuckat::test {

inline std::string text(const Effects& effects, const Network& network) {
  std::string result;
  for (const std::string& line : describe(effects, network)) result += line + "\n";
  return result;
}

/// From all tensors of the reference, without faults and with them.
inline fast::Verdict expected_verdict(const std::vector<Tensor>& golden,
                                      const std::vector<Tensor>& faulty) {
  fast::Verdict verdict;
  for (size_t t = 0; t < golden.size(); ++t) {
    if (!(golden[t] == faulty[t])) verdict.last_difference = static_cast<int16_t>(t);
  }
  const auto prediction = [](const Tensor& t) {
    return predicted_class(t.values.data(), static_cast<int>(t.values.size()));
  };
  verdict.prediction = static_cast<uint16_t>(prediction(faulty.back()));
  verdict.critical = prediction(golden.back()) != prediction(faulty.back());
  return verdict;
}

}  // namespace stuckat::test
