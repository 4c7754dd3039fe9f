// Another memory behind the socket of the loopback accelerator.
#include <tlm_utils/peq_with_get.h>
#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "models/loopback/stored_tiles.h"
#include "models/memory/fetch_module.h"
#include "models/memory/stored_tensor.h"
#include "tests/models/loopback/smallest_weight_buffer.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using namespace stuckat::loopback;
using test::uniform;

namespace {

const sc_core::sc_time period(10, sc_core::SC_NS);

/// A bus with the parameters of the built-in memory, written once more: in whole time, with
/// storage, for both protocols. `waits`: blocking transport takes its time instead of saying so.
struct OtherMemory : sc_core::sc_module {
  tlm_utils::simple_target_socket<OtherMemory> socket{"socket"};
  tlm_utils::peq_with_get<tlm::tlm_generic_payload> responses{"responses"};
  MemoryParams params;
  bool waits = false, mute = false;
  uint64_t end = ~uint64_t{0};  ///< addresses from here on are an error
  std::map<uint64_t, uint8_t> bytes;
  int64_t most_bytes = 0;
  int in_flight = 0, most_in_flight = 0;
  sc_core::sc_time bus_free;

  OtherMemory(const sc_core::sc_module_name& name, const MemoryParams& p)
      : sc_module(name), params(p) {
    socket.register_b_transport(this, &OtherMemory::blocking);
    socket.register_nb_transport_fw(this, &OtherMemory::forward);
    SC_HAS_PROCESS(OtherMemory);
    SC_THREAD(respond);
  }
  sc_core::sc_time serve(tlm::tlm_generic_payload& t, const sc_core::sc_time& request) {
    const int64_t length = t.get_data_length();
    most_bytes = std::max(most_bytes, length);
    const bool there = t.get_address() + static_cast<uint64_t>(length) <= end;
    for (unsigned i = 0; i < t.get_data_length() && t.is_write() && there; ++i) {
      bytes[t.get_address() + i] = t.get_data_ptr()[i];
    }
    t.set_response_status(there ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    const int64_t beats = (length + params.bytes_per_cycle - 1) / params.bytes_per_cycle;
    bus_free = std::max(request + period * static_cast<double>(params.latency_cycles), bus_free) +
               period * static_cast<double>(beats);
    return bus_free;
  }
  void blocking(tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    if (mute) wait(sc_core::sc_event());
    delay = serve(t, sc_core::sc_time_stamp() + delay) - sc_core::sc_time_stamp();
    if (!waits) return;
    wait(delay);
    delay = sc_core::SC_ZERO_TIME;
  }
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& t, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay) {
    if (phase == tlm::END_RESP) return tlm::TLM_COMPLETED;
    most_in_flight = std::max(most_in_flight, ++in_flight);
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    if (!mute) responses.notify(t, serve(t, now + delay) - now);
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }
  void respond() {
    for (;;) {
      wait(responses.get_event());
      while (tlm::tlm_generic_payload* t = responses.get_next_transaction()) {
        --in_flight;
        tlm::tlm_phase phase = tlm::BEGIN_RESP;
        sc_core::sc_time delay;
        socket->nb_transport_bw(*t, phase, delay);
      }
    }
  }
};

struct Scene {
  Network network;
  LoopbackAccelerator accelerator;
  std::vector<Tensor> images;
};

Scene random_scene(uint64_t seed) {
  test::Random random(seed);
  Scene s{test::random_network(random), {}, {}};
  LoopbackAccelerator& a = s.accelerator;
  a.name = "random";
  a.pe = uniform(random, 1, 8);
  a.simd = uniform(random, 1, 16);
  a.double_buffering = uniform(random, 0, 1) == 1;
  a.weight_buffer_bytes = test::smallest_weight_buffer(a, s.network) + uniform(random, 0, 1000);
  a.memory = {uniform(random, 1, 8), uniform(random, 0, 50), uniform(random, 1, 64),
              uniform(random, 1, 4)};
  for (int i = uniform(random, 1, 3); i > 0; --i) {
    s.images.push_back(test::random_image(random, s.network));
  }
  return s;
}

std::string summary(const LoopbackResult& result) {
  std::ostringstream text;
  for (const ImageCycles& image : result.images) {
    text << image.load << " ";
    for (const LayerCycles& layer : image.layers) text << layer.waiting << " ";
    text << image.store << " ";
  }
  text << result.total_cycles << " ";
  for (const auto& logits : result.logits) {
    for (const int32_t logit : logits) text << logit << " ";
  }
  return text.str();
}

using Change = std::function<void(OtherMemory&)>;

std::string run(
    const Scene& s, bool non_blocking, const Change& change = [](OtherMemory&) {},
    const std::function<std::string(OtherMemory&)>& check = nullptr) {
  return test::in_child([&] {
    std::unique_ptr<OtherMemory> memory;
    SimulationOptions options;
    options.non_blocking_memory = non_blocking;
    options.bind_memory = [&](memory::FetchModule& fetch) {
      memory = std::make_unique<OtherMemory>("other", s.accelerator.memory);
      change(*memory);
      fetch.memory.bind(memory->socket);
    };
    const auto result = simulate(s.network, s.accelerator, {}, s.images, options);
    return check ? check(*memory) : summary(result);
  });
}

}  // namespace

