// The accelerator behind a bus: what a driver does, and everything that a bad one could do.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/cosim/device_module.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "tests/cosim/bus.h"
#include "tests/cosim/well_formed_vcd.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/in_child.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::cosim;
using test::Host;
using test::uniform;

namespace {

constexpr uint64_t images_at = 0x1000, results_at = 0x20000;
constexpr uint64_t at(Register offset) { return static_cast<uint64_t>(offset); }

struct Workload {
  Network network;
  dataflow::DataflowAccelerator accelerator;
  std::vector<Tensor> images;
  FaultMap faults;
};

Workload random_workload(uint64_t seed, bool faulty) {
  test::Random random(seed);
  Workload w{test::random_network(random), {}, {}, {}};
  w.accelerator = test::random_dataflow(random, w.network);
  w.accelerator.clock_mhz = 100;
  for (int i = 0; i < 4; ++i) w.images.push_back(test::random_image(random, w.network));
  const Placement placement = dataflow::place(w.accelerator, w.network);
  w.faults.accelerator = placement.accelerator;
  for (int i = 0; i < 3 && faulty; ++i) {
    const auto& rows = site_table();
    const SiteKind kind =
        rows[static_cast<size_t>(uniform(random, 0, static_cast<int>(rows.size()) - 1))].kind;
    const int64_t count = count_faults(kind, placement, w.network);
    if (count == 0) continue;
    w.faults.faults.push_back(fault_at(
        kind, static_cast<int64_t>(random() % static_cast<uint64_t>(count)), placement, w.network));
    FaultMap checked = w.faults;
    try {
      validate(checked, placement, w.network, "random");
    } catch (const InputError&) {
      w.faults.faults.pop_back();
    }
  }
  return w;
}

Network without_parameters(Network network) {
  for (Layer& layer : network.layers) {
    layer.weights.clear();
    layer.thresholds.clear();
  }
  return network;
}

struct System {
  DeviceModule device;
  test::TestMemory memory;
  Host host;
  sc_core::sc_signal<bool> interrupt;

  explicit System(const Workload& w, const DeviceParams& params = {}, bool blank = true)
      : device("device", blank ? without_parameters(w.network) : w.network, w.accelerator, w.faults,
               params),
        memory("memory", 0x40000),
        host("host") {
    host.registers.bind(device.registers);
    host.parameters.bind(device.parameters);
    device.memory.socket.bind(memory.socket);
    device.interrupt(interrupt);
    host.interrupt(interrupt);
  }
  void run(const std::function<void(Host&)>& program) {
    host.program = program;
    sc_core::sc_start();
  }
};

void put_images(System& system, const Workload& w, const std::vector<Tensor>& images) {
  const auto chain = dataflow::build_chain(w.accelerator, w.network);
  uint64_t address = images_at;
  for (const Tensor& image : images) {
    const auto bytes =
        dataflow::image_bytes(image, w.network.layers.front().input_format,
                              chain.streams[0].words_per_image, chain.streams[0].word_bits());
    std::copy(bytes.begin(), bytes.end(), system.memory.bytes.begin() + static_cast<long>(address));
    address += bytes.size();
  }
}

std::vector<int32_t> result_of(const System& system, const Network& network, int64_t image) {
  std::vector<int32_t> logits(static_cast<size_t>(network.classes()));
  std::memcpy(
      logits.data(),
      system.memory.bytes.data() + results_at + static_cast<uint64_t>(image) * 4 * logits.size(),
      4 * logits.size());
  return logits;
}

void write_parameters(Host& host, const Network& network) {
  auto bytes = parameter_bytes(network);
  host.transport(host.parameters, tlm::TLM_WRITE_COMMAND, 0, bytes.data(),
                 static_cast<unsigned>(bytes.size()));
}

/// Settings and start; the response of the start.
tlm::tlm_response_status start(Host& host, uint32_t images) {
  host.write(at(Register::image_count), images);
  host.write(at(Register::image_address), images_at);
  host.write(at(Register::result_address), results_at);
  return host.write(at(Register::control), control_start | control_interrupt);
}

std::string differs(const char* what, uint64_t got, uint64_t expected) {
  if (got == expected) return "";
  return std::string(what) + " " + std::to_string(got) + ", expected " + std::to_string(expected) +
         "; ";
}

/// "" if results of `count` images, the first of which is image `first` of the device's life, are
/// what the reference computes.
std::string check_results(const System& system, const Workload& w, int64_t first, size_t count) {
  const Effects effects = lower(w.faults, dataflow::place(w.accelerator, w.network), w.network);
  for (size_t i = 0; i < count; ++i) {
    const auto expected =
        reference::run(w.network, w.images[i], effects, first + static_cast<int64_t>(i));
    if (result_of(system, w.network, static_cast<int64_t>(i)) != expected.back().values) {
      return "result " + std::to_string(i) + " differs; ";
    }
  }
  return "";
}

void acknowledge(Host& host) {
  host.write(at(Register::status), status_done | status_error);
  host.wait(sc_core::SC_ZERO_TIME);
  host.wait(sc_core::SC_ZERO_TIME);
}

}  // namespace

