// Networks that are graphs on systolic arrays: forks, adds, average-pools, joined channels, groups,
// strides and padding of every side, formats of 1 to 9 bits. Simulator, reference and fast engine
// agree in every tensor, for every site of a small array and for faults drawn together.
#include "models/systolic/family.h"
#include "models/systolic/plan.h"
#include "tests/agree/agreement.h"
#include "tests/agree/systolic_faults.h"
#include "tests/agree/tiny_graph.h"
#include "tests/agree/tiny_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"

using namespace stuckat;

using test::Engines;
using test::value_schedules;

namespace {

/// A run in a child for each takes longer than the engines.
constexpr uint64_t drawn_graphs = test::drawn / 3;

/// Registers as wide as the network needs.
systolic::Systolic array_for(test::Random& random, const Network& network,
                             const std::string& schedule) {
  systolic::SystolicAccelerator a = test::random_systolic(random, schedule);
  if (test::refusal([&] { systolic::place(a, network); }) != "accepted") {
    a.sum_bits = a.accumulator_bits = 32;
  }
  return systolic::Systolic(a);
}

}  // namespace

TEST_CASE("every fault of a tiny systolic array agrees on a residual block") {
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
    for (size_t s = 0; s < value_schedules.size(); ++s) {
      const std::string& schedule = value_schedules[s];
      auto description = test::tiny_array(schedule, SystolicMapping::channel);
      if (s == 2) description.mapping = SystolicMapping::im2col;
      description.sum_bits = std::max<int64_t>(description.sum_bits, 16);
      description.accumulator_bits = std::max<int64_t>(description.accumulator_bits, 16);
      const systolic::Systolic array(description);
      const Placement placement = array.place(network);
      // Bits and levels of one PE are much alike: of each kind one in seven, others by schedule.
      constexpr size_t every = 7;
      for (const SiteRow& site : site_table()) {
        if (!test::is_systolic(site)) continue;
        const auto faults = all_faults(site.kind, placement, network);
        for (size_t i = s % every; i < faults.size(); i += every * test::stride) {
          const FaultMap map{placement.accelerator, {faults[i]}};
          INFO(schedule << " " << row.image.name());
          checked.check(network, placement, map, images, array, row.engines);
        }
      }
    }
  }
  CHECK(checked.refused == 0);
  CHECK(2 * checked.with_effects > checked.all);
}

TEST_CASE("several faults of systolic arrays agree on random graphs") {
  uint64_t grouped = 0;
  uint64_t waits = 0;
  const auto seen = [&](const Network& network, const systolic::Systolic& array) {
    for (const Layer& layer : network.layers) grouped += layer.groups > 1 ? 1 : 0;
    waits += systolic::make_plan(array.description(), network).reads.empty() ? 0 : 1;
  };
  test::check_drawn_faults(drawn_graphs, Engines::no_trainer, test::random_graph, array_for, seen);
  CHECK(grouped > drawn_graphs / 3);
  CHECK(waits > drawn_graphs / 3);
}

TEST_CASE("transients in systolic arrays agree on random graphs, and some hit") {
  test::check_drawn_transients(drawn_graphs, Engines::no_trainer, test::random_graph, array_for);
}