TEST_CASE("an_equivalent_memory_takes_the_cycles_of_the_built_in_one_by_either_protocol") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    const Scene s = random_scene(seed);
    const std::string built_in =
        test::in_child([&] { return summary(simulate(s.network, s.accelerator, {}, s.images)); });
    CHECK(run(s, false) == built_in);
    CHECK(run(s, true) == built_in);
    // One burst at a time by nature: the same where only one may be under way.
    Scene serial = s;
    serial.accelerator.memory.outstanding_bursts = 1;
    CHECK(run(serial, false, [](OtherMemory& m) { m.waits = true; }) == test::in_child([&] {
            return summary(simulate(serial.network, serial.accelerator, {}, serial.images));
          }));
  }
}

TEST_CASE("bursts_overlap_in_a_memory_that_takes_time_and_keep_to_their_limits") {
  Scene s = random_scene(3);
  s.accelerator.memory = {4, 40, 16, 3};
  const auto check = [](OtherMemory& m) {
    return std::to_string(m.most_in_flight) + " " + std::to_string(m.most_bytes);
  };
  CHECK(run(
            s, true, [](OtherMemory&) {}, check) == "3 16");
}

TEST_CASE("results_are_written_to_the_memory_that_is_bound") {
  for (const bool non_blocking : {false, true}) {
    const Scene s = random_scene(11);
    CHECK(run(
              s, non_blocking, [](OtherMemory&) {},
              [&](OtherMemory& m) -> std::string {
                std::vector<uint8_t> expected;
                for (const Tensor& image : s.images) {
                  const auto tensors = reference::run(s.network, image);
                  const auto bytes =
                      memory::stored_tensor(s.network, s.network.tensors() - 1, tensors.back());
                  expected.insert(expected.end(), bytes.begin(), bytes.end());
                }
                if (m.bytes.size() != expected.size()) return "another size";
                size_t i = 0;
                for (const auto& [address, byte] : m.bytes) {
                  if (address != m.bytes.begin()->first + i) return "a gap";
                  if (byte != expected[i++]) return "another byte";
                }
                return "";
              }) == "");
  }
}

