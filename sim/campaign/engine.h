// What computes verdicts. The fast engine for work, the reference as the oracle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/fault_simulator.h"
#include "workloads/network.h"

namespace stuckat::campaign {

using fast::Verdict;

/// Simulates one block of faults, image by image. One for each thread.
class Simulator {
 public:
  virtual ~Simulator() = default;
  /// verdicts: [faults of the block]. Returns the fault-free prediction.
  virtual int simulate(const Tensor& image, int64_t image_index, std::span<Verdict> verdicts) = 0;
};

/// A block of faults made ready; shared by all threads, each of which asks for its simulator.
class PreparedFaults {
 public:
  virtual ~PreparedFaults() = default;
  virtual std::unique_ptr<Simulator> simulator() const = 0;
};

/// A network made ready; shared by all blocks.
class PreparedNetwork {
 public:
  virtual ~PreparedNetwork() = default;
  virtual std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults,
                                                  int threads) const = 0;
};

/// `network` outlives what is made from it.
using Engine = std::function<std::unique_ptr<PreparedNetwork>(const Network& network)>;

/// sim/fast.
Engine fast_engine();

/// faultmaps/faulty_reference, tensor by tensor: slow, and right by definition.
Engine reference_engine();

}  // namespace stuckat::campaign
