// Networks that are graphs on loopback arrays: forks, adds, average-pools, joined channels, groups,
// strides and padding of every side, formats of 1 to 9 bits. Simulator, reference and fast engine
// agree in every tensor, for every site of a small array and for faults drawn together.
#include "faultmaps/mitigation/memory_code.h"
#include "faultmaps/site_index.h"
#include "models/loopback/activation_plan.h"
#include "models/loopback/family.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "models/memory/stored_tensor.h"
#include "models/memory/tensor_places.h"
#include "models/protected/accelerator.h"
#include "tests/agree/agreement.h"
#include "tests/agree/tiny_graph.h"
#include "tests/agree/tiny_network.h"
#include "tests/models/loopback/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

using namespace stuckat;
using namespace stuckat::loopback;
using test::Engines;

namespace {

/// "" if every tensor is the reference's and every cycle that of the recurrences.
std::string difference(const Network& network, const LoopbackAccelerator& accelerator,
                       const std::vector<Tensor>& images) {
  const LoopbackResult result = simulate(network, accelerator, {}, images, {.tensors = true});
  std::string wrong =
      test::difference(test::by_reference(network, images, {}), result.tensors, network);
  if (!wrong.empty()) return wrong;
  const LoopbackPlan plan = make_plan(accelerator, network);
  const auto cycles = cycles_for(plan, accelerator, static_cast<int>(images.size()));
  int64_t total = 0;
  for (const ImageCycles& image : cycles) total += image.total();
  if (!(result.images == cycles)) return "other cycles of an image";
  return result.total_cycles == total ? "" : "other cycles in all";
}

/// Buffers that just hold the network, or are larger.
void draw_buffers(test::Random& random, const Network& network, LoopbackAccelerator& accelerator) {
  const auto used = memory::used_bytes(place(accelerator, network).memories.front(), network);
  accelerator.activation_buffer_bytes = std::max<int64_t>(1, std::max(used[0], used[1]));
  if (test::uniform(random, 0, 1) == 0) accelerator.activation_buffer_bytes += 50;
}

constexpr uint64_t drawn = sanitized ? 40 : 300;

}  // namespace

TEST_CASE("random graphs on loopback arrays: every tensor, and the cycles of the recurrences") {
  uint64_t grouped = 0, moves = 0, waits = 0;
  for (uint64_t seed = 0; seed < drawn; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_graph(random);
    LoopbackAccelerator accelerator = test::random_loopback(random, network);
    draw_buffers(random, network, accelerator);
    const auto images = test::random_images(random, network, 2);
    CHECK(test::in_child([&] { return difference(network, accelerator, images); }) == "");
    for (const Layer& layer : network.layers) grouped += layer.groups > 1 ? 1 : 0;
    moves += make_plan(accelerator, network).moves.size();
    const Placement placement = place(accelerator, network);
    for (const auto& stored : placement.memories.front().tensors) {
      waits += stored.address > 0 ? 1 : 0;
    }
  }
  CHECK(grouped > drawn / 3);
  CHECK(moves > drawn / 3);
  CHECK(waits > drawn / 3);
}

TEST_CASE("no tensor lies where another one is still to be read") {
  for (uint64_t seed = 5000; seed < 5000 + drawn; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const LoopbackAccelerator accelerator;
    const auto memory = place(accelerator, network).memories.front();
    // By layers instead of steps: a tensor is there while layers from its own to its last reader
    // run. `kept` is written from the layer that makes `tensor` on.
    struct Lies {
      int buffer, from, to;
      int64_t begin, end;
    };
    std::vector<Lies> all;
    for (const auto& stored : memory.tensors) {
      const auto readers = network.consumers(stored.kept);
      all.push_back({stored.buffer, Network::producer(stored.tensor),
                     readers.empty() ? network.tensors() : readers.back(), stored.address,
                     stored.address + memory::tensor_bytes(network, stored.kept)});
    }
    for (size_t i = 0; i < all.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const Lies &a = all[i], &b = all[j];
        const bool meet = a.from <= b.to && b.from <= a.to;
        const bool overlap = a.buffer == b.buffer && a.begin < b.end && b.begin < a.end;
        REQUIRE((!meet || !overlap));
      }
    }
    // Each tensor that some layer reads, other than on its way, is kept once.
    for (const auto& stored : memory.tensors) {
      const auto same = [&](const auto& other) { return other.kept == stored.kept; };
      CHECK(std::count_if(memory.tensors.begin(), memory.tensors.end(), same) == 1);
    }
  }
}

