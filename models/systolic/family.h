// The systolic arrays as a family.
#pragma once

#include "models/accelerator.h"
#include "models/family.h"
#include "models/systolic/accelerator.h"

namespace stuckat::systolic {

class Systolic final : public Accelerator {
 public:
  explicit Systolic(SystolicAccelerator description) : description_(std::move(description)) {}
  const SystolicAccelerator& description() const { return description_; }

  std::string name() const override { return "systolic:" + description_.name; }
  std::string json(const Network& network) const override;
  Placement place(const Network& network) const override;
  std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const override;
  SimulationResult time(const Network& network, int64_t images) const override;
  SimulationResult simulate(const Network& network, const FaultMap& map,
                            const std::vector<Tensor>& images,
                            const Recording& recording) const override;
  /// Memory: weight registers, accumulators in the PEs or below them, and with off-chip memory the
  /// tiles of weights that wait.
  Cost cost(const Network& network) const override;

 private:
  SystolicAccelerator description_;
};

/// Registers the family's site kinds.
Family family();

}  // namespace stuckat::systolic
