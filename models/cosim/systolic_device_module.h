// A systolic accelerator behind a bus. Where its description has no off-chip memory, the array
// waits for nothing but what the memory on the bus takes.
#pragma once

#include <memory>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/cosim/fetching_device_module.h"
#include "models/systolic/elaboration_module.h"

namespace stuckat::cosim {

class SystolicDeviceModule : public FetchingDeviceModule {
 public:
  /// Arms the fault map. The network's parameters do not count: the host writes them to memory
  /// (systolic::stored_tiles). Throws InputError on an accelerator, a network or a map that do not
  /// fit.
  SystolicDeviceModule(const sc_core::sc_module_name& name, const Network& network,
                       const systolic::SystolicAccelerator& accelerator, FaultMap faults = {},
                       const DeviceParams& params = {});

 private:
  int64_t run_job(const memory::Job& job) override;

  systolic::SystolicAccelerator accelerator_;
  SystolicArray array_;
  systolic::Plan plan_;
  FaultMap faults_;
  std::vector<size_t> first_tile_;  // [layer of the plan]: its number among all tiles of weights
  memory::FetchParams fetch_params_;
  std::unique_ptr<systolic::ElaboratedArray> parts_;
};

}  // namespace stuckat::cosim
