// Memories as other people build them, behind the four phases: early and late answers, by the
// return path and by the backward path, with delays and with phases of their own; and those that
// take whole bursts only.
#include <tlm_utils/peq_with_cb_and_phase.h>

#include "tests/cosim/device_system.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

namespace {

DECLARE_EXTENDED_PHASE(REQUEST_SEEN);  // ignorable: IEEE 1666-2011, 15.2.5

/// How a memory takes requests and gives responses.
struct Manners {
  const char* name;
  enum class Take : uint8_t {
    late,           ///< TLM_ACCEPTED, END_REQ on the backward path
    at_once,        ///< TLM_UPDATED with END_REQ
    with_response,  ///< TLM_UPDATED with BEGIN_RESP
    complete,       ///< TLM_COMPLETED
    never           ///< TLM_ACCEPTED; BEGIN_RESP says that the request was taken
  } take;
  int request_delay_ns = 0;   ///< annotated to END_REQ
  int response_delay_ns = 0;  ///< annotated to BEGIN_RESP
  bool own_phases = false;    ///< tells phases that nobody has to know
  int most_in_flight = 100;   ///< END_REQ waits while as many are
};

class PhasedMemory : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<PhasedMemory> socket{"socket"};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(memory_bytes);
  std::string verdict;
  int64_t responses = 0;

  PhasedMemory(const sc_core::sc_module_name& name, const Manners& m) : sc_module(name), m_(m) {
    socket.register_nb_transport_fw(this, &PhasedMemory::forward);
  }

 private:
  using Take = Manners::Take;
  static sc_core::sc_time ns(int time) { return sc_core::sc_time(time, sc_core::SC_NS); }

