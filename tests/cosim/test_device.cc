// Any accelerator behind a bus: what a driver does, and what a memory may do.
#include <sstream>

#include "tests/cosim/device_system.h"
#include "tests/cosim/well_formed_vcd.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

TEMPLATE_TEST_CASE("a_driver_gets_the_references_results_in_the_cycles_of_the_simulation", "",
                   DataflowKind, LoopbackKind, SystolicKind) {
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
                verdict +=
                    differs("read", host.read(at(Register::bytes_read)),
                            4 * (host.read(at(Register::image_bytes)) + TestType::weights_read(w)));
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
                   DataflowKind, LoopbackKind, SystolicKind) {
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
      const auto kind = TestType::transient_site();
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
                   DataflowKind, LoopbackKind, SystolicKind) {
  const auto w = random_workload<TestType>(5, false);
  const auto run = [&](double quantum_ns, bool direct, bool blank) {
    return in_child([&] {
      tlm::tlm_global_quantum::instance().set(sc_core::sc_time(quantum_ns, sc_core::SC_NS));
      System<TestType> system(w, {}, blank);
      system.memory.latency_of_a_byte = sc_core::sc_time(10, sc_core::SC_NS);
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
                   LoopbackKind, SystolicKind) {
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

TEMPLATE_TEST_CASE("direct_access_that_memory_takes_back_is_not_used_any_more", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(5, false);
          System<TestType> system(w);
          system.memory.latency_of_a_byte = sc_core::sc_time(20, sc_core::SC_NS);
          system.memory.direct = true;
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            TestType::put_parameters(system, w, w.network);
            put_images(system, w);
            start(host, 4);
            host.wait(sc_core::sc_time(3, sc_core::SC_US));
            verdict = differs("status", host.read(at(Register::status)), status_busy);
            const int64_t directly = system.device.direct_transfers();
            const int64_t transactions = system.memory.transactions;
            if (directly < 2) verdict += "nothing was direct; ";
            system.memory.revoke_direct_access();
            host.wait_for_interrupt();
            verdict += check_results(system, w, 0, 4);
            verdict += differs("direct", static_cast<uint64_t>(system.device.direct_transfers()),
                               static_cast<uint64_t>(directly));
            if (system.memory.transactions < transactions + 2) verdict += "no transactions";
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("the_vcd_of_a_device_is_well_formed_and_counts_its_images", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
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

TEMPLATE_TEST_CASE("a_non_blocking_host_reaches_the_registers_too", "", DataflowKind, LoopbackKind,
                   SystolicKind) {
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
