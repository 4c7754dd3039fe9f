// Any accelerator behind a bus: everything that a bad driver or a bad memory could do.
#include <limits>

#include "tests/cosim/device_system.h"
#include "tests/support/catch.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

TEMPLATE_TEST_CASE("misuse_is_answered_by_a_response_and_nothing_else_happens", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(3, false);
          System<TestType> system(w);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            uint32_t data = 0;
            uint8_t enable = 0xff;
            const auto changed = [&](const char* what, tlm::tlm_command command, uint64_t address,
                                     unsigned length, tlm::tlm_response_status expected,
                                     const std::function<void(tlm::tlm_generic_payload&)>& change) {
              uint64_t room[4] = {};
              verdict += differs(what,
                                 static_cast<uint64_t>(host.transport(
                                     host.registers, command, address, room, length, change)),
                                 static_cast<uint64_t>(expected));
            };
            const auto response = [&](const char* what, tlm::tlm_command command, uint64_t address,
                                      unsigned length, tlm::tlm_response_status expected) {
              changed(what, command, address, length, expected, [](tlm::tlm_generic_payload&) {});
            };
            verdict = "";
            const auto read = tlm::TLM_READ_COMMAND;
            const auto put = tlm::TLM_WRITE_COMMAND;
            response("unknown register", read, 0x800, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("a gap", put, 0x68, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("huge", read, ~uint64_t{0} - 3, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("misaligned", read, 0x06, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("byte", read, 0x08, 1, tlm::TLM_BURST_ERROR_RESPONSE);
            response("burst", read, 0x08, 16, tlm::TLM_BURST_ERROR_RESPONSE);
            response("empty", read, 0x08, 0, tlm::TLM_BURST_ERROR_RESPONSE);
            response("no bytes to ignore", tlm::TLM_IGNORE_COMMAND, 0x08, 0, tlm::TLM_OK_RESPONSE);
            changed("nothing at all to ignore", tlm::TLM_IGNORE_COMMAND, ~uint64_t{0}, 0,
                    tlm::TLM_OK_RESPONSE, [](tlm::tlm_generic_payload& t) {
                      t.set_data_ptr(nullptr);
                      t.set_streaming_width(0);
                    });
            changed("byte enables", put, 0x10, 4, tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE,
                    [&](tlm::tlm_generic_payload& t) { t.set_byte_enable_ptr(&enable); });
            changed("streaming", put, 0x10, 4, tlm::TLM_BURST_ERROR_RESPONSE,
                    [&](tlm::tlm_generic_payload& t) { t.set_streaming_width(2); });
            response("ignored", tlm::TLM_IGNORE_COMMAND, 0x10, 4, tlm::TLM_OK_RESPONSE);
            for (const RegisterRow& row : register_table()) {
              const bool writable =
                  row.access == Access::read_write || row.access == Access::write_one_to_clear;
              const bool absent = system.parameters != nullptr && row.devices == Devices::fetching;
              if (writable && !absent) continue;
              response(row.name, put, at(row.offset), 4,
                       absent ? tlm::TLM_ADDRESS_ERROR_RESPONSE : tlm::TLM_COMMAND_ERROR_RESPONSE);
            }
            const auto refused = [&](const char* what, DeviceError error) {
              verdict += differs(
                  what, static_cast<uint64_t>(host.write(at(Register::control), control_start)),
                  static_cast<uint64_t>(static_cast<int>(tlm::TLM_GENERIC_ERROR_RESPONSE)));
              verdict +=
                  differs(what, host.read(at(Register::error)), static_cast<uint64_t>(error));
              verdict += differs(what, host.read(at(Register::status)), status_error);
              acknowledge(host);
              verdict += differs(what, host.read(at(Register::error)), 0);
            };
            host.write(at(Register::image_count), 0);
            refused("no image", DeviceError::image_count);
            host.write(at(Register::image_count), 2);
            host.write(at(Register::image_address), 0x1002);
            refused("misaligned image", DeviceError::address);
            host.write(at(Register::image_address), 0xfffffffc);
            host.write(at(Register::image_address_high), 0xffffffff);
            refused("beyond the address space", DeviceError::address);
            host.write(at(Register::image_address_high), 0);
            host.write(at(Register::result_address), 0x1001);
            refused("misaligned result", DeviceError::address);
            host.write(at(Register::result_address), 0);
            if (host.write(at(Register::parameter_address), 0x1003) == tlm::TLM_OK_RESPONSE) {
              refused("misaligned parameters", DeviceError::address);
            }
            verdict +=
                differs("transactions", static_cast<uint64_t>(system.memory.transactions), 0);
            (void)data;
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("what_cannot_run_ends_with_an_error_and_the_next_run_is_right", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  const bool waits = GENERATE(false, true);
  CHECK(in_child([&]() -> std::string {
          const auto w = random_workload<TestType>(4, true);
          System<TestType> system(w);
          system.memory.latency = sc_core::sc_time(200, sc_core::SC_NS);
          system.memory.waits = waits;
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            put_images(system, w);
            const auto fails = [&](const char* what, DeviceError error) {
              host.wait_for_interrupt();
              verdict +=
                  differs(what, host.read(at(Register::error)), static_cast<uint64_t>(error));
              // What ended the run is told when it has ended: the next one may start.
              verdict += differs(what, host.read(at(Register::status)), status_error);
              acknowledge(host);
              verdict += differs(what, host.read(at(Register::status)), 0);
            };
            // Images that entered the accelerator: FIFO slots move on with them.
            const auto works = [&](const char* what) {
              const int64_t images = system.device.images_entered();
              start(host, 4);
              host.wait_for_interrupt();
              verdict += differs(what, host.read(at(Register::status)), status_done);
              const std::string text = check_results(system, w, images, 4);
              if (!text.empty()) verdict += what + (": " + text);
              verdict += differs("entered", static_cast<uint64_t>(system.device.images_entered()),
                                 static_cast<uint64_t>(images) + 4);
              acknowledge(host);
              std::fill(system.memory.bytes.begin() + results_at,
                        system.memory.bytes.begin() + parameters_at, 0);
            };
            // Memory that is not there, for images and for results.
            TestType::put_parameters(system, w, w.network);
            host.write(at(Register::image_count), 3);
            host.write(at(Register::image_address), 0x3fffc);
            host.write(at(Register::control), control_start | control_interrupt);
            fails("no memory", DeviceError::memory);
            works("after no memory");
            host.write(at(Register::result_address), 0x7ff00);
            host.write(at(Register::control), control_start | control_interrupt);
            fails("no memory for results", DeviceError::memory);
            works("after no memory for results");
            // Memory that fails in the middle.
            system.memory.transactions = 0;
            system.memory.fail_after = 2;
            start(host, 4);
            fails("failing memory", DeviceError::memory);
            system.memory.fail_after = -1;
            works("after failing memory");
            // Started, or set, while busy: the run goes on.
            const int64_t images = system.device.images_entered();
            start(host, 4);
            host.wait(sc_core::sc_time(150, sc_core::SC_NS));
            verdict +=
                differs("busy",
                        static_cast<uint64_t>(
                            host.write(at(Register::control), control_start | control_interrupt)),
                        static_cast<uint64_t>(static_cast<int>(tlm::TLM_GENERIC_ERROR_RESPONSE)));
            verdict +=
                differs("setting while busy",
                        static_cast<uint64_t>(host.write(at(Register::image_count), 9)),
                        static_cast<uint64_t>(static_cast<int>(tlm::TLM_GENERIC_ERROR_RESPONSE)));
            verdict += differs("busy", host.read(at(Register::error)),
                               static_cast<uint64_t>(DeviceError::busy));
            acknowledge(host);
            host.wait_for_interrupt();
            verdict += differs("still", host.read(at(Register::status)), status_done);
            verdict += check_results(system, w, images, 4);
            acknowledge(host);
            // Reset in the middle, at many moments.
            for (int ns = 0; ns < 4000; ns += 370) {
              start(host, 4);
              if (ns > 0) host.wait(sc_core::sc_time(ns, sc_core::SC_NS));
              const bool busy = (host.read(at(Register::status)) & status_busy) != 0;
              host.write(at(Register::control), control_reset);
              verdict += differs("after reset", host.read(at(Register::image_count)), 1);
              host.write(at(Register::control), control_interrupt);
              if (busy) fails("reset", DeviceError::aborted);
              works("after reset");
            }
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("a_reset_ends_a_run_of_any_length_at_once", "", DataflowKind, LoopbackKind,
                   SystolicKind) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    REQUIRE(in_child([&]() -> std::string {
              const auto w = random_workload<TestType>(seed, true);
              System<TestType> system(w);
              system.memory.latency = sc_core::sc_time(20, sc_core::SC_NS);
              std::string verdict = "not finished";
              system.run([&](Host& host) {
                verdict = "";
                TestType::put_parameters(system, w, w.network);
                put_images(system, w);
                set_up(host, ~0u);
                host.write(at(Register::control), control_start);
                // Images of this run are whatever memory holds behind the four.
                host.wait(sc_core::sc_time(500 + 700 * static_cast<double>(seed), sc_core::SC_NS));
                host.write(at(Register::control), control_reset);
                wait_while_busy(host);  // for what is in the chain
                verdict += differs("status", host.read(at(Register::status)), status_error);
                verdict += differs("error", host.read(at(Register::error)),
                                   static_cast<uint64_t>(DeviceError::aborted));
                acknowledge(host);
                const int64_t images = system.device.images_entered();
                if (images > 100) verdict += "it took " + std::to_string(images) + " images; ";
                start(host, 4);
                host.wait_for_interrupt();
                verdict += check_results(system, w, images, 4);
              });
              return verdict;
            }) == "");
  }
}

TEMPLATE_TEST_CASE("parameters_that_are_no_network_are_refused_at_start", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(1, false);
          System<TestType> system(w);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            Network wrong = w.network;
            wrong.layers[0].thresholds[0] = wrong.layers[0].accumulator_max() + 1;
            TestType::put_parameters(system, w, wrong);
            start(host, 1);
            host.wait_for_interrupt();
            verdict = differs("error", host.read(at(Register::error)),
                              static_cast<uint64_t>(DeviceError::parameters));
            wait_while_busy(host);
            verdict += differs("status", host.read(at(Register::status)), status_error);
            acknowledge(host);
            TestType::put_parameters(system, w, w.network);
            put_images(system, w);
            start(host, 1);
            host.wait_for_interrupt();
            verdict += check_results(system, w, 0, 1);
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("a_memory_that_never_answers_raises_the_watchdog_which_says_what_waits", "",
                   DataflowKind, LoopbackKind, SystolicKind) {
  CHECK_THAT(in_child([]() -> std::string {
               const auto w = random_workload<TestType>(6, false);
               DeviceParams params;
               params.watchdog_cycles = 500;
               System<TestType> system(w, params);
               sc_core::sc_event never;
               system.memory.never = &never;
               std::string verdict = "not finished";
               system.run([&](Host& host) {
                 TestType::put_parameters(system, w, w.network);
                 set_up(host, 1);
                 host.catch_up();
                 const sc_core::sc_time begin = sc_core::sc_time_stamp();
                 host.write(at(Register::control), control_start | control_interrupt);
                 host.wait_for_interrupt();
                 verdict = differs("error", host.read(at(Register::error)),
                                   static_cast<uint64_t>(DeviceError::watchdog));
                 verdict +=
                     differs("time", (sc_core::sc_time_stamp() - begin).value() / 1000, 5000);
                 verdict += system.device.explain();
                 const std::string since = "since " + begin.to_string();
                 if (!verdict.ends_with(since)) verdict += ", but the start was " + since;
                 sc_core::sc_stop();
               });
               return verdict;
             }),
             Catch::StartsWith("device waits for memory: a ") && Catch::Contains(" bytes at ") &&
                 Catch::Contains("4096, since ") && !Catch::Contains("but"));
}

TEMPLATE_TEST_CASE("parameters_of_a_device_that_cannot_be_are_refused", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  const auto built = [](DeviceParams params) {
    return in_child([&]() -> std::string {
      const auto w = random_workload<TestType>(3, false);
      const typename TestType::Device device("device", w.network, w.accelerator, {}, params);
      return "built";
    });
  };
  DeviceParams params;
  for (const int64_t cycles : {int64_t{0}, int64_t{-1}, int64_t{1'000'000'000'001}}) {
    params.watchdog_cycles = cycles;
    CHECK(built(params) == "threw: device: watchdog_cycles is " + std::to_string(cycles) +
                               ", expected 1 to 1000000000000");
  }
  params = {};
  for (const int bytes : {0, -5}) {
    params.burst_bytes = bytes;
    CHECK(built(params) ==
          "threw: device: burst_bytes is " + std::to_string(bytes) + ", expected at least 1");
  }
  params.burst_bytes = std::numeric_limits<int>::max();
  CHECK(built(params) == "built");
}
