// The loopback arrays as a family.
#pragma once

#include "models/accelerator.h"
#include "models/common/hardware_protection.h"
#include "models/family.h"
#include "models/loopback/accelerator.h"

namespace stuckat::loopback {

class Loopback final : public Accelerator, public HasHardwareProtection {
 public:
  explicit Loopback(LoopbackAccelerator description) : description_(std::move(description)) {}
  const LoopbackAccelerator& description() const { return description_; }

  std::string name() const override { return "loopback:" + description_.name; }
  std::string json(const Network& network) const override;
  Placement place(const Network& network) const override;
  std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const override;
  /// Without the statistics of memory.
  SimulationResult time(const Network& network, int64_t images) const override;
  SimulationResult simulate(const Network& network, const FaultMap& map,
                            const std::vector<Tensor>& images,
                            const Recording& recording) const override {
    return simulate_protected(network, place(network), map, images, recording);
  }
  SimulationResult simulate_protected(const Network& network, const Placement& placement,
                                      const FaultMap& map, const std::vector<Tensor>& images,
                                      const Recording& recording) const override;
  /// Memory: the weight buffer, all banks, and both activation buffers.
  Cost cost(const Network& network) const override;

 private:
  LoopbackAccelerator description_;
};

Family family();

}  // namespace stuckat::loopback
