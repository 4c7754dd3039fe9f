#include "models/cosim/dataflow_device_module.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/cosim/blank_parameters.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/words.h"
#include "workloads/errors.h"

namespace stuckat::cosim {

constexpr DeviceKind dataflow_device{.number = 0, .fetches_parameters = false};

using sc_core::sc_time;
using sc_core::sc_time_stamp;

DataflowDeviceModule::DataflowDeviceModule(const sc_core::sc_module_name& name,
                                           const Network& network,
                                           const dataflow::DataflowAccelerator& accelerator,
                                           FaultMap faults, const DeviceParams& params)
    : DeviceModule(name, dataflow_device, params,
                   sc_time(1000.0 / accelerator.clock_mhz, sc_core::SC_NS)),
      parameters("parameters", parameter_memory_, period(),
                 [this] {
                   if (busy()) fail(DeviceError::busy);
                   return !busy();
                 }),
      network_(with_parameters(network)),
      accelerator_(accelerator),
      parameter_memory_(network_),
      memory_("memory", params.whole_bursts ? static_cast<unsigned>(params.burst_bytes) : 0),
      whole_bursts_(params.whole_bursts ? params.burst_bytes : 0) {
  dataflow::validate(accelerator_, network_);
  placement_ = dataflow::place(accelerator_, network_);
  chain_ = dataflow::build_chain(accelerator_, network_);
  validate(faults, placement_, network_, placement_.accelerator);
  const dataflow::StreamSpec& words = chain_.streams.front();
  if (words.word_bits() % 8 != 0) {
    throw InputError(placement_.accelerator,
                     std::to_string(words.word_bits()) + "-bit memory words", "whole bytes");
  }
  word_bytes_ = words.word_bits() / 8;
  image_words_ = words.words_per_image;
  const size_t last = chain_.stages.size() - 1;
  parts_ = std::make_unique<dataflow::ElaboratedChain>(chain_, accelerator_, network_, placement_,
                                                       no_images_, std::vector<size_t>{0, last});
  const auto burst_words =
      static_cast<int>(std::clamp<int64_t>(params.burst_bytes / word_bytes_, 1, image_words_));
  buffer_ = std::make_unique<kernel::Stream>("burst_buffer", 2 * burst_words, words.word_bits());
  buffer_->bind_producer(room_);
  reader_ = std::make_unique<DmaReadModule>("dma_read", *buffer_, parts_->stream(0),
                                            accelerator_.latency.memory, image_words_,
                                            &parts_->run_length());
  writer_ = std::make_unique<DmaWriteModule>("dma_write", parts_->stream(chain_.streams.size() - 1),
                                             chain_.streams.back().words_per_image,
                                             &parts_->run_length());
  for (Fault fault : faults.faults) {
    // A transient counts the cycles of the first run.
    if (fault.is_flip()) fault.flip_cycle += next_base();
    parts_->arm(fault);
    for (const PeArray& array : placement_.arrays) {
      if (array.name == fault.part) parameter_memory_.arm(fault, array);
    }
  }
  set_sizes(image_words_ * word_bytes_,
            4 * int64_t{network_.shape(chain_.streams.back().tensor).size()},
            static_cast<int64_t>(parameter_memory_.bytes()));
  SC_HAS_PROCESS(DataflowDeviceModule);
  SC_THREAD(start_runs);
  SC_THREAD(write_results);
}

/// Of a run that begins now, with the chain at rest. A word is visible one cycle after its push:
/// the first one of the run may be pushed in the cycle before it.
int64_t DataflowDeviceModule::next_base() const {
  return std::max({parts_->free_cycle(), reader_->free_cycle(), writer_->free_cycle()}) + 1;
}

int64_t DataflowDeviceModule::cycle_at(sc_time time) const {
  const uint64_t length = period().value();
  return base_ + static_cast<int64_t>((time.value() - begin_.value() + length - 1) / length);
}

sc_time DataflowDeviceModule::time_of(int64_t cycle) const {
  return begin_ + period() * static_cast<double>(std::max<int64_t>(0, cycle - base_));
}

// One thread reads images, another writes results; the chain runs between them, as
// far ahead as the words that arrived let it. A run is over when both have done: the last words of
// an image may come after its result, because no window needs them.

void DataflowDeviceModule::start_runs() {
  for (;;) {
    run_ = next_run();
    if (!begin_run(run_)) continue;
    reads_ = true;
    for (int64_t i = 0; i < run_.images; ++i) {
      read_image(i);
      if (dropped()) withdraw_behind(i + 1);
    }
    if (!dropped()) catch_up(reading_);
    reads_ = false;
    all_read_.notify();
  }
}

/// No image after image `last` of the run is read: that one is, because padding begins an image
/// before it has a word of it.
void DataflowDeviceModule::withdraw_behind(int64_t last) {
  const int64_t left = run_.images - (last + 1);
  if (left <= 0) return;
  run_.images -= left;
  parts_->withdraw(left);
  reader_->resume(0);
  writer_->resume(0);
}

bool DataflowDeviceModule::begin_run(const Run& run) {
  try {
    Network network = network_;
    parameter_memory_.unpack(network);
    parts_->load(network);
  } catch (const InputError&) {
    drop(DeviceError::parameters);
    end_run(0);
    return false;
  }
  begin_ = sc_time_stamp();
  base_ = next_base();
  reading_.reset();
  writing_.reset();
  parts_->admit(run.images, base_);
  reader_->resume(base_);
  writer_->resume(base_);
  return true;
}

/// Of those that are left at `address`; where bursts are whole, to the end of one, if there is a
/// word before it.
int64_t DataflowDeviceModule::words_at_once(uint64_t address, int64_t left) const {
  int64_t words = std::min<int64_t>(buffer_->depth() / 2, left);
  if (whole_bursts_ == 0) return words;
  const int64_t room = whole_bursts_ - static_cast<int64_t>(address % uint64_t(whole_bursts_));
  return room < word_bytes_ ? words : std::min(words, room / word_bytes_);
}

void DataflowDeviceModule::read_image(int64_t image) {
  std::vector<uint8_t> bytes(static_cast<size_t>(buffer_->depth() / 2 * word_bytes_));
  int64_t words = 0;
  for (int64_t first = 0; first < image_words_; first += words) {
    const uint64_t address =
        run_.image_address + static_cast<uint64_t>((image * image_words_ + first) * word_bytes_);
    words = words_at_once(address, image_words_ - first);
    // There is room for the first word, when the request goes out.
    while (!buffer_->can_push()) {
      buffer_->producer_waits();
      wait(room_);
    }
    if (!dropped()) {
      const sc_time now = std::max(reading_.get_current_time(), time_of(buffer_->slot_free()));
      reading_.set(now - sc_time_stamp());
      const auto length = static_cast<unsigned>(words * word_bytes_);
      sc_time local = reading_.get_local_time();
      MemoryPortModule::Traffic traffic;
      const auto status =
          memory_.transfer(tlm::TLM_READ_COMMAND, address, bytes.data(), length, local, traffic);
      moved();
      reading_.set(local);
      if (reading_.need_sync()) catch_up(reading_);
      if (status != tlm::TLM_OK_RESPONSE && !dropped()) drop(DeviceError::memory);
      if (!dropped()) count(Register::bytes_read, traffic.read);
    }
    // What was dropped still leaves the pipelines as a healthy run would: with zeros behind it.
    if (dropped()) std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    feed(bytes.data(), words, cycle_at(reading_.get_current_time()));
  }
}

void DataflowDeviceModule::feed(const uint8_t* bytes, int64_t words, int64_t arrival) {
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

void DataflowDeviceModule::write_results() {
  for (;;) {
    while (writer_->results.empty()) wait(writer_->arrived);
    const DmaWriteModule::Result result = std::move(writer_->results.front());
    writer_->results.pop_front();
    if (!dropped()) write_result(result);
    moved();
    if (++results_ < run_.images) continue;
    results_ = 0;
    finish_run();
  }
}

void DataflowDeviceModule::write_result(const DmaWriteModule::Result& result) {
  const dataflow::StreamSpec& stream = chain_.streams.back();
  const auto code = dataflow::lane_code(network_, stream.tensor, stream.lane_bits);
  std::vector<int32_t> logits;
  for (int c = 0; c < network_.shape(stream.tensor).size(); ++c) {
    const uint64_t* word =
        result.words.data() + c / stream.lanes * dataflow::limbs_for(stream.word_bits());
    logits.push_back(code.value(
        dataflow::get_bits(word, c % stream.lanes * stream.lane_bits, stream.lane_bits)));
  }
  const sc_time complete = std::max(writing_.get_current_time(), time_of(result.cycle));
  writing_.set(complete - sc_time_stamp());
  if (writing_.need_sync()) catch_up(writing_);
  if (dropped()) return;
  if (results_ == 0) {
    count(Register::first_image_cycles, static_cast<uint64_t>(result.cycle - base_));
  }
  const auto length = static_cast<unsigned>(4 * logits.size());
  const uint64_t address = run_.result_address + static_cast<uint64_t>(results_) * length;
  sc_time local = writing_.get_local_time();
  MemoryPortModule::Traffic traffic;
  const auto status =
      memory_.transfer(tlm::TLM_WRITE_COMMAND, address, reinterpret_cast<uint8_t*>(logits.data()),
                       length, local, traffic);
  writing_.set(local);
  if (dropped()) return;
  if (status != tlm::TLM_OK_RESPONSE) return drop(DeviceError::memory);
  count(Register::bytes_read, traffic.read);
  count(Register::bytes_written, traffic.written);
  count(Register::images_done, 1);
}

void DataflowDeviceModule::finish_run() {
  // The host sees the end when it happens, whatever the quantum.
  if (!dropped()) catch_up(writing_);
  const int64_t cycles = cycle_at(sc_time_stamp()) - base_;
  while (reads_) wait(all_read_);
  // Words that no window needs are still on their way through the chain.
  while (!waiting_stages().empty()) wait(sc_core::SC_ZERO_TIME);
  end_run(cycles);
}

std::vector<const kernel::Stage*> DataflowDeviceModule::waiting_stages() const {
  std::vector<const kernel::Stage*> waiting;
  for (const kernel::Stage* stage : parts_->stages()) waiting.push_back(stage);
  waiting.insert(waiting.end(), {reader_.get(), writer_.get()});
  std::erase_if(waiting, [](const kernel::Stage* stage) {
    return stage->status() == kernel::StepStatus::done;
  });
  return waiting;
}

void DataflowDeviceModule::catch_up(tlm_utils::tlm_quantumkeeper& time) {
  pass(time.get_local_time());
  time.reset();
}

DeviceModule::Activity DataflowDeviceModule::activity() const {
  Activity now;
  if (memory_.waits()) {
    now.transfer = memory_.what();
    now.since = memory_.since();
  }
  for (const kernel::Stage* stage : waiting_stages()) now.waits += "; " + stage->explain();
  return now;
}

}  // namespace stuckat::cosim
