// The dataflow accelerators as a family.
#pragma once

#include "models/accelerator.h"
#include "models/common/finn_buildable.h"
#include "models/common/hardware_protection.h"
#include "models/dataflow/accelerator.h"
#include "models/family.h"

namespace stuckat::dataflow {

class Dataflow final : public Accelerator, public FinnBuildable, public HasHardwareProtection {
 public:
  explicit Dataflow(DataflowAccelerator description) : description_(std::move(description)) {}
  const DataflowAccelerator& description() const { return description_; }

  std::string name() const override { return "dataflow:" + description_.name; }
  double clock_mhz() const override { return description_.clock_mhz; }
  std::string json(const Network& network) const override;
  Placement place(const Network& network) const override;
  std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const override;
  SimulationResult time(const Network& network, int64_t images) const override;
  /// The statistics of the streams come from time(), which is the run's (faults change no cycle)
  /// and takes next to nothing.
  SimulationResult simulate(const Network& network, const FaultMap& map,
                            const std::vector<Tensor>& images,
                            const Recording& recording) const override {
    return simulate_protected(network, place(network), map, images, recording);
  }
  SimulationResult simulate_protected(const Network& network, const Placement& placement,
                                      const FaultMap& map, const std::vector<Tensor>& images,
                                      const Recording& recording) const override;
  Cost cost(const Network& network) const override;
  std::string finn_folding(const Network& network) const override;

 private:
  DataflowAccelerator description_;
};

Family family();

}  // namespace stuckat::dataflow
