// A dataflow accelerator behind a bus. Loosely timed outside (TLM-2.0, blocking transport, DMI,
// quantum), exact to the cycle inside: words enter the chain in the cycle in which memory has
// delivered them.
#pragma once

#include <tlm_utils/simple_target_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>

#include <memory>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/cosim/device_module.h"
#include "models/cosim/dma_module.h"
#include "models/cosim/memory_port_module.h"
#include "models/cosim/parameter_port_module.h"
#include "models/dataflow/elaboration_module.h"

namespace stuckat::cosim {

class DataflowDeviceModule : public DeviceModule {
 public:
  ParameterPortModule parameters;  ///< a target: what the host writes weights and thresholds to

  /// Arms the fault map. The network's parameters, if it has any, are those at power-up.
  /// Throws InputError on an accelerator, a network or a map that do not fit.
  DataflowDeviceModule(const sc_core::sc_module_name& name, const Network& network,
                       const dataflow::DataflowAccelerator& accelerator, FaultMap faults = {},
                       const DeviceParams& params = {});

  tlm::tlm_initiator_socket<>& memory_socket() override { return memory_.socket; }
  int64_t direct_transfers() const override { return memory_.direct_transfers(); }
  int64_t images_entered() const override { return parts_->run_length(); }

 private:
  void start_runs();
  bool begin_run(const Run& run);
  void read_image(int64_t image);
  int64_t words_at_once(uint64_t address, int64_t left) const;
  void withdraw_behind(int64_t last);
  void feed(const uint8_t* bytes, int64_t words, int64_t arrival);
  void write_results();
  void write_result(const DmaWriteModule::Result& result);
  void finish_run();
  void catch_up(tlm_utils::tlm_quantumkeeper& time);
  Activity activity() const override;
  /// Those that are not done with the run, in the order of the chain, its ends last.
  std::vector<const kernel::Stage*> waiting_stages() const;

  int64_t next_base() const;
  /// Cycle of the chain that begins at `time`, or later; and the reverse.
  int64_t cycle_at(sc_core::sc_time time) const;
  sc_core::sc_time time_of(int64_t cycle) const;

  Network network_;
  dataflow::DataflowAccelerator accelerator_;
  Placement placement_;
  dataflow::Chain chain_;
  ParameterMemory parameter_memory_;
  MemoryPortModule memory_;
  std::vector<std::vector<uint64_t>> no_images_;  // of the reader that is left out
  std::unique_ptr<dataflow::ElaboratedChain> parts_;
  std::unique_ptr<kernel::Stream> buffer_;  // words that arrived: two bursts
  std::unique_ptr<DmaReadModule> reader_;
  std::unique_ptr<DmaWriteModule> writer_;
  int64_t word_bytes_;
  int64_t image_words_;
  int64_t whole_bursts_;  // bytes, 0: bursts of any length

  sc_core::sc_event room_, all_read_;
  tlm_utils::tlm_quantumkeeper reading_, writing_;
  Run run_;
  bool reads_ = false;      // not all words of the run are in the chain
  sc_core::sc_time begin_;  // of the run
  int64_t base_ = 0;        // the chain's cycle at begin_
  int64_t results_ = 0;     // of the run
  int64_t last_push_ = -1;  // cycle of the last word that was put into the buffer
};

}  // namespace stuckat::cosim
