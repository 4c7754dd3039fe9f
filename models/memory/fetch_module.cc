#include "models/memory/fetch_module.h"

#include <algorithm>
#include <ostream>
#include <utility>

namespace stuckat::memory {

using sc_core::sc_time;
using sc_core::sc_time_stamp;
using tlm::tlm_generic_payload;

std::ostream& operator<<(std::ostream& stream, const Transfer& transfer) {
  return stream << (transfer.kind == Transfer::Kind::weights ? "weights " : "activations ")
                << transfer.bytes << " at " << transfer.address;
}

std::ostream& operator<<(std::ostream& stream, const Moved& moved) {
  return stream << moved.bytes.size() << " bytes in cycle " << moved.cycle;
}

FetchModule::FetchModule(const sc_core::sc_module_name& name, const FetchParams& params)
    : sc_module(name), params_(params) {
  memory.register_nb_transport_bw(this, &FetchModule::backward);
  memory.register_invalidate_direct_mem_ptr(this, &FetchModule::invalidate);
  SC_HAS_PROCESS(FetchModule);
  SC_THREAD(serve);
}

FetchModule::~FetchModule() { release_bursts(); }

void FetchModule::release_bursts() {
  for (Burst* burst : bursts_) burst->release();
  bursts_.clear();
}

void FetchModule::abandon() {
  abandoned_ = true;
  abandon_.notify();
}

void FetchModule::restart() {
  abandoned_ = false;
  error_.clear();
  free_ = 0;
}

void FetchModule::serve() {
  for (;;) {
    Transfer transfer = program.read();
    const bool weights = transfer.kind == Transfer::Kind::weights;
    const int64_t start = std::max(free_, weights ? bank_free.read() : transfer.not_before);
    free_ = start;
    if (params_.whole_bursts) {
      const Transfer whole = widened(transfer);
      free_ = move(free_, whole);
      const auto first = data_.begin() + static_cast<int64_t>(transfer.address - whole.address);
      data_ = {first, first + transfer.bytes};
      transfer.bytes = whole.bytes;
    } else {
      free_ = move(free_, transfer);
    }
    busy_cycles_ += free_ - start;
    if (!error_.empty() && !abandoned_) {
      if (!on_error) return;
      on_error();
    }
    if (on_served) on_served(transfer, start, free_);
    (weights ? bank_full : moved).write({free_, std::move(data_)});
  }
}

/// To whole bursts. What a write leaves of the first and the last is read, from cycle free_ on.
Transfer FetchModule::widened(const Transfer& transfer) {
  const int64_t burst = params_.memory.burst_bytes;
  const auto before = static_cast<int64_t>(transfer.address % static_cast<uint64_t>(burst));
  Transfer whole = transfer;
  whole.address -= static_cast<uint64_t>(before);
  whole.bytes = (before + transfer.bytes + burst - 1) / burst * burst;
  if (transfer.store.empty()) return whole;
  whole.store.resize(static_cast<size_t>(whole.bytes));
  const auto read_burst = [&](int64_t offset) {
    const int64_t begin = free_;
    Transfer edge{transfer.kind, burst, begin, whole.address + static_cast<uint64_t>(offset), {}};
    free_ = move(begin, edge);
    std::copy(data_.begin(), data_.end(), whole.store.begin() + offset);
    edge.address = transfer.address;
    if (on_served) on_served(edge, begin, free_);
  };
  const int64_t last = whole.bytes - burst;
  if (before > 0) read_burst(0);
  if (before + transfer.bytes < whole.bytes && (before == 0 || last > 0)) read_burst(last);
  std::copy(transfer.store.begin(), transfer.store.end(), whole.store.begin() + before);
  return whole;
}

/// Bursts back to back, one request a cycle, outstanding_bursts of them under way.
int64_t FetchModule::move(int64_t start, const Transfer& transfer) {
  const bool blocking = params_.protocol == Protocol::blocking;
  const auto outstanding = static_cast<size_t>(params_.memory.outstanding_bursts);
  release_bursts();
  data_ = transfer.store;
  data_.resize(static_cast<size_t>(transfer.bytes));
  int64_t request = start;
  for (int64_t offset = 0; offset < transfer.bytes; offset += params_.memory.burst_bytes) {
    if (bursts_.size() >= outstanding) {
      const Burst& before = *bursts_[bursts_.size() - outstanding];
      while (before.done < 0) wait(progress_);
      request = std::max(request, before.done);
    }
    catch_up(request);
    if (abandoned_ || !error_.empty()) break;
    Burst& burst = prepare(transfer, offset);
    if (blocking) {
      block(burst, request);
    } else {
      send(burst);
      request = std::max(request, cycle_of(sc_time_stamp()));
    }
    if (!params_.memory.is_at_once()) ++request;
  }
  int64_t done = start;
  for (const Burst* burst : bursts_) {
    while (burst->done < 0) wait(progress_);
    done = std::max(done, burst->done);
  }
  // No sooner: the next request of this transfer may be due before this answer.
  catch_up(done);
  return done;
}

FetchModule::Burst& FetchModule::prepare(const Transfer& transfer, int64_t offset) {
  const bool reads = transfer.store.empty();
  const int64_t bytes = std::min(transfer.bytes - offset, params_.memory.burst_bytes);
  auto* burst = new Burst;
  burst->acquire();
  bursts_.push_back(burst);
  burst->to = reads ? data_.data() + offset : nullptr;
  burst->data.assign(data_.begin() + offset, data_.begin() + offset + bytes);
  burst->sent = sc_time_stamp();
  burst->set_command(reads ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
  burst->set_address(transfer.address + static_cast<uint64_t>(offset));
  burst->set_data_ptr(burst->data.data());
  burst->set_data_length(static_cast<unsigned>(bytes));
  burst->set_streaming_width(static_cast<unsigned>(bytes));
  burst->set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  return *burst;
}

void FetchModule::block(Burst& burst, int64_t request) {
  sc_time delay = offset_of(request);
  if (!direct_.transfer(burst, delay)) {
    memory->b_transport(burst, delay);
    direct_.ask(memory, burst);
  }
  answered(burst, tlm::BEGIN_RESP, delay);
}

void FetchModule::send(Burst& burst) {
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_time delay;
  const tlm::tlm_sync_enum status = memory->nb_transport_fw(burst, phase, delay);
  if (status == tlm::TLM_COMPLETED) phase = tlm::BEGIN_RESP;
  if (status != tlm::TLM_ACCEPTED) answered(burst, phase, delay);
  if (status == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP) {
    phase = tlm::END_RESP;
    memory->nb_transport_fw(burst, phase, delay);
  }
  while (!burst.accepted) wait(progress_);
  if (burst.taken > sc_time_stamp()) wait(burst.taken - sc_time_stamp());
}

/// Lets the simulated time come up to a cycle. Blocking bursts may be sent and answered ahead of
/// it: without end if nobody looks, else by no more than the quantum.
void FetchModule::catch_up(int64_t cycle) {
  const sc_time ahead = offset_of(cycle);
  const bool may_be_ahead =
      params_.protocol == Protocol::blocking &&
      (!params_.keeps_quantum || ahead < tlm::tlm_global_quantum::instance().get());
  if (ahead == sc_core::SC_ZERO_TIME || may_be_ahead || abandoned_) return;
  ahead_ = true;
  wait(ahead, abandon_);
  ahead_ = false;
}

/// The request was taken, or the response is there, `delay` from now. Targets may answer an older
/// burst before they take the request of the last one, and may tell phases of their own.
void FetchModule::answered(Burst& burst, tlm::tlm_phase phase, const sc_time& delay) {
  if (phase != tlm::END_REQ && phase != tlm::BEGIN_RESP) return;
  if (!burst.accepted) burst.taken = sc_time_stamp() + delay;
  burst.accepted = true;
  if (phase == tlm::BEGIN_RESP) {
    burst.done = cycle_of(sc_time_stamp() + delay);
    if (burst.to != nullptr) std::copy(burst.data.begin(), burst.data.end(), burst.to);
    if (burst.is_response_error() && error_.empty()) {
      error_ = "memory answered " + burst.get_response_string() + " at address " +
               std::to_string(burst.get_address());
    }
  }
  progress_.notify(sc_core::SC_ZERO_TIME);
}

tlm::tlm_sync_enum FetchModule::backward(tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                         sc_time& delay) {
  answered(static_cast<Burst&>(payload), phase, delay);
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
  // Not TLM_COMPLETED, which says as much: there are targets that wait for the phase.
  phase = tlm::END_RESP;
  return tlm::TLM_UPDATED;
}

const FetchModule::Burst* FetchModule::first_unanswered() const {
  const auto found =
      std::find_if(bursts_.begin(), bursts_.end(), [](const Burst* b) { return b->done < 0; });
  return found == bursts_.end() ? nullptr : *found;
}

std::string FetchModule::unanswered() const {
  const Burst* burst = first_unanswered();
  if (burst == nullptr) return "";
  return "a burst of " + std::to_string(burst->get_data_length()) + " bytes at address " +
         std::to_string(burst->get_address());
}

sc_time FetchModule::unanswered_since() const {
  const Burst* burst = first_unanswered();
  return burst == nullptr ? sc_time_stamp() : burst->sent;
}

int64_t FetchModule::cycle_of(const sc_time& time) const {
  const uint64_t period = params_.period.value();
  return static_cast<int64_t>((time.value() + period - 1) / period);
}

sc_time FetchModule::offset_of(int64_t cycle) const {
  const sc_time time = params_.period * static_cast<double>(cycle);
  return time > sc_time_stamp() ? time - sc_time_stamp() : sc_core::SC_ZERO_TIME;
}

}  // namespace stuckat::memory
