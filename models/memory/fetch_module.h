// The part that moves weights, images and results between off-chip memory and the chip.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "models/memory/memory_params.h"
#include "sim/kernel/direct_memory.h"

namespace stuckat::memory {

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

struct Moved {
  int64_t cycle = 0;           ///< in which the last byte was there
  std::vector<uint8_t> bytes;  ///< what memory gave; of a write: what was written
};
std::ostream& operator<<(std::ostream& stream, const Moved& moved);

/// blocking: one burst after the other by b_transport, the request's cycle in its delay: exact with
/// targets that answer by a delay (the built-in one), serial with targets that wait.
/// non_blocking: the four phases, so that outstanding bursts overlap in targets that take time.
enum class Protocol : uint8_t { blocking, non_blocking };

struct FetchParams {
  MemoryParams memory;
  sc_core::sc_time period{10, sc_core::SC_NS};  ///< of a cycle, as memory sees it
  Protocol protocol = Protocol::blocking;
  bool keeps_quantum = false;  ///< no further ahead of the simulated time than the global quantum
  /// Every burst is memory.burst_bytes long and begins at a multiple of it: more is read than was
  /// asked for, and what a write leaves of its first and last burst is read before.
  bool whole_bursts = false;
};

/// Serves the program in order. Weights wait for a free bank and fill it; banks take turns. Where
/// memory grants direct access and the protocol is blocking, bursts take it.
class FetchModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<FetchModule> memory{"memory"};
  sc_core::sc_fifo_in<Transfer> program;
  sc_core::sc_fifo_in<int64_t> bank_free;  ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<Moved> bank_full;   ///< in the order of the tiles
  sc_core::sc_fifo_out<Moved> moved;       ///< activations
  /// A transfer is over, done or not: cycles [begin, end). Its bytes are those that were moved.
  std::function<void(const Transfer&, int64_t begin, int64_t end)> on_served;
  /// Memory answered with an error. Unset: nothing more is served; else whoever is called abandons.
  std::function<void()> on_error;

  FetchModule(const sc_core::sc_module_name& name, const FetchParams& params);
  ~FetchModule() override;

  /// From now on transfers end at once, without memory, in zeros; those under way are awaited.
  void abandon();
  /// At rest: memory is asked again, from now on.
  void restart();

  int64_t busy_cycles() const { return busy_cycles_; }  ///< a transfer is under way
  int64_t direct_transfers() const { return direct_.transfers(); }
  /// What memory answered, if it was an error. Else "".
  const std::string& error() const { return error_; }
  /// "a burst of 64 bytes at address 4096" if memory has not answered it, else "".
  std::string unanswered() const;
  /// When that burst was sent.
  sc_core::sc_time unanswered_since() const;
  /// Nothing to be done but to let the simulated time catch up.
  bool is_ahead() const { return ahead_; }

  /// The first cycle that begins at `time` or later.
  int64_t cycle_of(const sc_core::sc_time& time) const;
  /// From now to the beginning of a cycle; 0 if that is over.
  sc_core::sc_time offset_of(int64_t cycle) const;

 private:
  /// A burst on its way. It lives until nobody holds it any more: a target may do so beyond its
  /// response, and beyond the module.
  struct Burst : tlm::tlm_generic_payload {
    Burst() : tlm_generic_payload(&heap()) {}
    std::vector<uint8_t> data;
    uint8_t* to = nullptr;  // where what was read goes; null: a write
    sc_core::sc_time sent;
    bool accepted = false;   // the request,
    sc_core::sc_time taken;  // and from when on
    int64_t done = -1;       // cycle of the last byte, -1 before it is known
  };
  struct Heap : tlm::tlm_mm_interface {
    void free(tlm::tlm_generic_payload* payload) override { delete payload; }
  };
  static Heap& heap() {
    static Heap of_all;
    return of_all;
  }

  void serve();
  int64_t move(int64_t start, const Transfer& transfer);
  Transfer widened(const Transfer& transfer);
  Burst& prepare(const Transfer& transfer, int64_t offset);
  void block(Burst& burst, int64_t request);
  void send(Burst& burst);
  void catch_up(int64_t cycle);
  void answered(Burst& burst, tlm::tlm_phase phase, const sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) { direct_.invalidate(first, last); }
  void release_bursts();
  const Burst* first_unanswered() const;

  FetchParams params_;
  kernel::DirectMemory direct_;
  int64_t free_ = 0;            // end of the transfer before
  std::vector<uint8_t> data_;   // of the transfer
  std::vector<Burst*> bursts_;  // of the transfer, held
  bool abandoned_ = false;
  bool ahead_ = false;
  sc_core::sc_event progress_, abandon_;
  int64_t busy_cycles_ = 0;
  std::string error_;
};

}  // namespace stuckat::memory
