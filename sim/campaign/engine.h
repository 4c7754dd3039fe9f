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

/// Simulates prepared faults, image by image. One for each thread.
class Simulator {
 public:
  virtual ~Simulator() = default;
  /// What simulate() is about until the next call. Returns the fault-free prediction.
  virtual int load(const Tensor& image, int64_t image_index) = 0;
  /// Faults first .. first + verdicts.size() - 1: all, or any part (PreparedNetwork).
  virtual void simulate(int64_t first, std::span<Verdict> verdicts) = 0;
};

/// Faults made ready; shared by all threads, each of which asks for its simulator.
class PreparedFaults {
 public:
  virtual ~PreparedFaults() = default;
  virtual std::unique_ptr<Simulator> simulator() const = 0;
};

/// A network made ready; shared by all faults.
class PreparedNetwork {
 public:
  virtual ~PreparedNetwork() = default;
  /// Faults that take a thread about a second on an image, where simulators take any part of what
  /// is prepared; 0: they take all at once.
  virtual int64_t part_faults() const = 0;
  virtual std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults,
                                                  int threads) const = 0;
};

/// `network` outlives what is made from it.
using Engine = std::function<std::unique_ptr<PreparedNetwork>(const Network& network)>;

/// sim/fast.
Engine fast_engine();

/// faultmaps/faulty_reference, tensor by tensor: slow, and right by definition.
Engine reference_engine();
/// Of a network of which every fault takes a pass of the reference; at least 1.
int64_t reference_passes_per_second(const Network& network);

}  // namespace stuckat::campaign
