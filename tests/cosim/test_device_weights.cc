// Where the accelerators behind a bus have their weights from: loopback and systolic fetch them
// from memory, again and again, dataflow has a memory of its own.

#include "models/dataflow/fifo_sizing.h"
#include "tests/cosim/device_system.h"
#include "tests/models/dataflow/random_graph_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "workloads/reference.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

namespace {

using Work = Workload<LoopbackKind>;
using Bench = System<LoopbackKind>;

/// What an accelerator takes and gives.
std::pair<int, int> ends_of(const Work& w) {
  const auto plan = loopback::make_plan(w.accelerator, w.network);
  return {plan.input_tensor, plan.output_tensor};
}
std::pair<int, int> ends_of(const Workload<SystolicKind>& w) {
  return {0, w.network.tensors() - 1};
}

/// Runs the four images once; the verdict, and the cycles of the run.
std::string run_once(Bench& bench, const Work& w, uint64_t* cycles = nullptr) {
  std::string verdict = "not finished";
  bench.run([&](Host& host) {
    LoopbackKind::put_parameters(bench, w, w.network);
    put_images(bench, w);
    start(host, 4);
    host.wait_for_interrupt();
    verdict = differs("status", host.read(at(Register::status)), status_done);
    verdict += check_results(bench, w, 0, 4);
    if (cycles != nullptr) *cycles = host.read(at(Register::total_cycles));
  });
  return verdict;
}

/// Runs the first image from the tensor that the accelerator takes to the one that it gives.
template <typename Kind>
std::string run_plan(const Workload<Kind>& w) {
  const auto [input, output] = ends_of(w);
  System<Kind> bench(w);
  std::string verdict = "not finished";
  bench.run([&, first = input, last = output](Host& host) {
    Kind::put_parameters(bench, w, w.network);
    const auto tensors = reference::run(w.network, w.images[0]);
    const auto tensor = [&](int index) {
      return memory::stored_tensor(w.network, index, tensors[static_cast<size_t>(index)]);
    };
    bench.put(images_at, tensor(first));
    start(host, 1);
    host.wait_for_interrupt();
    const auto expected = tensor(last);
    verdict = differs("bytes", host.read(at(Register::result_bytes)), expected.size());
    if (!std::equal(expected.begin(), expected.end(), bench.memory.bytes.begin() + results_at)) {
      verdict += "another result";
    }
  });
  return verdict;
}

}  // namespace

TEMPLATE_TEST_CASE("weights_that_the_host_changes_in_memory_count_from_the_next_run_on", "",
                   LoopbackKind, SystolicKind) {
  CHECK(in_child([]() -> std::string {
          auto w = random_workload<TestType>(21, true);
          System<TestType> bench(w);
          std::string verdict = "not finished";
          bench.run([&](Host& host) {
            verdict = "";
            put_images(bench, w);
            Random random(5);
            for (int run = 0; run < 4; ++run) {
              for (Layer& layer : w.network.layers) {
                if (layer.has_weights() && run > 0) fill_parameters(layer, random);
              }
              TestType::put_parameters(bench, w, w.network);
              start(host, 4);
              host.wait_for_interrupt();
              verdict += check_results(bench, w, 0, 4);
              acknowledge(host);
            }
          });
          return verdict;
        }) == "");
}

TEST_CASE("a_systolic_device_reads_what_its_host_writes_through_broken_bits_of_memory") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    CHECK(in_child([&]() -> std::string {
            auto w = random_workload<SystolicKind>(seed, false);
            Random random(seed);
            w.accelerator.memory = random_memory(random);
            const auto placement = SystolicKind::place(w.accelerator, w.network);
            const SiteKind kind = weight_memory_kinds().parameter;
            for (int i = 0; i < 100; ++i) {
              const auto count = static_cast<uint64_t>(count_faults(kind, placement, w.network));
              w.faults.faults.push_back(fault_at(
                  kind, static_cast<int64_t>(random() % count) / 2 * 2, placement, w.network));
              w.faults.faults.back().value = w.faults.faults.back().coordinates[1] % 2;
            }
            validate(w.faults, placement, w.network, "test");
            System<SystolicKind> bench(w);
            std::string verdict = "not finished";
            bench.run([&](Host& host) {
              verdict = "";
              put_images(bench, w);
              for (int run = 0; run < 3; ++run) {
                for (Layer& layer : w.network.layers) {
                  if (layer.has_weights() && run > 0) fill_parameters(layer, random);
                }
                SystolicKind::put_parameters(bench, w, w.network);
                start(host, 4);
                host.wait_for_interrupt();
                verdict += differs("status", host.read(at(Register::status)), status_done);
                verdict += check_results(bench, w, 0, 4);
                acknowledge(host);
              }
            });
            const bool broken = !lower(w.faults, placement, w.network).empty();
            return broken ? verdict : "nothing is broken";
          }) == "");
  }
}

