#include "models/cosim/device_module.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "models/cosim/bus_access_module.h"
#include "workloads/errors.h"

namespace stuckat::cosim {

using sc_core::sc_time;
using sc_core::sc_time_stamp;
using tlm::tlm_generic_payload;
using tlm::tlm_response_status;

namespace {

constexpr uint64_t alignment = 4;
constexpr int64_t longest_watchdog_cycles = 1'000'000'000'000;

void check(const std::string& where, const DeviceParams& params) {
  if (params.watchdog_cycles < 1 || params.watchdog_cycles > longest_watchdog_cycles) {
    throw InputError(where, "watchdog_cycles is " + std::to_string(params.watchdog_cycles),
                     "1 to " + std::to_string(longest_watchdog_cycles));
  }
  if (params.burst_bytes < 1) {
    throw InputError(where, "burst_bytes is " + std::to_string(params.burst_bytes), "at least 1");
  }
}

}  // namespace

DeviceModule::DeviceModule(const sc_core::sc_module_name& name, DeviceKind kind,
                           const DeviceParams& params, const sc_time& default_period)
    : sc_module(name),
      kind_(kind),
      period_(params.period == sc_core::SC_ZERO_TIME ? default_period : params.period),
      watchdog_cycles_(params.watchdog_cycles) {
  check(sc_module::name(), params);
  values_[Register::kind] = kind.number;
  registers.register_b_transport(this, &DeviceModule::access);
  registers.register_transport_dbg(this, &DeviceModule::debug);
  SC_HAS_PROCESS(DeviceModule);
  SC_METHOD(drive_interrupt);
  sensitive << changed_;
  SC_THREAD(watch);
}

// ---- the bus

void DeviceModule::access(tlm_generic_payload& transaction, sc_time& delay) {
  tlm_response_status status = check_form(transaction);
  if (is_ignored(transaction)) return transaction.set_response_status(status);
  const RegisterRow* row = register_at(transaction.get_address(), kind_);
  if (status == tlm::TLM_OK_RESPONSE && transaction.get_data_length() != sizeof(uint32_t)) {
    status = tlm::TLM_BURST_ERROR_RESPONSE;
  }
  if (status == tlm::TLM_OK_RESPONSE && row == nullptr) status = tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (status == tlm::TLM_OK_RESPONSE && transaction.is_read()) {
    std::memcpy(transaction.get_data_ptr(), &values_[row->offset], sizeof(uint32_t));
  } else if (status == tlm::TLM_OK_RESPONSE && transaction.is_write()) {
    uint32_t data = 0;
    std::memcpy(&data, transaction.get_data_ptr(), sizeof data);
    status = write(*row, data, delay);
  }
  delay += period_;
  transaction.set_response_status(status);
}

unsigned DeviceModule::debug(tlm_generic_payload& transaction) {
  constexpr uint64_t word = sizeof(uint32_t);
  if (!transaction.is_read()) return 0;
  unsigned bytes = 0;
  for (; bytes < transaction.get_data_length(); ++bytes) {
    const uint64_t address = transaction.get_address() + bytes;
    const RegisterRow* row = register_at(address / word * word, kind_);
    if (row == nullptr) break;
    const auto shift = static_cast<unsigned>(8 * (address % word));
    transaction.get_data_ptr()[bytes] = static_cast<uint8_t>(values_[row->offset] >> shift);
  }
  return bytes;
}

tlm_response_status DeviceModule::write(const RegisterRow& row, uint32_t data, sc_time delay) {
  if (row.offset == Register::control) return control(data, delay);
  switch (row.access) {
    case Access::constant:
    case Access::read_only:
      return tlm::TLM_COMMAND_ERROR_RESPONSE;
    case Access::write_one_to_clear:
      values_[row.offset] &= ~(data & (status_done | status_error));
      if ((data & status_error) != 0) values_[Register::error] = 0;
      changed_.notify(sc_core::SC_ZERO_TIME);
      return tlm::TLM_OK_RESPONSE;
    case Access::read_write:
      break;
  }
  if (busy()) {
    fail(DeviceError::busy);
    return tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  values_[row.offset] = data;
  return tlm::TLM_OK_RESPONSE;
}

tlm_response_status DeviceModule::control(uint32_t data, sc_time delay) {
  if ((data & control_reset) != 0) {
    reset();
    return tlm::TLM_OK_RESPONSE;
  }
  values_[Register::control] = data & control_interrupt;
  changed_.notify(sc_core::SC_ZERO_TIME);
  if ((data & control_start) == 0) return tlm::TLM_OK_RESPONSE;
  const DeviceError error = refusal();
  if (error != DeviceError::none) {
    fail(error);
    return tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  values_[Register::status] = (values_[Register::status] & ~status_done) | status_busy;
  start_.notify(delay);
  return tlm::TLM_OK_RESPONSE;
}

void DeviceModule::reset() {
  const bool was_busy = busy();
  values_.reset();
  if (was_busy) {
    values_[Register::status] = status_busy;
    drop(DeviceError::aborted);
    reset_.notify();
  }
  changed_.notify(sc_core::SC_ZERO_TIME);
}

/// Why a start is not possible, if it is not.
DeviceError DeviceModule::refusal() const {
  if (busy()) return DeviceError::busy;
  const uint64_t images = values_[Register::image_count];
  if (images == 0) return DeviceError::image_count;
  const struct {
    Register address;
    uint64_t bytes;
  } blocks[] = {{Register::image_address, images * values_[Register::image_bytes]},
                {Register::result_address, images * values_[Register::result_bytes]},
                {Register::parameter_address, values_[Register::parameter_bytes]}};
  for (const auto& block : blocks) {
    const uint64_t address = values_.wide(block.address);
    if (address % alignment != 0 || address > std::numeric_limits<uint64_t>::max() - block.bytes) {
      return DeviceError::address;
    }
  }
  return DeviceError::none;
}

void DeviceModule::fail(DeviceError error) {
  if (values_[Register::error] == 0) values_[Register::error] = static_cast<uint32_t>(error);
  values_[Register::status] |= status_error;
  changed_.notify(sc_core::SC_ZERO_TIME);
}

void DeviceModule::drive_interrupt() {
  const uint32_t raised = values_[Register::status] & (status_done | status_error);
  interrupt.write((values_[Register::control] & control_interrupt) != 0 && raised != 0);
}

// ---- the run

DeviceModule::Run DeviceModule::next_run() {
  for (;;) {
    wait(start_);
    if (!dropped_) break;
    end_run(0);  // reset between the write of `start` and now
  }
  for (const RegisterRow& row : register_table()) {
    const bool counter = row.access == Access::read_only && row.offset != Register::error;
    if (counter) values_[row.offset] = 0;
  }
  return {values_[Register::image_count], values_.wide(Register::image_address),
          values_.wide(Register::result_address), values_.wide(Register::parameter_address)};
}

/// The register says why at once; `status` and the interrupt tell when the run has ended, so that
/// a driver that answers an interrupt finds a device that it can start.
void DeviceModule::drop(DeviceError error) {
  if (values_[Register::error] == 0) values_[Register::error] = static_cast<uint32_t>(error);
  if (dropped_) return;
  dropped_ = true;
  why_ = error;
  on_drop();
}

void DeviceModule::end_run(int64_t cycles) {
  if (!dropped_) {
    values_.set_wide(Register::total_cycles, static_cast<uint64_t>(cycles));
    values_[Register::status] |= status_done;
  } else {
    fail(why_);
  }
  values_[Register::status] &= ~status_busy;
  dropped_ = false;
  idle_.notify();
  changed_.notify(sc_core::SC_ZERO_TIME);
}

void DeviceModule::count(Register counter, uint64_t more) {
  if (counter == Register::images_done)
    values_[counter] += static_cast<uint32_t>(more);
  else
    values_.set_wide(counter, values_.wide(counter) + more);
}

void DeviceModule::set_sizes(int64_t image, int64_t result, int64_t parameters) {
  values_[Register::image_bytes] = static_cast<uint32_t>(image);
  values_[Register::result_bytes] = static_cast<uint32_t>(result);
  values_[Register::parameter_bytes] = static_cast<uint32_t>(parameters);
}

void DeviceModule::pass(const sc_time& time) {
  ++passing_;
  wait(time, reset_);
  --passing_;
}

void DeviceModule::watch() {
  const sc_time patience = period_ * static_cast<double>(watchdog_cycles_);
  for (;;) {
    wait(start_);
    while (busy()) {
      const int64_t moved = moved_;
      wait(patience, idle_);
      const Activity now = activity();
      const bool transfers = !now.transfer.empty();
      const bool late = transfers && sc_time_stamp() - now.since >= patience;
      const bool stuck = moved == moved_ && !transfers && !now.computes && passing_ == 0;
      if (busy() && (late || stuck)) fail(DeviceError::watchdog);
    }
  }
}

void DeviceModule::trace(sc_core::sc_trace_file* file) const {
  for (const RegisterRow& row : register_table()) {
    if (register_at(static_cast<uint64_t>(row.offset), kind_) == nullptr) continue;
    sc_core::sc_trace(file, values_[row.offset], std::string(name()) + "." + row.name);
  }
  sc_core::sc_trace(file, interrupt, std::string(name()) + ".interrupt");
}

std::string DeviceModule::explain() const {
  const Activity now = activity();
  const std::string who = name();
  if (!now.transfer.empty()) {
    return who + " waits for memory: " + now.transfer + ", since " + now.since.to_string();
  }
  if (!busy()) return who + " is idle";
  if (now.computes || passing_ > 0) return who + " computes";
  return who + (now.waits.empty() ? " is about to start" : now.waits);
}

}  // namespace stuckat::cosim
