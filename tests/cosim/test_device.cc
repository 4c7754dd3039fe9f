// Any accelerator behind a bus: what a driver does, and everything that a bad one could do.
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/cosim/device_system.h"
#include "tests/cosim/well_formed_vcd.h"
#include "tests/support/temporary_folder.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

TEMPLATE_TEST_CASE("a_driver_gets_the_references_results_in_the_cycles_of_the_simulation", "",
                   DataflowKind, LoopbackKind) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    const auto w = random_workload<TestType>(seed, seed % 2 == 1);
    const std::string cycles = in_child([&] {
      const OwnRun run = TestType::simulate(w);
      return std::to_string(run.first_image) + " " + std::to_string(run.total);
    });
    REQUIRE(in_child([&]() -> std::string {
              System<TestType> system(w);
              system.use_its_own_memory(w);
              std::string verdict = "not finished";
              system.run([&](Host& host) {
                TestType::put_parameters(system, w, w.network);
                put_images(system, w);
                verdict = differs("response", start(host, 4), tlm::TLM_OK_RESPONSE);
                verdict += differs("status", host.read(at(Register::status)), status_busy);
                host.wait_for_interrupt();
                verdict += differs("status", host.read(at(Register::status)), status_done);
                verdict += check_results(system, w, 0, 4);
                std::istringstream expected(cycles);
                uint64_t first = 0, last = 0;
                expected >> first >> last;
                verdict +=
                    differs("first image", host.read(at(Register::first_image_cycles)), first);
                verdict += differs("total", host.read(at(Register::total_cycles)), last);
                verdict += differs("images", host.read(at(Register::images_done)), 4);
                const bool fetches = system.parameters == nullptr;
                verdict += differs("read", host.read(at(Register::bytes_read)),
                                   4 * (host.read(at(Register::image_bytes)) +
                                        (fetches ? host.read(at(Register::parameter_bytes)) : 0)));
                verdict += differs("written", host.read(at(Register::bytes_written)),
                                   4 * host.read(at(Register::result_bytes)));
                acknowledge(host);
                verdict += differs("interrupt", host.interrupt.read(), 0);
                // Once more: the FIFO slots go on where they were, the cycles are the same.
                start(host, 4);
                host.wait_for_interrupt();
                verdict += check_results(system, w, 4, 4);
                verdict += differs("second total", host.read(at(Register::total_cycles)), last);
              });
              return verdict;
            }) == "");
  }
}

TEMPLATE_TEST_CASE("a_transient_happens_in_its_cycle_of_the_first_run_and_not_again", "",
                   DataflowKind, LoopbackKind) {
  const auto text_of = [](const std::vector<std::vector<int32_t>>& logits) {
    std::string text;
    for (const auto& image : logits) {
      for (const int32_t logit : image) text += std::to_string(logit) + " ";
    }
    return text;
  };
  int effective = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    auto w = random_workload<TestType>(seed, false);
    const auto healthy = w;
    const auto own = [&] {
      const OwnRun run = TestType::simulate(w);
      return std::to_string(run.total) + " " + text_of(run.logits);
    };
    const std::string before = in_child(own);
    const Placement placement = TestType::place(w.accelerator, w.network);
    Random random(seed);
    for (int i = 0; i < 40; ++i) {
      const auto kind = SiteKind::pe_accumulator;
      const auto sites = static_cast<int>(count_faults(kind, placement, w.network));
      Fault fault = fault_at(kind, uniform(random, 0, sites - 1), placement, w.network);
      fault.value = 0;
      fault.flip_cycle = uniform(random, 0, std::stoi(before));
      w.faults.faults.push_back(fault);
    }
    const std::string expected = in_child(own);
    REQUIRE_THAT(expected, !Catch::StartsWith("threw"));
    effective += expected == before ? 0 : 1;
    REQUIRE(in_child([&]() -> std::string {
              System<TestType> system(w);
              system.use_its_own_memory(w);
              std::string verdict = "not finished";
              system.run([&](Host& host) {
                TestType::put_parameters(system, w, w.network);
                put_images(system, w);
                host.delay = sc_core::SC_ZERO_TIME;
                start(host, 4);
                host.wait_for_interrupt();
                std::vector<std::vector<int32_t>> logits;
                for (size_t i = 0; i < 4; ++i) logits.push_back(result_of(system, w, i));
                verdict =
                    std::to_string(host.read(at(Register::total_cycles))) + " " + text_of(logits);
                acknowledge(host);
                start(host, 4);
                host.wait_for_interrupt();
                verdict += check_results(system, healthy, 4, 4);
              });
              return verdict;
            }) == expected);
  }
  CHECK(effective > 3);
}