TEST_CASE("bursts_overlap_by_four_phases_and_take_the_same_cycles") {
  int overlapping = 0;
  for (uint64_t seed = 40; seed < 48; ++seed) {
    INFO("seed " << seed);
    const auto w = random_workload<LoopbackKind>(seed, false);
    const std::string expected =
        in_child([&] { return std::to_string(LoopbackKind::simulate(w).total); });
    int most = 0;
    for (const bool non_blocking : {false, true}) {
      const std::string got = in_child([&] {
        DeviceParams params;
        params.non_blocking_memory = non_blocking;
        Bench bench(w, params);
        bench.use_its_own_memory(w);
        uint64_t cycles = 0;
        const std::string verdict = run_once(bench, w, &cycles);
        return verdict + std::to_string(cycles) + " " + std::to_string(bench.memory.most_in_flight);
      });
      CHECK_THAT(got, Catch::StartsWith(expected + " "));
      most = std::stoi(got.substr(got.rfind(' ')));
    }
    CHECK(most <= w.accelerator.memory.outstanding_bursts);
    overlapping += most > 1 ? 1 : 0;
  }
  CHECK(overlapping > 2);
}

TEST_CASE("a_host_that_keeps_the_first_and_the_last_layer_gets_what_is_between") {
  CHECK(in_child([]() -> std::string {
          Work w;
          for (uint64_t seed = 0;; ++seed) {
            w = random_workload<LoopbackKind>(seed, false);
            int layers = 0;
            for (const Layer& layer : w.network.layers) layers += layer.has_weights() ? 1 : 0;
            if (layers >= 3) break;
          }
          w.accelerator.host_first_last = true;
          return run_plan(w);
        }) == "");
}

TEMPLATE_TEST_CASE("a_device_runs_networks_that_are_graphs", "", LoopbackKind, SystolicKind) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    INFO("seed " << seed);
    CHECK(in_child([&]() -> std::string {
            Random random(seed);
            Workload<TestType> w{random_graph(random), {}, {}, {}};
            w.accelerator = TestType::random_accelerator(random, w.network);
            w.images = {random_image(random, w.network)};
            w.faults.accelerator = TestType::place(w.accelerator, w.network).accelerator;
            return run_plan(w);
          }) == "");
  }
}

TEST_CASE("a_dataflow_device_runs_networks_that_are_graphs") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    INFO("seed " << seed);
    CHECK(in_child([&]() -> std::string {
            Random random(seed);
            Workload<DataflowKind> w{random_graph(random), {}, {}, {}};
            w.accelerator =
                dataflow::with_sized_fifos(random_graph_dataflow(random, w.network), w.network);
            for (int i = 0; i < 4; ++i) w.images.push_back(random_image(random, w.network));
            w.faults.accelerator = DataflowKind::place(w.accelerator, w.network).accelerator;
            System<DataflowKind> system(w);
            std::string verdict = "not finished";
            system.run([&](Host& host) {
              put_images(system, w);
              DataflowKind::put_parameters(system, w, w.network);
              start(host, 4);
              host.wait_for_interrupt();
              verdict = check_results(system, w, 0, 4);
            });
            return verdict;
          }) == "");
  }
}

TEST_CASE("direct_access_to_parameters_costs_what_transactions_do_and_debuggers_read_it_all") {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<DataflowKind>(4, false);
          System<DataflowKind> system(w, {}, false);
          std::string verdict;
          system.run([&](Host& host) {
            const auto stored = parameter_bytes(w.network);
            const auto words = static_cast<unsigned>(stored.size() / 4);
            std::vector<uint8_t> bytes(stored.size());
            host.delay = sc_core::SC_ZERO_TIME;
            host.transport(system.parameters->socket, tlm::TLM_READ_COMMAND, 0, bytes.data(),
                           4 * words);
            tlm::tlm_generic_payload t;
            tlm::tlm_dmi region;
            t.set_address(0);
            system.parameters->socket->get_direct_mem_ptr(t, region);
            const sc_core::sc_time directly = region.get_read_latency() * double(4 * words);
            verdict += differs("latency", directly.value(), host.delay.value());
            verdict += differs("writing", region.get_write_latency().value(),
                               region.get_read_latency().value());
          });
          return verdict;
        }) == "");
}

