// Accelerators behind a bus whose memory takes its time, answers in an order of its own, or not at
// all.

#include "tests/cosim/device_system.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

namespace {

/// A layer whose windows leave out rows and columns at the lower end of the image, and a dense one.
Workload<DataflowKind> words_behind_the_last_window(LayerKind kind, int size, int kernel) {
  Random random(5);
  const NumberFormat bits = quantized_format(1);
  Workload<DataflowKind> w;
  w.network.name = "words_behind";
  w.network.add(random_layer(random, kind, {size, size, 8}, bits, bits, bits, kernel, 4, 0,
                             kind == LayerKind::convolution ? 4 : 0, "layer0", false));
  const Layer& layer = w.network.layers.front();
  w.network.add(random_layer(random, LayerKind::dense, layer.output, layer.output_format, bits,
                             bits, 1, 1, 0, 4, "layer1", true));
  w.accelerator = dataflow::auto_dataflow(w.network, 1000);
  w.accelerator.clock_mhz = 100;
  for (int i = 0; i < 2; ++i) w.images.push_back(random_image(random, w.network));
  return w;
}

/// Takes each request, and answers each, when a random number says so; holds on to transactions
/// long after that.
class UnorderedMemory : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<UnorderedMemory> socket{"socket"};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(memory_bytes);
  std::string verdict;
  int overtaken = 0;  ///< requests that were taken after an older burst had been answered

  UnorderedMemory(const sc_core::sc_module_name& name, uint64_t seed)
      : sc_module(name), random_(seed) {
    socket.register_nb_transport_fw(this, &UnorderedMemory::forward);
    SC_HAS_PROCESS(UnorderedMemory);
    SC_THREAD(accept);
    SC_THREAD(respond);
    SC_THREAD(release);
  }

 private:
  using Queue = tlm_utils::peq_with_get<tlm::tlm_generic_payload>;

  sc_core::sc_time some_cycles(int most) {
    return sc_core::sc_time(10 * uniform(random_, 1, most), sc_core::SC_NS);
  }
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& t, tlm::tlm_phase& phase,
                             sc_core::sc_time&) {
    if (phase == tlm::END_RESP) return tlm::TLM_COMPLETED;
    if (pending_ != nullptr) verdict += "a request before END_REQ of the one before; ";
    pending_ = &t;
    t.acquire();
    requests_.notify(t, some_cycles(20));
    return tlm::TLM_ACCEPTED;
  }
  void tell(tlm::tlm_generic_payload& t, tlm::tlm_phase phase) {
    sc_core::sc_time delay;
    socket->nb_transport_bw(t, phase, delay);
  }
  void accept() {
    for (;;) {
      wait(requests_.get_event());
      while (tlm::tlm_generic_payload* t = requests_.get_next_transaction()) {
        if (std::exchange(answered_, false)) ++overtaken;
        pending_ = nullptr;
        tell(*t, tlm::END_REQ);
        responses_.notify(*t, some_cycles(60));
      }
    }
  }
  void respond() {
    for (;;) {
      wait(responses_.get_event());
      while (tlm::tlm_generic_payload* t = responses_.get_next_transaction()) {
        uint8_t* stored =
            &bytes.at(t->get_address() + t->get_data_length() - 1) + 1 - t->get_data_length();
        if (t->is_read()) std::copy_n(stored, t->get_data_length(), t->get_data_ptr());
        if (t->is_write()) std::copy_n(t->get_data_ptr(), t->get_data_length(), stored);
        t->set_response_status(tlm::TLM_OK_RESPONSE);
        answered_ = pending_ != nullptr;
        tell(*t, tlm::BEGIN_RESP);
        held_.push_back({t, t->get_address(), {stored, stored + t->get_data_length()}});
        releases_.notify(*t, some_cycles(1000));
      }
    }
  }
  void release() {
    for (;;) {
      wait(releases_.get_event());
      while (tlm::tlm_generic_payload* t = releases_.get_next_transaction()) {
        const auto held = std::find_if(held_.begin(), held_.end(),
                                       [&](const Held& h) { return h.transaction == t; });
        if (held->address != t->get_address() ||
            !std::equal(held->data.begin(), held->data.end(), t->get_data_ptr())) {
          verdict += "what is held has changed; ";
        }
        held_.erase(held);
        t->release();
      }
    }
  }

  struct Held {
    tlm::tlm_generic_payload* transaction;
    uint64_t address;
    std::vector<uint8_t> data;
  };
  Random random_;
  Queue requests_{"requests"}, responses_{"responses"}, releases_{"releases"};
  tlm::tlm_generic_payload* pending_ = nullptr;  // requested, not taken
  bool answered_ = false;                        // an older one, while a request was pending
  std::vector<Held> held_;
};

}  // namespace