TEMPLATE_TEST_CASE("neither_quantum_nor_direct_access_changes_a_result_or_a_cycle", "",
                   DataflowKind, LoopbackKind) {
  const auto w = random_workload<TestType>(5, false);
  const auto run = [&](double quantum_ns, bool direct, bool blank) {
    return in_child([&] {
      tlm::tlm_global_quantum::instance().set(sc_core::sc_time(quantum_ns, sc_core::SC_NS));
      System<TestType> system(w, {}, blank);
      system.memory.latency = sc_core::sc_time(170, sc_core::SC_NS);
      system.memory.direct = direct;
      std::ostringstream text;
      system.run([&](Host& host) {
        if (blank || system.parameters == nullptr) TestType::put_parameters(system, w, w.network);
        put_images(system, w);
        host.delay = sc_core::sc_time(0, sc_core::SC_NS);
        start(host, 4);
        const sc_core::sc_time begin = sc_core::sc_time_stamp();
        host.wait_for_interrupt();
        text << check_results(system, w, 0, 4) << host.read(at(Register::total_cycles)) << " "
             << host.read(at(Register::first_image_cycles)) << " "
             << (sc_core::sc_time_stamp() - begin > sc_core::sc_time(100, sc_core::SC_NS));
      });
      const bool used = system.device.direct_transfers() > 0;
      return text.str() + (used == direct ? "" : " direct access") +
             (direct && system.memory.transactions > 2 ? " transactions" : "");
    });
  };
  const std::string expected = run(0, false, true);
  CHECK_THAT(expected, !Catch::Contains("differs") && Catch::EndsWith(" 1"));
  for (const double quantum : {0.0, 10.0, 1e3, 1e9}) {
    for (const bool direct : {false, true}) {
      for (const bool blank : {false, true}) CHECK(run(quantum, direct, blank) == expected);
    }
  }
}

TEMPLATE_TEST_CASE("a_slower_memory_takes_longer_and_changes_no_result", "", DataflowKind,
                   LoopbackKind) {
  const auto w = random_workload<TestType>(8, true);
  const auto run = [&](int latency_ns) {
    return in_child([&] {
      System<TestType> system(w);
      system.memory.latency = sc_core::sc_time(latency_ns, sc_core::SC_NS);
      std::string text;
      system.run([&](Host& host) {
        TestType::put_parameters(system, w, w.network);
        put_images(system, w);
        start(host, 4);
        host.wait_for_interrupt();
        text =
            check_results(system, w, 0, 4) + std::to_string(host.read(at(Register::total_cycles)));
      });
      return text;
    });
  };
  const int64_t fast = std::stoll(run(0)), slow = std::stoll(run(100'000));
  // 10,000 cycles for each burst, and for the write of the last result.
  CHECK(slow > fast + 4 * 10'000);
}

TEMPLATE_TEST_CASE("misuse_is_answered_by_a_response_and_nothing_else_happens", "", DataflowKind,
                   LoopbackKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(3, false);
          System<TestType> system(w);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            uint32_t data = 0;
            uint8_t enable = 0xff;
            const auto response = [&](
                                      const char* what, tlm::tlm_command command, uint64_t address,
                                      unsigned length, tlm::tlm_response_status expected,
                                      const std::function<void(tlm::tlm_generic_payload&)>& change =
                                          [](tlm::tlm_generic_payload&) {}) {
              uint64_t room[4] = {};
              verdict += differs(what,
                                 static_cast<uint64_t>(host.transport(
                                     host.registers, command, address, room, length, change)),
                                 static_cast<uint64_t>(expected));
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
            response("byte enables", put, 0x10, 4, tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE,
                     [&](tlm::tlm_generic_payload& t) { t.set_byte_enable_ptr(&enable); });
            response("streaming", put, 0x10, 4, tlm::TLM_BURST_ERROR_RESPONSE,
                     [&](tlm::tlm_generic_payload& t) { t.set_streaming_width(2); });
            response("ignored", tlm::TLM_IGNORE_COMMAND, 0x10, 4, tlm::TLM_OK_RESPONSE);
            for (const RegisterRow& row : register_table()) {
              const bool writable =
                  row.access == Access::read_write || row.access == Access::write_one_to_clear;
              const bool absent = system.parameters != nullptr && row.devices == Devices::loopback;
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
                   LoopbackKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(4, true);
          System<TestType> system(w);
          system.memory.latency = sc_core::sc_time(200, sc_core::SC_NS);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            put_images(system, w);
            int64_t images = 0;  // that entered the accelerator: FIFO slots move on with them
            const auto fails = [&](const char* what, DeviceError error) {
              host.wait_for_interrupt();
              verdict +=
                  differs(what, host.read(at(Register::error)), static_cast<uint64_t>(error));
              wait_while_busy(host);
              acknowledge(host);
              verdict += differs(what, host.read(at(Register::status)), 0);
            };
            const auto works = [&](const char* what) {
              start(host, 4);
              host.wait_for_interrupt();
              verdict += differs(what, host.read(at(Register::status)), status_done);
              const std::string text = check_results(system, w, images, 4);
              if (!text.empty()) verdict += what + (": " + text);
              acknowledge(host);
              images += 4;
              std::fill(system.memory.bytes.begin() + results_at,
                        system.memory.bytes.begin() + parameters_at, 0);
            };
            // Memory that is not there, for images and for results.
            TestType::put_parameters(system, w, w.network);
            host.write(at(Register::image_count), 3);
            host.write(at(Register::image_address), 0x3fffc);
            host.write(at(Register::control), control_start | control_interrupt);
            images += 3;
            fails("no memory", DeviceError::memory);
            works("after no memory");
            host.write(at(Register::result_address), 0x7ff00);
            host.write(at(Register::control), control_start | control_interrupt);
            images += 4;
            fails("no memory for results", DeviceError::memory);
            works("after no memory for results");
            // Memory that fails in the middle.
            system.memory.transactions = 0;
            system.memory.fail_after = 2;
            start(host, 4);
            images += 4;
            fails("failing memory", DeviceError::memory);
            system.memory.fail_after = -1;
            works("after failing memory");
            // Started, or set, while busy: the run goes on.
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
            images += 4;
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
              images += ns == 0 ? 0 : 4;  // reset with the start: nothing entered
              works("after reset");
            }
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("parameters_that_are_no_network_are_refused_at_start", "", DataflowKind,
                   LoopbackKind) {
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
                   DataflowKind, LoopbackKind) {
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
                 host.wait(host.delay);
                 host.delay = sc_core::SC_ZERO_TIME;
                 const sc_core::sc_time begin = sc_core::sc_time_stamp();
                 host.write(at(Register::control), control_start | control_interrupt);
                 host.wait_for_interrupt();
                 verdict = differs("error", host.read(at(Register::error)),
                                   static_cast<uint64_t>(DeviceError::watchdog));
                 verdict +=
                     differs("time", (sc_core::sc_time_stamp() - begin).value() / 1000, 5000);
                 verdict += system.device.explain();
                 const std::string since = "since " + begin.to_string();
                 if (!Catch::endsWith(verdict, since)) verdict += ", but the start was " + since;
                 sc_core::sc_stop();
               });
               return verdict;
             }),
             Catch::StartsWith("device waits for memory: a ") && Catch::Contains(" bytes at ") &&
                 Catch::Contains("4096, since ") && !Catch::Contains("but"));
}

