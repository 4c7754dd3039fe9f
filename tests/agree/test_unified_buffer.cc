// The unified buffer of systolic arrays with off-chip memory: where tensors lie in it, and every
// bit of it that is stuck, in all engines.
#include "models/memory/stored_tensor.h"
#include "models/systolic/family.h"
#include "models/systolic/unified_buffer.h"
#include "tests/agree/agreement.h"
#include "tests/agree/systolic_faults.h"
#include "tests/agree/tiny_graph.h"
#include "tests/agree/tiny_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"

using namespace stuckat;
using namespace stuckat::systolic;

namespace {

Systolic tiny_with_memory(const std::string& schedule) {
  SystolicAccelerator a = test::tiny_array(schedule, SystolicMapping::channel);
  a.sum_bits = a.accumulator_bits = 20;
  a.memory.emplace();
  return Systolic(a);
}

}  // namespace

TEST_CASE("every bit of a unified buffer that is stuck agrees in all engines") {
  test::CheckedMaps checked;
  const Network networks[] = {test::tiny_network(binary_format, 7, {3, 4}),
                              test::tiny_network(signed_format(2), 7, {3, 4}),
                              test::tiny_residual(fixed_point_format, unsigned_format(2), 7)};
  for (const Network& network : networks) {
    test::Random random(8);
    const auto images = test::random_images(random, network, 2);
    const Systolic array = tiny_with_memory("ws-double-buffered");
    const Placement placement = array.place(network);
    const auto faults = all_faults(SiteKind::buffer_activation, placement, network);
    REQUIRE(faults.size() == static_cast<size_t>(unified_buffer(network).bytes) * 8 * 2);
    for (size_t i = 0; i < faults.size(); i += test::stride) {
      INFO(network.name);
      checked.check(network, placement, {placement.accelerator, {faults[i]}}, images, array);
    }
  }
  CHECK(checked.refused == 0);
  CHECK(2 * checked.with_effects > checked.all);
}

TEST_CASE("a unified buffer holds what is still to be read, and nothing lies on it") {
  int64_t together = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_graph(random);
    const ActivationMemory buffer = unified_buffer(network);
    struct Lies {
      int from, to;  // layers that run while it does
      int64_t begin, end;
    };
    std::vector<Lies> all;
    std::vector<bool> lies(static_cast<size_t>(network.tensors()));
    for (const auto& stored : buffer.tensors) {
      const auto readers = network.consumers(stored.kept);
      // Layers without weights right before it make it with the one before them.
      int from = Network::producer(stored.kept);
      while (from > 0 && !lies[static_cast<size_t>(from)]) --from;
      lies[static_cast<size_t>(stored.kept)] = true;
      all.push_back({from, readers.empty() ? network.tensors() : readers.back(), stored.address,
                     stored.address + memory::tensor_bytes(network, stored.kept)});
      CHECK(all.back().end <= buffer.bytes);
    }
    for (size_t i = 0; i < all.size(); ++i) {
      for (size_t k = 0; k < i; ++k) {
        const bool at_once = all[i].from <= all[k].to && all[k].from <= all[i].to;
        together += at_once ? 1 : 0;
        CHECK((!at_once || all[i].end <= all[k].begin || all[k].end <= all[i].begin));
      }
    }
    for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
      for (const int tensor : network.layer(l).inputs) {
        // The array reads from the buffer alone, and so does whoever does not follow at once.
        const bool at_hand = tensor == l && !network.layer(l).has_weights();
        CHECK((lies[static_cast<size_t>(tensor)] || at_hand));
      }
    }
  }
  CHECK(together > 300);
}

TEST_CASE("transients in a unified buffer are refused, by lowering and by the simulator") {
  const auto array = std::make_shared<Systolic>(tiny_with_memory("os-drain"));
  const Network network = test::tiny_network(binary_format, 7, {3, 4});
  const Placement placement = place_on(array, network, 1);
  FaultMap map{placement.accelerator, {}};
  map.faults.push_back({SiteKind::buffer_activation, "unified_buffer", {0, 1, 2, 0}, 0, 5});
  const std::string expected =
      "systolic:tiny: a transient in the unified buffer of a systolic array, which has no exact "
      "effect, expected a bit that is stuck, or a transient in the array";
  CHECK(test::refusal([&] { lower(map, placement, network); }) == expected);
  test::Random random(8);
  const auto images = test::random_images(random, network, 1);
  CHECK(test::in_child([&]() -> std::string {
          return test::refusal([&] { array->simulate(network, map, images, {}); });
        }) == expected);
}

TEST_CASE("without off-chip memory there is no unified buffer to break") {
  const Network network = test::tiny_network(binary_format, 7, {3, 4});
  CHECK(Systolic(parse_systolic("systolic:4x4")).place(network).memories.empty());
  CHECK(Systolic(parse_systolic("systolic:4x4:memory")).place(network).memories.size() == 1);
}
