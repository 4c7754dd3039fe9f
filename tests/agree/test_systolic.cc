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
using test::is_systolic;
using test::value_schedules;

TEST_CASE("every fault of a tiny systolic array agrees in all engines") {
  test::CheckedMaps checked;
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
          INFO(schedule);
          checked.check(network, placement, map, images, array);
        }
      }
    }
  }
  if (test::stride == 1)
    CHECK(checked.refused == 2 * 6);  // valid stuck at 1 on binary codes, output-stationary
  CHECK(2 * checked.with_effects > checked.all);
}

namespace {

systolic::Systolic random_array(test::Random& random, const Network& /*network*/,
                                const std::string& schedule) {
  return systolic::Systolic(test::random_systolic(random, schedule));
}

}  // namespace

TEST_CASE("several faults of random systolic arrays agree in all engines") {
  test::check_drawn_faults(drawn, test::Engines::all, test::random_network, random_array,
                           [](const Network&, const systolic::Systolic&) {});
}

TEST_CASE("transients in random systolic arrays agree in all engines, and some hit") {
  test::check_drawn_transients(drawn, test::Engines::all, test::random_network, random_array);
}
