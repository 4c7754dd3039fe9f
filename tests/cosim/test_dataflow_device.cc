// The parameter memory of a dataflow accelerator behind a bus.
#include <catch2/catch.hpp>

#include "tests/cosim/device_system.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

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
            response("behind the parameters", size, 1, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("across their end", size - 2, 4, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            response("far", ~uint64_t{0}, 8, tlm::TLM_ADDRESS_ERROR_RESPONSE);
            DataflowKind::put_parameters(system, w, w.network);
            put_images(system, w);
            start(host, 4);
            response("while busy", 0, 4, tlm::TLM_GENERIC_ERROR_RESPONSE);
            verdict += differs("error", host.read(at(Register::error)),
                               static_cast<uint64_t>(DeviceError::busy));
            acknowledge(host);
            host.wait_for_interrupt();
            verdict += check_results(system, w, 0, 4);
          });
          return verdict;
        }) == "");
}