TEST_CASE("every fault of a tiny loopback array agrees on a residual block") {
  struct Row {
    NumberFormat image, format;
    Engines engines;
  };
  test::CheckedMaps checked;
  for (const Row& row : {Row{fixed_point_format, unsigned_format(2), Engines::no_trainer},
                         Row{full_format(9), signed_format(3), Engines::simulator_only}}) {
    const Network network = test::tiny_residual(row.image, row.format, 7);
    test::Random random(8);
    const auto images = test::random_images(random, network, 2);
    size_t turn = 0;
    for (const Schedule schedule : {Schedule::channel_parallel, Schedule::pixel_parallel}) {
      LoopbackAccelerator description;
      description.name = "tiny";
      description.pe = 2;
      description.simd = 3;
      description.schedule = schedule;
      draw_buffers(random, network, description);
      const Loopback array(description);
      const Placement placement = array.place(network);
      for (const SiteRow& site : site_table()) {
        const auto faults = all_faults(site.kind, placement, network);
        // Bits and levels are much alike: of the many one in eleven.
        const size_t every = faults.size() > 200 ? 11 : 3;
        for (size_t i = turn++ % every; i < faults.size(); i += every * test::stride) {
          const FaultMap map{placement.accelerator, {faults[i]}};
          INFO(row.image.name());
          checked.check(network, placement, map, images, array, row.engines);
        }
      }
    }
  }
  CHECK(checked.refused == 0);
  CHECK(2 * checked.with_effects > checked.all);
}

TEST_CASE("several faults of loopback arrays agree on random graphs") {
  test::CheckedMaps checked;
  for (uint64_t seed = 1000; seed < 1000 + drawn; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    LoopbackAccelerator description = test::random_loopback(random, network);
    draw_buffers(random, network, description);
    const Loopback array(description);
    const Placement placement = array.place(network);
    const FaultMap map = test::random_faults(random, placement, network, 12);
    INFO("seed " << seed << " " << array.json(network));
    checked.check(network, placement, map, test::random_images(random, network, 2), array,
                  Engines::no_trainer);
  }
  CHECK(checked.refused < checked.all / 6);
  CHECK(checked.with_effects > checked.all / 2);
}

TEST_CASE("voters and codes around loopback arrays agree on random graphs") {
  const auto& codes = memory_codes();
  uint64_t checked = 0, with_effects = 0;
  for (uint64_t seed = 6000; checked < drawn / 2; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const auto inside = std::make_shared<Loopback>(test::random_loopback(random, network));
    Protection protection;
    const int pes = static_cast<int>(inside->description().pe);
    protection.pes[Redundancy::copies]["array"] = {test::uniform(random, 0, pes - 1)};
    for (const char* memory : {"array/weights", "array/thresholds"}) {
      const int code = test::uniform(random, 0, static_cast<int>(codes.size()) - 1);
      protection.codes[memory] = codes[static_cast<size_t>(code)].name;
    }
    const ProtectedAccelerator array("random", inside, protection);
    const Placement placement = array.place(network);
    const FaultMap map = test::random_faults(random, placement, network, 6);
    // Voters and codes refuse some that meet.
    if (test::refusal([&] { lower(map, placement, network); }) != "accepted") continue;
    INFO("seed " << seed << " " << inside->json(network));
    ++checked;
    with_effects += lower(map, placement, network).empty() ? 0 : 1;
    test::check_agreement(network, placement, map, test::random_images(random, network, 2), array,
                          Engines::no_trainer);
  }
  CHECK(3 * with_effects > checked);
}

TEST_CASE("transients of PEs and weights in loopback arrays agree on random graphs") {
  test::CheckedMaps checked;
  for (uint64_t seed = 2000; seed < 2000 + drawn; ++seed) {
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const auto array = std::make_shared<Loopback>(test::random_loopback(random, network));
    const Placement placement = place_on(array, network, 2);
    FaultMap map{placement.accelerator, {}};
    for (const Fault& fault : test::random_faults(random, placement, network, 12).faults) {
      if (site_row(fault.kind).part != PartKind::pe_array) continue;
      map.faults.push_back(test::often_flipped(fault, placement, random));
    }
    INFO("seed " << seed << " " << array->json(network));
    checked.check(network, placement, map, test::random_images(random, network, 2), *array,
                  Engines::no_trainer);
  }
  CHECK(checked.refused < checked.all / 6);
  CHECK(30 * checked.hits > checked.flips);
}

