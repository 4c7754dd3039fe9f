// A loopback accelerator behind a bus.
#pragma once

#include <memory>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/cosim/fetching_device_module.h"
#include "models/loopback/elaboration_module.h"

namespace stuckat::cosim {

class LoopbackDeviceModule : public FetchingDeviceModule {
 public:
  /// Arms the fault map. The network's parameters do not count: the host writes them to memory
  /// (loopback::stored_tiles). Throws InputError on an accelerator, a network or a map that do not
  /// fit.
  LoopbackDeviceModule(const sc_core::sc_module_name& name, const Network& network,
                       const loopback::LoopbackAccelerator& accelerator, FaultMap faults = {},
                       const DeviceParams& params = {});

 private:
  int64_t run_job(const memory::Job& job) override;
  void load_tile(int index, const loopback::WeightTile& tile, const std::vector<uint8_t>& bytes);

  loopback::LoopbackAccelerator accelerator_;
  Placement placement_;
  loopback::LoopbackPlan plan_;
  FaultMap faults_;
  std::unique_ptr<loopback::ElaboratedArray> parts_;
};

}  // namespace stuckat::cosim
