#include "models/loopback/memory_module.h"

#include <algorithm>
#include <ostream>

namespace stuckat::loopback {

using sc_core::sc_time;
using sc_core::sc_time_stamp;
using tlm::tlm_generic_payload;

MemoryModule::MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params,
                           const sc_time& period)
    : sc_module(name), params_(params), period_(period) {
  socket.register_b_transport(this, &MemoryModule::transport);
}

int64_t MemoryModule::transfer(int64_t request, int64_t bytes) {
  const int64_t cycles = (bytes + params_.bytes_per_cycle - 1) / params_.bytes_per_cycle;
  bus_free_ = std::max(request + params_.latency_cycles, bus_free_) + cycles;
  busy_cycles_ += cycles;
  return bus_free_;
}

void MemoryModule::transport(tlm_generic_payload& transaction, sc_time& delay) {
  const sc_time request = sc_time_stamp() + delay;
  const auto cycle = static_cast<int64_t>(request.value() / period_.value());
  const int64_t done = transfer(cycle, transaction.get_data_length());
  delay = period_ * static_cast<double>(done) - sc_time_stamp();
  transaction.set_response_status(tlm::TLM_OK_RESPONSE);
}

std::ostream& operator<<(std::ostream& stream, const Transfer& transfer) {
  return stream << (transfer.kind == Transfer::Kind::weights ? "weights " : "activations ")
                << transfer.bytes << " at " << transfer.address;
}

FetchModule::FetchModule(const sc_core::sc_module_name& name, const FetchParams& params)
    : sc_module(name), params_(params) {
  memory.register_nb_transport_bw(this, &FetchModule::backward);
  SC_HAS_PROCESS(FetchModule);
  SC_THREAD(serve);
}

FetchModule::~FetchModule() = default;

void FetchModule::serve() {
  int64_t free = 0;  // end of the transfer before
  while (error_.empty()) {
    const Transfer transfer = program.read();
    const bool weights = transfer.kind == Transfer::Kind::weights;
    const int64_t start = std::max(free, weights ? bank_free.read() : transfer.not_before);
    free = move(start, transfer);
    busy_cycles_ += free - start;
    if (error_.empty()) (weights ? bank_full : moved).write(free);
  }
}

/// Bursts back to back, one request a cycle, outstanding_bursts of them under way.
int64_t FetchModule::move(int64_t start, const Transfer& transfer) {
  const bool blocking = params_.protocol == Protocol::blocking;
  const auto outstanding = static_cast<size_t>(params_.memory.outstanding_bursts);
  bursts_.clear();
  int64_t request = start;
  for (int64_t offset = 0; offset < transfer.bytes; offset += params_.memory.burst_bytes) {
    if (bursts_.size() >= outstanding) {
      const Burst& before = bursts_[bursts_.size() - outstanding];
      while (before.done < 0) wait(progress_);
      request = std::max(request, before.done);
    }
    Burst& burst = bursts_.emplace_back();
    prepare(burst, transfer, offset);
    if (blocking) {
      block(burst, request);
    } else {
      send(burst, request);
      request = std::max(request, cycle_of(sc_time_stamp()));
    }
    if (!error_.empty()) break;
    ++request;
  }
  for (const Burst& burst : bursts_) {
    while (burst.done < 0) wait(progress_);
  }
  return bursts_.back().done;
}

void FetchModule::prepare(Burst& burst, const Transfer& transfer, int64_t offset) {
  const int64_t bytes = std::min(transfer.bytes - offset, params_.memory.burst_bytes);
  const auto first = transfer.store.begin() + offset;
  if (transfer.store.empty()) {
    burst.data.resize(static_cast<size_t>(bytes));
  } else {
    burst.data.assign(first, first + bytes);
  }
  burst.payload.set_command(transfer.store.empty() ? tlm::TLM_READ_COMMAND
                                                   : tlm::TLM_WRITE_COMMAND);
  burst.payload.set_address(transfer.address + static_cast<uint64_t>(offset));
  burst.payload.set_data_ptr(burst.data.data());
  burst.payload.set_data_length(static_cast<unsigned>(bytes));
  burst.payload.set_streaming_width(static_cast<unsigned>(bytes));
  burst.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  burst.payload.set_mm(this);
  burst.payload.acquire();
}

void FetchModule::block(Burst& burst, int64_t request) {
  sc_time delay = offset_of(request);
  memory->b_transport(burst.payload, delay);
  answered(burst.payload, tlm::BEGIN_RESP, delay);
}

void FetchModule::send(Burst& burst, int64_t request) {
  const sc_time until = offset_of(request);
  if (until > sc_core::SC_ZERO_TIME) wait(until);
  accepted_ = false;
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_time delay;
  const tlm::tlm_sync_enum status = memory->nb_transport_fw(burst.payload, phase, delay);
  if (status == tlm::TLM_COMPLETED) phase = tlm::BEGIN_RESP;
  if (status != tlm::TLM_ACCEPTED) answered(burst.payload, phase, delay);
  if (status == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP) {
    phase = tlm::END_RESP;
    memory->nb_transport_fw(burst.payload, phase, delay);
  }
  while (!accepted_) wait(progress_);
}

/// The request was taken, or the response is there, `delay` from now.
void FetchModule::answered(tlm_generic_payload& payload, tlm::tlm_phase phase,
                           const sc_time& delay) {
  accepted_ = true;
  if (phase == tlm::BEGIN_RESP) {
    for (Burst& burst : bursts_) {
      if (&burst.payload != &payload) continue;
      burst.done = cycle_of(sc_time_stamp() + delay);
      if (payload.get_response_status() != tlm::TLM_OK_RESPONSE && error_.empty()) {
        error_ = "memory answered " + payload.get_response_string() + " at address " +
                 std::to_string(payload.get_address());
      }
    }
  }
  progress_.notify(sc_core::SC_ZERO_TIME);
}

tlm::tlm_sync_enum FetchModule::backward(tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                         sc_time& delay) {
  answered(payload, phase, delay);
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
  phase = tlm::END_RESP;
  return tlm::TLM_COMPLETED;
}

std::string FetchModule::unanswered() const {
  for (const Burst& burst : bursts_) {
    if (burst.done >= 0) continue;
    return "a burst of " + std::to_string(burst.payload.get_data_length()) + " bytes at address " +
           std::to_string(burst.payload.get_address());
  }
  return "";
}

/// The first cycle that begins at `time` or later.
int64_t FetchModule::cycle_of(const sc_time& time) const {
  const uint64_t period = params_.period.value();
  return static_cast<int64_t>((time.value() + period - 1) / period);
}

/// From now to the beginning of a cycle; 0 if that is over.
sc_time FetchModule::offset_of(int64_t cycle) const {
  const sc_time time = params_.period * static_cast<double>(cycle);
  return time > sc_time_stamp() ? time - sc_time_stamp() : sc_core::SC_ZERO_TIME;
}

}  // namespace stuckat::loopback