TEST_CASE("transients in activation buffers agree on random chains with groups and average-pools") {
  test::CheckedMaps maps;
  uint64_t averaged = 0, grouped = 0;
  const auto checked = [&] { return static_cast<uint64_t>(maps.all - maps.refused); };
  for (uint64_t seed = 3000; checked() < drawn; ++seed) {
    test::Random random(seed);
    const Network network = test::random_chain(random);
    const auto array = std::make_shared<Loopback>(test::random_loopback(random, network));
    const Placement placement = place_on(array, network, 2);
    const ActivationMemory& memory = placement.memories.front();
    FaultMap map{placement.accelerator, {}};
    for (int i = 0; i < 6; ++i) {
      // Some byte of a tensor, and any cycle.
      const auto& stored = memory.tensors[static_cast<size_t>(
          test::uniform(random, 0, static_cast<int>(memory.tensors.size()) - 1))];
      const int byte = test::uniform(
          random, 0, static_cast<int>(memory::tensor_bytes(network, stored.kept)) - 1);
      Fault fault{SiteKind::buffer_activation,
                  "activations",
                  {stored.buffer, stored.address + byte, test::uniform(random, 0, 7)},
                  0};
      fault.flip_cycle =
          std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
      map.faults.push_back(fault);
    }
    if (test::refusal([&] { validate(map, placement, network, "test"); }) != "accepted") continue;
    INFO("seed " << seed << " " << array->json(network));
    const auto images = test::random_images(random, network, 2);
    if (!maps.check(network, placement, map, images, *array, Engines::no_trainer)) continue;
    for (const Layer& layer : network.layers) {
      averaged += layer.kind == LayerKind::average_pool ? 1 : 0;
      grouped += layer.groups > 1 ? 1 : 0;
    }
  }
  CHECK(10 * static_cast<uint64_t>(maps.hits) > 6 * checked());
  CHECK(averaged > drawn / 5);
  CHECK(grouped > drawn / 5);
}

TEST_CASE("a transient in an activation buffer of a graph is refused by name, in both") {
  const Network network = test::tiny_residual(fixed_point_format, unsigned_format(2), 7);
  const auto array = std::make_shared<Loopback>(LoopbackAccelerator{});
  const Placement placement = place_on(array, network, 1);
  Fault flip{SiteKind::buffer_activation, "activations", {0, 3, 1}, 0};
  flip.flip_cycle = placement.run->cycles() / 2;
  const FaultMap map{placement.accelerator, {flip}};
  const std::string by_lowering = test::refusal([&] { lower(map, placement, network); });
  CHECK_THAT(by_lowering, Catch::Contains("transients in activation buffers no exact effect"));
  test::Random random(1);
  const auto images = test::random_images(random, network, 1);
  const std::string by_simulator =
      test::refusal([&] { array->simulate(network, map, images, {}); });
  CHECK(by_simulator == by_lowering);
}

TEST_CASE("a broken threshold of levels of 9 bits is refused, and one of 8 is not") {
  for (const int bits : {8, 9}) {
    test::Random random(2);
    Network network;
    network.name = "wide";
    Layer first = test::layer_of(LayerKind::convolution, 2);
    first.input = {3, 3, 2};
    first.input_format = unsigned_format(4);
    first.weight_format = signed_format(4);
    first.output_format = full_format(bits);
    Layer last = test::layer_of(LayerKind::dense, 3);
    last.weight_format = signed_format(3);
    last.input_format = first.output_format;
    last.accumulator_output = true;
    first.name = "layer0";
    last.name = "layer1";
    for (Layer* layer : {&first, &last}) {
      if (layer == &last) last.input = first.output;
      layer->output = layer->kind->output(*layer, "wide");
      test::fill_graph_parameters(*layer, random);
    }
    network.add(first);
    network.add(last);
    validate(network, "wide");
    const Placement placement = place(LoopbackAccelerator{}, network);
    const FaultMap map{placement.accelerator, {{SiteKind::pe_threshold, "array", {1, 0, 3, 2}, 1}}};
    const std::string told = test::refusal([&] { lower(map, placement, network); });
    INFO(told);
    CHECK((told == "accepted") == (bits == 8));
    CHECK((bits == 8 || told.find("layer0, whose levels have 9 bits, has no exact effect") !=
                            std::string::npos));
  }
}