TEST_CASE("memory_may_answer_bursts_in_any_order_and_hold_on_to_them") {
  int overtaken = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    INFO("seed " << seed);
    const std::string text = in_child([&]() -> std::string {
      auto w = random_workload<LoopbackKind>(seed, false);
      w.accelerator.memory.burst_bytes = 4;
      DeviceParams params;
      params.non_blocking_memory = true;
      LoopbackDeviceModule device("device", w.network, w.accelerator, {}, params);
      UnorderedMemory memory("memory", seed);
      Host host("host");
      sc_core::sc_signal<bool> interrupt;
      host.registers.bind(device.registers);
      device.memory_socket().bind(memory.socket);
      device.interrupt(interrupt);
      host.interrupt(interrupt);
      const auto put = [&](uint64_t address, const std::vector<uint8_t>& bytes) {
        std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<long>(address));
        return address + bytes.size();
      };
      put(parameters_at, loopback::stored_tiles(w.accelerator, w.network));
      uint64_t address = images_at;
      for (const Tensor& image : w.images)
        address = put(address, LoopbackKind::image_bytes(w, image));
      std::string verdict = "not finished";
      host.program = [&](Host& driver) {
        set_up(driver, 4);
        driver.catch_up();
        const sc_core::sc_time begin = sc_core::sc_time_stamp();
        driver.write(at(Register::control), control_start | control_interrupt);
        driver.wait_for_interrupt();
        const uint64_t cycle = sc_core::sc_time(10, sc_core::SC_NS).value();
        const uint64_t cycles = (sc_core::sc_time_stamp() - begin).value() / cycle;
        verdict = differs("status", driver.read(at(Register::status)), status_done);
        verdict += differs("cycles", driver.read(at(Register::total_cycles)), cycles);
        for (size_t i = 0; i < 4; ++i) {
          const auto expected = reference::run(w.network, w.images[i], Effects{}, 0).back().values;
          if (std::memcmp(expected.data(), &memory.bytes[results_at + i * 4 * expected.size()],
                          4 * expected.size()) != 0) {
            verdict += "result " + std::to_string(i) + " differs; ";
          }
        }
        driver.wait(sc_core::sc_time(20, sc_core::SC_US));  // until nothing is held any more
        sc_core::sc_stop();
      };
      sc_core::sc_start();
      return verdict + memory.verdict + std::to_string(memory.overtaken);
    });
    CHECK_THAT(text, Catch::Matches("[0-9]+"));
    overtaken += std::atoi(text.c_str());
  }
  CHECK(overtaken > 0);
}

TEST_CASE("a_run_is_done_when_its_last_word_has_been_read_and_the_next_one_starts") {
  const auto [kind, size, kernel] = GENERATE(
      table<LayerKind, int, int>({{LayerKind::convolution, 8, 1}, {LayerKind::max_pool, 9, 2}}));
  const bool waits = GENERATE(true, false);
  const double quantum_us = GENERATE(0., 1000.);
  CHECK(in_child([&, kind = kind, size = size, kernel = kernel]() -> std::string {
          const auto w = words_behind_the_last_window(kind, size, kernel);
          tlm::tlm_global_quantum::instance().set(sc_core::sc_time(quantum_us, sc_core::SC_US));
          DeviceParams params;
          params.burst_bytes = 1;
          System<DataflowKind> system(w, params);
          system.memory.latency = sc_core::sc_time(10, sc_core::SC_US);
          system.memory.waits = waits;
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            DataflowKind::put_parameters(system, w, w.network);
            put_images(system, w);
            host.catch_up();
            uint64_t cycles = 0;
            for (int run = 0; run < 3; ++run) {
              const int64_t images = system.device.images_entered();
              verdict += differs("start", static_cast<uint64_t>(start(host, 2)),
                                 static_cast<uint64_t>(tlm::TLM_OK_RESPONSE));
              host.delay = sc_core::SC_ZERO_TIME;
              const std::string before = system.device.explain();
              if (before != "device is about to start") verdict += "at first: " + before + "; ";
              // The results are there before the last words of the last image are.
              for (int us = 0; us < 3000; ++us) {
                host.wait(sc_core::sc_time(1, sc_core::SC_US));
                if (!waits || system.device.peek(Register::images_done) == 2) break;
              }
              const std::string behind = system.device.explain();
              if (waits && behind.find("device waits for memory: a read of") != 0) {
                verdict += "after the results: " + behind + "; ";
              }
              host.wait_for_interrupt();
              verdict += differs("status", host.read(at(Register::status)), status_done);
              verdict += differs("read", host.read(at(Register::bytes_read)),
                                 2 * host.read(at(Register::image_bytes)));
              if (run == 0) cycles = host.read(at(Register::total_cycles));
              verdict += differs("cycles", host.read(at(Register::total_cycles)), cycles);
              verdict += check_results(system, w, images, 2);
              acknowledge(host);
              host.wait(sc_core::sc_time(1, sc_core::SC_US));
            }
            sc_core::sc_stop();
          });
          return verdict;
        }) == "");
}

TEST_CASE("the_watchdog_names_the_oldest_transfer_that_memory_owes_not_the_last") {
  for (int64_t reads = 2; reads < 5; ++reads) {
    // The last result leaves a stalling pipeline with the words of the next image.
    INFO(reads << " reads are answered");
    CHECK_THAT(in_child([&]() -> std::string {
                 const auto w = words_behind_the_last_window(LayerKind::convolution, 8, 1);
                 DeviceParams params;
                 params.watchdog_cycles = 20'000;
                 System<DataflowKind> system(w, params);
                 sc_core::sc_event never;
                 system.memory.waits = true;
                 system.memory.latency = sc_core::sc_time(20, sc_core::SC_NS);
                 system.memory.never = &never;
                 system.memory.never_after = reads;
                 std::string verdict = "not finished";
                 system.run([&](Host& host) {
                   DataflowKind::put_parameters(system, w, w.network);
                   put_images(system, w);
                   host.catch_up();
                   start(host, 9);
                   host.wait_for_interrupt();
                   verdict = std::to_string(host.read(at(Register::images_done))) + " results, " +
                             system.device.explain();
                   sc_core::sc_stop();
                 });
                 return verdict;
               }),
               Catch::StartsWith(std::to_string(reads - 1) +
                                 " results, device waits for memory: a read of 64 bytes at " +
                                 std::to_string(images_at + 64 * static_cast<uint64_t>(reads))));
  }
}