TEMPLATE_TEST_CASE("a_debugger_reads_registers_from_any_byte_to_the_last", "", DataflowKind,
                   LoopbackKind, SystolicKind) {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<TestType>(4, false);
          System<TestType> system(w);
          std::string verdict;
          system.run([&](Host& host) {
            set_up(host, 7);
            std::vector<uint8_t> all, bytes(0x100);
            for (const RegisterRow& row : register_table()) {
              const uint32_t value = system.device.peek(row.offset);
              for (int i = 0; i < 4; ++i) all.push_back(static_cast<uint8_t>(value >> 8 * i));
            }
            if (system.parameters != nullptr) all.resize(at(Register::parameter_address));
            for (const uint64_t from : {0, 8, 18, 0x57}) {
              tlm::tlm_generic_payload t;
              t.set_command(tlm::TLM_READ_COMMAND);
              t.set_address(from);
              t.set_data_ptr(bytes.data());
              t.set_data_length(0x100);
              t.set_streaming_width(0x100);
              const uint64_t expected = all.size() - std::min<uint64_t>(from, all.size());
              verdict += differs("bytes", host.registers->transport_dbg(t), expected);
              if (!std::equal(all.end() - static_cast<long>(expected), all.end(), bytes.begin())) {
                verdict += "others from " + std::to_string(from) + " on; ";
              }
              t.set_data_length(5);  // beyond one register
              verdict += differs("five", host.registers->transport_dbg(t),
                                 std::min<uint64_t>(5, expected));
            }
          });
          return verdict;
        }) == "");
}

TEST_CASE("a_broken_weight_cell_reads_back_as_it_is_and_gives_no_direct_access") {
  for (const bool broken : {false, true}) {
    CHECK(in_child([&]() -> std::string {
            auto w = random_workload<DataflowKind>(7, false);
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
            System<DataflowKind> system(w);
            std::string verdict = "not finished";
            system.run([&](Host& host) {
              verdict = "";
              DataflowKind::put_parameters(system, w, w.network);
              const auto written = parameter_bytes(w.network);
              std::vector<uint8_t> back(written.size());
              host.transport(system.parameters->socket, tlm::TLM_READ_COMMAND, 0, back.data(),
                             static_cast<unsigned>(back.size()));
              back[0] = static_cast<uint8_t>(back[0] ^ (broken ? 1 : 0));
              if (back != written) verdict += "bytes differ; ";
              tlm::tlm_generic_payload t;
              tlm::tlm_dmi direct;
              const bool granted = system.parameters->socket->get_direct_mem_ptr(t, direct);
              verdict += differs("direct", granted, !broken);
              verdict += differs("read", direct.is_read_allowed(), !broken);
              // Written directly, the parameters run like any.
              if (granted) std::copy(written.begin(), written.end(), direct.get_dmi_ptr());
              put_images(system, w);
              start(host, 4);
              host.wait_for_interrupt();
              verdict += check_results(system, w, 0, 4);
            });
            return verdict;
          }) == "");
  }
}

TEST_CASE("accesses_beyond_the_parameters_are_refused_and_so_are_writes_while_busy") {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<DataflowKind>(3, false);
          System<DataflowKind> system(w);
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            const auto response = [&](const char* what, uint64_t address, unsigned length,
                                      tlm::tlm_response_status expected) {
              std::vector<uint8_t> room(length);
              verdict += differs(what,
                                 static_cast<uint64_t>(host.transport(
                                     system.parameters->socket, tlm::TLM_WRITE_COMMAND, address,
                                     room.data(), length)),
                                 static_cast<uint64_t>(expected));
            };
            const uint32_t size = host.read(at(Register::parameter_bytes));
            response("after the parameters", size, 1, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("across their end", size - 2, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("far", ~uint64_t{0}, 8, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            tlm::tlm_generic_payload t;
            tlm::tlm_dmi direct;
            const auto granted = [&](uint64_t address) {
              t.set_address(address);
              direct.init();
              return system.parameters->socket->get_direct_mem_ptr(t, direct);
            };
            verdict += differs("direct, after them", granted(size), false);
            verdict += differs("direct, from", direct.get_start_address(), size);
            verdict += differs("direct, none", direct.is_none_allowed(), true);
            verdict += differs("direct, the last", granted(size - 1), true);
            DataflowKind::put_parameters(system, w, w.network);
            put_images(system, w);
            start(host, 4);
            response("while busy", 0, 4, tlm::TLM_GENERIC_ERROR_RESPONSE);
            verdict += differs("error", host.read(at(Register::error)),
                               static_cast<uint64_t>(DeviceError::busy));
            acknowledge(host);
            // The run begins when the host's own time has come.
            host.catch_up();
            // What is written directly is not refused: it is the next run's.
            auto blank = w;
            blank.network = with_parameters(without_parameters(w.network));
            const auto zeros = parameter_bytes(blank.network);
            std::copy(zeros.begin(), zeros.end(), direct.get_dmi_ptr());
            host.wait_for_interrupt();
            verdict += check_results(system, w, 0, 4);
            acknowledge(host);
            start(host, 4);
            host.wait_for_interrupt();
            verdict += check_results(system, blank, 4, 4);
          });
          return verdict;
        }) == "");
}
