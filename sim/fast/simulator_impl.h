// What a FaultSimulator is inside: one for each way to hold a network.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/fault_simulator.h"

namespace stuckat::fast {

class FaultSimulator::Impl {
 public:
  virtual ~Impl() = default;
  virtual void load(const Tensor& image, int64_t image_index) = 0;
  virtual void simulate(int first, std::span<Verdict> verdicts) = 0;
  virtual Tensor tensor(int fault, int tensor) = 0;
  virtual std::vector<Tensor> tensors(int fault) = 0;
  virtual const Executor& golden() const = 0;
  virtual const WorkCount& work() const = 0;
};

}  // namespace stuckat::fast