TEST_CASE("codes_are_stored_lowest_bit_first_and_pixels_at_whole_bytes") {
  test::Random random(1);
  Network network;
  network.add(test::random_layer(random, LayerKind::convolution, {1, 2, 3}, signed_format(2),
                                 signed_format(2), signed_format(2), 1, 1, 0, 2, "layer0", true));
  // Codes 01 11 00 and 11 01 01, then an accumulator.
  CHECK(memory::stored_tensor(network, 0, {{1, 2, 3}, {1, -1, 0, -1, 1, 1}}) ==
        std::vector<uint8_t>{0b001101, 0b010111});
  CHECK(memory::stored_tensor(network, 1, {{1, 1, 2}, {-2, 258}}) ==
        std::vector<uint8_t>{0xfe, 0xff, 0xff, 0xff, 2, 1, 0, 0});
}

TEST_CASE("tiles_are_stored_as_the_format_says") {
  test::Random random(1);
  // 3 rows of 3 columns on 2 PE x 2 SIMD: two folds of two words; one threshold per row.
  Network network;
  network.add(test::random_layer(random, LayerKind::dense, {1, 1, 3}, signed_format(2),
                                 signed_format(2), quantized_format(1), 1, 1, 0, 3, "layer0",
                                 false));
  network.add(test::random_layer(random, LayerKind::dense, {1, 1, 3}, quantized_format(1),
                                 signed_format(2), quantized_format(1), 1, 1, 0, 1, "layer1",
                                 true));
  network.layers[0].weights = {1, -1, 0, 0, 1, -1, -1, -1, 1};
  network.layers[0].thresholds = {2, -3, 5};
  network.layers[1].weights = {1, 0, -1};
  LoopbackAccelerator a;
  a.pe = 2;
  a.simd = 2;
  a.threshold_bits = 6;
  // Codes: 1 is 01, -1 is 11. Row 0 in the low four bits of a word, row 1 in the high ones.
  CHECK(stored_tiles(a, network) ==
        std::vector<uint8_t>{0b0100'1101, 0b0011'0000, 0b01'000010, 0b1111,  // rows 0 and 1; 2, -3
                             0b0000'1111, 0b0000'0001, 0b00'000101, 0,       // row 2; 5
                             0b0000'0001, 0b0000'0011});                     // layer1, row 0
}

TEST_CASE("what_is_stored_is_loaded_again_tile_by_tile") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    const Scene s = random_scene(seed);
    const LoopbackPlan plan = make_plan(s.accelerator, s.network);
    const auto uses = place(s.accelerator, s.network).arrays.front().uses;
    const auto bytes = stored_tiles(s.accelerator, s.network);
    Network loaded = s.network;
    for (size_t l = 0; l < plan.layers.size(); ++l) {
      Layer& layer = loaded.layers[static_cast<size_t>(plan.layers[l].layer)];
      layer.weights.assign(layer.weights.size(), 99);
      layer.thresholds.assign(layer.thresholds.size(), 99999);
      for (const WeightTile& tile : plan.layers[l].tiles) {
        const auto first = bytes.begin() + tile.offset;
        load_tile(plan.layers[l], tile, uses[l], static_cast<int>(s.accelerator.simd),
                  {first, first + tile.bytes}, layer);
      }
    }
    CHECK(loaded == s.network);
    for (int t = 0; t < s.network.tensors(); ++t) {
      const auto tensors = reference::run(s.network, s.images[0]);
      const Tensor& tensor = tensors[static_cast<size_t>(t)];
      CHECK(memory::loaded_tensor(s.network, t, memory::stored_tensor(s.network, t, tensor)) ==
            tensor);
    }
  }
}

TEST_CASE("a_memory_that_refuses_or_never_answers_is_named") {
  if (sanitized) test::skip("no exceptions out of SystemC threads with AddressSanitizer");
  const Scene s = random_scene(5);
  for (const bool non_blocking : {false, true}) {
    CHECK_THAT(run(s, non_blocking, [](OtherMemory& m) { m.end = 64; }),
               Catch::Contains("memory answered TLM_ADDRESS_ERROR_RESPONSE at address "));
    CHECK_THAT(run(s, non_blocking, [](OtherMemory& m) { m.mute = true; }),
               Catch::Contains("memory does not answer a burst of "));
  }
}