TEMPLATE_TEST_CASE("the_vcd_of_a_device_is_well_formed_and_counts_its_images", "", DataflowKind,
                   LoopbackKind) {
  const TemporaryFolder folder;
  CHECK(in_child([&]() -> std::string {
          const auto w = random_workload<TestType>(2, false);
          System<TestType> system(w);
          sc_core::sc_trace_file* file =
              sc_core::sc_create_vcd_trace_file((folder / "device").c_str());
          system.device.trace(file);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            TestType::put_parameters(system, w, w.network);
            put_images(system, w);
            start(host, 4);
            host.wait_for_interrupt();
            host.wait(sc_core::sc_time(10, sc_core::SC_NS));
            verdict = check_results(system, w, 0, 4);
          });
          sc_core::sc_close_vcd_trace_file(file);
          return verdict;
        }) == "");
  const Vcd vcd = read_vcd(folder / "device.vcd");
  CHECK(vcd.error == "");
  CHECK(vcd.changes.at("device.interrupt").back().second == "1");
  CHECK(vcd.changes.at("device.images_done").size() == 5);  // 0 to 4
}

TEMPLATE_TEST_CASE("a_non_blocking_host_reaches_the_registers_too", "", DataflowKind,
                   LoopbackKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(2, false);
          System<TestType> system(w);
          std::string verdict = "not finished";
          tlm::tlm_generic_payload t;
          uint32_t data = 0;
          system.run([&](Host& host) {
            t.set_command(tlm::TLM_READ_COMMAND);
            t.set_address(at(Register::id));
            t.set_data_ptr(reinterpret_cast<uint8_t*>(&data));
            t.set_data_length(4);
            t.set_streaming_width(4);
            t.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
            tlm::tlm_phase phase = tlm::BEGIN_REQ;
            sc_core::sc_time delay;
            host.registers->nb_transport_fw(t, phase, delay);
            host.wait(sc_core::sc_time(1, sc_core::SC_US));
            verdict = differs("id", data, device_id) +
                      differs("response", static_cast<uint64_t>(t.get_response_status()),
                              static_cast<uint64_t>(tlm::TLM_OK_RESPONSE));
          });
          return verdict;
        }) == "");
}

TEST_CASE("the_register_table_is_the_documentation_and_has_no_holes_in_it") {
  uint32_t next = 0;
  for (const RegisterRow& row : register_table()) {
    CHECK(static_cast<uint32_t>(row.offset) == next);
    next += 4;
  }
  const std::string page = read_bytes(std::string(STUCKAT_SOURCE_DIR) + "/docs/device.md");
  INFO("docs/device.md should contain:\n" << register_markdown() << "\n" << error_markdown());
  CHECK(page.find(register_markdown()) != std::string::npos);
  CHECK(page.find(error_markdown()) != std::string::npos);
}