  void check(bool ok, const char* what) {
    if (!ok && verdict.find(what) == std::string::npos) verdict += std::string(what) + "; ";
  }
  void serve(tlm::tlm_generic_payload& t) {
    uint8_t* here = &bytes.at(t.get_address() + t.get_data_length() - 1) + 1 - t.get_data_length();
    if (t.is_read()) std::copy_n(here, t.get_data_length(), t.get_data_ptr());
    if (t.is_write()) std::copy_n(t.get_data_ptr(), t.get_data_length(), here);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  /// Until then the next request may not come.
  void taken_at(const sc_core::sc_time& time) {
    requesting_ = false;
    requests_from_ = time;
  }
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& t, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay) {
    if (phase == tlm::END_RESP) {
      response_ended(sc_core::sc_time_stamp() + delay);
      return tlm::TLM_COMPLETED;
    }
    check(phase == tlm::BEGIN_REQ, "an unknown phase");
    check(!requesting_, "a request before the one before was taken");
    check(sc_core::sc_time_stamp() + delay >= requests_from_, "a request before END_REQ was due");
    t.acquire();
    requesting_ = true;
    ++in_flight_;
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    switch (m_.take) {
      case Take::late:
        events_.notify(t, tlm::END_REQ, delay + ns(17));
        break;
      case Take::at_once:
        delay += ns(m_.request_delay_ns);
        taken_at(now + delay);
        events_.notify(t, tlm::BEGIN_RESP, delay + ns(40));
        phase = tlm::END_REQ;
        return tlm::TLM_UPDATED;
      case Take::with_response:
      case Take::complete:
        serve(t);
        ++responses;
        --in_flight_;
        delay += ns(m_.response_delay_ns);
        taken_at(now + delay);
        if (m_.take == Take::complete) {
          t.release();
          return tlm::TLM_COMPLETED;
        }
        responding_ = &t;
        phase = tlm::BEGIN_RESP;
        return tlm::TLM_UPDATED;
      case Take::never:
        events_.notify(t, tlm::BEGIN_RESP, delay + ns(40));
        break;
    }
    if (!m_.own_phases) return tlm::TLM_ACCEPTED;
    phase = REQUEST_SEEN;
    return tlm::TLM_UPDATED;
  }
  void happens(tlm::tlm_generic_payload& t, const tlm::tlm_phase& what) {
    if (what == tlm::END_REQ) {
      if (m_.own_phases) tell(t, REQUEST_SEEN, sc_core::SC_ZERO_TIME);
      if (in_flight_ > m_.most_in_flight) {
        waiting_ = &t;
        return;
      }
      take(t);
      return;
    }
    if (responding_ != nullptr) {  // one response at a time
      queue_.push_back(&t);
      return;
    }
    serve(t);
    ++responses;
    --in_flight_;
    responding_ = &t;
    if (m_.take == Take::never) taken_at(sc_core::sc_time_stamp() + ns(m_.response_delay_ns));
    if (waiting_ != nullptr) take(*std::exchange(waiting_, nullptr));
    sc_core::sc_time delay = ns(m_.response_delay_ns);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    switch (socket->nb_transport_bw(t, phase, delay)) {
      case tlm::TLM_ACCEPTED:
        break;  // END_RESP will come
      case tlm::TLM_UPDATED:
        check(phase == tlm::END_RESP, "another phase than END_RESP");
        response_ended(sc_core::sc_time_stamp() + delay);
        break;
      case tlm::TLM_COMPLETED:  // legal, and more than some memories know
        verdict += "waits for END_RESP for ever; ";
        break;
    }
  }
  void take(tlm::tlm_generic_payload& t) {
    taken_at(sc_core::sc_time_stamp() + ns(m_.request_delay_ns));
    events_.notify(t, tlm::BEGIN_RESP, ns(m_.request_delay_ns + 40));
    tell(t, tlm::END_REQ, ns(m_.request_delay_ns));
  }
  void tell(tlm::tlm_generic_payload& t, tlm::tlm_phase phase, sc_core::sc_time delay) {
    socket->nb_transport_bw(t, phase, delay);
  }
  void response_ended(const sc_core::sc_time& time) {
    check(responding_ != nullptr, "END_RESP without a response");
    if (responding_ == nullptr) return;
    std::exchange(responding_, nullptr)->release();
    if (queue_.empty()) return;
    events_.notify(*queue_.front(), tlm::BEGIN_RESP, time - sc_core::sc_time_stamp());
    queue_.erase(queue_.begin());
  }

  Manners m_;
  tlm_utils::peq_with_cb_and_phase<PhasedMemory> events_{this, &PhasedMemory::happens};
  bool requesting_ = false;
  sc_core::sc_time requests_from_;
  int in_flight_ = 0;
  tlm::tlm_generic_payload* waiting_ = nullptr;     // for END_REQ
  tlm::tlm_generic_payload* responding_ = nullptr;  // END_RESP has not come
  std::vector<tlm::tlm_generic_payload*> queue_;    // of responses
};

}  // namespace

