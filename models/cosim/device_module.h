// What a host sees of any accelerator: registers, an interrupt, a bus master, and what start,
// reset, bad accesses and a memory that does not answer do. The accelerators after it are
// dataflow_device_module, loopback_device_module and systolic_device_module; docs/device.md has the
// registers and what a driver does.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>

#include "models/cosim/register_file.h"

namespace stuckat::cosim {

struct DeviceParams {
  /// Of a cycle; 0: of the dataflow accelerator's clock, 10 ns for the others.
  sc_core::sc_time period = sc_core::SC_ZERO_TIME;
  /// Longest burst of accelerators whose description has none: dataflow, which never goes beyond an
  /// image, and systolic without off-chip memory; at least 1.
  int burst_bytes = 256;
  bool non_blocking_memory =
      false;  ///< loopback, systolic: by the four phases, so that bursts overlap
  /// Every burst is burst_bytes long (or memory.burst_bytes of the accelerator) and begins at
  /// a multiple of it. More is read than is needed, and what a write leaves of its first and its
  /// last burst is read before.
  bool whole_bursts = false;
  /// That memory may take, and that nothing may move; 1 to 10^12.
  int64_t watchdog_cycles = 1'000'000;
};

class DeviceModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<DeviceModule> registers{"registers"};
  sc_core::sc_out<bool> interrupt{"interrupt"};

  /// The bus master, to be bound to a memory.
  virtual tlm::tlm_initiator_socket<>& memory_socket() = 0;
  /// Transfers that memory let the device do without a transaction.
  virtual int64_t direct_transfers() const = 0;
  /// Images that have passed or will pass since power-up, dropped ones included: what the slots of
  /// FIFOs have moved on by.
  virtual int64_t images_entered() const = 0;

  /// Registers as a debugger sees them.
  uint32_t peek(Register offset) const { return values_[offset]; }
  /// Every register, and the interrupt.
  void trace(sc_core::sc_trace_file* file) const;
  /// What the device does or waits for, for a watchdog's report.
  std::string explain() const;

 protected:
  /// default_period: of the accelerator, if params has none. Throws InputError on params out of
  /// range.
  DeviceModule(const sc_core::sc_module_name& name, DeviceKind kind, const DeviceParams& params,
               const sc_core::sc_time& default_period);

  /// What a host asked for.
  struct Run {
    int64_t images = 0;
    uint64_t image_address = 0, result_address = 0, parameter_address = 0;
  };
  /// What the accelerator is at, for the watchdog.
  struct Activity {
    std::string transfer;    ///< under way, "a read of 64 bytes at 4096"; "": none
    sc_core::sc_time since;  ///< of the transfer
    bool computes = false;   ///< nothing to do but to let time pass
    std::string waits;       ///< otherwise: who waits for what
  };
  virtual Activity activity() const = 0;
  /// The run has been dropped: by a reset, or by drop().
  virtual void on_drop() {}

  /// In a thread: waits for a start, and clears the counters.
  Run next_run();
  /// The run is over, after `cycles` if nothing dropped it: no thread has anything to do for it any
  /// more, and the next start finds one in next_run().
  void end_run(int64_t cycles);
  /// No further result of this run is written; what it still takes is up to the accelerator, and
  /// the host is told when that is over.
  void drop(DeviceError error);
  bool dropped() const { return dropped_; }
  bool busy() const { return (values_[Register::status] & status_busy) != 0; }
  void fail(DeviceError error);
  /// Lets time pass; a reset ends the wait.
  void pass(const sc_core::sc_time& time);
  /// Something went on, for the watchdog.
  void moved() { ++moved_; }
  /// Adds to a counter; images_done is the only one of 32 bits.
  void count(Register counter, uint64_t more);
  /// Bytes of an image, of a result, of all parameters: the device's constants.
  void set_sizes(int64_t image, int64_t result, int64_t parameters);
  sc_core::sc_time period() const { return period_; }

 private:
  void access(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  unsigned debug(tlm::tlm_generic_payload& transaction);
  tlm::tlm_response_status write(const RegisterRow& row, uint32_t data, sc_core::sc_time delay);
  tlm::tlm_response_status control(uint32_t data, sc_core::sc_time delay);
  void reset();
  DeviceError refusal() const;
  void drive_interrupt();
  void watch();

  DeviceKind kind_;
  sc_core::sc_time period_;
  int64_t watchdog_cycles_;
  RegisterFile values_;
  sc_core::sc_event start_, reset_, idle_, changed_;
  bool dropped_ = false;
  DeviceError why_ = DeviceError::none;  // it was dropped
  int passing_ = 0;                      // threads that let time pass
  int64_t moved_ = 0;
};

}  // namespace stuckat::cosim
