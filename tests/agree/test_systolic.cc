// Every site of small systolic arrays, and random ones: simulator, reference, fast engine and
// trainer agree in every tensor.
#include "models/systolic/family.h"
#include "tests/agree/agreement.h"
#include "tests/agree/systolic_faults.h"
#include "tests/agree/tiny_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"

using namespace stuckat;

using test::drawn;
using test::is_exact;
using test::is_systolic;
using test::value_schedules;

TEST_CASE("every fault of a tiny systolic array agrees in all engines") {
  int64_t refused = 0;
  int64_t with_effects = 0;
  int64_t all = 0;
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Network network = test::tiny_network(format, 7, {3, 4});
    test::Random random(8);
    const auto images = test::random_images(random, network, 2);
    for (const std::string& schedule : value_schedules) {
      const auto mapping =
          schedule == "ws-serial" ? SystolicMapping::im2col : SystolicMapping::channel;
      const systolic::Systolic array(test::tiny_array(schedule, mapping));
      const Placement placement = array.place(network);
      for (const SiteRow& row : site_table()) {
        if (!is_systolic(row)) continue;
        const auto faults = all_faults(row.kind, placement, network);
        for (size_t i = 0; i < faults.size(); i += test::stride) {
          const FaultMap map{placement.accelerator, {faults[i]}};
          ++all;
          if (!is_exact(map, placement, network)) {
            ++refused;
            continue;
          }
          with_effects += lower(map, placement, network).empty() ? 0 : 1;
          INFO(schedule);
          test::check_agreement(network, placement, map, images, array);
        }
      }
    }
  }
  if (test::stride == 1)
    CHECK(refused == 2 * 6);  // valid stuck at 1 on binary codes, output-stationary
  CHECK(2 * with_effects > all);
}

TEST_CASE("several faults of random systolic arrays agree in all engines") {
  uint64_t refused = 0;
  uint64_t with_effects = 0;
  for (uint64_t seed = 0; seed < drawn; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const systolic::Systolic array(test::random_systolic(random, schedule));
    const Placement placement = array.place(network);
    const SiteIndex sites(placement, network);
    FaultMap map{placement.accelerator, {}};
    const int count = test::uniform(random, 1, 12);
    for (int i = 0; i < count; ++i) {
      test::add_fault(map, test::random_fault(random, sites));
    }
    validate(map, placement, network, "test");
    if (!is_exact(map, placement, network)) {
      ++refused;
      continue;
    }
    INFO("seed " << seed << " " << schedule << " " << array.json(network));
    with_effects += lower(map, placement, network).empty() ? 0 : 1;
    test::check_agreement(network, placement, map, test::random_images(random, network, 2), array);
  }
  CHECK(refused < drawn / 6);
  CHECK(with_effects > drawn / 2);
}

TEST_CASE("transients in random systolic arrays agree in all engines, and some hit") {
  uint64_t refused = 0;
  int hits = 0;
  int flips = 0;
  for (uint64_t seed = 0; seed < drawn; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const auto array =
        std::make_shared<systolic::Systolic>(test::random_systolic(random, schedule));
    const auto images = test::random_images(random, network, 2);
    const Placement placement = place_on(array, network, 2);
    const SiteIndex sites(placement, network);
    FaultMap map = test::random_transients(random, placement, sites);
    validate(map, placement, network, "test");
    if (!is_exact(map, placement, network)) {
      ++refused;
      continue;
    }
    for (const Fault& fault : map.faults) {
      if (!fault.is_flip()) continue;
      ++flips;
      hits += lower({placement.accelerator, {fault}}, placement, network).empty() ? 0 : 1;
    }
    INFO("seed " << seed << " " << schedule << " " << array->json(network));
    test::check_agreement(network, placement, map, images, *array);
  }
  CHECK(refused < drawn / 3);
  CHECK(10 * hits > flips);
}
