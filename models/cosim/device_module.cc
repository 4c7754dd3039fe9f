#include "models/cosim/device_module.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/words.h"
#include "workloads/errors.h"

namespace stuckat::cosim {

using sc_core::sc_time;
using sc_core::sc_time_stamp;
using tlm::tlm_generic_payload;
using tlm::tlm_response_status;

namespace {

constexpr uint32_t alignment = 4;

/// A network whose parameters are still to come can be built, too.
Network with_parameters(Network network) {
  for (Layer& layer : network.layers) {
    if (!layer.has_weights() || !layer.weights.empty()) continue;
    const auto rows = static_cast<size_t>(layer.rows());
    layer.weights.assign(rows * static_cast<size_t>(layer.columns()),
                         static_cast<int8_t>(layer.weight_format.min_level()));
    layer.thresholds.assign(rows * static_cast<size_t>(layer.thresholds_per_row()), 0);
  }
  return network;
}

/// What every access has to keep to, but for its address.
tlm_response_status check_form(const tlm_generic_payload& transaction) {
  if (transaction.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  if (transaction.get_streaming_width() < transaction.get_data_length() ||
      transaction.get_data_length() == 0) {
    return tlm::TLM_BURST_ERROR_RESPONSE;
  }
  return tlm::TLM_OK_RESPONSE;
}

}  // namespace

DeviceModule::DeviceModule(const sc_core::sc_module_name& name, const Network& network,
                           const dataflow::DataflowAccelerator& accelerator, FaultMap faults,
                           const DeviceParams& params)
    : sc_module(name),
      network_(with_parameters(network)),
      accelerator_(accelerator),
      params_(params),
      parameter_memory_(network_) {
  dataflow::validate(accelerator_, network_);
  placement_ = dataflow::place(accelerator_, network_);
  chain_ = dataflow::build_chain(accelerator_, network_);
  validate(faults, placement_, network_, placement_.accelerator);
  const dataflow::StreamSpec& words = chain_.streams.front();
  if (words.word_bits() % 8 != 0) {
    throw InputError(placement_.accelerator,
                     std::to_string(words.word_bits()) + "-bit memory words", "whole bytes");
  }
  if (params_.period == sc_core::SC_ZERO_TIME) {
    params_.period = sc_time(1000.0 / accelerator_.clock_mhz, sc_core::SC_NS);
  }
  word_bytes_ = words.word_bits() / 8;
  image_words_ = words.words_per_image;
  const size_t last = chain_.stages.size() - 1;
  parts_ = std::make_unique<dataflow::ElaboratedChain>(chain_, accelerator_, network_, placement_,
                                                       no_images_, std::vector<size_t>{0, last});
  const int burst_words = std::max(1, static_cast<int>(params_.burst_bytes / word_bytes_));
  buffer_ = std::make_unique<kernel::Stream>("burst_buffer", 2 * burst_words, words.word_bits());
  buffer_->bind_producer(room_);
  reader_ = std::make_unique<DmaReadModule>("dma_read", *buffer_, parts_->stream(0),
                                            accelerator_.latency.memory, image_words_,
                                            &parts_->run_length());
  writer_ = std::make_unique<DmaWriteModule>("dma_write", parts_->stream(last - 1),
                                             chain_.streams.back().words_per_image,
                                             &parts_->run_length());
  for (const Fault& fault : faults.faults) {
    parts_->arm(fault);
    for (const PeArray& array : placement_.arrays) {
      if (array.name == fault.part) parameter_memory_.arm(fault, array);
    }
  }
  set_power_up_values();

  registers.register_b_transport(this, &DeviceModule::access_register);
  registers.register_transport_dbg(this, &DeviceModule::debug_register);
  parameters.register_b_transport(this, &DeviceModule::access_parameters);
  parameters.register_transport_dbg(this, &DeviceModule::debug_parameters);
  parameters.register_get_direct_mem_ptr(this, &DeviceModule::direct_parameters);
  SC_HAS_PROCESS(DeviceModule);
  SC_METHOD(drive_interrupt);
  sensitive << changed_;
  SC_THREAD(start_runs);
  SC_THREAD(write_results);
  SC_THREAD(watch);
}

void DeviceModule::set_power_up_values() {
  for (const RegisterRow& row : register_table()) value(row.offset) = row.reset;
  value(Register::image_bytes) = static_cast<uint32_t>(image_words_ * word_bytes_);
  value(Register::result_bytes) = 4 * static_cast<uint32_t>(network_.classes());
  value(Register::parameter_bytes) = static_cast<uint32_t>(parameter_memory_.bytes());
}

uint64_t DeviceModule::wide(Register low) const {
  const uint32_t* words = &value(low);
  return uint64_t{words[1]} << 32 | words[0];
}

void DeviceModule::set_wide(Register low, uint64_t number) {
  uint32_t* words = &value(low);
  words[0] = static_cast<uint32_t>(number);
  words[1] = static_cast<uint32_t>(number >> 32);
}

int64_t DeviceModule::cycle_at(sc_time time) const {
  const uint64_t period = params_.period.value();
  return base_ + static_cast<int64_t>((time.value() - begin_.value() + period - 1) / period);
}

sc_time DeviceModule::time_of(int64_t cycle) const {
  return begin_ + params_.period * static_cast<double>(std::max<int64_t>(0, cycle - base_));
}

// ---- the bus

void DeviceModule::access_register(tlm_generic_payload& transaction, sc_time& delay) {
  tlm_response_status status = check_form(transaction);
  const RegisterRow* row = register_at(transaction.get_address());
  if (status == tlm::TLM_OK_RESPONSE && transaction.get_data_length() != sizeof(uint32_t)) {
    status = tlm::TLM_BURST_ERROR_RESPONSE;
  }
  if (status == tlm::TLM_OK_RESPONSE && row == nullptr) status = tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (status == tlm::TLM_OK_RESPONSE && transaction.is_read()) {
    std::memcpy(transaction.get_data_ptr(), &value(row->offset), sizeof(uint32_t));
  } else if (status == tlm::TLM_OK_RESPONSE && transaction.is_write()) {
    uint32_t data = 0;
    std::memcpy(&data, transaction.get_data_ptr(), sizeof data);
    status = write(*row, data, delay);
  }
  delay += params_.period;
  transaction.set_response_status(status);
}

tlm_response_status DeviceModule::write(const RegisterRow& row, uint32_t data, sc_time delay) {
  if (row.offset == Register::control) return control(data, delay);
  switch (row.access) {
    case Access::constant:
    case Access::read_only:
      return tlm::TLM_COMMAND_ERROR_RESPONSE;
    case Access::write_one_to_clear:
      value(row.offset) &= ~(data & (status_done | status_error));
      if ((data & status_error) != 0) value(Register::error) = 0;
      changed_.notify(sc_core::SC_ZERO_TIME);
      return tlm::TLM_OK_RESPONSE;
    case Access::read_write:
      break;
  }
  if (busy()) {
    fail(DeviceError::busy);
    return tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  value(row.offset) = data;
  return tlm::TLM_OK_RESPONSE;
}

tlm_response_status DeviceModule::control(uint32_t data, sc_time delay) {
  if ((data & control_reset) != 0) {
    const bool was_busy = busy();
    set_power_up_values();
    if (was_busy) {
      value(Register::status) = status_busy;
      dropped_ = true;
      reset_.notify();
      fail(DeviceError::aborted);
    }
    changed_.notify(sc_core::SC_ZERO_TIME);
    return tlm::TLM_OK_RESPONSE;
  }
  value(Register::control) = data & control_interrupt;
  changed_.notify(sc_core::SC_ZERO_TIME);
  if ((data & control_start) == 0) return tlm::TLM_OK_RESPONSE;

  const uint64_t images = value(Register::image_count);
  const auto fits = [&](Register address, Register bytes) {
    return wide(address) % alignment == 0 &&
           wide(address) <= std::numeric_limits<uint64_t>::max() - images * value(bytes);
  };
  DeviceError error = DeviceError::none;
  if (busy()) {
    error = DeviceError::busy;
  } else if (images == 0) {
    error = DeviceError::image_count;
  } else if (!fits(Register::image_address, Register::image_bytes) ||
             !fits(Register::result_address, Register::result_bytes)) {
    error = DeviceError::address;
  }
  if (error != DeviceError::none) {
    fail(error);
    return tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  value(Register::status) = (value(Register::status) & ~status_done) | status_busy;
  start_.notify(delay);
  return tlm::TLM_OK_RESPONSE;
}

unsigned DeviceModule::debug_register(tlm_generic_payload& transaction) {
  const RegisterRow* row = register_at(transaction.get_address());
  if (row == nullptr || !transaction.is_read()) return 0;
  const unsigned bytes = std::min<unsigned>(transaction.get_data_length(), sizeof(uint32_t));
  std::memcpy(transaction.get_data_ptr(), &value(row->offset), bytes);
  return bytes;
}

void DeviceModule::access_parameters(tlm_generic_payload& transaction, sc_time& delay) {
  tlm_response_status status = check_form(transaction);
  const uint64_t address = transaction.get_address();
  const uint64_t length = transaction.get_data_length();
  const uint64_t size = parameter_memory_.bytes();
  if (status == tlm::TLM_OK_RESPONSE && (address > size || length > size - address)) {
    status = tlm::TLM_ADDRESS_ERROR_RESPONSE;
  }
  if (status == tlm::TLM_OK_RESPONSE && transaction.is_write() && busy()) {
    fail(DeviceError::busy);
    status = tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  transaction.set_response_status(status);
  if (status != tlm::TLM_OK_RESPONSE) return;
  debug_parameters(transaction);
  transaction.set_dmi_allowed(parameter_memory_.healthy());
  // A word of 4 bytes per cycle.
  delay += params_.period * static_cast<double>((length + 3) / 4);
}

unsigned DeviceModule::debug_parameters(tlm_generic_payload& transaction) {
  const uint64_t address = transaction.get_address();
  const uint64_t size = parameter_memory_.bytes();
  if (address >= size) return 0;
  const auto length =
      static_cast<unsigned>(std::min<uint64_t>(transaction.get_data_length(), size - address));
  uint8_t* data = transaction.get_data_ptr();
  for (unsigned i = 0; i < length; ++i) {
    if (transaction.is_read()) data[i] = parameter_memory_.read(address + i);
    if (transaction.is_write()) parameter_memory_.write(address + i, data[i]);
  }
  return length;
}

bool DeviceModule::direct_parameters(tlm_generic_payload&, tlm::tlm_dmi& direct) {
  direct.set_start_address(0);
  direct.set_end_address(parameter_memory_.bytes() - 1);
  if (!parameter_memory_.healthy()) {
    // A pointer would show what was written, not what the broken cells hold.
    direct.allow_none();
    return false;
  }
  direct.allow_read_write();
  direct.set_dmi_ptr(parameter_memory_.data());
  direct.set_read_latency(params_.period);
  direct.set_write_latency(params_.period);
  return true;
}

void DeviceModule::fail(DeviceError error) {
  if (value(Register::error) == 0) value(Register::error) = static_cast<uint32_t>(error);
  value(Register::status) |= status_error;
  changed_.notify(sc_core::SC_ZERO_TIME);
}

void DeviceModule::drive_interrupt() {
  const uint32_t raised = value(Register::status) & (status_done | status_error);
  interrupt.write((value(Register::control) & control_interrupt) != 0 && raised != 0);
}

// ---- the run: one thread reads images, another writes results; the chain runs between them, as
// far ahead as the words that arrived let it.

void DeviceModule::start_runs() {
  for (;;) {
    wait(start_);
    if (!begin_run()) continue;
    const int64_t images = run_images_;
    for (int64_t i = 0; i < images; ++i) read_image(i);
  }
}

bool DeviceModule::begin_run() {
  if (dropped_) {  // reset between the write of `start` and now
    end_run();
    return false;
  }
  try {
    Network network = network_;
    parameter_memory_.unpack(network);
    parts_->load(network);
  } catch (const InputError&) {
    fail(DeviceError::parameters);
    end_run();
    return false;
  }
  begin_ = sc_time_stamp();
  // The chain is at rest. A word is visible one cycle after its push: the first one of the run may
  // be pushed in the cycle before it.
  base_ = std::max({parts_->free_cycle(), reader_->free_cycle(), writer_->free_cycle()}) + 1;
  for (const Register low : {Register::total_cycles, Register::first_image_cycles,
                             Register::bytes_read, Register::bytes_written}) {
    set_wide(low, 0);
  }
  value(Register::images_done) = 0;
  reading_.reset();
  writing_.reset();
  run_images_ = value(Register::image_count);
  image_address_ = wide(Register::image_address);
  result_address_ = wide(Register::result_address);
  parts_->admit(run_images_, base_);
  reader_->resume(base_);
  writer_->resume(base_);
  return true;
}

void DeviceModule::read_image(int64_t image) {
  const int64_t burst_words = buffer_->depth() / 2;
  std::vector<uint8_t> bytes(static_cast<size_t>(burst_words * word_bytes_));
  for (int64_t first = 0; first < image_words_; first += burst_words) {
    const int64_t words = std::min(burst_words, image_words_ - first);
    // There is room for the first word, when the request goes out.
    while (!buffer_->can_push()) {
      buffer_->producer_waits();
      wait(room_);
    }
    if (!dropped_) {
      const sc_time now = std::max(reading_.get_current_time(), time_of(buffer_->slot_free()));
      reading_.set(now - sc_time_stamp());
      const auto length = static_cast<unsigned>(words * word_bytes_);
      const uint64_t address =
          image_address_ + static_cast<uint64_t>((image * image_words_ + first) * word_bytes_);
      sc_time local = reading_.get_local_time();
      const auto status =
          memory.transfer(tlm::TLM_READ_COMMAND, address, bytes.data(), length, local);
      ++moved_;
      reading_.set(local);
      if (reading_.need_sync()) pass(reading_);
      if (status != tlm::TLM_OK_RESPONSE && !dropped_) {
        fail(DeviceError::memory);
        dropped_ = true;
      }
      set_wide(Register::bytes_read, wide(Register::bytes_read) + length);
    }
    // What was dropped still leaves the pipelines as a healthy run would: with zeros behind it.
    if (dropped_) std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    feed(bytes.data(), words, cycle_at(reading_.get_current_time()));
  }
}

void DeviceModule::feed(const uint8_t* bytes, int64_t words, int64_t arrival) {
  std::vector<uint64_t> word(static_cast<size_t>(buffer_->limbs()));
  for (int64_t i = 0; i < words; ++i) {
    while (!buffer_->can_push()) {
      buffer_->producer_waits();
      wait(room_);
    }
    std::fill(word.begin(), word.end(), 0);
    std::memcpy(word.data(), bytes + i * word_bytes_, static_cast<size_t>(word_bytes_));
    last_push_ = std::max({last_push_ + 1, arrival - 1, buffer_->slot_free()});
    buffer_->push(last_push_, word.data());
  }
}

void DeviceModule::write_results() {
  for (;;) {
    while (writer_->results.empty()) wait(writer_->arrived);
    const DmaWriteModule::Result result = std::move(writer_->results.front());
    writer_->results.pop_front();
    if (!dropped_) write_result(result);
    ++moved_;
    if (++results_ < run_images_) continue;
    results_ = 0;
    end_run();
  }
}

void DeviceModule::write_result(const DmaWriteModule::Result& result) {
  const dataflow::StreamSpec& stream = chain_.streams.back();
  const auto code = dataflow::lane_code(network_, stream.tensor, stream.lane_bits);
  std::vector<int32_t> logits;
  for (int c = 0; c < network_.classes(); ++c) {
    const uint64_t* word =
        result.words.data() + c / stream.lanes * dataflow::limbs_for(stream.word_bits());
    logits.push_back(code.value(
        dataflow::get_bits(word, c % stream.lanes * stream.lane_bits, stream.lane_bits)));
  }
  const sc_time complete = std::max(writing_.get_current_time(), time_of(result.cycle));
  writing_.set(complete - sc_time_stamp());
  if (writing_.need_sync()) pass(writing_);
  if (dropped_) return;
  if (results_ == 0) {
    set_wide(Register::first_image_cycles, static_cast<uint64_t>(result.cycle - base_));
  }
  const auto length = static_cast<unsigned>(4 * logits.size());
  const uint64_t address = result_address_ + static_cast<uint64_t>(results_) * length;
  sc_time local = writing_.get_local_time();
  const auto status = memory.transfer(tlm::TLM_WRITE_COMMAND, address,
                                      reinterpret_cast<uint8_t*>(logits.data()), length, local);
  writing_.set(local);
  if (dropped_) return;
  if (status != tlm::TLM_OK_RESPONSE) {
    fail(DeviceError::memory);
    dropped_ = true;
    return;
  }
  set_wide(Register::bytes_written, wide(Register::bytes_written) + length);
  value(Register::images_done) = static_cast<uint32_t>(results_ + 1);
}

void DeviceModule::end_run() {
  if (!dropped_ && run_images_ > 0) {
    // The host sees the end when it happens, whatever the quantum.
    pass(writing_);
  }
  if (!dropped_ && run_images_ > 0) {
    set_wide(Register::total_cycles, static_cast<uint64_t>(cycle_at(sc_time_stamp()) - base_));
    value(Register::status) |= status_done;
  }
  value(Register::status) &= ~status_busy;
  dropped_ = false;
  run_images_ = 0;
  idle_.notify();
  changed_.notify(sc_core::SC_ZERO_TIME);
}

/// Lets the simulated time catch up with `time`; a reset ends the wait.
void DeviceModule::pass(tlm_utils::tlm_quantumkeeper& time) {
  ++passing_;
  wait(time.get_local_time(), reset_);
  --passing_;
  time.reset();
}

void DeviceModule::watch() {
  const sc_time patience = params_.period * static_cast<double>(params_.watchdog_cycles);
  for (;;) {
    wait(start_);
    while (busy()) {
      const int64_t moved = moved_;
      wait(patience, idle_);
      const bool late = memory.waits() && sc_time_stamp() - memory.since() >= patience;
      const bool stuck = moved == moved_ && !memory.waits() && passing_ == 0;
      if (busy() && (late || stuck)) fail(DeviceError::watchdog);
    }
  }
}

void DeviceModule::trace(sc_core::sc_trace_file* file) const {
  for (const RegisterRow& row : register_table()) {
    sc_core::sc_trace(file, value(row.offset), std::string(name()) + "." + row.name);
  }
  sc_core::sc_trace(file, interrupt, std::string(name()) + ".interrupt");
}

std::string DeviceModule::explain() const {
  std::string text = name();
  if (memory.waits()) {
    return text + " waits for memory: " + memory.what() + ", since " + memory.since().to_string();
  }
  if (!busy()) return text + " is idle";
  if (passing_ > 0) return text + " computes";
  for (const kernel::Stage* stage : parts_->stages()) {
    if (stage->progress() != kernel::Progress::done) text += "; " + stage->explain();
  }
  return text;
}

}  // namespace stuckat::cosim