TEST_CASE("a_driver_gets_the_references_results_in_the_cycles_of_the_simulation") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    const Workload w = random_workload(seed, seed % 2 == 1);
    const std::string cycles = test::in_child([&] {
      std::string text;
      const auto result = dataflow::simulate(w.network, w.accelerator, w.faults, w.images);
      for (const int64_t c : result.arrival_cycles) text += std::to_string(c) + " ";
      return text;
    });
    REQUIRE(test::in_child([&]() -> std::string {
              System system(w);  // a memory without latency
              std::string verdict = "not finished";
              system.run([&](Host& host) {
                write_parameters(host, w.network);
                put_images(system, w, w.images);
                verdict = differs("response", start(host, 4), tlm::TLM_OK_RESPONSE);
                verdict += differs("status", host.read(at(Register::status)), status_busy);
                host.wait_for_interrupt();
                verdict += differs("status", host.read(at(Register::status)), status_done);
                verdict += check_results(system, w, 0, 4);
                std::istringstream expected(cycles);
                uint64_t first = 0, last = 0;
                expected >> first;
                while (expected >> last) {
                }
                verdict +=
                    differs("first image", host.read(at(Register::first_image_cycles)), first);
                verdict += differs("total", host.read(at(Register::total_cycles)), last);
                verdict += differs("images", host.read(at(Register::images_done)), 4);
                verdict += differs("read", host.read(at(Register::bytes_read)),
                                   4 * host.read(at(Register::image_bytes)));
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

TEST_CASE("neither_quantum_nor_direct_access_changes_a_result_or_a_cycle") {
  const Workload w = random_workload(5, false);
  const auto run = [&](double quantum_ns, bool direct, bool blank) {
    return test::in_child([&] {
      tlm::tlm_global_quantum::instance().set(sc_core::sc_time(quantum_ns, sc_core::SC_NS));
      System system(w, {}, blank);
      system.memory.latency = sc_core::sc_time(170, sc_core::SC_NS);
      system.memory.direct = direct;
      std::ostringstream text;
      system.run([&](Host& host) {
        if (blank) write_parameters(host, w.network);
        put_images(system, w, w.images);
        host.delay = sc_core::sc_time(0, sc_core::SC_NS);
        start(host, 4);
        const sc_core::sc_time begin = sc_core::sc_time_stamp();
        host.wait_for_interrupt();
        text << check_results(system, w, 0, 4) << host.read(at(Register::total_cycles)) << " "
             << host.read(at(Register::first_image_cycles)) << " "
             << (sc_core::sc_time_stamp() - begin > sc_core::sc_time(100, sc_core::SC_NS));
      });
      const bool used = system.device.memory.direct_transfers() > 0;
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

TEST_CASE("a_slower_memory_takes_longer_and_changes_no_result") {
  const Workload w = random_workload(8, true);
  const auto run = [&](int latency_ns) {
    return test::in_child([&] {
      System system(w);
      system.memory.latency = sc_core::sc_time(latency_ns, sc_core::SC_NS);
      std::string text;
      system.run([&](Host& host) {
        write_parameters(host, w.network);
        put_images(system, w, w.images);
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

TEST_CASE("misuse_is_answered_by_a_response_and_nothing_else_happens") {
  CHECK(test::in_child([]() -> std::string {
          const Workload w = random_workload(3, false);
          System system(w);
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
            response("a gap", put, 0x54, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
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
              if (writable) continue;
              response(row.name, put, at(row.offset), 4, tlm::TLM_COMMAND_ERROR_RESPONSE);
            }
            const auto parameters = [&](const char* what, uint64_t address, unsigned length) {
              std::vector<uint8_t> room(length);
              verdict +=
                  differs(what,
                          static_cast<uint64_t>(
                              host.transport(host.parameters, put, address, room.data(), length)),
                          static_cast<uint64_t>(static_cast<int>(tlm::TLM_ADDRESS_ERROR_RESPONSE)));
            };
            const uint32_t size = host.read(at(Register::parameter_bytes));
            parameters("behind the parameters", size, 1);
            parameters("across their end", size - 2, 4);
            parameters("far", ~uint64_t{0}, 8);

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
            verdict +=
                differs("transactions", static_cast<uint64_t>(system.memory.transactions), 0);
            (void)data;
          });
          return verdict;
        }) == "");
}

TEST_CASE("what_cannot_run_ends_with_an_error_and_the_next_run_is_right") {
  CHECK(test::in_child([]() -> std::string {
          const Workload w = random_workload(4, true);
          System system(w);
          system.memory.latency = sc_core::sc_time(200, sc_core::SC_NS);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            put_images(system, w, w.images);
            int64_t images = 0;  // that entered the accelerator: FIFO slots move on with them
            const auto fails = [&](const char* what, DeviceError error) {
              host.wait_for_interrupt();
              verdict +=
                  differs(what, host.read(at(Register::error)), static_cast<uint64_t>(error));
              while ((host.read(at(Register::status)) & status_busy) != 0) {
                host.wait(sc_core::sc_time(100, sc_core::SC_NS));
              }
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
              std::fill(system.memory.bytes.begin() + results_at, system.memory.bytes.end(), 0);
            };
            // Memory that is not there, for images and for results.
            write_parameters(host, w.network);
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

TEST_CASE("parameters_that_are_no_network_are_refused_at_start") {
  CHECK(test::in_child([]() -> std::string {
          const Workload w = random_workload(1, false);
          System system(w);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            Network wrong = w.network;
            wrong.layers[0].thresholds[0] = wrong.layers[0].accumulator_max() + 1;
            write_parameters(host, wrong);
            start(host, 1);
            host.wait_for_interrupt();
            verdict = differs("error", host.read(at(Register::error)),
                              static_cast<uint64_t>(DeviceError::parameters));
            verdict += differs("status", host.read(at(Register::status)), status_error);
            acknowledge(host);
            write_parameters(host, w.network);
            put_images(system, w, w.images);
            start(host, 1);
            host.wait_for_interrupt();
            verdict += check_results(system, w, 0, 1);
          });
          return verdict;
        }) == "");
}

TEST_CASE("a_memory_that_never_answers_raises_the_watchdog_which_says_what_waits") {
  CHECK_THAT(test::in_child([]() -> std::string {
               const Workload w = random_workload(6, false);
               DeviceParams params;
               params.watchdog_cycles = 500;
               System system(w, params);
               sc_core::sc_event never;
               system.memory.never = &never;
               std::string verdict = "not finished";
               system.run([&](Host& host) {
                 write_parameters(host, w.network);
                 start(host, 1);
                 host.wait_for_interrupt();
                 verdict = differs("error", host.read(at(Register::error)),
                                   static_cast<uint64_t>(DeviceError::watchdog));
                 verdict += differs("time", sc_core::sc_time_stamp().value() / 1000, 5750);
                 verdict += system.device.explain();
                 sc_core::sc_stop();
               });
               return verdict;
             }),
             Catch::StartsWith("device waits for memory: a read of ") &&
                 Catch::EndsWith(" bytes at 4096, since 750 ns"));
}

TEST_CASE("a_broken_weight_cell_reads_back_as_it_is_and_gives_no_direct_access") {
  for (const bool broken : {false, true}) {
    CHECK(test::in_child([&]() -> std::string {
            Workload w = random_workload(7, false);
            const Placement placement = dataflow::place(w.accelerator, w.network);
            if (broken) {
              // Level by level until the fault changes a stored bit.
              const int8_t first = w.network.layers[0].weight_row(0)[0];
              const uint32_t code = w.network.layers[0].weight_format.code(first);
              w.faults.faults.push_back({SiteKind::pe_weight,
                                         placement.arrays[0].name,
                                         {0, 0, 0, 0},
                                         (code & 1u) != 0 ? 0 : 1});
            }
            System system(w);
            std::string verdict = "not finished";
            system.run([&](Host& host) {
              verdict = "";
              write_parameters(host, w.network);
              const auto written = parameter_bytes(w.network);
              std::vector<uint8_t> back(written.size());
              host.transport(host.parameters, tlm::TLM_READ_COMMAND, 0, back.data(),
                             static_cast<unsigned>(back.size()));
              back[0] = static_cast<uint8_t>(back[0] ^ (broken ? 1 : 0));
              if (back != written) verdict += "bytes differ; ";
              tlm::tlm_generic_payload t;
              tlm::tlm_dmi direct;
              const bool granted = host.parameters->get_direct_mem_ptr(t, direct);
              verdict += differs("direct", granted, !broken);
              verdict += differs("read", direct.is_read_allowed(), !broken);
              // Written directly, the parameters run like any.
              if (granted) std::copy(written.begin(), written.end(), direct.get_dmi_ptr());
              put_images(system, w, w.images);
              start(host, 4);
              host.wait_for_interrupt();
              verdict += check_results(system, w, 0, 4);
            });
            return verdict;
          }) == "");
  }
}

TEST_CASE("the_vcd_of_a_device_is_well_formed_and_counts_its_images") {
  const test::TemporaryFolder folder;
  CHECK(test::in_child([&]() -> std::string {
          const Workload w = random_workload(2, false);
          System system(w);
          sc_core::sc_trace_file* file =
              sc_core::sc_create_vcd_trace_file((folder / "device").c_str());
          system.device.trace(file);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            write_parameters(host, w.network);
            put_images(system, w, w.images);
            start(host, 4);
            host.wait_for_interrupt();
            host.wait(sc_core::sc_time(10, sc_core::SC_NS));
            verdict = check_results(system, w, 0, 4);
          });
          sc_core::sc_close_vcd_trace_file(file);
          return verdict;
        }) == "");
  const test::Vcd vcd = test::read_vcd(folder / "device.vcd");
  CHECK(vcd.error == "");
  CHECK(vcd.changes.at("device.interrupt").back().second == "1");
  CHECK(vcd.changes.at("device.images_done").size() == 5);  // 0 to 4
}

TEST_CASE("a_non_blocking_host_reaches_the_registers_too") {
  CHECK(test::in_child([]() -> std::string {
          const Workload w = random_workload(2, false);
          System system(w);
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
  const std::string page = test::read_bytes(std::string(STUCKAT_SOURCE_DIR) + "/docs/device.md");
  INFO("docs/device.md should contain:\n" << register_markdown() << "\n" << error_markdown());
  CHECK(page.find(register_markdown()) != std::string::npos);
  CHECK(page.find(error_markdown()) != std::string::npos);
}