TEST_CASE("four_phases_are_kept_with_memories_of_any_manners") {
  using Take = Manners::Take;
  const Manners rows[] = {{"a late END_REQ", Take::late},
                          {"END_REQ in the future, backward", Take::late, 33},
                          {"END_REQ in the future, returned", Take::at_once, 33},
                          {"BEGIN_RESP in the future", Take::late, 0, 25},
                          {"few at a time", Take::late, 0, 0, false, 2},
                          {"one at a time", Take::late, 10, 10, true, 1},
                          {"phases of its own", Take::late, 0, 0, true},
                          {"no END_REQ", Take::never},
                          {"no END_REQ, phases of its own", Take::never, 0, 15, true},
                          {"the response returned", Take::with_response, 0, 45},
                          {"all at once", Take::complete, 0, 45}};
  for (const Manners& manners : rows) {
    for (const bool whole : {false, true}) {
      INFO(manners.name << (whole ? ", whole bursts" : ""));
      CHECK(in_child([&]() -> std::string {
              auto w = random_workload<LoopbackKind>(3, false);
              w.accelerator.memory = {4, 10, 8, 3};
              DeviceParams params;
              params.non_blocking_memory = true;
              params.whole_bursts = whole;
              params.watchdog_cycles = 100'000;
              LoopbackDeviceModule device("device", w.network, w.accelerator, {}, params);
              PhasedMemory memory("memory", manners);
              Host host("host");
              sc_core::sc_signal<bool> interrupt;
              host.registers.bind(device.registers);
              device.memory_socket().bind(memory.socket);
              device.interrupt(interrupt);
              host.interrupt(interrupt);
              const auto put = [&](uint64_t address, const std::vector<uint8_t>& bytes) {
                std::copy(bytes.begin(), bytes.end(),
                          memory.bytes.begin() + static_cast<long>(address));
                return address + bytes.size();
              };
              put(parameters_at, loopback::stored_tiles(w.accelerator, w.network));
              uint64_t address = images_at;
              for (const Tensor& image : w.images) {
                address = put(address, LoopbackKind::image_bytes(w, image));
              }
              std::string verdict = "not finished: ";
              host.program = [&](Host& driver) {
                start(driver, 4);
                driver.wait_for_interrupt();
                verdict = differs("status", driver.read(at(Register::status)), status_done);
                for (size_t i = 0; i < 4; ++i) {
                  const auto expected =
                      reference::run(w.network, w.images[i], Effects{}, 0).back().values;
                  const size_t size = 4 * expected.size();
                  if (std::memcmp(expected.data(), &memory.bytes[results_at + i * size], size) !=
                      0) {
                    verdict += "result " + std::to_string(i) + " differs; ";
                  }
                }
                sc_core::sc_stop();
              };
              sc_core::sc_start();
              if (memory.responses < 20) verdict += "hardly a burst; ";
              return verdict + memory.verdict;
            }) == "");
    }
  }
}

TEMPLATE_TEST_CASE("whole_bursts_never_cross_a_boundary_and_leave_the_bytes_around_alone", "",
                   DataflowKind, LoopbackKind, SystolicKind) {
  const uint64_t burst = GENERATE(8, 64, 4096);
  const uint64_t offset = GENERATE(0, 4, 60);
  CHECK(in_child([&]() -> std::string {
          auto w = random_workload<TestType>(11, true);
          DeviceParams params;
          params.whole_bursts = true;
          params.burst_bytes = static_cast<int>(burst);
          TestType::set_bursts(w, static_cast<int64_t>(burst));
          System<TestType> system(w, params);
          system.memory.whole = burst;
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            TestType::put_parameters(system, w, w.network);
            put_images(system, w);
            set_up(host, 4);
            const uint64_t results = results_at + offset;
            std::fill_n(system.memory.bytes.begin() + results_at, 0x1000, uint8_t{0xa5});
            host.write(at(Register::result_address), static_cast<uint32_t>(results));
            host.write(at(Register::control), control_start | control_interrupt);
            host.wait_for_interrupt();
            verdict += differs("status", host.read(at(Register::status)), status_done);
            const uint64_t size = 4 * host.read(at(Register::result_bytes));
            for (uint64_t i = 0; i < 0x1000; ++i) {
              const bool ours = i >= offset && i < offset + size;
              if (ours || system.memory.bytes[results_at + i] == 0xa5) continue;
              verdict += "byte " + std::to_string(i) + " was changed; ";
              break;
            }
            std::copy_n(system.memory.bytes.begin() + static_cast<long>(results), size,
                        system.memory.bytes.begin() + results_at);
            verdict += check_results(system, w, 0, 4);
            verdict += differs("odd bursts", static_cast<uint64_t>(system.memory.odd), 0);
            const uint64_t moved =
                host.read(at(Register::bytes_read)) + host.read(at(Register::bytes_written));
            verdict +=
                differs("bytes", moved, burst * static_cast<uint64_t>(system.memory.transactions));
          });
          return verdict;
        }) == "");
}
