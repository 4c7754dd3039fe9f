// Off-chip memory behind a TLM-2.0 socket, and the part that moves weights, images and results.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "models/loopback/accelerator.h"

namespace stuckat::loopback {

/// The built-in target: one data bus; bursts in the order of their requests, each latency_cycles
/// behind its request and behind the burst before it. Says when the last byte is there by the delay
/// it returns, without letting time pass; keeps no data, reads leave the buffer as it is.
class MemoryModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<MemoryModule> socket{"socket"};

  MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params,
               const sc_core::sc_time& period);

  /// The cycle in which the last byte of a burst is there that is requested in cycle `request`.
  int64_t transfer(int64_t request, int64_t bytes);

  int64_t busy_cycles() const { return busy_cycles_; }  ///< of the data bus

 private:
  void transport(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);

  MemoryParams params_;
  sc_core::sc_time period_;
  int64_t bus_free_ = 0;
  int64_t busy_cycles_ = 0;
};

/// One transfer of the program that the controller writes.
struct Transfer {
  enum class Kind : uint8_t { weights, activations };
  Kind kind = Kind::weights;
  int64_t bytes = 0;
  int64_t not_before = 0;      ///< activations: the cycle in which there is something to move
  uint64_t address = 0;        ///< of the first byte
  std::vector<uint8_t> store;  ///< what is written, [bytes]; empty: the transfer reads
};
std::ostream& operator<<(std::ostream& stream, const Transfer& transfer);

/// blocking: one burst after the other by b_transport, the request's cycle in its delay: exact with
/// targets that answer by a delay (the built-in one), serial with targets that wait.
/// non_blocking: the four phases, so that outstanding bursts overlap in targets that take time.
enum class Protocol : uint8_t { blocking, non_blocking };

struct FetchParams {
  MemoryParams memory;
  sc_core::sc_time period{10, sc_core::SC_NS};  ///< of a cycle, as memory sees it
  Protocol protocol = Protocol::blocking;
};

/// Serves the program in order. Weights wait for a free bank and fill it; banks take turns.
class FetchModule : public sc_core::sc_module, private tlm::tlm_mm_interface {
 public:
  tlm_utils::simple_initiator_socket<FetchModule> memory{"memory"};
  sc_core::sc_fifo_in<Transfer> program;
  sc_core::sc_fifo_in<int64_t> bank_free;   ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<int64_t> bank_full;  ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<int64_t> moved;      ///< cycle in which activations have been moved

  FetchModule(const sc_core::sc_module_name& name, const FetchParams& params);
  ~FetchModule() override;

  int64_t busy_cycles() const { return busy_cycles_; }  ///< a transfer is under way
  /// What memory answered, if it was an error: then nothing more is served. Else "".
  const std::string& error() const { return error_; }
  /// "a burst of 64 bytes at address 4096" if memory has not answered it, else "".
  std::string unanswered() const;

 private:
  /// A burst on its way; `done` is the cycle of its last byte, -1 before it is known.
  struct Burst {
    tlm::tlm_generic_payload payload;
    std::vector<uint8_t> data;
    int64_t done = -1;
  };

  void serve();
  int64_t move(int64_t start, const Transfer& transfer);
  void prepare(Burst& burst, const Transfer& transfer, int64_t offset);
  void block(Burst& burst, int64_t request);
  void send(Burst& burst, int64_t request);
  void answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase phase,
                const sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void free(tlm::tlm_generic_payload*) override {}  // bursts belong to move()
  int64_t cycle_of(const sc_core::sc_time& time) const;
  sc_core::sc_time offset_of(int64_t cycle) const;

  FetchParams params_;
  std::deque<Burst> bursts_;  // of the transfer
  bool accepted_ = false;     // the last request
  sc_core::sc_event progress_;
  int64_t busy_cycles_ = 0;
  std::string error_;
};

}  // namespace stuckat::loopback
