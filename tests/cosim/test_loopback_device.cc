// What only the loopback accelerator behind a bus does: weights come from memory, again and again.
#include <catch2/catch.hpp>

#include "tests/cosim/device_system.h"
#include "workloads/reference.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

namespace {

using Work = Workload<LoopbackKind>;
using Bench = System<LoopbackKind>;

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

}  // namespace

TEST_CASE("weights_that_the_host_changes_in_memory_count_from_the_next_run_on") {
  CHECK(in_child([]() -> std::string {
          auto w = random_workload<LoopbackKind>(21, true);
          Bench bench(w);
          std::string verdict = "not finished";
          bench.run([&](Host& host) {
            verdict = "";
            put_images(bench, w);
            Random random(5);
            for (int run = 0; run < 4; ++run) {
              for (Layer& layer : w.network.layers) {
                if (layer.has_weights() && run > 0) fill_parameters(layer, random);
              }
              LoopbackKind::put_parameters(bench, w, w.network);
              start(host, 4);
              host.wait_for_interrupt();
              verdict += check_results(bench, w, 0, 4);
              acknowledge(host);
            }
          });
          return verdict;
        }) == "");
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
          const auto plan = loopback::make_plan(w.accelerator, w.network);
          Bench bench(w);
          std::string verdict = "not finished";
          bench.run([&](Host& host) {
            LoopbackKind::put_parameters(bench, w, w.network);
            const auto tensors = reference::run(w.network, w.images[0]);
            const auto tensor = [&](int index) {
              return loopback::stored_tensor(w.network, index, tensors[static_cast<size_t>(index)]);
            };
            bench.put(images_at, tensor(plan.input_tensor));
            start(host, 1);
            host.wait_for_interrupt();
            const auto expected = tensor(plan.output_tensor);
            verdict = differs("bytes", host.read(at(Register::result_bytes)), expected.size());
            if (!std::equal(expected.begin(), expected.end(),
                            bench.memory.bytes.begin() + results_at)) {
              verdict += "another result";
            }
          });
          return verdict;
        }) == "");
}

TEST_CASE("a_reset_ends_a_run_of_any_length_at_once") {
  CHECK(in_child([]() -> std::string {
          const auto w = random_workload<LoopbackKind>(4, false);
          Bench bench(w);
          bench.memory.latency = sc_core::sc_time(200, sc_core::SC_NS);
          std::string verdict = "not finished";
          bench.run([&](Host& host) {
            LoopbackKind::put_parameters(bench, w, w.network);
            host.write(at(Register::image_count), ~0u);
            host.write(at(Register::parameter_address), parameters_at);
            host.write(at(Register::control), control_start);
            host.wait(sc_core::sc_time(30, sc_core::SC_US));
            host.write(at(Register::control), control_reset);
            host.wait(sc_core::sc_time(1, sc_core::SC_US));
            verdict = differs("status", host.read(at(Register::status)), status_error);
            verdict += differs("error", host.read(at(Register::error)),
                               static_cast<uint64_t>(DeviceError::aborted));
          });
          return verdict;
        }) == "");
}
