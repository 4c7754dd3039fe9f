// An accelerator behind a bus that has its weights, images and results in the memory that its bus
// master reaches, and computes with what is read there: what loopback_device_module and
// systolic_device_module have in common. Cycles are those of a clock that runs from the beginning
// of the simulation; a run begins with an edge.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "models/cosim/device_module.h"
#include "models/memory/fetch_module.h"
#include "models/memory/job.h"
#include "workloads/network.h"

namespace stuckat::cosim {

class FetchingDeviceModule : public DeviceModule {
 public:
  tlm::tlm_initiator_socket<>& memory_socket() override { return fetch_->memory; }
  int64_t direct_transfers() const override { return fetch_->direct_transfers(); }
  int64_t images_entered() const override { return entered_; }

 protected:
  FetchingDeviceModule(const sc_core::sc_module_name& name, DeviceKind kind,
                       const DeviceParams& params, const Network& network);

  memory::FetchParams fetch_params(const memory::MemoryParams& memory,
                                   const DeviceParams& params) const;
  /// The last thing of a constructor. `fetch` outlives all calls; tiles: of parameters in memory.
  void connect(memory::FetchModule& fetch, size_t tiles);
  /// Runs a job from the state of rest, and returns the cycle of its end.
  virtual int64_t run_job(const memory::Job& job) = 0;

  /// A tile of parameters as memory gave it: put(bytes, layer) puts it into its layer, unless that
  /// is how they are already. Memory does not change often.
  using Put = std::function<void(const std::vector<uint8_t>& bytes, Layer& layer)>;
  void stage(size_t tile, int layer, const std::vector<uint8_t>& bytes, const Put& put);
  /// What was staged of a layer is used from now on: reload(layer), or the run is dropped because
  /// a parameter is out of its range.
  void commit(const std::function<void(const Layer&)>& reload);

  Tensor image_of(const std::vector<uint8_t>& bytes, int tensor);
  void image_stored(int64_t image, int64_t cycles, int64_t waiting);

  Network network_;  // the shapes, and the parameters that were fetched last

 private:
  void run_all();
  void on_drop() override { fetch_->abandon(); }
  Activity activity() const override;

  memory::FetchModule* fetch_ = nullptr;
  std::vector<std::vector<uint8_t>> fetched_;                    // by tile
  std::vector<std::pair<size_t, std::vector<uint8_t>>> staged_;  // of one layer
  int staged_layer_ = -1;
  Layer before_;         // staged_layer_ without what was staged
  int64_t origin_ = -1;  // cycle of the first start
  int64_t entered_ = 0;
};

}  // namespace stuckat::cosim
