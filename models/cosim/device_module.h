// A dataflow accelerator as a host sees it: registers, parameter memory, interrupt, and a bus
// master for images and results. Loosely timed outside (TLM-2.0, blocking transport, DMI, quantum),
// exact to the cycle inside: words enter the chain in the cycle in which memory has delivered them.
// docs/device.md has the registers and what a driver does.
#pragma once

#include <tlm_utils/simple_target_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>

#include <cstdint>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/cosim/dma_module.h"
#include "models/cosim/memory_port_module.h"
#include "models/cosim/parameter_memory.h"
#include "models/cosim/register_map.h"
#include "models/dataflow/elaboration_module.h"

namespace stuckat::cosim {

struct DeviceParams {
  sc_core::sc_time period = sc_core::SC_ZERO_TIME;  ///< 0: of the accelerator's clock
  int burst_bytes = 256;                            ///< longest read of images
  int64_t watchdog_cycles = 1'000'000;  ///< that memory may take, and that nothing may move
};

class DeviceModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<DeviceModule> registers{"registers"};
  /// Byte-addressed, any length; layout: parameter_memory.h. Direct access unless a cell is broken.
  tlm_utils::simple_target_socket<DeviceModule> parameters{"parameters"};
  MemoryPortModule memory{"memory"};  ///< bind memory.socket
  sc_core::sc_out<bool> interrupt{"interrupt"};

  /// Arms the fault map. The network's parameters, if it has any, are those at power-up.
  /// Throws InputError on an accelerator, a network or a map that do not fit.
  DeviceModule(const sc_core::sc_module_name& name, const Network& network,
               const dataflow::DataflowAccelerator& accelerator, FaultMap faults = {},
               const DeviceParams& params = {});

  /// Registers as a debugger sees them.
  uint32_t peek(Register offset) const { return value(offset); }
  /// Every register, and the interrupt.
  void trace(sc_core::sc_trace_file* file) const;
  /// What the device does or waits for, for a watchdog's report.
  std::string explain() const;

 private:
  // The bus.
  void access_register(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  unsigned debug_register(tlm::tlm_generic_payload& transaction);
  tlm::tlm_response_status write(const RegisterRow& row, uint32_t data, sc_core::sc_time delay);
  tlm::tlm_response_status control(uint32_t data, sc_core::sc_time delay);
  void access_parameters(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  unsigned debug_parameters(tlm::tlm_generic_payload& transaction);
  bool direct_parameters(tlm::tlm_generic_payload& transaction, tlm::tlm_dmi& direct);
  void drive_interrupt();

  // The run.
  void start_runs();
  bool begin_run();
  void read_image(int64_t image);
  void feed(const uint8_t* bytes, int64_t words, int64_t arrival);
  void write_results();
  void write_result(const DmaWriteModule::Result& result);
  void end_run();
  void pass(tlm_utils::tlm_quantumkeeper& time);
  void watch();

  const uint32_t& value(Register offset) const {
    return values_[static_cast<uint32_t>(offset) / 4];
  }
  uint32_t& value(Register offset) { return values_[static_cast<uint32_t>(offset) / 4]; }
  uint64_t wide(Register low) const;
  void set_wide(Register low, uint64_t number);
  bool busy() const { return (value(Register::status) & status_busy) != 0; }
  void fail(DeviceError error);
  void set_power_up_values();
  /// Cycle of the chain that begins at `time`, or later; and the reverse.
  int64_t cycle_at(sc_core::sc_time time) const;
  sc_core::sc_time time_of(int64_t cycle) const;

  Network network_;
  dataflow::DataflowAccelerator accelerator_;
  Placement placement_;
  dataflow::Chain chain_;
  DeviceParams params_;
  ParameterMemory parameter_memory_;
  std::vector<std::vector<uint64_t>> no_images_;  // of the reader that is left out
  std::unique_ptr<dataflow::ElaboratedChain> parts_;
  std::unique_ptr<kernel::Stream> buffer_;  // words that arrived: two bursts
  std::unique_ptr<DmaReadModule> reader_;
  std::unique_ptr<DmaWriteModule> writer_;
  int64_t word_bytes_;
  int64_t image_words_;

  uint32_t values_[static_cast<uint32_t>(Register::bytes_written_high) / 4 + 1] = {};
  sc_core::sc_event start_, reset_, idle_, room_, changed_;
  tlm_utils::tlm_quantumkeeper reading_, writing_;
  sc_core::sc_time begin_;  // of the run
  int64_t base_ = 0;        // the chain's cycle at begin_
  bool dropped_ = false;    // the run was reset, or memory failed: zeros in, nothing out
  int passing_ = 0;         // threads that let time pass
  int64_t moved_ = 0;       // bursts and results, for the watchdog
  int64_t run_images_ = 0;
  int64_t results_ = 0;     // of the run
  int64_t last_push_ = -1;  // cycle of the last word that was put into the buffer
  uint64_t image_address_ = 0, result_address_ = 0;  // of the run
};

}  // namespace stuckat::cosim
