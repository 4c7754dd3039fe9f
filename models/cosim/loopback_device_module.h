// A loopback accelerator behind a bus: its weights, images and results are all in the memory that
// its bus master reaches, and what is read there is what it computes with. Cycles are those of a
// clock that runs from the beginning of the simulation; a run begins with an edge.
#pragma once

#include <memory>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/cosim/device_module.h"
#include "models/loopback/elaboration_module.h"

namespace stuckat::cosim {

class LoopbackDeviceModule : public DeviceModule {
 public:
  /// Arms the fault map. The network's parameters do not count: the host writes them to memory
  /// (loopback::stored_tiles). Throws InputError on an accelerator, a network or a map that do not
  /// fit.
  LoopbackDeviceModule(const sc_core::sc_module_name& name, const Network& network,
                       const loopback::LoopbackAccelerator& accelerator, FaultMap faults = {},
                       const DeviceParams& params = {});

  tlm::tlm_initiator_socket<>& memory_socket() override { return parts_->fetch.memory; }
  int64_t direct_transfers() const override { return parts_->fetch.direct_transfers(); }
  int64_t images_entered() const override { return entered_; }

 private:
  void run_all();
  void load_tile(int index, const loopback::WeightTile& tile, const std::vector<uint8_t>& bytes);
  void image_stored(int64_t image, const loopback::ImageCycles& cycles);
  void on_drop() override { parts_->fetch.abandon(); }
  Activity activity() const override;

  Network network_;  // the shapes, and the parameters that were fetched last
  loopback::LoopbackAccelerator accelerator_;
  Placement placement_;
  loopback::LoopbackPlan plan_;
  FaultMap faults_;
  std::unique_ptr<loopback::ElaboratedArray> parts_;
  std::vector<std::vector<uint8_t>> fetched_;  // by tile, in the order of the program
  int64_t origin_ = -1;                        // cycle of the first start
  int64_t entered_ = 0;
};

}  // namespace stuckat::cosim
